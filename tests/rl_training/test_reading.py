"""A reader with a memory: it says what the reader says, and asks it once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rl_training import reading
from rl_training.reading import RememberedReader
from tools.ocr.line import TextLine

LINE = TextLine("Łódź 5", 0.93, ((1.0, 2.0), (30.5, 2.0), (30.5, 9.0), (1.0, 9.0)))


class Slow:
    """A reader that counts how often it is asked."""

    second: Any = ("arabic",)

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, int], tuple[str, ...]]] = []

    def read(self, image: Image.Image, models: Sequence[str] = ()) -> list[TextLine]:
        self.asked.append((image.size, tuple(models)))
        return [LINE] if image.getpixel((0, 0)) != (0, 0, 0) else []


def red(size: tuple[int, int] = (40, 20)) -> Image.Image:
    return Image.new("RGB", size, "red")


def test_a_picture_is_read_once() -> None:
    slow = Slow()
    reader = RememberedReader(slow)
    first, again = reader.read(red()), reader.read(red())
    assert first == again == [LINE]
    assert (slow.asked, reader.hits, reader.misses) == ([((40, 20), ())], 1, 1)
    assert reader.second == ("arabic",)
    again.clear()
    assert reader.read(red()) == [LINE], "who changes what it got changes nobody else's"


def test_what_differs_is_read_by_itself() -> None:
    slow = Slow()
    reader = RememberedReader(slow)
    assert reader.read(Image.new("RGB", (40, 20))) == []
    for image, models in [(red(), ()), (red(), ("thai",)), (red((20, 40)), ()), (Image.new("RGB", (40, 20), "blue"), ())]:
        assert reader.read(image, models) == [LINE]
    assert len(slow.asked) == 5
    assert reader.read(Image.new("RGB", (40, 20))) == [], "that there is nothing to read is remembered, too"
    assert len(slow.asked) == 5


def test_a_folder_outlives_the_process(tmp_path: Path) -> None:
    RememberedReader(Slow(), tmp_path / "read").read(red())
    slow = Slow()
    assert RememberedReader(slow, tmp_path / "read").read(red()) == [LINE]
    assert slow.asked == []
    assert RememberedReader(slow).read(red()) == [LINE]
    assert len(slow.asked) == 1, "without a folder it is forgotten"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[[1]]", b'[["a", 0.5, [[1, 2]]]]', b"\xff", b'[["a", "x", [[1,2],[1,2],[1,2],[1,2]]]]', b"5"]
)
def test_a_broken_file_is_read_anew(content: bytes, tmp_path: Path) -> None:
    RememberedReader(Slow(), tmp_path).read(red())
    (path,) = tmp_path.rglob("*.json")
    path.write_bytes(content)
    slow = Slow()
    assert RememberedReader(slow, tmp_path).read(red()) == [LINE]
    assert len(slow.asked) == 1
    assert RememberedReader(slow, tmp_path).read(red()) == [LINE]
    assert len(slow.asked) == 1, "and put right"


def test_a_disk_that_refuses_costs_only_the_memory(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("a file, no folder")
    reader = RememberedReader(Slow(), tmp_path / "read")
    assert reader.read(red()) == [LINE]
    assert reader.read(red()) == [LINE]
    assert reader.hits == 1


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_IN_MEMORY", 2)
    slow = Slow()
    reader = RememberedReader(slow)
    for width in (10, 11, 12, 11, 10):
        reader.read(red((width, 5)))
    assert [size[0] for size, _ in slow.asked] == [10, 11, 12, 10], "the oldest went first"
