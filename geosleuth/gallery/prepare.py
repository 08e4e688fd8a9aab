"""A photo opened once: what a gallery keeps of it and what the encoder is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.photo import PhotoError
from evals.photo_marks import Marks, photo_marks
from geosleuth.gallery.taken import iso_time
from models.encoders.panorama import is_panorama
from models.gallery.thumbnails import jpeg_thumbnail
from tools.observation import View
from tools.picture_vectors import MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

    from agent.photo import PhotoFile
    from geosleuth.gallery.opening import NamedSource
    from geosleuth.gallery.source import SourcePhoto


_LONGEST = 1000


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo of a source, or why it cannot be used."""

    row_id: str
    source: NamedSource
    photo: SourcePhoto
    picture: Image.Image | None = None
    """RGB, upright, as the encoder gets it."""
    panorama: bool = False
    """Whether it is seen through views in four directions."""
    marks: Marks | None = None
    thumbnail: bytes = b""
    time: str = ""
    path: str = ""
    problem: str = ""
    """One sentence; empty where all of the above is there."""


def opened(row_id: str, source: NamedSource, photo: SourcePhoto) -> Opened:
    """Open a photo; a broken one comes back with its problem. The compressed file is let go of."""
    try:
        file = photo.open()
        marks = photo_marks(file)
        picture, panorama = picture_of(file, photo.panorama)
        thumbnail = jpeg_thumbnail(picture)
    except (PhotoError, OSError, ValueError, MemoryError) as error:
        return Opened(row_id, source, photo, problem=" ".join(str(error).split())[:300] or type(error).__name__)
    time = photo.time or iso_time(str(file.metadata.get("taken_at", "")))
    return Opened(row_id, source, photo, picture, panorama, marks, thumbnail, time, _where(file.path))


def picture_of(file: PhotoFile, flagged: bool = False) -> tuple[Image.Image, bool]:
    """What encoders are shown of a photo, scaled down as `tools.picture_vectors` does, so that a photo and its look-up agree; and whether it
    is a panorama (by its shape, or `flagged` as one), which is larger, because its views are parts of it. Raises PhotoError."""
    picture = file.render(View("photo"), MAX_PIXELS)
    if not is_panorama(picture, flagged):
        return picture, False
    return file.render(View("photo"), 4 * MAX_PIXELS), True


def _where(path: Path) -> str:
    """Where the picture is: an absolute path where there is one on disk (a file, or a member of an archive), else as it is called."""
    on_disk = path.exists() or any(parent.is_file() for parent in path.parents)
    return storable_text(str(path.absolute() if on_disk else path))


def storable_text(text: str) -> str:
    """A name as a gallery can keep it: file systems allow bytes that are no text, and names of any length in archives."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")[:_LONGEST]
