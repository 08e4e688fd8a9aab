"""Pictures that tools show beside the photo: contact sheets of gallery photos, kept by the hash of their content, so that a run that is
resumed or reported later still finds them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from models.model_folder import replaced

_PREFIX = "sheet:"
_HANDLE = re.compile(r"sheet:[0-9a-f]{64}")
_CELL_PX = (224, 168)
_COLUMNS = 4
_MOST_BYTES = 4_000_000


def sheets_folder() -> Path:
    """Where sheets are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("geosleuth")) / "sheets"


def contact_sheet(pictures: Sequence[Image.Image | None]) -> Image.Image:
    """Pictures in a grid, numbered from 1 in reading order; an empty cell for one that is missing."""
    width, height = _CELL_PX
    columns = min(_COLUMNS, max(1, len(pictures)))
    rows = -(-max(1, len(pictures)) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=20)
    for index, picture in enumerate(pictures):
        left, top = index % columns * width, index // columns * height
        if picture is not None:
            small = picture.convert("RGB")
            small.thumbnail((width - 4, height - 4), Image.Resampling.LANCZOS)
            sheet.paste(small, (left + (width - small.width) // 2, top + (height - small.height) // 2))
        draw.rectangle((left + 2, top + 2, left + 34, top + 28), fill=(0, 0, 0))
        draw.text((left + 8, top + 3), str(index + 1), fill=(255, 255, 255), font=font)
    return sheet


def keep_sheet(sheet: Image.Image) -> str | None:
    """Keep a picture and give its handle (`sheet:` and a hash); None where the disk refuses."""
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=85)
    data = buffer.getvalue()
    name = hashlib.sha256(data).hexdigest()
    path = sheets_folder() / f"{name}.jpg"
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced(path) as temporary:
                temporary.write_bytes(data)
        except OSError:
            return None
    return _PREFIX + name


def open_sheet(handle: str) -> Image.Image | None:
    """The picture of a handle; None where it is gone, or the handle is none."""
    if not _HANDLE.fullmatch(handle):
        return None
    with contextlib.suppress(OSError, ValueError, Image.DecompressionBombError):
        path = sheets_folder() / f"{handle.removeprefix(_PREFIX)}.jpg"
        if path.stat().st_size <= _MOST_BYTES:
            with Image.open(path, formats=["JPEG"]) as picture:
                return picture.convert("RGB")
    return None
