"""A photo that is handed in, checked and kept without its metadata."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from agent.photo import PhotoError, PhotoFile, open_photo
from tools.observation import View

MAX_BYTES = 30_000_000
"""Of a photo that is uploaded."""


def keep_photo(data: bytes, folder: Path, name: str, *, metadata: bool = False) -> PhotoFile:
    """Check that `data` is a photo and keep it as `folder/NAME.…`; what it says of place, time and camera only where `metadata` is asked for.

    Raises PhotoError with one line for everything that is no usable photo, and OSError.
    """
    if len(data) > MAX_BYTES:
        raise PhotoError(f"the photo is larger than {MAX_BYTES // 1_000_000} MB")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f"{name}.part"
    try:
        part.write_bytes(data)
        photo = _opened(part)
        if metadata:
            return _opened(part.replace(folder / f"{name}.original"))
        path = folder / (f"{name}.png" if photo.format == "PNG" else f"{name}.jpg")
        path.write_bytes(_without_metadata(photo.render(View("photo")), photo.format))
        return _opened(path)
    finally:
        part.unlink(missing_ok=True)


def _without_metadata(picture: Image.Image, was: str) -> bytes:
    """The pixels alone, in a format as good as it was."""
    picture.info.clear()
    buffer = io.BytesIO()
    if was == "PNG":
        picture.save(buffer, "PNG")
    else:
        picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _opened(path: Path) -> PhotoFile:
    """As `open_photo`; the message names no path, since the file was given under another name."""
    try:
        return open_photo(path)
    except PhotoError as error:
        raise PhotoError(f"the file {str(error).removeprefix(str(path)).strip()}") from error
