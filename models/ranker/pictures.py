"""Pictures that a ranker looks at, read from files without trusting them: bounded, small, upright."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from models.geolocator import ModelError

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES = 64_000_000
MOST_PIXELS = 200_000_000
"""Of a picture as it is stored."""
_FORMATS = ("JPEG", "PNG", "WEBP")
_MOST_ASPECT = 50.0


def open_picture(path: Path, max_pixels: int) -> Image.Image:
    """The picture of a file, RGB, upright by its EXIF tag, scaled down to at most `max_pixels`. Raises ModelError, one line."""
    from PIL import Image, ImageOps

    try:
        with _regular(path).open("rb") as file, Image.open(file, formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ModelError(f"{path} has more than {MOST_PIXELS:,} pixels")
            side = 2 * math.isqrt(max_pixels)
            picture.draft("RGB", (side, side))
            return fitted(ImageOps.exif_transpose(picture), max_pixels)
    except ModelError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ModelError(f"{path} cannot be read as a picture ({' '.join(str(error).split())[:120]})") from error


def fitted(picture: Image.Image, max_pixels: int) -> Image.Image:
    """The picture in RGB with at most `max_pixels`, its sides in proportion; one much longer than it is high is cut to its middle."""
    from PIL import Image

    picture = _cut(picture.convert("RGB"))
    scale = math.sqrt(max_pixels / (picture.width * picture.height))
    if scale >= 1.0:
        return picture
    size = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _cut(picture: Image.Image) -> Image.Image:
    """At most 50 times as long as high: what the processors of the models accept."""
    width, height = picture.size
    wide, high = min(width, int(_MOST_ASPECT * height)), min(height, int(_MOST_ASPECT * width))
    left, top = (width - wide) // 2, (height - high) // 2
    return picture.crop((left, top, left + wide, top + high)) if (wide, high) != (width, height) else picture


def _regular(path: Path) -> Path:
    """Raises ModelError for what is no file of a sane size (a device, a pipe, a folder)."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise ModelError(f"{path} is no file of at most {MOST_BYTES // 10**6} MB")
    return path
