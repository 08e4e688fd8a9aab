"""The index of an area, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from geo.area import Box
from models.aerial.ground import image_at
from models.crossview.index import MAX_AREA_KM2, area_km2, build_index, grid, load_index, surroundings
from models.crossview.model import load_crossview
from models.crossview.open_search import open_search
from models.crossview.reader import Around
from models.geolocator import ModelError
from tests.models.crossview.conftest import box_around, write_untrained


@pytest.fixture(scope="module")
def index(blank, ground, middle):
    return build_index(blank, ground, box_around(*middle, 70.0), 20.0)


def test_codes_are_those_of_each_point_by_itself(blank, ground, index):
    assert index.shape == (8, 8)
    assert index.seen.all()
    assert np.linalg.norm(index.codes.astype(np.float32), axis=2) == pytest.approx(1.0, abs=2e-3)
    lat, lon = index.points()
    for i in (0, 27):
        patch = image_at(ground, float(lat[i]), float(lon[i]), 130.0, 144)
        [code] = blank.reader.above([Around(patch.rgb, 130.0 / 144)], blank.radius_m)
        assert float((code * index.codes[i]).sum(axis=1).mean()) > 0.97


def test_it_comes_back_whole_or_not_at_all(index, tmp_path):
    index.save(tmp_path / "a.npz")
    again = load_index(tmp_path / "a.npz")
    assert (again.codes == index.codes).all()
    assert {**again.card} == {**index.card, "version": 1}
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.npz").write_text("none")
    with np.load(tmp_path / "a.npz") as parts:
        arrays = dict(parts)
    np.savez(tmp_path / "changed.npz", **{**arrays, "codes": arrays["codes"] * np.float16(0.5)})
    np.savez(tmp_path / "card.npz", **{**arrays, "card": np.array(json.dumps({"version": 9}))})
    np.savez(tmp_path / "shape.npz", **{**arrays, "codes": arrays["codes"][:-1]})
    for name in ("cut", "text", "changed", "card", "shape"):
        with pytest.raises(ModelError, match="is no cross-view index"):
            load_index(tmp_path / f"{name}.npz")
    with pytest.raises(ModelError, match="is not there"):
        load_index(tmp_path / "none.npz")


def test_areas_are_bounded(blank, ground, middle):
    assert area_km2(box_around(*middle, 500.0)) == pytest.approx(1.0, rel=1e-3)
    assert area_km2(Box(0.0, 179.99, 0.02, -179.99)) == pytest.approx(4.92, rel=0.01)
    with pytest.raises(ModelError, match=f"km²; at most {MAX_AREA_KM2:g} km² are indexed"):
        build_index(blank, ground, box_around(*middle, 20_000.0), 20.0)
    with pytest.raises(ModelError, match="take a larger spacing"):
        build_index(blank, ground, box_around(*middle, 5_000.0), 10.0)
    with pytest.raises(ModelError, match="one metre or more"):
        grid(box_around(*middle, 50.0), 0.1)
    with pytest.raises(ModelError, match="show nothing of this area"):
        build_index(blank, ground, box_around(middle[0] + 0.1, middle[1], 60.0), 20.0)


def test_tiles_at_the_border_of_what_is_known_are_left_out(blank, town, ground):
    south, west, north, _ = town.box
    index = build_index(blank, ground, box_around((south + north) / 2, west, 60.0), 20.0)
    seen = index.seen.reshape(index.shape)
    assert not seen[:, 0].any()
    assert seen[:, -1].all()
    assert not index.codes[~index.seen].any()
    _, known = surroundings(ground, np.array([(south + north) / 2]), np.array([west]), 56.0)
    assert not known.any()


def test_an_index_goes_with_its_model(index, tmp_path, middle, ground):
    folder = write_untrained(tmp_path / "m")
    model = load_crossview(folder)
    made = build_index(model, ground, box_around(*middle, 70.0), 20.0, (str(tmp_path / "tiles"), str(folder)))
    made.save(tmp_path / "a.npz")
    search = open_search(tmp_path / "a.npz")
    assert search.ground() is None
    assert "64 tiles every 20 m; cross-view model m" in search.rests_on()
    write_untrained(folder, radius_m=50.0)
    with pytest.raises(ModelError, match="made by another model"):
        open_search(tmp_path / "a.npz")
    index.save(tmp_path / "nameless.npz")
    with pytest.raises(ModelError, match="does not say which model"):
        open_search(tmp_path / "nameless.npz")


@pytest.mark.parametrize("wrong", [{"radius_m": "far"}, {"spacing_m": -1.0}, {"trained_on": "a\nb"}, {"calibration": []}, {"encoder": "none-such"},
                                   {"encoder": "tiny", "encoder_digest": "00"}])  # fmt: skip
def test_a_model_with_a_wrong_card_is_one_sentence(tmp_path, wrong):
    with pytest.raises(ModelError, match="no cross-view model that can be used"):
        load_crossview(write_untrained(tmp_path / "m", **wrong))
    with pytest.raises(ModelError, match="holds no trained model"):
        load_crossview(tmp_path / "none")
