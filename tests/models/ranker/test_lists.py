"""Lists on disk, from a gallery, and from published rows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.gallery.flat import FlatGallery
from models.gallery.gallery import GalleryError, Row
from models.geolocator import ModelError
from models.ranker.from_gallery import GalleryListSettings, gallery_lists
from models.ranker.georanking import read_georanking
from models.ranker.lists import read_lists, write_lists
from tests.models.ranker.world import data


def test_lists_come_back_as_they_were(tmp_path: Path) -> None:
    made = data(5)
    assert write_lists(tmp_path / "lists.jsonl", made.lists) == 5
    back = read_lists(tmp_path / "lists.jsonl")
    for one, two in zip(made.lists, back.lists, strict=True):
        assert (one.features == two.features).all()
        assert (one.distance_km == two.distance_km).all()
    assert back.source == "5 lists of lists.jsonl"


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", '{"version":2}', '{"version":1,"id":"a","truth":[91,0],"candidates":[]}', "[" * 3000,
     '{"version":1,"id":"a","truth":[1],"candidates":[]}', '{"version":1,"id":"a","truth":[NaN,1],"candidates":[]}',
     '{"version":1,"id":"a","truth":[1,1],"candidates":5}', "\x00\xff"],
)  # fmt: skip
def test_damaged_lines_are_counted(line: str, tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    write_lists(path, data(2).lists)
    path.write_text(line + "\n" + path.read_text() + '{"version":1,"id":"b","truth":[1,1],"candidates":[]}\n')
    found = read_lists(path)
    assert (len(found), found.damaged, found.left_out) == (2, 1, 1)


def test_files_without_lists_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path in (tmp_path / "empty", tmp_path / "none", tmp_path):
        with pytest.raises(ModelError):
            read_lists(path)


def test_lists_of_one_place_stay_on_one_side() -> None:
    made = data(40)
    twice = type(made)([*made.lists, *made.lists], "twice")
    learn, held = twice.split(0.3, 0)
    assert held
    assert not {one.id for one in learn} & {one.id for one in held}


def gallery(folder: Path, n: int = 30) -> FlatGallery:
    rng = np.random.default_rng(0)
    store = FlatGallery(folder / "store", dim=16, encoder_digest="e" * 16, create=True)
    vectors = rng.normal(size=(n, 16)).astype(np.float32)
    vectors[1] = vectors[0]
    lat, lon = rng.uniform(-60, 60, n), rng.uniform(-179, 179, n)
    rows = [Row(str(i), float(lat[i]), float(lon[i]), sha256="ab" * 32 if i < 2 else "") for i in range(n)]
    store.add(rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return store


def test_a_photo_of_a_gallery_is_ranked_without_itself_and_its_copy(tmp_path: Path) -> None:
    store = gallery(tmp_path)
    made = gallery_lists(store, "g", GalleryListSettings(photos=100, k=6))
    assert [len(one) for one in made.lists] == [6] * 30
    assert made.source == "gallery g (30 lists of up to 6 photos)"
    for one in made.lists:
        assert one.distance_km.min() > 0, "its own place is not among the candidates"
        assert one.id not in "01" or (one.candidates[0].part("similarity") or 0.0) < 0.99, "nor is the copy of its file"
        assert [c.part("retrieval") for c in one.candidates] == pytest.approx([-math.log(i + 1) for i in range(6)])
        similarity = [c.part("similarity") for c in one.candidates]
        assert similarity == sorted(similarity, reverse=True)
        assert math.fsum(c.probability for c in one.candidates) >= 1.0 - 1e-9
    some = gallery_lists(store, "g", GalleryListSettings(photos=7, k=6, seed=1))
    assert [one.id for one in some.lists] == [one.id for one in gallery_lists(store, "g", GalleryListSettings(7, 6, 1)).lists]
    assert len(some) == 7


def test_a_gallery_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="too few"):
        gallery_lists(FlatGallery(tmp_path / "empty", dim=16, create=True), "g")


def georanking(path: Path, rows: list[dict[str, Any]]) -> Path:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_published_rows(tmp_path: Path) -> None:
    good = {"img_id": "a.jpg", "gps": [48.2, 16.4], "ref_gps": [[48.2, 16.4], [48.3, 16.4], [91.0, 0.0], [10.0, 10.0]],
            "ref_img_id": ["a.jpg", "b", "c", "d"], "ref_texts": ["x"] * 4}  # fmt: skip
    bad = [{**good, "gps": [99.0, 0.0]}, {**good, "gps": None}, {**good, "ref_img_id": ["a.jpg"]}]
    alone = {**good, "ref_gps": [[48.2, 16.4]], "ref_img_id": ["a.jpg"]}
    found = read_georanking(georanking(tmp_path / "g.parquet", [good, *bad, alone]))
    assert (len(found), found.damaged, found.left_out) == (1, 3, 1)
    one = found.lists[0]
    assert [(c.lat, c.part("retrieval")) for c in one.candidates] == [(48.3, 0.0), (10.0, pytest.approx(-math.log(2)))]
    assert len(read_georanking(tmp_path / "g.parquet", most=1)) == 1


def test_published_rows_with_their_photos(tmp_path: Path) -> None:
    row = {"img_id": "0/a.jpg", "gps": [48.2, 16.4], "ref_gps": [[48.2, 16.4], [99.0, 0.0], [48.3, 16.4], [10.0, 10.0], [1.0, 1.0]],
           "ref_img_id": ["0/a.jpg", "x", "0/b.jpg", "../../etc/passwd", "/etc/passwd"], "ref_texts": ["own", "bad", "Vienna", None, "y" * 900]}  # fmt: skip
    (one,) = read_georanking(georanking(tmp_path / "g.parquet", [row]), photos=tmp_path / "mp16").lists
    assert one.sights.photo == str(tmp_path / "mp16" / "0/a.jpg")
    assert one.sights.photos == (str(tmp_path / "mp16" / "0/b.jpg"), "", ""), "names that lead out of the folder have no photo"
    assert one.sights.places == ("Vienna", "", "y" * 200)
    assert len(one) == 3
    plain = read_georanking(tmp_path / "g.parquet").lists[0]
    assert "seen" not in plain.to_json()


@pytest.mark.parametrize("text", ["[48.2, 16.4]", "(48.2, 16.4)", "48.2, 16.4"])
def test_places_written_out(text: str, tmp_path: Path) -> None:
    row = {
        "img_id": 1,
        "gps": text,
        "ref_gps": [text, "48.2; 16.4", "__import__('os')"],
        "ref_img_id": [2, 3, 4],
        "ref_texts": [""] * 3,
    }
    (one,) = read_georanking(georanking(tmp_path / "g.parquet", [row])).lists
    assert [(c.lat, c.lon) for c in one.candidates] == [(48.2, 16.4)]


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text(json.dumps({"a": 1}))
    paths = [tmp_path / "text.parquet", tmp_path / "none", georanking(tmp_path / "o.parquet", [{"a": 1}])]
    paths.append(georanking(tmp_path / "e.parquet", [{"img_id": "a", "gps": [1.0, 1.0], "ref_gps": [], "ref_img_id": []}]))
    for path in paths:
        with pytest.raises(ModelError) as error:
            read_georanking(path)
        assert "\n" not in str(error.value)
