"""Frames of drawn ground are found in another season, and frames from elsewhere are not."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from evals.drawn_ground import DrawnGround
from geo.area import Box
from models.aerial.descriptors import DESCRIPTORS, descriptor
from models.aerial.edges import canny_edges, orientation_maps
from models.aerial.ground import image_at
from models.aerial.index import build_index, grid, load_index
from models.aerial.match import PUBLISHED_RATIO, Search, confidence, cut, locate, threshold
from models.aerial.web_mercator import east_north_m
from tests.models.aerial.conftest import HEADED


def error_m(found, place):
    return float(np.hypot(*east_north_m(*place, found.lat, found.lon)))


def test_frames_of_another_season_are_found_within_the_spacing(index, autumn, places):
    found = [locate(image_at(autumn, *place, 390.0, 200, 5.0).rgb, 390.0, index, HEADED) for place in places]
    errors = [error_m(f, p) for f, p in zip(found, places, strict=True)]
    assert sum(e <= 50.0 for e in errors) >= 8
    sure = [e for f, e in zip(found, errors, strict=True) if f.sure]
    assert sure
    assert max(sure) <= 50.0


def test_frames_from_elsewhere_are_not_known(index, middle):
    elsewhere = DrawnGround(45.0, 5.0, 16, 5, seed=99).ground()
    found = [
        locate(image_at(elsewhere, middle[0] + d, middle[1], 390.0, 200).rgb, 390.0, index, HEADED)
        for d in (0.0, 0.001, 0.002, 0.003, -0.001, -0.002)
    ]
    assert sum(f.sure for f in found) <= 1
    assert not locate(np.full((100, 100, 3), 90, np.uint8), 390.0, index, HEADED).sure


def test_an_unknown_heading_and_another_altitude_are_found_too(index, summer, places):
    wide = Search(heading_error_deg=180.0, heading_step_deg=15.0, scale_error=0.1)
    found = locate(image_at(summer, *places[0], 390.0 * 1.1, 200, 123.0).rgb, 390.0, index, wide)
    assert error_m(found, places[0]) <= 50.0
    assert abs((found.heading_deg - 123.0 + 180.0) % 360.0 - 180.0) <= 15.0
    assert found.scale == pytest.approx(1.1, abs=0.06)


def test_a_frame_that_is_wider_than_high_counts_its_shorter_side(index, summer, places):
    square = image_at(summer, *places[0], 600.0, 400, 0.0).rgb
    assert error_m(locate(square[70:330], 390.0, index, HEADED), places[0]) <= 50.0


def test_a_cut_undoes_the_heading(summer, middle):
    turned = image_at(summer, *middle, 300.0, 300, 40.0).rgb
    north_up = image_at(summer, *middle, 150.0, 128).rgb
    patch, known = cut(turned, 300.0, 150.0, 40.0, 0.0, 0.0)
    assert known.all()
    assert np.abs(patch.astype(float) - north_up).mean() < 8
    _, part = cut(turned, 300.0, 150.0, 0.0, 150.0, 0.0)
    assert 0.4 < part.mean() < 0.6
    assert part[:, :60].all()


def test_the_second_best_is_not_adjacent_and_a_small_area_has_none(index, summer, middle):
    likeness = np.full(index.shape, 0.2, np.float32)
    likeness[10, 10], likeness[10, 12], likeness[2, 2] = 0.9, 0.8, 0.5
    best = 10 * index.shape[1] + 10  # the second, 100 m away, overlaps it
    assert confidence(likeness.ravel(), index, best) == pytest.approx(1.8)
    tiny = build_index(summer, Box(middle[0] - 4e-4, middle[1] - 4e-4, middle[0] + 4e-4, middle[1] + 4e-4), 200.0, 50.0)
    found = locate(image_at(summer, *middle, 390.0, 200).rgb, 390.0, tiny, HEADED)
    assert (found.confidence, found.sure, found.threshold) == (None, False, PUBLISHED_RATIO)


def test_a_calibration_tells_its_curve(index):
    known = index.card["calibration"]
    assert known["frames"] == 30
    assert known["right"] >= 0.7
    assert known["sharpness"] >= 4
    assert 0.1 <= known["wrong"] <= 0.5
    assert threshold(index) == known["threshold"] >= 1.0
    kept = [row["kept"] for row in known["curve"]]
    assert kept == sorted(kept, reverse=True)


@pytest.mark.parametrize("name", sorted(DESCRIPTORS))
def test_descriptors_are_unit_vectors_that_see_only_what_is_known(name):
    rgb, known = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8), np.ones((128, 128), dtype=bool)
    known[:, :64] = False
    vector = descriptor(name).embed(rgb, known)
    assert vector.shape == (descriptor(name).size,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-5)
    if name == "pixels":
        rgb[:, :64] = 0
        np.testing.assert_allclose(descriptor(name).embed(rgb, known), vector, atol=1e-6)
    assert not descriptor(name).embed(rgb, np.zeros_like(known)).any()


def test_orientations_do_not_know_which_side_is_brighter():
    rgb = np.full((128, 128, 3), 60, np.uint8)
    rgb[:, 64:] = 180
    np.testing.assert_allclose(orientation_maps(rgb), orientation_maps(240 - rgb), atol=1e-5)
    strongest = orientation_maps(rgb)[:, 64, 63]
    assert strongest[0] == strongest.max() > 1
    assert canny_edges(rgb).sum() == 128
    assert canny_edges((rgb // 8).astype(np.uint8)).sum() == 0


def test_an_index_is_kept_whole(index, tmp_path, autumn, places):
    path = tmp_path / "map.npz"
    index.save(path)
    again = load_index(path)
    frame = image_at(autumn, *places[0], 390.0, 200).rgb
    one, other = locate(frame, 390.0, index, HEADED), locate(frame, 390.0, again, HEADED)
    assert (one.lat, one.lon, one.confidence, one.threshold) == (other.lat, other.lon, other.confidence, other.threshold)
    assert [p.name for p in tmp_path.iterdir()] == ["map.npz"]
    replace(index, card={**index.card, "metres": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        replace(index, card={**index.card, "metres": float("nan")}).save(path)
    assert load_index(path).card == again.card


def test_indexes_that_are_none(index, tmp_path):
    path = tmp_path / "map.npz"
    with pytest.raises(ValueError, match="is not there"):
        load_index(path)
    for content in (b"", b"rubbish", b"PK\x03\x04rubbish"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no index"):
            load_index(path)
    index.save(path)
    with np.load(path) as data:
        parts = {name: data[name] for name in data.files}
    for name, value in (
        ("emb", parts["emb"] * 2),
        ("lat", parts["lat"][1:]),
        ("card", np.array("[]")),
        ("seen", np.array([object()], dtype=object)),
    ):
        np.savez(path, **{**parts, name: value})
        with pytest.raises(ValueError, match="is no index"):
            load_index(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("emb.npy", b"\0" * 5_000_000)
    with pytest.raises(ValueError, match="is no index"):
        load_index(path)


def test_grids(summer):
    lat, lon = grid(Box(45.0, 179.99, 45.01, -179.99), 100.0)
    assert (len(lat), len(lon)) == (12, 16)
    assert lon[-1] > 180
    with pytest.raises(ValueError, match="at most 100000"):
        grid(Box(40.0, 0.0, 45.0, 5.0), 50.0)
    with pytest.raises(ValueError, match=r"shows? nothing of this area"):
        build_index(summer, Box(10.0, 10.0, 10.001, 10.001), 100.0, 50.0)


@pytest.mark.parametrize(
    "search",
    [
        Search(heading_deg=float("nan")),
        Search(scale=0.0),
        Search(heading_error_deg=-1.0),
        Search(heading_step_deg=1.0, scale_error=1.0),
    ],
)
def test_searches_that_are_refused(index, search):
    with pytest.raises(ValueError, match=r"headings|scales|too many"):
        locate(np.zeros((64, 64, 3), np.uint8), 200.0, index, search)
