"""Pictures of tiles and frames, decoded within limits: the format from the first bytes, the size before anything is decoded."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

MAX_BYTES = 400_000_000
MAX_PIXELS = 100_000_000
MAX_TILE_BYTES = 8_000_000
MAX_TILE_SIDE = 1024
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """RGB [height, width, 3]; transparency becomes black. Raises ValueError with the reason."""
    return decode_with_tags(data, max_pixels)[0]


def decode_with_tags(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[Picture, dict[int, Any]]:
    """The picture and its TIFF tags (empty for other formats). Raises ValueError with the reason."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > max_pixels:
                    raise _TooLarge(
                        f"has {image.width}×{image.height} pixels, more than the {max_pixels:,} that are opened".replace(",", " ")
                    )
                # Converted 8 bits only: 16-bit pictures would be clipped without a word.
                if image.mode not in {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"}:
                    raise _TooLarge(f"has pixels of the kind {image.mode}; 8 bits a channel are read")
                tags = dict(getattr(image, "tag_v2", {}))
                return np.asarray(image.convert("RGB"), dtype=np.uint8), tags
    except _TooLarge as error:
        raise ValueError(str(error)) from None
    except Image.DecompressionBombError:
        raise ValueError(f"has more than the {max_pixels} pixels that are opened") from None
    except MemoryError:
        raise ValueError("needs more memory than there is") from None
    except UnidentifiedImageError:
        raise ValueError("is not a picture that can be read (JPEG, PNG, WebP, TIFF)") from None
    except Exception as error:  # decoders raise almost anything on damaged files
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ValueError(f"is damaged or cut short: {reason}") from error


class _TooLarge(Exception):
    pass


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The file. Raises ValueError where it is larger than `limit`, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path.name}: has more than {limit // 1_000_000} million bytes")
    return data


def read_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """RGB of a file. Raises ValueError that names the file."""
    try:
        return decode(read_bytes(path), max_pixels)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
