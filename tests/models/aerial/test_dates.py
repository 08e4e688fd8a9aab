"""Dates of map layers, and maps of several dates."""

from __future__ import annotations

import numpy as np
import pytest

from models.aerial.calibrate import calibrate
from models.aerial.dates import check_date, nearest, of_season, season_of
from models.aerial.ground import image_at
from models.aerial.index import build_index, load_index
from models.aerial.match import locate
from models.aerial.track import spread
from models.aerial.web_mercator import east_north_m
from tests.models.aerial.conftest import HEADED

DATES = ("2021-07", None, "2023-01-20", "2023-10", "2019")


@pytest.fixture(scope="module")
def two(summer, autumn, box):
    return build_index([summer, autumn], box, 300.0, 50.0, dates=["2023-07", "2024-10"])


@pytest.mark.parametrize("text", ["2023", "2023-06", "2024-02-29", None])
def test_dates(text):
    assert check_date(text) == text


@pytest.mark.parametrize("text", ["", "june", "2023-13", "2023-02-29", "23-06", "2023-6", 2023, "2023-06-01T00"])
def test_what_is_no_date(text):
    with pytest.raises(ValueError, match="is no date"):
        check_date(text)


@pytest.mark.parametrize(
    ("text", "lat", "season"),
    [
        ("2023-06", 45, "summer"),
        ("2023-06", -45, "winter"),
        ("2023-12-31", 45, "winter"),
        ("2023-02", 45, "winter"),
        ("2023-03-01", 0, "spring"),
        ("2023-09", -1, "spring"),
        ("2023", 45, None),
        (None, 45, None),
    ],
)
def test_seasons(text, lat, season):
    assert season_of(text, lat) == season


def test_layers_of_a_season_and_the_nearest():
    assert of_season(DATES, "winter", 45.0) == [2]
    assert of_season(DATES, "winter", -45.0) == [0]
    assert nearest(DATES, "2024-01") == [2]
    assert nearest(DATES, "2023-09-01") == [3]
    assert nearest(DATES, "2021-06") == [0]
    assert nearest(("2023-12", "2018-01"), "2024-01-10") == [0]  # across the new year, and one month rather than six years
    assert nearest(("2024-07", "2020-01"), "2024-01-10") == [1]  # the season counts more than the year
    assert nearest(("2024-07", "2024-07"), "2024") == [0, 1]
    with pytest.raises(ValueError, match="no layer of the index is from spring; its dates are 2021-07, not known"):
        of_season(DATES, "spring", 45.0)
    with pytest.raises(ValueError, match="has a date"):
        nearest((None,), "2024-01")


def test_the_date_that_matched_is_told(two, autumn, summer, places):
    frames = [(image_at(autumn, *place, 390.0, 200, 5.0).rgb, place) for place in places[:4]]
    found = [locate(frame, 390.0, two, HEADED) for frame, _ in frames]
    assert [f.date for f in found] == ["2024-10"] * 4
    assert all(np.hypot(*east_north_m(*place, f.lat, f.lon)) <= 50 for f, (_, place) in zip(found, frames, strict=True))
    alone = locate(frames[0][0], 390.0, two, HEADED, [0])
    assert (alone.date, alone.layer) == ("2023-07", 0)
    assert alone.likeness < found[0].likeness
    assert (found[0].map >= alone.map).all()
    with pytest.raises(ValueError, match="no such layer"):
        locate(frames[0][0], 390.0, two, HEADED, [2])
    with pytest.raises(ValueError, match="no such layer"):
        locate(frames[0][0], 390.0, two, HEADED, [])


def test_an_index_of_several_dates_is_kept(two, tmp_path):
    two.save(tmp_path / "map.npz")
    again = load_index(tmp_path / "map.npz")
    assert again.dates == ("2023-07", "2024-10")
    assert again.card == two.card
    assert all(np.array_equal(a.emb_ND, b.emb_ND) for a, b in zip(two.layers, again.layers, strict=True))


def test_an_older_index_of_one_date_is_read(index, tmp_path):
    index.save(tmp_path / "map.npz")
    with np.load(tmp_path / "map.npz") as data:
        parts = {name: data[name] for name in data.files}
    import json

    card = json.loads(str(parts["card"]))
    del card["dates"], card["attribution"], card["encoder"]
    old = {**parts, **{name: parts[name][0] for name in ("emb", "mean", "seen")}}
    old["card"] = np.array(json.dumps({**card, "version": 1, "missing": 0}))
    np.savez(tmp_path / "old.npz", **old)
    again = load_index(tmp_path / "old.npz")
    assert again.dates == (None,)
    assert np.array_equal(again.layers[0].emb_ND, index.layers[0].emb_ND)


def test_several_dates_calibrate_each_other(two, summer, autumn):
    known = calibrate(two, [summer, autumn], HEADED, 20)
    assert known["threshold"] >= 1
    assert known["right"] > 0.5
    with pytest.raises(ValueError, match="the grounds that the index was made of"):
        calibrate(two, summer, HEADED, 20)


def test_what_is_refused(summer, box):
    with pytest.raises(ValueError, match="as many dates as layers"):
        build_index([summer], box, 300.0, 50.0, dates=["2023", "2024"])
    with pytest.raises(ValueError, match="is no date"):
        build_index([summer], box, 300.0, 50.0, dates=["soon"])


def test_one_frame_has_a_spread(two, autumn, places):
    found = locate(image_at(autumn, *places[0], 390.0, 200, 5.0).rgb, 390.0, two, HEADED)
    (ee, en, nn), share = spread(found, two)
    assert ee > 0
    assert nn > 0
    assert en * en <= ee * nn
    assert 0 < share <= 1
    grey = locate(np.full((100, 100, 3), 90, np.uint8), 390.0, two, HEADED)
    assert spread(grey, two)[1] < share
