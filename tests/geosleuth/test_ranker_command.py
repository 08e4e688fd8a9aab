"""`geosleuth ranker` as a person or a script calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evals.run_folder import RunFolder
from geosleuth.ranker_command import ranker
from models.gallery.catalogue import GalleryCard, write_card
from models.ranker.lists import write_lists
from tests.evals.test_ranking_lists import LISBON, candidate, run, trajectory
from tests.models.ranker.test_lists import gallery
from tests.models.ranker.world import data


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*args: object, code: int = 0) -> Result:
        result = CliRunner().invoke(ranker, [str(arg) for arg in args])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    """Lisbon, and Lisbon with nothing found."""
    found = [candidate(38.7, -9.1, 0.2, belief=-1.6, learned=1.0), candidate(40.4, -3.7, 0.7, belief=-0.4, learned=0.1)]
    return run(tmp_path / "run", [LISBON, LISBON], trajectory("r0", found), trajectory("r1", []))


def test_lists_of_a_run_and_of_a_gallery(command: Any, finished: RunFolder, tmp_path: Path) -> None:
    store = gallery(tmp_path / "g")
    store.flush()
    write_card(tmp_path / "g", GalleryCard("colours", "e" * 16, 16, "flat:store"))
    out = tmp_path / "lists.jsonl"
    made = json.loads(
        command("lists", "--run", finished.path, "--gallery", tmp_path / "g", "--k", 4, "--out", out, "--json").stdout
    )
    assert made == {"lists": 31, "candidates": 122, "damaged": 0, "left_out": 1, "out": str(out)}
    assert (
        "31 lists with 122 candidates"
        in command("lists", "--run", finished.path, "--gallery", tmp_path / "g", "--k", 4, "--out", out).stdout
    )
    assert "give --run" in command("lists", "--out", out, code=2).stderr
    assert "is not a run" in command("lists", "--run", tmp_path, "--out", out, code=2).stderr.replace("\n", "")


def test_train_and_score(command: Any, finished: RunFolder, tmp_path: Path) -> None:
    lists = tmp_path / "lists.jsonl"
    write_lists(lists, data(150).lists)
    lists.write_text("damaged\n" + lists.read_text())
    trained = command("train", "--lists", lists, "--name", "small", "--set", "epochs=11", "--set", "hidden=4")
    assert "1 lines were damaged" in trained.stderr
    assert [line.split()[0] for line in trained.stdout.splitlines()[2:6]] == ["oracle", "ranker", "belief", "random"]
    assert "over the belief's order: +" in trained.stdout
    scored = json.loads(command("score", finished.path, "--ranker", "small", "--json").stdout)
    assert {key: scored[key]["accuracy@25"] for key in ("oracle", "belief", "random", "ranker")} == {
        "oracle": 0.5, "belief": 0.0, "random": 0.25, "ranker": 0.5}  # fmt: skip
    assert (scored["without"], scored["unplaced"], scored["learned_from"]) == (1, 0, 0)
    shown = command("score", finished.path, "--ranker", "small")
    assert "1 photos with candidates, 1 without (missed), 0 of unknown place" in shown.stdout
    assert "policy" in shown.stderr, "a part that these lists do not have"


def test_a_ranker_that_has_seen_the_photos_is_told(command: Any, finished: RunFolder, tmp_path: Path) -> None:
    lists = tmp_path / "lists.jsonl"
    some = data(60).lists
    seen = type(some[0])("r0", some[0].lat, some[0].lon, some[0].candidates)
    write_lists(lists, [seen, *some[1:]])
    command("train", "--lists", lists, "--set", "epochs=1", "--json")
    assert "learned from 1 of these 1 photos" in command("score", finished.path, "--ranker", "ranker").stderr


def test_mistakes_end_in_one_line(command: Any, finished: RunFolder, tmp_path: Path) -> None:
    write_lists(tmp_path / "few", data(3).lists)
    assert "at least 20" in command("train", "--lists", tmp_path / "few", code=2).stderr
    assert "FIELD=VALUE" in command("train", "--lists", tmp_path / "few", "--set", "x=1", code=2).stderr
    assert "no trained model" in command("score", finished.path, "--ranker", "none", code=2).stderr.replace("\n", "")
    assert "oracle" in command("score", finished.path).stdout
