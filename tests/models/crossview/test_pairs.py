"""Pairs and their file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.crossview.pair_file import read_pairs, write_pairs
from models.crossview.pairs import AerialView, CrossViewPair
from models.geolocator import ModelError


def pair(folder, **more):
    above = AerialView(folder / "a.png", 60.0, 24.0, 0.1, (100.0, 200.0))
    return CrossViewPair("1", folder / "q.jpg", above, "house", **more)


def test_the_offset_is_metres_east_and_north_of_the_middle(tmp_path):
    one = pair(tmp_path)
    assert one.reference.offset_m == pytest.approx((10.0, -20.0))
    lat, lon = one.at
    assert (lat - 60.0) * 111_412 == pytest.approx(-20.0, rel=1e-3)
    assert (lon - 24.0) * 55_800 == pytest.approx(10.0, rel=1e-3)


def test_what_is_said_of_the_camera_comes_first(tmp_path):
    assert pair(tmp_path, lat=1.0, lon=2.0).at == (1.0, 2.0)
    assert CrossViewPair("1", tmp_path, AerialView(tmp_path), "x").at is None


@pytest.mark.parametrize("wrong", [{"kind": "film"}, {"split": "all"}, {"fov_deg": 0.0}, {"fov_deg": 361.0}, {"lat": 1.0},
                                   {"lat": 91.0, "lon": 0.0}, {"lat": float("nan"), "lon": 0.0}])  # fmt: skip
def test_wrong_pairs_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"query|field of view|place|latitudes"):
        pair(tmp_path, **wrong)


def test_pairs_come_back_and_paths_move_with_the_folder(tmp_path):
    folder = tmp_path / "set"
    pairs = [
        pair(
            folder,
            kind="panorama",
            fov_deg=360.0,
            heading_deg=10.0,
            semi_positives=(AerialView(Path("/elsewhere/b.png")),),
            split="test",
        )
    ]
    assert write_pairs(folder / "pairs.jsonl", pairs) == 1
    assert read_pairs(folder / "pairs.jsonl") == pairs
    assert json.loads((folder / "pairs.jsonl").read_text())["query"] == "q.jpg"
    folder.rename(tmp_path / "moved")
    assert read_pairs(tmp_path / "moved" / "pairs.jsonl")[0].query == tmp_path / "moved" / "q.jpg"


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "1"}', '{"id":"1","query":"a","place":"b","kind":"x","reference":{"path":"c"}}', ""]
)
def test_a_bad_line_is_one_sentence(tmp_path, line):
    (tmp_path / "pairs.jsonl").write_text(line)
    with pytest.raises(ModelError, match=r"pairs.jsonl: (line 1 is no pair|has no pairs)"):
        read_pairs(tmp_path / "pairs.jsonl")
    with pytest.raises(ModelError, match="is not there"):
        read_pairs(tmp_path / "none.jsonl")
