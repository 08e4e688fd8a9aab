"""Searching, the page, export and import."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from geosleuth.gallery import gallery
from geosleuth.gallery.encoders import Encoders
from geosleuth.gallery.find import where_of
from geosleuth.gallery.opening import alone, open_to_write
from models.gallery.catalogue import gallery_folder, read_card
from models.gallery.gallery import Circle, GalleryError
from tests.geosleuth.gallery_cases import Colours, Run, hits, jpeg, one_line, photo_folder, rows_in, scene


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
