"""Bytes that claim to be a picture, turned into RGB pixels without trusting them.

The format is read from the first bytes, never from a name; only the formats below are tried, so that no decoder that runs other
programs (EPS) is ever reached. The size is checked before anything is decoded.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator

from PIL import Image, ImageFile

MAX_PIXELS = 170_000_000
"""Larger pictures are refused. Pillow's own limit lies at 179 million."""
MAX_CONVERTED_PIXELS = 100_000_000
"""The limit for pictures that need a second copy while they become RGB (transparency, CMYK, 16 bits)."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")

# One picture is decoded at a time: it bounds memory, and Python's warning filters belong to the whole process.
_one_at_a_time = threading.RLock()


def looks_like_photo(head: bytes) -> bool:
    """Whether the first bytes (32 are enough) are those of a format that can be opened."""
    if head[4:8] == b"ftyp":
        return _heif_brand(head) or _avif_brand(head)
    return head.startswith(_SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _brands(head: bytes) -> frozenset[bytes]:
    end = min(int.from_bytes(head[:4], "big"), 64)
    return frozenset(head[at : at + 4] for at in (8, *range(16, end, 4)))


def _avif_brand(head: bytes) -> bool:
    return bool(_brands(head) & _AVIF_BRANDS)


def _heif_brand(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and not _avif_brand(head) and bool(_brands(head) & _HEIF_BRANDS)


@contextlib.contextmanager
def header(data: bytes) -> Iterator[ImageFile.ImageFile]:
    """The picture in `data`, sized but not decoded. Raises ValueError with the reason where it cannot be used."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(data) as image:
            _check_size(image)
            yield image


def _open(data: bytes) -> ImageFile.ImageFile:
    if not looks_like_photo(data[:64]):
        raise ValueError("is not a picture that can be read (JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC, AVIF)")
    try:
        if _heif_brand(data[:64]):
            from pillow_heif import HeifImageFile

            heif: ImageFile.ImageFile = HeifImageFile(io.BytesIO(data))
            return heif
        Image.init()
        return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError:
        raise ValueError(f"has more than the {MAX_PIXELS // 1_000_000} million pixels that are opened") from None
    except Exception as error:
        raise ValueError(f"is damaged: {_reason(error)}") from error


def _check_size(image: Image.Image) -> None:
    pixels, limit = image.width * image.height, MAX_PIXELS if image.mode in {"RGB", "L", "1"} else MAX_CONVERTED_PIXELS
    if pixels > limit:
        raise ValueError(f"has {image.width}×{image.height} pixels, more than the {limit // 1_000_000} million that are opened")
    if not pixels:
        raise ValueError("has no pixels")


def decode(data: bytes, shrink: int = 1) -> Image.Image:
    """The first frame as RGB, as stored (EXIF orientation not applied).

    `shrink` (1, 2, 4, 8) asks a JPEG for a smaller picture, which is several times faster. Raises ValueError with the reason.
    """
    with header(data) as image:
        try:
            if shrink > 1:
                image.draft("RGB", (-(-image.width // shrink), -(-image.height // shrink)))
            image.load()
            return _to_rgb(image)
        except MemoryError:
            raise ValueError("needs more memory than there is") from None
        except Exception as error:
            raise ValueError(f"is damaged or cut short: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:120]


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image  # `convert` would copy it
    if image.mode == "CMYK":
        return _from_cmyk(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        picture = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        return white
    return image.convert("RGB")


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        from PIL import ImageCms

        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """16-bit grey by its range, 32-bit and float grey from their least to their greatest value, as 8 bits."""
    import numpy as np

    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    return Image.fromarray(((values - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8))
