"""Photos and places of a benchmark that a gallery holds: hashes that survive copies, and a search that finds exactly what brute force does."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from agent.photo import PhotoError, PhotoFile
from evals.leakage import (
    NEAR_BITS,
    SAME_BITS,
    Marked,
    Marks,
    MarksCache,
    find_leaks,
    leakage_report,
    mark_files,
    mark_records,
    photo_marks,
    read_gallery,
)
from evals.leakage import hamming as distances
from evals.record import BenchmarkError, Record, Truth
from geo.sphere import haversine_km


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture with structure at every scale, as photos have: noise whose power falls with frequency."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((size[1], size[0], 3)), axes=(0, 1))
    fy, fx = np.fft.fftfreq(size[1])[:, None], np.fft.rfftfreq(size[0])[None, :]
    plane = np.fft.irfft2(spectrum / np.maximum(np.hypot(fx, fy), 1 / 640)[..., None] ** 1.3, s=(size[1], size[0]), axes=(0, 1))
    low, high = np.percentile(plane, [1, 99])
    return Image.fromarray((np.clip((plane - low) / (high - low), 0, 1) * 255).astype(np.uint8))


def photo(image: Image.Image, kind: str = "PNG", **options: int) -> PhotoFile:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return PhotoFile(Path(f"x.{kind}"), buffer.getvalue())


def bits(a: Marks, b: Marks) -> int:
    return (a.phash ^ b.phash).bit_count() + (a.dhash ^ b.dhash).bit_count()


def cut(image: Image.Image, share: float) -> Image.Image:
    dx, dy = round(image.width * share / 2), round(image.height * share / 2)
    return image.crop((dx, dy, image.width - dx, image.height - dy))


COPIES: dict[str, Callable[[Image.Image], PhotoFile]] = {
    "jpeg": lambda image: photo(image, "JPEG", quality=20),
    "webp": lambda image: photo(image, "WEBP", quality=40),
    "half": lambda image: photo(image.resize((320, 240))),
    "larger": lambda image: photo(image.resize((960, 720)), "JPEG", quality=90),
    "thumbnail": lambda image: photo(image.resize((160, 120)), "JPEG", quality=60),
    "grey": lambda image: photo(image.convert("L")),
    "square": lambda image: photo(image.resize((512, 512))),
    "brighter": lambda image: photo(ImageEnhance.Brightness(image).enhance(1.1)),
    "cut": lambda image: photo(cut(image, 0.02)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_the_same_picture(copy: str) -> None:
    for seed in range(2):
        original = scene(seed)
        a, b = photo_marks(photo(original)), photo_marks(COPIES[copy](original))
        assert a.sha256 != b.sha256
        assert bits(a, b) <= SAME_BITS


def test_different_pictures_are_far_apart() -> None:
    marks = [photo_marks(photo(scene(seed, (160, 120)))) for seed in range(24)]
    apart = [bits(a, b) for i, a in enumerate(marks) for b in marks[:i]]
    assert min(apart) > NEAR_BITS
    assert 55 < float(np.median(apart)) < 73


def test_a_turned_photo_is_marked_upright() -> None:
    upright = scene(5)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(buffer, "PNG", exif=exif)
    turned = PhotoFile(Path("x.png"), buffer.getvalue())
    assert bits(photo_marks(turned), photo_marks(photo(upright))) <= 2


def test_hashes_against_their_definitions() -> None:
    """A ramp gets darker or brighter to the right everywhere; a cosine of one frequency stands out alone."""
    ramp = np.tile(np.linspace(0, 255, 256, dtype=np.uint8), (256, 1))
    assert photo_marks(photo(Image.fromarray(ramp))).dhash == 2**64 - 1
    assert photo_marks(photo(Image.fromarray(ramp[:, ::-1].copy()))).dhash == 0
    x = (np.arange(256) + 0.5) / 256
    wave = 128 + 100 * np.cos(np.pi * 3 * x)[None, :] * np.cos(np.pi * 2 * x)[:, None]
    found = photo_marks(photo(Image.fromarray(wave.astype(np.uint8)))).phash
    assert found >> (63 - (2 * 8 + 3)) & 1
    assert found >> 63 & 1


def test_pictures_of_one_colour_are_not_compared() -> None:
    blue, red = photo_marks(photo(Image.new("RGB", (90, 60), "blue"))), photo_marks(photo(Image.new("RGB", (90, 60), "red")))
    assert blue.flat
    assert red.flat
    assert find_leaks([Marked("a", blue)], [Marked("b", red)]) == []
    assert find_leaks([Marked("a", blue)], [Marked("b", blue)])[0].kind == "same file"


# -- the search

hashes = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@settings(max_examples=40, deadline=None)
@given(st.lists(hashes, min_size=1, max_size=5), st.lists(hashes, min_size=1, max_size=40), st.integers(0, 128))
def test_search_is_brute_force(of_queries: list[tuple[int, int]], of_gallery: list[tuple[int, int]], most_bits: int) -> None:
    queries = [Marked(f"q{i}", Marks(f"q{i}", *h, False)) for i, h in enumerate(of_queries)]
    gallery = [Marked(f"g{i}", Marks(f"g{i}", *h, False)) for i, h in enumerate(of_gallery)]
    found = find_leaks(queries, gallery, max_bits=most_bits, most=1000)
    expected = {
        (q.id, g.id, bits(q.marks, g.marks))
        for q in queries
        for g in gallery
        if q.marks and g.marks and bits(q.marks, g.marks) <= most_bits
    }
    assert {(leak.query_id, leak.gallery_id, leak.bits) for leak in found} == expected
    assert len(found) == len(expected)
    table = distances(np.array(of_queries, dtype=np.uint64), np.array(of_gallery, dtype=np.uint64))
    assert table.shape == (len(queries), len(gallery))


def near(marks: Marks, n: int, name: str) -> Marks:
    return Marks(name, marks.phash ^ ((1 << n) - 1), marks.dhash, False)


def test_kinds_distances_and_report() -> None:
    base = photo_marks(photo(scene(1)))
    query = [Marked("q", base, 38.7, -9.1), Marked("r", None, 0.0, 179.99), Marked("s", near(base, 60, "s"), None, None)]
    gallery = [Marked("far", near(base, 20, "3"), 48.0, 2.0), Marked("like", near(base, 4, "2"), 38.7, -9.1), Marked("file", base),
               Marked("antimeridian", None, 0.0, -179.99), Marked("nowhere")]  # fmt: skip
    leaks = find_leaks(query, gallery)
    assert [(leak.query_id, leak.gallery_id, leak.kind, leak.bits) for leak in leaks] == [
        ("q", "file", "same file", None), ("q", "like", "same picture", 4), ("q", "far", "near picture", 20), ("q", "like", "same place", None),
        ("r", "antimeridian", "same place", None)]  # fmt: skip
    assert leaks[1].distance_km == 0.0
    assert leaks[2].distance_km == pytest.approx(1385, abs=20)
    assert leaks[0].distance_km is None
    assert leaks[4].distance_km == pytest.approx(2.224, abs=0.01)
    report = leakage_report(leaks, 3, 5)
    assert {key: report[key] for key in ("queries", "gallery", "same file", "same picture", "near picture", "leaked", "within_1km", "within_25km")} == {
        "queries": 3, "gallery": 5, "same file": 1, "same picture": 1, "near picture": 1, "leaked": 1, "within_1km": 1, "within_25km": 2}  # fmt: skip
    assert report["leaked_share"] == pytest.approx(1 / 3)
    assert leakage_report([], 0, 0)["leaked_share"] is None
    assert leaks[1].to_json()["kind"] == "same picture"


def test_only_the_likest_of_many_are_told() -> None:
    base = photo_marks(photo(scene(1)))
    gallery = [Marked(str(i), near(base, 12 - i, str(i))) for i in range(12)]
    assert [leak.bits for leak in find_leaks([Marked("q", base)], gallery, most=3)] == [1, 2, 3]


def test_nearest_of_a_large_gallery_is_the_nearest() -> None:
    rng = np.random.default_rng(3)
    gallery = [
        Marked(str(i), None, float(a), float(b))
        for i, (a, b) in enumerate(zip(rng.uniform(-90, 90, 3000), rng.uniform(-180, 180, 3000), strict=True))
    ]
    queries = [
        Marked(f"q{i}", None, float(a), float(b))
        for i, (a, b) in enumerate(zip(rng.uniform(-90, 90, 70), rng.uniform(-180, 180, 70), strict=True))
    ]
    found = {leak.query_id: leak.distance_km for leak in find_leaks(queries, gallery, within_km=30_000.0)}
    lat, lon = np.array([g.lat for g in gallery]), np.array([g.lon for g in gallery])
    for query in queries:
        assert found[query.id] == pytest.approx(float(haversine_km(query.lat or 0.0, query.lon or 0.0, lat, lon).min()), abs=1e-3)


# -- galleries and the cache


def folder_of(tmp_path: Path, labels: str | None = None) -> Path:
    folder = tmp_path / "gallery"
    (folder / "images").mkdir(parents=True)
    for seed in range(3):
        scene(seed, (120, 90)).save(folder / "images" / f"{seed}.png")
    (folder / "images" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    if labels is not None:
        (folder / "labels.csv").write_text(labels)
    return folder


def test_a_folder_with_labels(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "path,lat,lon\nimages/0.png,38.7,-9.1\nimages/2.png,,\n")
    gallery = {item.id: item for item in read_gallery(folder)}
    assert sorted(gallery) == ["images/0.png", "images/1.png", "images/2.png", "images/broken.jpg"]
    assert (gallery["images/0.png"].lat, gallery["images/1.png"].lat) == (38.7, None)
    assert gallery["images/broken.jpg"].marks is None
    assert "broken.jpg" in (gallery["images/broken.jpg"].error or "")
    assert "\n" not in (gallery["images/broken.jpg"].error or "")


def test_a_folder_without_labels_and_a_table_without_pictures(tmp_path: Path) -> None:
    assert sum(item.marks is not None for item in read_gallery(folder_of(tmp_path))) == 3
    table = tmp_path / "points.csv"
    table.write_text("id,lat,lon\na,38.7,-9.1\nb,1,2\n")
    assert read_gallery(table) == [Marked("a", None, 38.7, -9.1), Marked("b", None, 1.0, 2.0)]
    with pytest.raises(BenchmarkError, match="cannot be found"):
        read_gallery(tmp_path / "none")
    table.write_text("id,lat,lon\na,98.7,-9.1\n")
    with pytest.raises(BenchmarkError, match="line 2"):
        read_gallery(table)


def test_hashed_once_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, kept = folder_of(tmp_path), tmp_path / "kept" / "marks.jsonl"
    first = read_gallery(folder, MarksCache(kept))
    with kept.open("ab") as file:
        file.write(b'{"key": "torn')
    changed = folder / "images" / "1.png"
    scene(9, (120, 90)).save(changed)
    os.utime(changed, ns=(1, 1))
    opened: list[str] = []
    real = PhotoFile.render

    def counted(self: PhotoFile, *arguments: object) -> Image.Image:
        opened.append(self.path.name)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PhotoFile, "render", counted)
    again = read_gallery(folder, MarksCache(kept))
    assert opened == ["1.png"]
    assert [item.marks for item in again if item.id != "images/1.png"] == [
        item.marks for item in first if item.id != "images/1.png"
    ]
    opened.clear()
    assert [item.marks for item in read_gallery(folder, MarksCache(kept))] == [item.marks for item in again]
    assert opened == []


def test_records_of_a_benchmark(tmp_path: Path) -> None:
    def gone() -> PhotoFile:
        raise PhotoError("b.jpg is not there")

    records = [Record("a", Truth(1.0, 2.0), lambda: photo(scene(0, (60, 40)))), Record("b", Truth(), gone)]
    done: list[tuple[int, int]] = []
    cache = MarksCache(tmp_path / "marks.jsonl")
    a, b = mark_records(records, cache, lambda at, of: done.append((at, of)))
    assert a.marks == photo_marks(records[0].open())
    assert (b.marks, b.error) == (None, "b.jpg is not there")
    assert done == [(1, 2), (2, 2)]
    assert MarksCache(tmp_path / "marks.jsonl").get(a.marks.sha256) == a.marks


def test_files_that_are_not_there(tmp_path: Path) -> None:
    only = mark_files([("x", tmp_path / "x.jpg", 1.0, 2.0)])[0]
    assert (only.marks, only.lat) == (None, 1.0)
    assert "x.jpg" in (only.error or "")


@given(st.binary(max_size=300))
@settings(max_examples=30, deadline=None)
def test_any_cache_file_can_be_read(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marks.jsonl"
        path.write_bytes(content + b'\n[1]\n{"key": 1, "sha256": 2, "phash": 3}\n' + b"[" * 5000)
        assert len(MarksCache(path)) == 0
