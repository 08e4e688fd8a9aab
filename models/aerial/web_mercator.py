"""Web Mercator tiles (EPSG 3857), and true metres on the WGS84 ellipsoid.

Tiles are 256 pixels wide, (0, 0) in the north-west, as on web maps. Pixels are continuous: the centre of the first one is (0.5, 0.5).
The projection is drawn from the sphere of radius 6,378,137 m but fed with latitudes of the ellipsoid, so that a pixel is not quite square
on the ground: 0.67 % narrower from south to north at the equator, square at the poles.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.sphere import wrap_lon

Floats = NDArray[np.float64]

TILE_PIXELS = 256
MAX_ZOOM = 24
MAX_LAT = math.degrees(math.atan(math.sinh(math.pi)))
"""85.0511°: the projection is square there, and ends."""
RADIUS_M = 6_378_137.0
_E2 = 0.00669437999014  # first eccentricity squared of WGS84


def world_pixels(zoom: int) -> int:
    """The width of the whole map in pixels."""
    return TILE_PIXELS << zoom


def to_pixel(lat: ArrayLike, lon: ArrayLike, zoom: int) -> tuple[Floats, Floats]:
    """Pixels (x, y) of points. Longitudes are not wrapped: 180.1° lies past the right border, so that a patch stays in one piece."""
    sin = np.sin(np.radians(np.clip(np.asarray(lat, dtype=np.float64), -MAX_LAT, MAX_LAT)))
    x = (np.asarray(lon, dtype=np.float64) + 180.0) / 360.0 * world_pixels(zoom)
    return x, (0.5 - np.arctanh(sin) / (2.0 * math.pi)) * world_pixels(zoom)


def from_pixel(x: ArrayLike, y: ArrayLike, zoom: int) -> tuple[Floats, Floats]:
    """Latitude and longitude of pixels; the longitude lies in [-180, 180)."""
    up = math.pi * (1.0 - 2.0 * np.asarray(y, dtype=np.float64) / world_pixels(zoom))
    lon = np.asarray(x, dtype=np.float64) / world_pixels(zoom) * 360.0 - 180.0
    return np.degrees(np.arctan(np.sinh(up))), wrap_lon(lon)


def tile_of(lat: float, lon: float, zoom: int) -> tuple[int, int]:
    """The tile (x, y) that a point lies in; longitudes wrap."""
    x, y = to_pixel(lat, wrap_lon(lon), zoom)
    last = (1 << zoom) - 1
    return min(int(x // TILE_PIXELS), last), min(max(int(y // TILE_PIXELS), 0), last)


def metres_per_degree(lat: ArrayLike) -> tuple[Floats, Floats]:
    """Metres in one degree to the east and to the north, on the ellipsoid."""
    phi = np.radians(np.asarray(lat, dtype=np.float64))
    w2 = 1.0 - _E2 * np.sin(phi) ** 2
    east = RADIUS_M / np.sqrt(w2) * np.cos(phi)
    north = RADIUS_M * (1.0 - _E2) / w2**1.5
    return np.asarray(np.radians(east)), np.asarray(np.radians(north))


def metres_per_pixel(lat: ArrayLike, zoom: int) -> tuple[Floats, Floats]:
    """True metres that a pixel is wide (east) and high (north) at a latitude."""
    east, north = metres_per_degree(lat)
    degrees = 360.0 / world_pixels(zoom)
    return np.asarray(east * degrees), np.asarray(north * degrees * np.cos(np.radians(np.asarray(lat, dtype=np.float64))))


def moved(lat: float, lon: float, east_m: ArrayLike, north_m: ArrayLike) -> tuple[Floats, Floats]:
    """Points metres away from (lat, lon), good to 0.1 % within some ten km and 85°. Longitudes are not wrapped."""
    east, north = metres_per_degree(lat)
    return lat + np.asarray(north_m, dtype=np.float64) / north, lon + np.asarray(east_m, dtype=np.float64) / east


def east_north_m(lat: float, lon: float, lats: ArrayLike, lons: ArrayLike) -> tuple[Floats, Floats]:
    """Metres to the east and north of (lat, lon), the inverse of `moved`; the short way around the antimeridian."""
    east, north = metres_per_degree(lat)
    return wrap_lon(np.asarray(lons, dtype=np.float64) - lon) * east, (np.asarray(lats, dtype=np.float64) - lat) * north
