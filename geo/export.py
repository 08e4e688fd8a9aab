"""The belief for other programs: GeoJSON (RFC 7946) and multi-order HEALPix FITS (the layout of gravitational-wave sky maps)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from geo.belief import Belief
from geo.cells import Cells, Ints, merged, outlines, side_km
from geo.sphere import Floats

SHARES = (0.5, 0.9)
_STERADIAN_OF_SPHERE = 4.0 * np.pi


def to_geojson(
    belief: Belief, candidates: Sequence[Mapping[str, Any]] = (), answer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A FeatureCollection: the 50 % and 90 % credible regions, the ranked candidates and the answer.

    `candidates` and `answer` are JSON places with `lat`, `lon` and whatever else becomes their properties.
    """
    features = [_region(belief, share) for share in reversed(SHARES)]
    for rank, place in enumerate(candidates, 1):
        features.append(_point(place, {"role": "candidate", "rank": rank}))
    if answer is not None:
        features.append(_point(answer, {"role": "answer"}))
    return {"type": "FeatureCollection", "features": features}


def _point(place: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in place.items() if key not in {"lat", "lon"}}
    geometry = {"type": "Point", "coordinates": [place["lon"], place["lat"]]}
    return {"type": "Feature", "geometry": geometry, "properties": {**extra, **properties}}


def _region(belief: Belief, share: float) -> dict[str, Any]:
    inside = belief.credible_cells(share)
    order, ipix = merged(belief.cells.order[inside], belief.cells.ipix[inside])
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": polygons(order, ipix)},
        "properties": {"role": "credible region", "share": share, "area_km2": round(belief.credible_area_km2(share), 2)},
    }


def polygons(order: Ints, ipix: Ints) -> list[list[list[list[float]]]]:
    """Cells as GeoJSON polygons `[[[lon, lat], …]]`, cut at the antimeridian, closed, counter-clockwise.

    Each is valid by itself; neighbours share sides, which map viewers draw well and strict geometry libraries unite first.
    """
    if not len(ipix):
        return []
    parts: list[list[list[list[float]]]] = []
    centre = Cells.of(order, ipix).lat
    # Sides of a cell bend most around the poles; coarse cells and those within some cells of a pole get points along their sides.
    polar = (90.0 - np.abs(centre)) * 111.2 < 5.0 * side_km(order)
    points = np.maximum(np.where(polar, 8, 1), 2 ** np.maximum(6 - order, 0))
    for count, level in sorted({(int(c), int(o)) for c, o in zip(points, order, strict=True)}):
        rows = (points == count) & (order == level)
        lat, lon = outlines(order[rows], ipix[rows], points_per_side=count)
        plain = (np.abs(lon) < 180.0).all(axis=1) & (np.abs(lat) < 90.0 - 1e-9).all(axis=1)
        rings = np.round(np.stack([lon[plain], lat[plain]], axis=-1), 6)
        parts += [[ring] for ring in np.concatenate([rings, rings[:, :1]], axis=1).tolist()]
        for one_lat, one_lon in zip(lat[~plain], lon[~plain], strict=True):
            parts += [[ring] for ring in _cut(one_lon, one_lat)]
    return parts


def _cut(lon: Floats, lat: Floats) -> list[list[list[float]]]:
    """One ring whose longitudes run on without a jump, as closed rings within [-180, 180]."""
    points = np.column_stack([lon, lat])
    if (np.abs(lat) > 90.0 - 1e-9).any():
        points = _around_pole(points)
    rings = []
    for shift in (-360.0, 0.0, 360.0):
        moved = points + np.array([shift, 0.0])
        if moved[:, 0].max() <= -180.0 or moved[:, 0].min() >= 180.0:
            continue
        clipped = _clip(_clip(moved, -180.0, 1.0), 180.0, -1.0)
        ring = np.round(clipped, 6)
        ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
        if len(ring) >= 3 and np.ptp(ring[:, 0]) > 0:
            rings.append([*ring.tolist(), ring[0].tolist()])
    return rings


def _around_pole(points: Floats) -> Floats:
    """The corner at a pole becomes two, at the longitudes of its neighbours, so that the ring is right in a plane."""
    row = int(np.argmax(np.abs(points[:, 1])))
    before, after = points[row - 1, 0], points[(row + 1) % len(points), 0]
    corner = np.array([[before, points[row, 1]], [after, points[row, 1]]])
    return np.concatenate([points[:row], corner, points[row + 1 :]])


def _clip(points: Floats, edge: float, side: float) -> Floats:
    """Sutherland-Hodgman against one meridian: what lies on its `side` (+1 east, -1 west) is kept."""
    kept: list[Floats] = []
    for here, following in zip(points, np.roll(points, -1, axis=0), strict=True):
        in_here, in_following = side * (here[0] - edge) >= 0, side * (following[0] - edge) >= 0
        if in_here:
            kept.append(here)
        if in_here != in_following:
            t = (edge - here[0]) / (following[0] - here[0])
            kept.append(np.array([edge, here[1] + t * (following[1] - here[1])]))
    return np.array(kept).reshape(-1, 2)


def to_fits(belief: Belief) -> bytes:
    """The belief as a multi-order map: a FITS binary table of UNIQ and PROBDENSITY (per steradian).

    The layout of LIGO/Virgo/KAGRA sky maps (`ligo.skymap`, `mocpy` read it). Right ascension stands for the longitude and
    declination for the latitude.
    """
    order = np.argsort(belief.cells.uniq())
    density = belief.mass / (_STERADIAN_OF_SPHERE / (12.0 * 4.0**belief.cells.order))
    table = np.empty(len(order), dtype=[("UNIQ", ">i8"), ("PROBDENSITY", ">f8")])
    table["UNIQ"], table["PROBDENSITY"] = belief.cells.uniq()[order], density[order]
    primary = _header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)])
    extension = _header([
        ("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", 16), ("NAXIS2", len(table)),
        ("PCOUNT", 0), ("GCOUNT", 1), ("TFIELDS", 2), ("TTYPE1", "UNIQ"), ("TFORM1", "K"), ("TTYPE2", "PROBDENSITY"),
        ("TFORM2", "D"), ("TUNIT2", "sr-1"),
        ("PIXTYPE", "HEALPIX"), ("ORDERING", "NUNIQ"), ("COORDSYS", "C"), ("INDXSCHM", "EXPLICIT"),
        ("MOCORDER", int(belief.cells.order.max())), ("OBJECT", "photo location"), ("CREATOR", "geosleuth"),
    ])  # fmt: skip
    return primary + extension + _padded(table.tobytes(), b"\0")


def _header(cards: Sequence[tuple[str, Any]]) -> bytes:
    """FITS header cards of 80 bytes (FITS standard 4.0, section 4)."""
    lines = [f"{key:<8}= {_value(value)}".ljust(80) for key, value in cards]
    return _padded("".join([*lines, "END".ljust(80)]).encode("ascii"), b" ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return ("T" if value else "F").rjust(20)
    return str(value).rjust(20) if isinstance(value, int) else f"'{value:<8}'"


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % 2880)
