"""The original photo: opened safely once, kept as its bytes, rendered in any crop at full resolution."""

from __future__ import annotations

import hashlib
import math
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from PIL import Image, ImageOps

from agent.decode import decode, header
from agent.exif import read_orientation, read_tags
from agent.find_photos import FoundPhoto, find_photos
from tools.boxes import PixelBox, pixel_box
from tools.observation import View

__all__ = ["FoundPhoto", "PhotoError", "PhotoFile", "find_photos", "open_photo"]

MAX_FILE_BYTES = 300_000_000
_CACHE_BYTES = 80_000_000  # two photos of 12 megapixels; the newest is kept whatever its size
_CHECK_SIDE_PX = 1600

_Turn = Image.Transpose
# EXIF orientation -> what turns the stored picture upright
_UPRIGHT = {2: _Turn.FLIP_LEFT_RIGHT, 3: _Turn.ROTATE_180, 4: _Turn.FLIP_TOP_BOTTOM, 5: _Turn.TRANSPOSE,
            6: _Turn.ROTATE_270, 7: _Turn.TRANSVERSE, 8: _Turn.ROTATE_90}  # fmt: skip
_CLOCKWISE = {90: _Turn.ROTATE_270, 180: _Turn.ROTATE_180, 270: _Turn.ROTATE_90}


class PhotoError(Exception):
    """A photo that cannot be used; the message is one line that names the file and the reason."""


class PhotoFile:
    """A photo on disk, held as its compressed bytes, so that the file may change or vanish afterwards.

    Pixels are decoded when they are asked for; a small render of a JPEG decodes a small picture. Rendering is thread-safe.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        """Reads size, orientation and tags. Raises ValueError with the reason where `data` is not a whole picture."""
        self.path = path
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._data = data
        with header(data) as image:
            self.format = str(image.format)
            self._stored_size = image.size
            self._orientation = read_orientation(image)
            self.metadata: Mapping[str, Any] = MappingProxyType(read_tags(image))
        width, height = self._stored_size
        self.size = (height, width) if self._orientation >= 5 else (width, height)
        self._pixels(self._shrink(_CHECK_SIDE_PX / max(self.size)))  # a damaged file is refused here, not in the middle of a case

    def __repr__(self) -> str:
        return f"PhotoFile({str(self.path)!r}, {self.size[0]}×{self.size[1]})"

    def render(self, view: View, max_pixels: int | None = None) -> Image.Image:
        """The view as an RGB picture, at full resolution or scaled down to at most `max_pixels`.

        Raises ValueError for a `max_pixels` below 1 and for a box that is not made of numbers.
        """
        left, top, right, bottom = pixel_box(view.box, self.size)
        size = fit((right - left, bottom - top), max_pixels)
        scale = max(size[0] / (right - left), size[1] / (bottom - top))
        picture = self._pixels(self._shrink(scale))
        box = self._stored_box((left, top, right, bottom))
        ratio_x, ratio_y = picture.width / self._stored_size[0], picture.height / self._stored_size[1]
        scaled = (box[0] * ratio_x, box[1] * ratio_y, min(box[2] * ratio_x, picture.width), min(box[3] * ratio_y, picture.height))
        if self._orientation >= 5:
            size = (size[1], size[0])
        exact = size == (scaled[2] - scaled[0], scaled[3] - scaled[1])
        resample = Image.Resampling.NEAREST if exact else Image.Resampling.LANCZOS
        return self._finish(picture.resize(size, resample, box=scaled, reducing_gap=None if exact else 3.0), view)

    def _finish(self, picture: Image.Image, view: View) -> Image.Image:
        if self._orientation != 1:
            picture = picture.transpose(_UPRIGHT[self._orientation])
        if view.contrast:
            picture = ImageOps.autocontrast(picture, cutoff=1, preserve_tone=True)
        return picture.transpose(_CLOCKWISE[view.rotate_deg]) if view.rotate_deg % 360 else picture

    def _stored_box(self, box: PixelBox) -> PixelBox:
        """A box on the upright photo as a box on the picture as stored."""
        left, top, right, bottom = box if self._orientation < 5 else (box[1], box[0], box[3], box[2])
        width, height = self._stored_size
        if self._orientation in {2, 3, 7, 8}:
            left, right = width - right, width - left
        if self._orientation in {3, 4, 6, 7}:
            top, bottom = height - bottom, height - top
        return left, top, right, bottom

    def _shrink(self, scale: float) -> int:
        """The largest of 1, 2, 4, 8 by which a JPEG may be decoded smaller for a picture at `scale`."""
        if self.format not in {"JPEG", "MPO"} or scale >= 0.5:
            return 1
        return min(8, 1 << int(math.log2(1.0 / scale)))

    def _pixels(self, shrink: int) -> Image.Image:
        try:
            return _decoded.get(self.sha256, shrink, self._data, self._stored_size)
        except ValueError as error:
            raise PhotoError(f"{self.path} {error}") from error


class _Decoded:
    """The newest decoded pictures, the least recently used dropped first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, int], Image.Image] = OrderedDict()

    def get(self, sha256: str, shrink: int, data: bytes, size: tuple[int, int]) -> Image.Image:
        with self._lock:
            for factor in (1, shrink):
                if (sha256, factor) in self._pictures:
                    self._pictures.move_to_end((sha256, factor))
                    return self._pictures[sha256, factor]
            self._make_room(3 * size[0] * size[1] // shrink**2)
            picture = self._pictures[sha256, shrink] = decode(data, shrink)
            return picture

    def _make_room(self, n_bytes: int) -> None:
        while self._pictures and n_bytes + sum(3 * p.width * p.height for p in self._pictures.values()) > _CACHE_BYTES:
            self._pictures.popitem(last=False)


_decoded = _Decoded()


def fit(size: tuple[int, int], max_pixels: int | None) -> tuple[int, int]:
    """`size` (width, height), scaled down in proportion to at most `max_pixels`; no side falls below 1.

    Raises ValueError for a `max_pixels` below 1.
    """
    width, height = size
    if max_pixels is None or width * height <= max_pixels:
        return size
    if max_pixels < 1:
        raise ValueError(f"a picture has at least 1 pixel, not {max_pixels}")
    scale = math.sqrt(max_pixels / (width * height))
    new_width, new_height = max(1, int(width * scale)), max(1, int(height * scale))
    return min(new_width, max_pixels // new_height) or 1, min(new_height, max_pixels // new_width) or 1


def open_photo(path: str | os.PathLike[str]) -> PhotoFile:
    """Open a photo: JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF, whatever its name ends in.

    Raises PhotoError, one line with the file and the reason, for everything that can be wrong with it.
    """
    try:
        return PhotoFile(Path(path), read_file(path))
    except OSError as error:
        raise PhotoError(f"{path} cannot be read: {(error.strerror or type(error).__name__).lower()}") from error
    except ValueError as error:
        raise PhotoError(f"{path} {error}") from error


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The file's bytes. Opened without waiting, so that a pipe without a writer cannot hang.

    Raises OSError, and ValueError with what is wrong: a folder, no regular file, empty, too large.
    """
    if "\0" in os.fspath(path):
        raise ValueError("cannot be a path")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise ValueError("is a folder, not a photo")
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        data = file.read(MAX_FILE_BYTES + 1)
    if not data:
        raise ValueError("is empty")
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"is larger than {MAX_FILE_BYTES // 1_000_000} MB")
    return data
