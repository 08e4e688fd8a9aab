"""Photos of a gallery as files that lists can name: its own files where they are there, else its thumbnails, kept in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from models.gallery.gallery import Row
from models.gallery.thumbnails import read_thumbnails
from models.model_folder import replaced


class GalleryPictures:
    """Gives paths for rows, as `models.ranker.from_gallery.gallery_lists` asks for them."""

    def __init__(self, gallery: Path, out: Path) -> None:
        """`gallery` is the gallery's folder; thumbnails go to `out`. Raises OSError."""
        self.gallery, self.out = gallery, out
        out.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, str] = {}

    def __call__(self, rows: Sequence[Row]) -> list[str]:
        """Absolute paths; "" for a photo of which there is no picture. Raises OSError."""
        new = {row.id: row for row in rows if row.id not in self._known}
        kept = self.by_id(list(new))
        self._known |= {row_id: kept.get(row_id) or _own_file(row) for row_id, row in new.items()}
        return [self._known[row.id] for row in rows]

    def by_id(self, row_ids: Sequence[str]) -> dict[str, str]:
        """Paths of the thumbnails of those of the rows that have one. Raises OSError."""
        thumbnails, _ = read_thumbnails(self.gallery, row_ids)
        return {row_id: self._kept(row_id, jpeg) for row_id, jpeg in thumbnails.items()}

    def _kept(self, row_id: str, jpeg: bytes) -> str:
        path = self.out / f"{hashlib.sha256(row_id.encode('utf-8', 'replace')).hexdigest()[:24]}.jpg"
        if not path.is_file():
            with replaced(path) as temporary:
                temporary.write_bytes(jpeg)
        return str(path.absolute())


def _own_file(row: Row) -> str:
    """The file that the gallery was built from, where it is still there; addresses are not followed."""
    if not row.picture or "://" in row.picture or "\x00" in row.picture or len(row.picture) > 4000:
        return ""
    path = Path(row.picture)
    return str(path.absolute()) if path.is_file() else ""
