"""Ground from a path: a folder of tiles, an MBTiles or PMTiles file, a GeoTIFF, or one picture with a world file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from models.aerial.geo_image import ImageGround, has_world_file, open_image
from models.aerial.pmtiles import PmTiles
from models.aerial.raster import RasterGround
from models.aerial.tiles import MbTiles, TileGround, XyzFolder


def open_ground(path: Path) -> TileGround | ImageGround | RasterGround:
    """The ground at `path`, told by its first bytes. GeoTIFFs go through rasterio where that is installed; without it simple ones are read.

    Raises ValueError with one line where it cannot be read.
    """
    if path.is_dir():
        return TileGround(XyzFolder(path))
    if not path.is_file():
        raise ValueError(f"{path}: is not there")
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3\0") or path.suffix.lower() == ".mbtiles":
        return TileGround(MbTiles(path))
    if start.startswith(b"PMTiles") or path.suffix.lower() == ".pmtiles":
        return TileGround(PmTiles(path))
    if not start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")) or has_world_file(path):
        return open_image(path)
    installed = importlib.util.find_spec("rasterio") is not None
    try:
        return RasterGround(path) if installed else open_image(path)
    except ValueError as error:
        if installed:
            return _simple(path, error)
        raise ValueError(f'{error}; more kinds of GeoTIFF are read with pip install "geosleuth[raster]"') from None


def _simple(path: Path, refused: ValueError) -> ImageGround:
    """Tags that GDAL makes nothing of (a system without its kind) may still be the plain ones."""
    try:
        return open_image(path)
    except ValueError:
        raise refused from None
