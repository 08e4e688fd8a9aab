"""Statistics, lists, deletion, leaks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.gallery.catalogue import gallery_folder, open_named
from tests.geosleuth.gallery_cases import PORTO, Colours, Run, jpeg, one_line, photo_folder, scene


def test_stats(run: Run, built: Path) -> None:
    summary = json.loads(run("stats", "g", "--json").stdout)
    assert (summary["rows"], summary["thumbnails"], summary["encoder"], summary["store"]) == (14, 14, "colours", "flat:store")
    assert summary["countries"] == {"FR": 6, "PT": 3, "JP": 3, "AU": 2}
    assert summary["sources"] == {"trips": 10, "more": 4}
    assert sum(summary["years"].values()) == 14
    assert summary["years"]["2015"] == 3
    assert summary["licences"] == {"CC BY 4.0": 14}
    assert summary["left_out"] == {"unusable": 0, "duplicate": 0, "excluded": 0}
    assert summary["disk_bytes"] > 10_000
    text = run("stats", "g").stdout
    assert "14 photos" in text
    assert re.search(r"FR\s+6\s+trips\s+10", text)


def test_list(run: Run, built: Path) -> None:
    (gallery_folder("broken")).mkdir()
    (gallery_folder("broken") / "gallery.json").write_text("{")
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [(line["name"], line["rows"]) for line in lines] == [("broken", None), ("g", 14)]
    assert "cannot be read" in lines[0]["problem"]
    assert "14 photos" in run("list").stdout


def test_list_without_galleries_says_how_to_begin(run: Run) -> None:
    assert "geosleuth gallery build" in run("list").stderr


def test_drop_asks_first_and_deletes_what_is_the_gallerys(run: Run, built: Path) -> None:
    folder = gallery_folder("g")
    run("drop", "g", code=1, input="n\n")
    assert (folder / "gallery.json").exists()
    (folder / "notes.txt").write_text("mine")
    told = run("drop", "g", input="y\n").stderr
    assert "notes.txt is not the gallery's" in told
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert len(list(built.iterdir())) == 10
    run("build", built, "--into", "h")
    run("drop", "h", "--yes")
    assert not gallery_folder("h").exists()


def test_drop_deletes_nothing_that_is_no_gallery(run: Run, built: Path, tmp_path: Path) -> None:
    assert "there is no gallery" in one_line(run("drop", str(built), "--yes", code=2))
    assert "there is no gallery 'x'" in one_line(run("drop", "x", "--yes", code=2))
    assert len(list(built.iterdir())) == 10
    (tmp_path / "data" / "galleries" / "link").symlink_to(gallery_folder("g"))
    assert "is a link" in one_line(run("drop", "link", "--yes", code=2))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "keep").write_text("x")
    shutil.rmtree(gallery_folder("g") / "store")
    (gallery_folder("g") / "store").symlink_to(elsewhere)
    run("drop", "g", "--yes")
    assert (elsewhere / "keep").exists()


@pytest.mark.parametrize("damaged", ["", "[]", '{"version": 1}', '{"version": 7}'])
def test_drop_of_a_damaged_gallery_deletes_no_other_file(run: Run, built: Path, tmp_path: Path, damaged: str) -> None:
    (gallery_folder("g") / "gallery.json").write_text(damaged)
    (gallery_folder("g") / "notes.txt").write_text("mine")
    assert "whose gallery.json is damaged" in run("drop", "g", input="n\n", code=1).output
    assert "deleted gallery g" in run("drop", "g", "--yes").stderr
    assert [path.name for path in gallery_folder("g").iterdir()] == ["notes.txt"]
    elsewhere = tmp_path / "elsewhere" / "h"
    run("build", built, "--into", elsewhere)
    (elsewhere / "gallery.json").write_text(damaged)
    (elsewhere / "notes.txt").write_text("mine")
    assert "holds other files" in one_line(run("drop", elsewhere, "--yes", code=2))
    assert (elsewhere / "store").is_dir()
    (elsewhere / "notes.txt").unlink()
    run("drop", elsewhere, "--yes")
    assert not elsewhere.exists()
    assert len(list(built.iterdir())) == 10


def test_drop_does_not_take_the_store_of_another_program_for_its_own(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "website"
    (other / "store").mkdir(parents=True)
    (other / "store" / "shirt.txt").write_text("x")
    (other / "gallery.json").write_text("[]")
    assert "holds other files" in one_line(run("drop", other, "--yes", code=2))
    assert (other / "store" / "shirt.txt").exists()


def test_a_wrong_name_is_answered_with_the_right_ones(run: Run, built: Path) -> None:
    run("build", built, "--into", "trips")
    near = "Error: there is no gallery 'tripz'; did you mean 'trips'? there are: g, trips"
    assert one_line(run("stats", "tripz", code=2)) == near
    assert one_line(run("stats", "zzz", code=2)) == "Error: there is no gallery 'zzz'; there are: g, trips"
    assert "there is no gallery in " in one_line(run("stats", built, code=2))
    shutil.rmtree(gallery_folder("g"))
    assert one_line(run("stats", "tripz", code=2)) == "Error: there is no gallery 'tripz'; there are: trips"
    shutil.rmtree(gallery_folder("trips"))
    assert "there is none yet: geosleuth gallery build SOURCE --into NAME" in one_line(run("stats", "trips", code=2))


def test_leaks_of_a_name_that_is_nothing_end_before_a_picture_is_opened(
    run: Run, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import evals.leakage
    from geosleuth.evaluate import evaluate

    monkeypatch.setattr(evals.leakage, "mark_records", None)
    for other, message in (("nosuch", "there is no gallery, folder, table or benchmark called 'nosuch'"),
                           (f"folder:{built / 'nosuch'}", "is not there")):  # fmt: skip
        result = CliRunner().invoke(evaluate, ["leaks", f"folder:{built}", other])
        assert result.exit_code == 2
        assert message in one_line(result)


def test_leaks_of_a_benchmark(run: Run, built: Path, tmp_path: Path) -> None:
    benchmark = tmp_path / "benchmark"
    benchmark.mkdir()
    (benchmark / "same.jpg").write_bytes((built / "p0.jpg").read_bytes())
    (benchmark / "like.jpg").write_bytes(jpeg(scene(4), PORTO, quality=60))
    (benchmark / "other.jpg").write_bytes(jpeg(scene(123), PORTO))
    report = json.loads(run("leaks", "g", f"folder:{benchmark}", "--json").stdout)
    assert (report["queries"], report["gallery"], report["same file"], report["same picture"], report["within_1km"]) == (
        3,
        14,
        1,
        1,
        3,
    )
    assert "2 of 3 photos are in the gallery of 14" in run("leaks", "g", f"folder:{benchmark}").stdout
    assert "there is no gallery 'none'" in one_line(run("leaks", "none", f"folder:{built}", code=2))


def test_the_group_answers_at_once() -> None:
    """Help imports no heavy library."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom geosleuth.gallery import gallery\n"
        "for args in (['--help'], ['build', '--help'], ['search', '--help'], ['drop', '--help']):\n"
        "    assert CliRunner().invoke(gallery, args).exit_code == 0\n"
        "print([name for name in ('torch', 'onnxruntime', 'sklearn', 'pyarrow', 'PIL', 'numpy') if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert result.stdout.strip() == "[]"


def test_a_gallery_that_is_open_for_reading_can_be_searched_while_it_grows(run: Run, built: Path, tmp_path: Path) -> None:
    reader = open_named("g")
    run("build", photo_folder(tmp_path / "late", 2, first_seed=70), "--into", "g")
    assert len(reader.store.search(Colours().encode([scene(1)]), 5)[0]) == 5
    reader.store.close()
