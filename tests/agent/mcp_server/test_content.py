"""Pictures are bounded, and carry pixels alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.mcp_server.content import MOST_BYTES, VIEW_PIXELS, view_jpeg
from agent.photo import open_photo
from tools.observation import View


def test_pixels_and_bytes_are_bounded(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    jpeg = view_jpeg(open_photo(tmp_path / "noise.png"), View("photo"))
    assert jpeg is not None
    assert len(jpeg) <= MOST_BYTES
    with Image.open(io.BytesIO(jpeg)) as shown:
        assert (shown.format, shown.mode) == ("JPEG", "RGB")
        assert shown.width * shown.height <= VIEW_PIXELS


@pytest.mark.parametrize("orientation", [1, 6])
def test_nothing_but_pixels_is_sent(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "Taken in Lisbon"
    Image.new("RGB", (60, 40), (9, 90, 9)).save(tmp_path / "a.jpg", exif=exif, comment=b"Lisbon")
    jpeg = view_jpeg(open_photo(tmp_path / "a.jpg"), View("photo"))
    assert jpeg is not None
    assert b"Lisbon" not in jpeg
    with Image.open(io.BytesIO(jpeg)) as shown:
        assert not shown.getexif()
        assert shown.size == ((60, 40) if orientation == 1 else (40, 60))


def test_a_sheet_that_is_gone_is_none(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    assert view_jpeg(open_photo(tmp_path / "a.png"), View("v1", sheet="sheet:" + "0" * 64)) is None
