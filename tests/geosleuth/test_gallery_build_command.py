"""`geosleuth gallery build`, as a person or a script calls it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from models.gallery.catalogue import gallery_folder, read_card
from tests.geosleuth.gallery_cases import PORTO, Run, jpeg, mixed_folder, one_line, photo_folder, rows_in, scene


def test_build_tells_what_came_in_and_what_did_not(run: Run, tmp_path: Path) -> None:
    folder = mixed_folder(tmp_path / "photos")
    told = run("build", folder, "--into", "g").stderr
    assert "gallery g: 5 photos added, 2 duplicates left out, 3 unusable; 5 in all" in told
    assert "left out: q_copy.jpg: the same file as p1.jpg" in told
    assert "left out: q_text.jpg: is not a picture" in told
    assert str(gallery_folder("g") / "skipped.tsv") in told
    again = run("build", folder, "--into", "g").stderr
    assert "0 photos added, 7 were finished before, 3 unusable; 5 in all" in again
    assert "q_text.jpg" in again
    assert "q_copy.jpg" not in again
    assert "left out" not in run("build", photo_folder(tmp_path / "more", 2, first_seed=40), "--into", "g").stderr


def test_a_build_of_broken_photos_tells_them_and_leaves_no_folder(run: Run, photos: Path, tmp_path: Path) -> None:
    for path in photos.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "data").mkdir()
    result = run("build", photos, "--into", "g", code=1)
    assert one_line(result) == "Error: no photo came in: gallery g is empty"
    assert "left out: p0.jpg" in result.stderr
    assert "skipped.tsv" not in result.stderr
    assert not (tmp_path / "data" / "galleries").exists()


def test_every_kind_of_bad_row_is_listed_with_its_reason(run: Run, photos: Path) -> None:
    rows = [
        "p0.jpg,999,2",
        "p1.jpg,nan,2",
        "p2.jpg,abc,2",
        "p3.jpg,1,190",
        "p4.jpg,48.8,2.3",
        "p4.jpg,48.9,2.3",
        "p5.jpg,1,",
        ",1,2",
    ]
    (photos / "labels.csv").write_text("\n".join(["path,lat,lon", *rows, 'p6.jpg,"48,85","2,35"']) + "\n")
    told = run("build", photos, "--into", "g").stderr
    assert "gallery g: 1 photos added, 8 unusable; 1 in all" in told
    text = (gallery_folder("g") / "skipped.tsv").read_text(encoding="utf-8")
    kept = dict(line.split("\t")[2:] for line in text.splitlines()[1:])
    assert set(kept) == {*(f"p{n}.jpg" for n in (0, 1, 2, 3, 5, 6)), "p4.jpg (labels.csv line 7)", "labels.csv line 9"}
    assert kept["p0.jpg"] == "labels.csv line 2: the latitude 999 is outside -90 to 90"
    assert kept["p4.jpg (labels.csv line 7)"] == "labels.csv line 7 has the same id as labels.csv line 6: 'p4.jpg'"
    assert "decimals are written with a point" in kept["p6.jpg"]
    assert rows_in("g")["p4.jpg"][0].lat == 48.8


def test_build_calibrates_a_gallery_that_is_large_enough(run: Run, tmp_path: Path) -> None:
    photos = photo_folder(tmp_path / "many", 55)
    told = run("build", photos, "--into", "g", "--no-calibrate", "--batch", 20).stderr
    assert "calibrated" not in told
    assert read_card(gallery_folder("g")).calibration == {}
    assert "calibrated on 55 photos" in run("build", photos, "--into", "g").stderr
    assert read_card(gallery_folder("g")).calibration["queries"] == 55
    assert "calibrated" not in run("build", photos, "--into", "g").stderr


def test_build_excludes_a_benchmark(run: Run, photos: Path, tmp_path: Path) -> None:
    benchmark = tmp_path / "benchmark"
    benchmark.mkdir()
    (benchmark / "b.jpg").write_bytes(jpeg(scene(4), PORTO, quality=60))
    told = run("build", photos, "--into", "g", "--exclude", f"folder:{benchmark}").stderr
    assert "excluding" in told
    assert "1 of benchmarks left out" in told
    assert "p4.jpg" not in rows_in("g")


def test_build_without_a_terminal_tells_every_200_photos(capsys: pytest.CaptureFixture[str]) -> None:
    from geosleuth.gallery.builder import Tally
    from geosleuth.gallery.progress import BuildScreen

    screen, tally = BuildScreen(), Tally(1000, known=100)
    with screen.progress("g"):
        for added in range(0, 900, 60):
            tally.added, tally.seconds = added, added / 30 + 0.1
            screen.told(tally)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["340", "520", "700", "940"]
    assert re.fullmatch(r"340 of 1,000 photos, \d+\.\d photos/s", lines[0])


def test_ctrl_c_says_how_to_go_on(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geosleuth.gallery.builder import Tally
    from geosleuth.gallery.progress import BuildScreen

    def stop(screen: BuildScreen, tally: Tally) -> None:
        if tally.added >= 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(BuildScreen, "told", stop)
    result = run("build", photos, "--into", "g", "--batch", 2, code=130)
    assert "stopped; 4 photos are in gallery g: run the same command again to go on" in result.stderr
    monkeypatch.undo()
    monkeypatch.setenv("GEOSLEUTH_DATA", str(photos.parent / "data"))
    assert "6 photos added, 4 were finished before; 10 in all" in run("build", photos, "--into", "g").stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nowhere", "--into", "g"), "nowhere is not there"),
        (("{photos}", "--into", "a b"), "no name of a gallery"),
        (("{photos}", "--into", "g", "--encoder", "absurd"), "there is no encoder 'absurd'"),
        (("{photos}", "--into", "g", "--store", "faiss"), "no store is called 'faiss'"),
        (("{photos}", "--into", "g", "--exclude", "absurd"), "no benchmark is called"),
        (("{photos}", "{photos}", "--into", "g", "--images", "{photos}"), "--images belongs to one source"),
    ],
)
def test_mistakes_in_building_are_one_line_and_leave_nothing(run: Run, photos: Path, args: tuple[str, ...], message: str) -> None:
    assert message in one_line(run("build", *(arg.format(photos=photos) for arg in args), code=2))
    assert not gallery_folder("g").parent.exists()


@pytest.mark.parametrize(
    ("option", "value", "message"), [("--encoder", "absurd", "no encoder"), ("--store", "faiss", "no store")]
)
def test_names_are_checked_before_sources_are_read(run: Run, option: str, value: str, message: str) -> None:
    assert message in one_line(run("build", "nowhere", "--into", "g", option, value, code=2))


def test_another_encoder_or_store_is_refused(run: Run, photos: Path) -> None:
    run("build", photos, "--into", "g")
    assert "holds vectors of colours" in one_line(run("build", photos, "--into", "g", "--encoder", "others", code=2))
    assert "is kept in flat:store" in one_line(run("build", photos, "--into", "g", "--store", "lance", code=2))


def test_bad_rows_of_a_table_are_left_out_by_name(run: Run, tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "labelled", 4)
    names = sorted(path.name for path in folder.iterdir())
    table = [
        "path,lat,lon",
        f"{names[0]},41.1,-8.6",
        f"{names[1]},999,2.0",
        f"{names[2]},abc,3.0",
        f"{names[0]},41.1,-8.6",
        f"{names[3]},48.2,16.4",
    ]
    (folder / "labels.csv").write_text("\n".join(table) + "\n")
    done = run("build", folder, "--into", "g", "--encoder", "colours")
    assert "2 in all" in done.output
    assert "999" in done.output
    assert "same id" in done.output
    assert (tmp_path / "data" / "galleries" / "g" / "skipped.tsv").read_text().count("\n") >= 3


def test_nothing_that_came_in_is_a_failure_and_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "labels.csv").write_text("path,lat,lon\nmissing.jpg,41.1,-8.6\n")
    assert "no photo came in" in run("build", tmp_path / "odd", "--into", "g", "--encoder", "colours", code=1).output
    assert not (tmp_path / "data" / "galleries" / "g").exists()
    run("build", tmp_path / "odd", "--into", "h", "--encoder", "nonsense", code=2)
    assert not (tmp_path / "data" / "galleries" / "h").exists()


def test_an_exported_gallery_is_not_built_but_imported(run: Run, photos: Path, tmp_path: Path) -> None:
    run("build", photos, "--into", "g", "--encoder", "colours")
    run("export", "g", tmp_path / "new" / "g.parquet")
    refused = run("build", tmp_path / "new" / "g.parquet", "--into", "h", "--encoder", "colours", code=2)
    assert "geosleuth gallery import" in one_line(refused)


def test_parquet_without_its_package_is_one_line(run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("build", photos, "--into", "g", "--encoder", "colours")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "geosleuth[evals]" in one_line(run("export", "g", tmp_path / "g.parquet", code=2))


def test_a_damaged_gallery_can_be_dropped(run: Run, photos: Path, tmp_path: Path) -> None:
    run("build", photos, "--into", "g", "--encoder", "colours")
    card = tmp_path / "data" / "galleries" / "g" / "gallery.json"
    card.write_text(card.read_text()[:40])
    run("drop", "g", "--yes")
    assert not card.parent.exists()


def test_search_says_that_the_photo_itself_was_left_out(run: Run, photos: Path) -> None:
    run("build", photos, "--into", "g", "--encoder", "colours")
    photo = sorted(photos.iterdir())[0]
    assert f"left out: {photo.name}, this very photo" in run("search", "g", photo).stderr


def test_an_old_calibration_is_measured_anew_by_the_next_build(run: Run, tmp_path: Path) -> None:
    photos = photo_folder(tmp_path / "many", 60)
    run("build", photos, "--into", "g", "--encoder", "colours")
    card = tmp_path / "data" / "galleries" / "g" / "gallery.json"
    data = json.loads(card.read_text())
    card.write_text(json.dumps({**data, "calibration": {"k": 10, "power": 10.0}}))
    assert "not calibrated" in run("stats", "g").output
    assert "calibrated on" in run("build", photos, "--into", "g").stderr


def test_a_licence_that_forbids_commercial_use_is_told(run: Run, photos: Path) -> None:
    assert "CC-BY-NC-4.0: not for commercial use" in run("build", photos, "--into", "g", "--encoder", "unfree").stderr
    assert "commercial" not in run("build", photos, "--into", "h", "--encoder", "colours").stderr
