"""Pictures from files: small, upright, and never trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from models.geolocator import ModelError
from models.ranker.pictures import fitted, open_picture


@pytest.mark.parametrize(("size", "most"), [((640, 480), 10_000), ((40, 30), 10_000), ((3000, 2), 2_000), ((1, 4000), 5_000)])
def test_a_picture_is_made_small_enough(size: tuple[int, int], most: int) -> None:
    small = fitted(Image.new("RGB", size), most)
    assert small.width * small.height <= most
    assert max(small.size) <= 51 * min(small.size), "long ones are cut: processors of models refuse them"


def test_a_picture_is_upright_and_rgb(tmp_path: Path) -> None:
    picture = Image.new("L", (60, 20), 200)
    tags = picture.getexif()
    tags[0x0112] = 6
    picture.save(tmp_path / "p.jpg", exif=tags)
    found = open_picture(tmp_path / "p.jpg", 100_000)
    assert (found.size, found.mode) == ((20, 60), "RGB")


def test_what_is_no_picture_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (80, 80)).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:400])
    os.mkfifo(tmp_path / "pipe")
    for path in (*(tmp_path / name for name in ("text.jpg", "cut.jpg", "pipe", "none.jpg")), tmp_path, Path("/dev/zero")):
        with pytest.raises(ModelError) as error:
            open_picture(path, 10_000)
        assert "\n" not in str(error.value)
