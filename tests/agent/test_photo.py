"""Photos of every kind, whole and broken: opened upright and in RGB, or refused in one line."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin, features

from agent.photo import FoundPhoto, PhotoError, PhotoFile, find_photos, fit, open_photo
from tools.observation import View

WHOLE_PHOTO = View("photo")


def quadrants(width: int = 48, height: int = 32) -> Image.Image:
    """Red, green / blue, white: every turn and flip of it looks different."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("lime", (width // 2, 0, width, height // 2))
    picture.paste("blue", (0, height // 2, width // 2, height))
    picture.paste("white", (width // 2, height // 2, width, height))
    return picture


def saved(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def corners(picture: Image.Image) -> list[str]:
    """The colours of the four corners, row by row, as letters."""
    w, h = picture.size
    names = {(255, 0, 0): "r", (0, 255, 0): "g", (0, 0, 255): "b", (255, 255, 255): "w"}
    spots = [(w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4)]
    pixels = [picture.getpixel(spot) for spot in spots]
    return [names[min(names, key=lambda colour: sum(abs(a - b) for a, b in zip(colour, pixel, strict=True)))] for pixel in pixels]


def exif_bytes(fill: Callable[[Image.Exif], None]) -> bytes:
    exif = Image.Exif()
    fill(exif)
    return exif.tobytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.jpg", {"quality": 95}), ("a.png", {}), ("a.webp", {"lossless": True}), ("a.gif", {}), ("a.tif", {}), ("a.bmp", {}),
     ("a.tiff", {"compression": "tiff_lzw"})],
)  # fmt: skip
def test_formats(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    photo = open_photo(saved(quadrants(), tmp_path / name, **options))
    assert photo.size == (48, 32)
    picture = photo.render(WHOLE_PHOTO)
    assert picture.mode == "RGB"
    assert corners(picture) == list("rgbw")
    assert len(photo.sha256) == 64


def test_heic_and_avif(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    heic = tmp_path / "a.heic"
    pillow_heif.from_pillow(quadrants(128, 96)).save(heic, quality=90)
    photo = open_photo(heic)
    assert (photo.size, corners(photo.render(WHOLE_PHOTO))) == ((128, 96), list("rgbw"))
    if features.check("avif"):
        photo = open_photo(saved(quadrants(128, 96), tmp_path / "a.avif", quality=90))
        assert (photo.size, corners(photo.render(WHOLE_PHOTO))) == ((128, 96), list("rgbw"))


def test_mpo_shows_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mpo"
    quadrants().save(path, format="MPO", save_all=True, append_images=[Image.new("RGB", (48, 32), "black")], quality=95)
    assert corners(open_photo(path).render(WHOLE_PHOTO)) == list("rgbw")


def test_animation_shows_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    quadrants().save(path, save_all=True, append_images=[Image.new("RGB", (48, 32), "black")])
    assert corners(open_photo(path).render(WHOLE_PHOTO)) == list("rgbw")


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    quadrants().save(path, format="PNG")
    assert open_photo(path).format == "PNG"


def test_colour_modes_become_rgb(tmp_path: Path) -> None:
    cases = {
        "cmyk.jpg": (Image.new("CMYK", (8, 8), (0, 0, 0, 0)), (255, 255, 255)),
        "grey.png": (Image.new("L", (8, 8), 100), (100, 100, 100)),
        "bit.png": (Image.new("1", (8, 8), 1), (255, 255, 255)),
        "la.png": (Image.new("LA", (8, 8), (0, 0)), (255, 255, 255)),
        "rgba.png": (Image.new("RGBA", (8, 8), (0, 0, 0, 51)), (204, 204, 204)),
        "deep.png": (Image.fromarray(np.full((8, 8), 32896, dtype=np.uint16)), (128, 128, 128)),
        "float.tif": (Image.fromarray(np.array([[0.0, 1.0], [np.nan, 0.5]], dtype=np.float32)), (0, 0, 0)),
    }
    for name, (picture, expected) in cases.items():
        pixel = open_photo(saved(picture, tmp_path / name)).render(WHOLE_PHOTO).getpixel((0, 0))
        assert pixel == pytest.approx(expected, abs=2), name


def test_cmyk_with_a_profile(tmp_path: Path) -> None:
    for profile in (b"not a profile", b""):
        path = saved(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), tmp_path / "a.jpg", icc_profile=profile)
        assert open_photo(path).render(WHOLE_PHOTO).getpixel((4, 4)) == pytest.approx((0, 0, 0), abs=3)


def test_transparent_palette_lies_on_white(tmp_path: Path) -> None:
    palette = quadrants().quantize(8)
    transparent = palette.getpixel((0, 0))
    path = saved(palette, tmp_path / "a.png", transparency=transparent)
    assert open_photo(path).render(WHOLE_PHOTO).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    exif = exif_bytes(lambda exif: exif.__setitem__(0x0112, orientation))
    path = saved(quadrants(), tmp_path / "a.png", exif=exif)
    upright = {1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb"}[orientation]
    photo = open_photo(path)
    assert photo.size == ((48, 32) if orientation < 5 else (32, 48))
    assert corners(photo.render(WHOLE_PHOTO)) == list(upright)
    for index, box in enumerate([(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]):
        assert corners(photo.render(View("v1", box))) == [upright[index]] * 4


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(tmp_path: Path, value: int) -> None:
    path = saved(quadrants(), tmp_path / "a.jpg", exif=exif_bytes(lambda exif: exif.__setitem__(0x0112, value)))
    assert open_photo(path).size == (48, 32)


@pytest.mark.parametrize(("turn", "expected"), [(0, "rgbw"), (90, "brwg"), (180, "wbgr"), (270, "gwrb")])
def test_views_turn_clockwise(tmp_path: Path, turn: int, expected: str) -> None:
    photo = open_photo(saved(quadrants(), tmp_path / "a.png"))
    assert corners(photo.render(View("v1", rotate_deg=turn))) == list(expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 2)])
def test_extreme_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    photo = open_photo(saved(Image.new("RGB", size, "red"), tmp_path / "a.png"))
    for limit in (None, 1, 7, 1000):
        width, height = photo.render(WHOLE_PHOTO, limit).size
        assert 1 <= width * height <= (limit or size[0] * size[1])
    assert photo.render(View("v1", (0.4, 0.4, 0.4, 0.4))).size == (1, 1)


@given(st.integers(1, 30_000), st.integers(1, 30_000), st.integers(1, 4_000_000))
def test_fit_keeps_the_limit_and_the_proportions(width: int, height: int, limit: int) -> None:
    w, h = fit((width, height), limit)
    assert 1 <= w <= width
    assert 1 <= h <= height
    assert w * h <= max(limit, 1)
    if min(w, h) >= 50:
        assert w / h == pytest.approx(width / height, rel=0.05)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_small_render_shows_what_a_large_one_shows(tmp_path: Path, orientation: int) -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize((1600, 1200), Image.Resampling.BICUBIC)
    exif = exif_bytes(lambda exif: exif.__setitem__(0x0112, orientation))
    photo = open_photo(saved(smooth, tmp_path / "a.jpg", quality=95, exif=exif))
    view = View("v1", (0.1, 0.2, 0.9, 0.7))
    small = photo.render(view, 8_000)
    large = photo.render(view).resize(small.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(small, dtype=float) - np.asarray(large, dtype=float)).mean() < 6.0


def test_contrast_is_stretched(tmp_path: Path) -> None:
    dull = quadrants().point(lambda v: 100 + v // 8)
    photo = open_photo(saved(dull, tmp_path / "a.png"))
    plain = np.asarray(photo.render(WHOLE_PHOTO))
    stretched = np.asarray(photo.render(View("v1", contrast=True)))
    assert int(np.ptp(stretched)) > 3 * int(np.ptp(plain))


def test_rendering_is_thread_safe(tmp_path: Path) -> None:
    photos = [open_photo(saved(quadrants(400 + i, 300), tmp_path / f"{i}.jpg")) for i in range(4)]
    start = threading.Barrier(8)

    def render(number: int) -> list[str]:
        start.wait()
        return corners(photos[number % 4].render(WHOLE_PHOTO, 2_000 if number % 2 else None))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, range(8))) == [list("rgbw")] * 8


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"hello, this is a letter", "is not a picture"), (b"\xff\xd8\xff\xe0garbage", "damaged"),
     (png_of_size(60_000, 60_000), "million"), (png_of_size(13_200, 13_200), "million"), (png_of_size(12_000, 12_000), "damaged"),
     (jpeg()[: len(jpeg()) // 2], "damaged"), (jpeg()[:40], "damaged"), (b"\x89PNG\r\n\x1a\n", "damaged"),
     (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"), (b"\0\0\0\x18ftypheic" + b"\0" * 64, "damaged"),
     (b"II*\0\x08\0\0\0" + b"\xff" * 100, "damaged"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture")],
)  # fmt: skip
def test_broken_files_are_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError) as caught:
        open_photo(path)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_photo_opens_without_a_warning(tmp_path: Path) -> None:
    path = saved(Image.new("1", (10_000, 9_500)), tmp_path / "a.png")
    photo = open_photo(path)
    assert photo.render(WHOLE_PHOTO, 10_000).size == fit((10_000, 9_500), 10_000)
    assert photo.render(View("v1", (0.1, 0.1, 0.11, 0.11))).size == (100, 95)


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing.jpg")
    for name in ("pipe.jpg", "loop.jpg", "dangling.jpg", ".", "missing.jpg", "zero\0byte.jpg", "long" * 200):
        with pytest.raises(PhotoError, match=r"cannot|is "):
            open_photo(tmp_path / name)
    with pytest.raises(PhotoError, match="not a regular file"):
        open_photo("/dev/zero")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = saved(quadrants(), tmp_path / "a.png")
    path.chmod(0)
    with pytest.raises(PhotoError, match="permission denied"):
        open_photo(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_open_or_are_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"]))
    buffer = io.BytesIO()
    quadrants().save(buffer, kind)
    content = bytearray(buffer.getvalue())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)):
        content[place] = value
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with contextlib.suppress(PhotoError):
        assert open_photo(path).render(WHOLE_PHOTO, 100).mode == "RGB"


def with_gps(tmp_path: Path, tags: dict[int, object], **more: object) -> PhotoFile:
    def fill(exif: Image.Exif) -> None:
        exif.get_ifd(0x8825).update(tags)
        exif.get_ifd(0x8769).update(more.get("detail", {}))  # type: ignore[call-overload]
        exif.update(more.get("top", {}))  # type: ignore[call-overload]

    return open_photo(saved(quadrants(), tmp_path / "a.jpg", exif=exif_bytes(fill)))


def test_metadata_is_read(tmp_path: Path) -> None:
    gps = {1: "S", 2: (33.0, 51.0, 24.84), 3: "E", 4: (151.0, 12.0, 54.0), 5: b"\x00", 6: 58.0, 17: 271.5,
           7: (1.0, 2.0, 3.0), 29: "2020:05:06"}  # fmt: skip
    detail = {0x9003: "2020:05:06 11:02:03", 0x9011: "+10:00"}
    metadata = with_gps(tmp_path, gps, detail=detail, top={0x010F: "Canon\0\0", 0x0110: "x" * 500}).metadata
    assert metadata["lat"] == pytest.approx(-33.8569, abs=1e-4)
    assert metadata["lon"] == pytest.approx(151.215, abs=1e-4)
    assert metadata["altitude_m"] == 58.0
    assert metadata["direction_deg"] == 271.5
    assert metadata["gps_time_utc"] == "2020-05-06T01:02:03"
    assert metadata["taken_at"] == "2020-05-06T11:02:03"
    assert metadata["utc_offset"] == "+10:00"
    assert metadata["make"] == "Canon"
    assert len(metadata["model"]) == 200
    assert "doubts" not in metadata


ZERO = TiffImagePlugin.IFDRational(1, 0)


@pytest.mark.parametrize(
    ("gps", "doubt"),
    [({1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}, "not a place"),
     ({1: "N", 2: (5.0, 0.0, 0.0), 3: "E", 4: (190.0, 0.0, 0.0)}, "not a place"),
     ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, "without a fix"),
     ({1: "N", 2: (ZERO, ZERO, ZERO), 3: "E", 4: (10.0, 0.0, 0.0)}, "not a number"),
     ({1: "N", 2: (5.0, 0.0, 0.0)}, "not a number")],
)  # fmt: skip
def test_absurd_positions_are_doubted_and_left_out(tmp_path: Path, gps: dict[int, object], doubt: str) -> None:
    metadata = with_gps(tmp_path, gps).metadata
    assert "lat" not in metadata
    assert any(doubt in sentence for sentence in metadata["doubts"])


def test_a_missing_hemisphere_is_doubted(tmp_path: Path) -> None:
    metadata = with_gps(tmp_path, {2: (5.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)}).metadata
    assert (metadata["lat"], metadata["lon"]) == (5.0, 10.0)
    assert "hemisphere" in metadata["doubts"][0]


def test_xmp_places(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description photoshop:City="Bergen" exif:GPSLatitude="60,23.5N"'
        b' exif:GPSLongitude="5,19.3E">'
        b"<photoshop:Country>Norge</photoshop:Country></rdf:Description></x:xmpmeta>"
    )
    metadata = open_photo(saved(quadrants(), tmp_path / "a.jpg", xmp=packet)).metadata
    assert (metadata["city"], metadata["country"]) == ("Bergen", "Norge")
    assert metadata["lat"] == pytest.approx(60.3917, abs=1e-3)
    assert metadata["lon"] == pytest.approx(5.3217, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_hostile_exif_never_raises(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("exif") / "a.jpg"
    quadrants().save(path, exif=b"Exif\0\0II*\0\x08\0\0\0" + noise)
    assert open_photo(path).render(WHOLE_PHOTO, 10).mode == "RGB"


def test_find_photos(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    quadrants().save(folder / "b" / "2.png")
    quadrants().save(folder / "1.jpg")
    quadrants().save(folder / ".hidden" / "3.jpg")
    quadrants().save(folder / "no_suffix", format="PNG")
    (folder / "labels.csv").write_text("path,lat,lon\n")
    (folder / "b" / "again").symlink_to(folder)
    os.mkfifo(folder / "pipe.jpg")

    def short(items: list[FoundPhoto]) -> list[tuple[str, str]]:
        return [(item.kind, os.path.basename(item.name)) for item in items]

    found = list(find_photos([str(folder)]))
    assert short(found) == [("file", "1.jpg"), ("skipped", "labels.csv"), ("file", "no_suffix"), ("skipped", "pipe.jpg"),
                            ("file", "2.png")]  # fmt: skip
    assert all(item.reason for item in found if item.kind == "skipped")
    assert short(list(find_photos([f"{folder}/*.jpg"]))) == [("file", "1.jpg"), ("skipped", "pipe.jpg")]
    assert short(list(find_photos([f"{folder}/**/*.png"]))) == [("file", "2.png")]
    missing = list(
        find_photos([str(folder / "none.jpg"), f"{folder}/*.tif", "https://example.org/a.jpg", str(folder / "pipe.jpg")])
    )
    assert [item.kind for item in missing] == ["error", "error", "url", "error"]
    assert missing[2].name == "https://example.org/a.jpg"
