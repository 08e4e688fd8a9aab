"""Names of pictures in lists: they come back, and what is damaged is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.geolocator import ModelError
from models.ranker.lists import RankingList, read_lists, write_lists
from models.ranker.sights import Sights
from tests.models.ranker.seen_world import seen_data
from tests.models.ranker.world import data


def test_lists_keep_their_pictures(tmp_path: Path) -> None:
    made = seen_data(tmp_path / "p", 3)
    write_lists(tmp_path / "l.jsonl", made.lists)
    back = read_lists(tmp_path / "l.jsonl")
    assert [one.sights for one in back.lists] == [one.sights for one in made.lists]
    seen = back.lists[0].sights.open(2000, [2, 0])
    assert seen.photo is not None
    assert len(seen.candidate_photos) == 2
    assert list(seen.places) == ["a town"] * 2


def test_lists_of_numbers_have_none_and_say_nothing_of_pictures() -> None:
    assert "seen" not in data(1).lists[0].to_json()
    with pytest.raises(ModelError, match="needs the photo"):
        data(1).lists[0].sights.open(1000)


def test_relative_paths_lie_below_the_file(tmp_path: Path) -> None:
    one = seen_data(tmp_path, 1).lists[0].to_json()
    one["seen"]["photo"] = "photo.png"
    (tmp_path / "l.jsonl").write_text(json.dumps(one) + "\n")
    assert read_lists(tmp_path / "l.jsonl").lists[0].sights.photo == str(tmp_path / "photo.png")


def test_entries_go_with_their_candidates(tmp_path: Path) -> None:
    one = seen_data(tmp_path, 1).lists[0].to_json()
    one["candidates"][1]["lat"] = 99.0
    one["seen"]["places"] = ["a", "b", "c", "d"]
    assert RankingList.read(one).sights.places == ("a", "c", "d")


@pytest.mark.parametrize(
    "damage", [None, [], "x", {}, {"photos": ["a"]}, {"places": 3}, {"photos": [1, None, [], {}]}, {"photo": 5}]
)
def test_damage_is_missing(damage: Any, tmp_path: Path) -> None:
    one = seen_data(tmp_path, 1).lists[0].to_json()
    found = RankingList.read({**one, "seen": damage}).sights
    assert found.photo == ""
    assert not any(found.photos)
    assert not any(found.places)


def test_a_candidate_whose_picture_is_gone_has_none(tmp_path: Path) -> None:
    one = seen_data(tmp_path, 1).lists[0]
    gone = Sights(one.sights.photo, (str(tmp_path / "gone"), *one.sights.photos[1:]), one.sights.places)
    assert [picture is None for picture in gone.open(2000).candidate_photos] == [True, False, False, False]
    with pytest.raises(ModelError):
        Sights(str(tmp_path / "gone")).open(2000)
