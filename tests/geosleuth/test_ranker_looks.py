"""`geosleuth ranker` with a ranker that looks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from geosleuth.ranker_command import ranker
from models.gallery.catalogue import GalleryCard, write_card
from models.gallery.thumbnails import FILE, Thumbnails, jpeg_thumbnail
from models.ranker.lists import read_lists, write_lists
from tests.evals.test_ranking_lists import LISBON, candidate, run, trajectory
from tests.models.ranker.seen_world import seen_data
from tests.models.ranker.test_lists import gallery
from tests.models.ranker.world import data

FAST = ("train=full", "epochs=1", "negatives=0", "group=2", "max_pixels=9216", "held_lists=2", "batch=8")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*args: object, code: int = 0) -> Result:
        result = CliRunner().invoke(ranker, [str(arg) for arg in args])
        assert result.exit_code == code, result.output
        return result

    return invoke


def with_thumbnails(folder: Path) -> Path:
    store = gallery(folder)
    store.flush()
    write_card(folder, GalleryCard("colours", "e" * 16, 16, "flat:store"))
    thumbnails = Thumbnails(folder / FILE)
    thumbnails.put_many([(str(i), jpeg_thumbnail(Image.new("RGB", (40, 30), (8 * i, 90, 60)))) for i in range(29)])
    thumbnails.close()
    return folder


def test_lists_name_the_pictures_of_a_gallery_and_of_a_run(command: Any, tmp_path: Path) -> None:
    folder, out, pictures = with_thumbnails(tmp_path / "g"), tmp_path / "lists.jsonl", tmp_path / "pictures"
    Image.new("RGB", (50, 40)).save(tmp_path / "query.jpg")
    found = [{**candidate(38.7, -9.1, 0.2), "provenance": ["retrieval:4"], "name": "Alfama"}, candidate(40.4, -3.7, 0.7)]
    line = {**trajectory("r0", found), "path": str(tmp_path / "query.jpg"), "tools": {"galleries": [str(folder)]},
            "steps": [{"tool": "find_similar", "data": {"hits": [{"id": "4", "similarity": 0.9}]}}]}  # fmt: skip
    asked = run(tmp_path / "run", [LISBON], line)
    command("lists", "--run", asked.path, "--gallery", folder, "--k", 4, "--pictures", pictures, "--out", out)
    first, *rest = read_lists(out).lists
    assert first.sights.photo == str(tmp_path / "query.jpg")
    assert [bool(path) and Path(path).parent == pictures for path in first.sights.photos] == [True, False]
    assert first.sights.places == ("Alfama", "y")
    assert sum(not one.sights.photo for one in rest) == 1, "one photo of the gallery has no picture"
    seen = next(one for one in rest if one.sights.photo).sights.open(500)
    assert len(seen.candidate_photos) == 4


def test_train_and_score(command: Any, tmp_path: Path) -> None:
    write_lists(tmp_path / "l.jsonl", seen_data(tmp_path / "p", 26).lists)
    trained = command("train", "--lists", tmp_path / "l.jsonl", "--name", "eyes", "--base", "tiny", *(part for one in FAST for part in ("--set", one)))  # fmt: skip
    assert "step 3 of 3: loss" in trained.stderr
    assert "on held-out places" in trained.stdout
    Image.new("RGB", (50, 40)).save(tmp_path / "query.jpg")
    found = [candidate(38.7, -9.1, 0.2), candidate(40.4, -3.7, 0.7)]
    seen, blind = (
        {**trajectory(name, found), "path": str(path)}
        for name, path in (("r0", tmp_path / "query.jpg"), ("r1", tmp_path / "gone"))
    )
    asked = run(tmp_path / "run", [LISBON, LISBON], seen, blind)
    scored = command("score", asked.path, "--ranker", "eyes", "--json")
    assert "could not look at 1 of these 2 photos" in scored.stderr
    figures = json.loads(scored.stdout)
    assert figures["not_seen"] == 1
    assert figures["ranker"]["photos"] == 2


def test_mistakes_end_in_one_line(command: Any, tmp_path: Path) -> None:
    write_lists(tmp_path / "numbers", data(30).lists)
    write_lists(tmp_path / "seen", seen_data(tmp_path / "p", 26).lists)
    assert "--pictures" in command("train", "--lists", tmp_path / "numbers", "--base", "tiny", code=2).stderr.replace("\n", "")
    assert "there is no base" in command("train", "--lists", tmp_path / "seen", "--base", "none", code=2).stderr
    assert "cannot load the base" in command("train", "--lists", tmp_path / "seen", "--base", tmp_path, code=2).stderr
    assert "lora_rank" in command("train", "--lists", tmp_path / "seen", "--base", "tiny", "--set", "x=1", code=2).stderr
    lone = [replace(one, lat=1.0, lon=1.0) for one in seen_data(tmp_path / "p", 26).lists]
    write_lists(tmp_path / "lone", lone)
    assert "too few places" in command("train", "--lists", tmp_path / "lone", "--base", "tiny", code=2).stderr


def test_without_torch_it_says_what_to_install(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lists(tmp_path / "seen", seen_data(tmp_path / "p", 26).lists)
    monkeypatch.setattr("models.ranker.vlm_base.NEEDED", ("no_such_package",))
    said = command("train", "--lists", tmp_path / "seen", "--base", "tiny", code=2).stderr
    assert "needs no_such_package, not installed here: pip install" in said.replace("\n", " ")
