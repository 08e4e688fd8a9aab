"""Ground from a path: a folder of tiles, an MBTiles file, or one georeferenced picture."""

from __future__ import annotations

from pathlib import Path

from models.aerial.geo_image import ImageGround, open_image
from models.aerial.tiles import MbTiles, TileGround, XyzFolder


def open_ground(path: Path) -> TileGround | ImageGround:
    """The ground at `path`. Raises ValueError with one line where it cannot be read."""
    if path.is_dir():
        return TileGround(XyzFolder(path))
    if not path.is_file():
        raise ValueError(f"{path}: is not there")
    with path.open("rb") as file:
        sqlite = file.read(16).startswith(b"SQLite format 3\0")
    if sqlite or path.suffix.lower() == ".mbtiles":
        return TileGround(MbTiles(path))
    return open_image(path)
