"""Small pictures by row id: what was put in is there, whole, also for other readers and after a kill."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.gallery.gallery import GalleryError
from models.gallery.thumbnails import FILE, SIDE_PX, Thumbnails, jpeg_thumbnail, open_thumbnails, read_thumbnails


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("size", "expected"), [((1024, 512), (256, 128)), ((300, 900), (85, 256)), ((40, 30), (40, 30)), ((5000, 1), (256, 1))]
)
def test_a_thumbnail_keeps_the_shape_and_fits(size: tuple[int, int], expected: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(jpeg_thumbnail(noise(*size)))) as small:
        assert small.format == "JPEG"
        assert small.size == expected
        assert max(small.size) <= SIDE_PX


def test_a_thumbnail_carries_no_tags() -> None:
    picture = noise(64, 64)
    exif = Image.Exif()
    exif[0x010F] = "maker"
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif, comment=b"lat 1 lon 2")
    with Image.open(io.BytesIO(jpeg_thumbnail(Image.open(buffer)))) as small:
        assert dict(small.getexif()) == {}
        assert "comment" not in small.info


def test_pictures_with_transparency_or_grey_become_rgb() -> None:
    for mode in ("RGBA", "L", "P", "I;16"):
        with Image.open(io.BytesIO(jpeg_thumbnail(Image.new(mode, (20, 10))))) as small:
            assert small.mode == "RGB"


def test_put_get_replace_delete(tmp_path: Path) -> None:
    store = Thumbnails(tmp_path / FILE)
    store.put_many([("a", b"1"), ("b/ü\n", b"2")])
    store.put_many([("a", b"3")])
    assert store.get("a") == b"3"
    assert store.get_many(["b/ü\n", "x", "a"]) == {"b/ü\n": b"2", "a": b"3"}
    assert store.get("x") is None
    store.delete(["a", "x"])
    assert store.get("a") is None
    assert len(store) == 1
    store.close()
    assert Thumbnails(tmp_path / FILE, read_only=True).get("b/ü\n") == b"2"


def test_a_failed_put_changes_nothing(tmp_path: Path) -> None:
    store = Thumbnails(tmp_path / FILE)
    store.put_many([("a", b"1")])
    with pytest.raises(GalleryError, match="cannot be used"):
        store.put_many([("a", b"2"), ("b", None)])  # type: ignore[list-item]
    assert store.get_many(["a", "b"]) == {"a": b"1"}
    store.close()


def test_many_ids_at_once(tmp_path: Path) -> None:
    store = Thumbnails(tmp_path / FILE)
    store.put_many((str(i), bytes([i % 256])) for i in range(1200))
    found = store.get_many([str(i) for i in range(1300)])
    assert len(found) == 1200
    assert found["1100"] == bytes([1100 % 256])
    store.close()


def test_other_readers_see_what_was_put(tmp_path: Path) -> None:
    writer = Thumbnails(tmp_path / FILE)
    writer.put_many([("a", b"1")])
    readers = [Thumbnails(tmp_path / FILE, read_only=True) for _ in range(3)]
    seen: list[bytes | None] = []

    def read(reader: Thumbnails) -> None:
        seen.extend(reader.get("a") for _ in range(50))

    threads = [threading.Thread(target=read, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for number in range(50):
        writer.put_many([(f"n{number}", b"x")])
    for thread in threads:
        thread.join()
    assert seen == [b"1"] * 150
    assert readers[0].get("n49") == b"x"
    for store in (writer, *readers):
        store.close()


def test_read_only_refuses_to_write_and_makes_no_file(tmp_path: Path) -> None:
    missing = Thumbnails(tmp_path / "none", read_only=True)
    assert missing.get("a") is None
    assert len(missing) == 0
    with pytest.raises(GalleryError, match="not open for writing"):
        missing.put_many([("a", b"1")])
    assert not (tmp_path / "none").exists()
    Thumbnails(tmp_path / FILE).close()
    reader = Thumbnails(tmp_path / FILE, read_only=True)
    with pytest.raises(GalleryError, match="readonly"):
        reader.put_many([("a", b"1")])
    reader.close()


def test_something_else_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE other (x)")
    other.execute("PRAGMA user_version = 7")
    other.commit()
    other.close()
    for name in ("text", "other"):
        with pytest.raises(GalleryError) as caught:
            Thumbnails(tmp_path / name, read_only=True)
        assert "\n" not in str(caught.value)


def test_pictures_in_the_order_asked_for(tmp_path: Path) -> None:
    store = Thumbnails(tmp_path / FILE)
    store.put_many([("a", jpeg_thumbnail(noise(60, 30))), ("broken", b"\xff\xd8 no jpeg"), ("b", jpeg_thumbnail(noise(30, 60)))])
    store.close()
    pictures = open_thumbnails(tmp_path, ["b", "x", "broken", "a", "b"])
    assert [picture.size if picture else None for picture in pictures] == [(30, 60), None, None, (60, 30), (30, 60)]
    (tmp_path / FILE).write_text("damaged" * 100)
    assert open_thumbnails(tmp_path, ["a", "b"]) == [None, None]
    assert open_thumbnails(tmp_path / "none", ["a"]) == [None]


def test_a_kill_loses_nothing_that_was_put(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom models.gallery.thumbnails import Thumbnails\n"
        "store = Thumbnails(Path(sys.argv[1]))\nn = 0\n"
        "while True:\n    store.put_many([(f'{n}/{i}', b'x' * 2000) for i in range(20)])\n    n += 1\n    print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / FILE)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = 0
    for line in process.stdout:
        told = int(line)
        if told >= 5:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    store = Thumbnails(tmp_path / FILE)
    assert len(store) % 20 == 0
    assert len(store) >= 20 * told
    store.close()


def test_pictures_of_a_damaged_file_are_none_and_that_is_told(tmp_path: Path) -> None:
    assert read_thumbnails(tmp_path, ["a"]) == ({}, "")
    store = Thumbnails(tmp_path / FILE)
    store.put_many([("a", b"1")])
    store.close()
    assert read_thumbnails(tmp_path, ["a", "a", "b"]) == ({"a": b"1"}, "")
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    found, problem = read_thumbnails(tmp_path, ["a"])
    assert found == {}
    assert FILE in problem
    assert "\n" not in problem
