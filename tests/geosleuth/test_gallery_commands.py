"""The commands of galleries, as a person or a script calls them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from geosleuth.gallery import gallery
from geosleuth.gallery.encoders import Encoders
from geosleuth.gallery.find import where_of
from geosleuth.gallery.opening import alone, open_to_write
from models.encoders.encoder import EncoderError
from models.gallery.catalogue import gallery_folder, open_named, read_card
from models.gallery.gallery import Circle, GalleryError
from tests.geosleuth.gallery_cases import PORTO, Colours, jpeg, mixed_folder, photo_folder, rows_in, scene

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")

    def make(spec: str) -> Colours:
        if spec not in {"embedded", "colours", "others"}:
            raise EncoderError(f"there is no encoder {spec!r}")
        return Colours("ffffffffffffffff" if spec == "others" else "00112233aabbccdd")

    def invoke(*args: object, code: int = 0, **more: Any) -> Result:
        result = CliRunner().invoke(gallery, [str(arg) for arg in args], obj=Encoders(make), **more)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return photo_folder(tmp_path / "trips", 10)


def hits(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def one_line(result: Result) -> str:
    """The one line of a refusal."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    return lines[0]


# build


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


# search


@pytest.fixture
def built(run: Run, photos: Path, tmp_path: Path) -> Path:
    """Gallery `g` of ten photos of two sources, and the folder of the first."""
    more = photo_folder(tmp_path / "more", 4, first_seed=30)
    run("build", photos, more, "--into", "g", "--licence", "CC BY 4.0")
    return photos


def test_search_finds_the_likest_and_not_itself(run: Run, built: Path) -> None:
    found = hits(run("search", "g", built / "p1.jpg", "--json"))
    assert len(found) == 13
    assert [hit["rank"] for hit in found] == list(range(1, 14))
    assert sorted((hit["similarity"] for hit in found), reverse=True) == [hit["similarity"] for hit in found]
    assert "p1.jpg" not in {hit["id"] for hit in found}
    assert found[0]["from_first_km"] == 0.0
    itself = hits(run("search", "g", built / "p1.jpg", "--with-itself", "-k", 1, "--json"))
    assert (itself[0]["id"], itself[0]["licence"]) == ("p1.jpg", "CC BY 4.0")
    assert itself[0]["similarity"] == pytest.approx(1, abs=2e-3)


def test_search_finds_a_copy_in_another_encoding(run: Run, built: Path, tmp_path: Path) -> None:
    (tmp_path / "query.png").write_bytes(b"")
    scene(3).save(tmp_path / "query.png")
    found = hits(run("search", "g", tmp_path / "query.png", "-k", 1, "--json"))
    assert found[0]["id"] == "p3.jpg"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--area", "FR"), {"p1.jpg", "p2.jpg", "p6.jpg", "p7.jpg", "more:p1.jpg", "more:p2.jpg"}),
        (("--area", "-40,100,0,160"), {"p4.jpg", "p9.jpg"}),
        (("--area", "FR,JP", "--from-source", "more"), {"more:p1.jpg", "more:p2.jpg", "more:p3.jpg"}),
        (("--near", "48.8,2.3,30"), {"p1.jpg", "p6.jpg", "more:p1.jpg"}),
        (("--taken", "2016..2017", "--from-source", "trips"), {"p1.jpg", "p2.jpg", "p9.jpg"}),
        (("--taken", "2022..", "--area", "FR"), {"p7.jpg"}),
        (("--area", "AQ"), set()),
    ],
)
def test_search_under_filters(run: Run, built: Path, tmp_path: Path, filters: tuple[str, ...], expected: set[str]) -> None:
    (tmp_path / "query.jpg").write_bytes(jpeg(scene(99)))
    found = hits(run("search", "g", tmp_path / "query.jpg", "--json", *filters))
    assert {hit["id"] for hit in found} == expected


def test_search_prints_a_table(run: Run, built: Path) -> None:
    lines = run("search", "g", built / "p1.jpg", "-k", 3).stdout.splitlines()
    assert re.search(r"alike\s+place\s+lat, lon\s+from first\s+photo", lines[0])
    assert len(lines) == 4
    assert re.match(r"\s+1\s+0\.\d{3}\s", lines[1])
    nothing = run("search", "g", built / "p1.jpg", "--area", "AQ")
    assert nothing.stdout == ""
    assert "no photo of the gallery passes the filters" in nothing.stderr


def test_the_table_has_one_line_a_photo_at_80_columns(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = photo_folder(tmp_path / "a" / "long name of a folder", 6)
    (folder / "p1.jpg").rename(folder / f"{'very ' * 12}long name.jpg")
    run("build", folder, "--into", "g")
    (tmp_path / "query.jpg").write_bytes(jpeg(scene(99)))
    assert "…" not in (wide := run("search", "g", tmp_path / "query.jpg", env={"COLUMNS": "400"}).stdout)
    assert str(folder / "p2.jpg") in wide
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("search", "g", tmp_path / "query.jpg").stdout.splitlines()
    assert len(lines) == 7
    assert max(map(len, lines)) <= 80
    assert any("…" in line and line.rstrip().endswith("long name.jpg") for line in lines)
    assert "picture" not in lines[0]


def test_copies_of_the_very_photo_do_not_take_the_places_of_others(run: Run, built: Path) -> None:
    for number in range(12):
        shutil.copy(built / "p1.jpg", built / f"same{number}.jpg")
    run("build", built, "--into", "g", "--allow-duplicates")
    found = run("search", "g", built / "p1.jpg", "--json", "-k", 5)
    assert len(hits(found)) == 5
    assert "same" not in found.stdout
    assert "this very photo" in found.stderr
    assert "left out" not in run("search", "g", built / "p1.jpg", "--json", "--with-itself").stderr
    assert "left out" not in run("search", "g", built / "p1.jpg", "--json", "--area", "JP").stderr


def test_an_empty_gallery_says_so(run: Run, built: Path) -> None:
    with alone("bare"):
        open_to_write("bare", Colours()).store.close()
    assert one_line(run("search", "bare", built / "p1.jpg", code=1)).startswith("Error: gallery bare is empty")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("none", "{photos}/p1.jpg"), "there is no gallery 'none'; there are: g"),
        (("g", "{photos}/none.jpg"), "cannot be read"),
        (("g", "{photos}"), "is a directory"),
        (("g", "{photos}/p1.jpg", "--area", "XX"), "no country has the code XX"),
        (("g", "{photos}/p1.jpg", "--near", "1,2"), "is no circle"),
        (("g", "{photos}/p1.jpg", "--near", "95,2,3"), "is no circle"),
        (("g", "{photos}/p1.jpg", "--taken", "then"), "is no time"),
    ],
)
def test_mistakes_in_searching_are_one_line(run: Run, built: Path, args: tuple[str, ...], message: str) -> None:
    assert message in one_line(run("search", *(arg.format(photos=built) for arg in args), code=2))


def test_a_search_with_other_weights_is_refused(run: Run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(gallery, ["search", "g", str(built / "p1.jpg")], obj=Encoders(lambda spec: Colours("f" * 16)))
    assert result.exit_code == 2
    assert "other weights" in one_line(result)


def test_filters_from_what_people_type() -> None:
    where = where_of("fr, DE", "-33.9,151.2,10.5", "2015..2019", ["a"])
    assert where.countries == {"FR", "DE"}
    assert where.circle == Circle(-33.9, 151.2, 10.5)
    assert (where.taken_from, where.taken_before, where.sources) == ("2015", "2020", {"a"})
    with pytest.raises(GalleryError):
        where_of(near="nan,0,5")


# the page


def test_the_page_of_a_search_is_whole_by_itself(run: Run, built: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "folder" / "out.html"
    run("search", "g", built / "p1.jpg", "-k", 8, "--area", "FR", "--map", page, "--json")
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    assert not re.search(r"<(?:link|iframe|script[^>]+src|img[^>]+src=\"(?!data:))", text)
    assert "default-src &#x27;none&#x27;" in text
    assert text.count('<li id="hit-') == 5
    assert text.count("data:image/jpeg;base64,") == 6
    assert "CC BY 4.0" in text
    assert "Only photos in FR." in text
    data = json.loads(re.search(r'id="map-neighbours">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert [point["mark"] for point in data["points"]] == ["1", "2", "3", "4", "5"]
    assert [point["href"] for point in data["points"]] == [f"#hit-{n}" for n in range(1, 6)]
    assert sorted(filter(None, (point["label"] for point in data["points"]))) == ["Lyon", "Paris"]  # one for each 50 km
    assert [bool(point["label"]) for point in data["points"]] == [bool(point["share"]) for point in data["points"]]
    assert data["points"][0]["label"]
    assert "Left out: p1.jpg, this very photo." in text
    assert any(data["heat"])
    assert len(data["bounds"]) == 4


def test_text_from_a_gallery_stays_text(run: Run, tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "x", 3)
    run("build", folder, "--into", "g", "--licence", "<script>alert(1)</script>\u202egnp", "--source-name", "<b>&amp;")
    run("search", "g", folder / "p0.jpg", "--map", tmp_path / "out.html", "--json")
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\u202e" not in text
    assert "&lt;b&gt;&amp;amp;" in text


def test_a_page_without_hits_and_one_without_thumbnails(run: Run, built: Path, tmp_path: Path) -> None:
    run("search", "g", built / "p1.jpg", "--area", "AQ", "--map", tmp_path / "none.html")
    assert "No photo passes the filters." in (tmp_path / "none.html").read_text(encoding="utf-8")
    (gallery_folder("g") / "thumbnails.sqlite").unlink()
    run("search", "g", built / "p1.jpg", "-k", 2, "--map", tmp_path / "bare.html")
    assert (tmp_path / "bare.html").read_text(encoding="utf-8").count("no picture") == 2
    (gallery_folder("g") / "thumbnails.sqlite").write_bytes(b"no database" * 1000)
    told = run("search", "g", built / "p1.jpg", "-k", 2, "--map", tmp_path / "damaged.html").stderr
    assert "note: the page has no small pictures" in told
    assert (tmp_path / "damaged.html").read_text(encoding="utf-8").count("no picture") == 2
    assert "thumbnails that cannot be read" in run("stats", "g").stdout


# export, import


def test_a_gallery_goes_out_and_comes_back_equal(run: Run, built: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    run("export", "g", tmp_path / "g.parquet", "--thumbnails")
    assert "14 photos read, 14 new, 0 replaced; 14 in all" in run("import", tmp_path / "g.parquet", "--into", "h").stderr
    first, second = rows_in("g"), rows_in("h")
    assert {key: row for key, (row, _) in first.items()} == {key: row for key, (row, _) in second.items()}
    for key, (_, vector) in first.items():
        np.testing.assert_array_equal(vector, second[key][1])
    assert hits(run("search", "g", built / "p1.jpg", "--json")) == hits(run("search", "h", built / "p1.jpg", "--json"))
    assert json.loads(run("stats", "h", "--json").stdout)["thumbnails"] == 14
    card = read_card(gallery_folder("h"))
    assert (card.encoder, card.encoder_digest, card.sources) == ("colours", "00112233aabbccdd", (str(tmp_path / "g.parquet"),))
    assert "0 new, 14 replaced; 14 in all" in run("import", tmp_path / "g.parquet", "--into", "h").stderr


def test_a_file_of_another_encoder_is_refused(run: Run, built: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    run("export", "g", tmp_path / "g.parquet")
    run("build", built, "--into", "other", "--encoder", "others")
    assert "build another gallery" in one_line(run("import", tmp_path / "g.parquet", "--into", "other", code=2))
    (tmp_path / "text.parquet").write_text("no table")
    assert "text.parquet" in one_line(run("import", tmp_path / "text.parquet", "--into", "x", code=2))
    assert not gallery_folder("x").exists()


def test_a_damaged_file_leaves_no_gallery(run: Run, built: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    run("export", "g", tmp_path / "g.parquet")
    table = pq.read_table(tmp_path / "g.parquet")
    pq.write_table(table.set_column(table.schema.get_field_index("lat"), "lat", [[99.0] * len(table)]), tmp_path / "bad.parquet")
    one_line(run("import", tmp_path / "bad.parquet", "--into", "h", code=2))
    assert not gallery_folder("h").exists()


def test_a_file_that_names_no_encoder_needs_one(run: Run, tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    vectors = np.zeros((2, 64), dtype=np.float32)
    vectors[0, 3] = vectors[1, 5] = 1
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 64)
    pq.write_table(pa.table({"id": ["a", "b"], "lat": [1.0, 2.0], "lon": [3.0, 4.0], "vector": flat}), tmp_path / "plain.parquet")
    assert "name it with --encoder" in one_line(run("import", tmp_path / "plain.parquet", "--into", "g", code=2))
    run("import", tmp_path / "plain.parquet", "--into", "g", "--encoder", "colours")
    assert rows_in("g")["b"][0].lat == 2.0


# stats, list, drop, leaks


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
