"""Folders of one's own photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from evals.benchmarks import make_benchmark, missing, notes
from evals.record import BenchmarkError
from tests.evals.benchmarks.pictures import jpeg


def with_gps(lat: float, lon: float) -> bytes:
    exif = Image.Exif()
    exif[0x8825] = {1: "N" if lat >= 0 else "S", 2: (abs(lat), 0, 0), 3: "E" if lon >= 0 else "W", 4: (abs(lon), 0, 0)}
    return jpeg(exif=exif)


def test_labels_with_columns_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for shade, name in enumerate("abcd"):
        (tmp_path / "photos" / f"{name}.jpg").write_bytes(jpeg(shade))
    (tmp_path / "labels.csv").write_text(
        "path,lat,lon,country,city,kind,licence,source,difficulty,camera\n"
        "photos/a.jpg,48.85,2.35,FR,Paris,photo,CC0,me,easy,x\n"
        "photos/b.jpg,,,Japan,Tokyo,panorama,,,hard,y\n"
        "photos/c.jpg,,,,,photo,,,hard,x\n"
        "photos/gone.jpg,1.3,103.8,,,street-level,,,easy,y\n"
    )
    benchmark = make_benchmark(f"folder:{tmp_path}")
    first, second, third = benchmark.records()
    assert (first.id, first.licence, first.attribution) == ("photos/a.jpg", "CC0", "me")
    assert first.columns == {"labelled kind": "photo", "difficulty": "easy", "camera": "x"}
    assert (second.kind, second.truth.country, second.truth.derived) == ("panorama", "JP", ("point", "region"))
    assert (third.kind, third.columns["labelled kind"]) == ("photo", "street-level")
    assert notes(benchmark) == [
        "1 rows without coordinates and names were left out: photos/c.jpg",
        "1 photos have no label: photos/d.jpg",
    ]
    assert missing(benchmark) == ["photos/gone.jpg"]
    assert [record.id for record in make_benchmark(f"folder:{tmp_path / 'labels.csv'}").records()] == [
        record.id for record in benchmark.records()
    ]


def test_places_from_tags_and_comments(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tagged.jpg").write_bytes(with_gps(48.85, 2.35))
    (tmp_path / "comment.jpg").write_bytes(jpeg(comment=b"photo: 12\nlatitude: -33.865\nlongitude: 151.209\n"))
    (tmp_path / "nothing.jpg").write_bytes(jpeg())
    (tmp_path / "wrong.jpg").write_bytes(jpeg(comment=b"lat 99 lon 999"))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    for spec in (f"folder:{tmp_path}", f"im2gps:{tmp_path}"):
        benchmark = make_benchmark(spec)
        assert {record.id: record.truth.country for record in benchmark.records()} == {
            "sub/tagged.jpg": "FR",
            "comment.jpg": "AU",
        }
        assert notes(benchmark) == ["3 photos have no place in their tags: broken.jpg, nothing.jpg, wrong.jpg"]
    assert benchmark.records()[0].open().size == (16, 12)


def test_folders_without_places(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    with pytest.raises(BenchmarkError, match=r"none of its 1 photos has GPS tags"):
        make_benchmark(f"folder:{tmp_path}").records()
    (tmp_path / "b.jpg").write_bytes(with_gps(99, 2))
    with pytest.raises(
        BenchmarkError, match=r"none of its 2 photos has GPS tags that can be used: b.jpg: .* no place on the Earth: 99"
    ):
        make_benchmark(f"folder:{tmp_path}").records()
    with pytest.raises(BenchmarkError, match="is not there"):
        make_benchmark(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(BenchmarkError, match="say which folder"):
        make_benchmark("folder")
