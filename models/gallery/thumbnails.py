"""Small pictures of a gallery's photos, kept in one SQLite file by the id of their row."""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from models.gallery.gallery import GalleryError

if TYPE_CHECKING:
    from PIL import Image

FILE = "thumbnails.sqlite"
"""Its name in a gallery's folder."""
SIDE_PX = 256
"""The longer side of a thumbnail, at most."""
MAX_BYTES = 1_000_000
"""A larger blob is no thumbnail of ours and is not given out."""
_MOST_SIDE_PX = 1024
_VERSION = 1
_WAIT_S = 30.0
_AT_ONCE = 500


def jpeg_thumbnail(picture: Image.Image, side_px: int = SIDE_PX) -> bytes:
    """A picture as a JPEG file of at most `side_px` on its longer side, without any of its tags."""
    from PIL import Image

    small = picture.convert("RGB")
    if max(small.size) > side_px:
        scale = side_px / max(small.size)
        size = tuple(max(1, round(side * scale)) for side in small.size)
        small = small.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)
    small.info.clear()
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()


class Thumbnails:
    """JPEG files by row id. What `put_many` wrote is there, all of it, after a kill; other processes may read meanwhile. Thread-safe."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Opens the file; makes it unless `read_only`, when one that is missing is empty. Raises GalleryError where it is something else."""
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        if read_only and not path.is_file():
            return
        try:
            self._open(read_only)
        except BaseException:
            self.close()
            raise

    def _open(self, read_only: bool) -> None:
        path = self.path
        with self._told():
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, check_same_thread=False)
            if not read_only:
                with self._connection as connection:
                    connection.execute("CREATE TABLE IF NOT EXISTS thumbnail (id TEXT PRIMARY KEY, jpeg BLOB NOT NULL)")
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
            if self._connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                raise GalleryError(f"{path} is not a file of thumbnails that this version reads")

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Keep pictures by row id, all or none; a known id is replaced. Raises GalleryError."""
        with self._told(), self._lock, self._writable() as connection:
            connection.executemany("INSERT OR REPLACE INTO thumbnail VALUES (?, ?)", items)

    def get(self, row_id: str) -> bytes | None:
        """The picture of a row; None where there is none. Raises GalleryError."""
        return self.get_many([row_id]).get(row_id)

    def get_many(self, row_ids: Sequence[str]) -> dict[str, bytes]:
        """The pictures of those of the rows that have one. Raises GalleryError."""
        found: dict[str, bytes] = {}
        if self._connection is None:
            return found
        with self._told(), self._lock:
            for start in range(0, len(row_ids), _AT_ONCE):
                some = row_ids[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT id, jpeg FROM thumbnail WHERE id IN ({marks}) AND length(jpeg) <= {MAX_BYTES}"  # noqa: S608
                found.update((row_id, jpeg) for row_id, jpeg in self._connection.execute(query, some) if isinstance(jpeg, bytes))
        return found

    def delete(self, row_ids: Iterable[str]) -> None:
        """Forget the pictures of these rows. Raises GalleryError."""
        with self._told(), self._lock, self._writable() as connection:
            connection.executemany("DELETE FROM thumbnail WHERE id = ?", ((row_id,) for row_id in row_ids))

    def __len__(self) -> int:
        if self._connection is None:
            return 0
        with self._told(), self._lock:
            return int(self._connection.execute("SELECT count(*) FROM thumbnail").fetchone()[0])

    def close(self) -> None:
        """Let go of the file; the object is empty afterwards."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _writable(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            raise GalleryError(f"{self.path} is not open for writing")
        with self._connection:
            yield self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise GalleryError(f"{self.path} cannot be used ({' '.join(str(error).split())[:120]})") from error


def read_thumbnails(folder: Path, row_ids: Sequence[str]) -> tuple[dict[str, bytes], str]:
    """JPEG files of rows of the gallery in `folder`, by id, and in one line why there are none where their file is damaged: a gallery is
    searched without its pictures then."""
    try:
        thumbnails = Thumbnails(folder / FILE, read_only=True)
        try:
            return thumbnails.get_many(list(dict.fromkeys(row_ids))), ""
        finally:
            thumbnails.close()
    except GalleryError as error:
        return {}, str(error)


def open_thumbnails(folder: Path, row_ids: Sequence[str]) -> list[Image.Image | None]:
    """Pictures of rows of the gallery in `folder`, in the order of `row_ids`; None for one that is missing or cannot be read."""
    found, _ = read_thumbnails(folder, row_ids)
    return [_decoded(found.get(row_id)) for row_id in row_ids]


def _decoded(jpeg: bytes | None) -> Image.Image | None:
    from PIL import Image

    if jpeg is None:
        return None
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            return picture.convert("RGB") if max(picture.size) <= _MOST_SIDE_PX else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
