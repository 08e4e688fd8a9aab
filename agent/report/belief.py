"""The belief of a saved investigation, and what the page's map and lists need of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.report.pack import pack_numbers
from geo.area import parse_area
from geo.belief import Belief, belief_from
from geo.cells import merged
from geo.evidence import Evidence
from geo.sphere import Floats

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Shares of the belief whose smallest regions the map tints; 0.5 and 0.9 are outlined too."""

_KM_OF_DEGREE = 111.195


def belief_of(trajectory: Mapping[str, Any]) -> Belief:
    """The belief at the end of a saved run. Raises ValueError, KeyError or TypeError for a damaged ledger or area."""
    area = parse_area(trajectory["area"]) if trajectory.get("area") else None
    return belief_from([Evidence.from_json(entry) for entry in trajectory["ledger"]], area=area)


def heat(belief: Belief) -> list[str]:
    """For each level the cells that it adds to the one before: packed differences of their sorted NUNIQ indices."""
    rank = np.argsort(-belief.density(), kind="stable")
    before = np.empty(len(rank))
    before[rank] = np.cumsum(belief.mass[rank]) - belief.mass[rank]
    level = np.searchsorted(LEVELS, before, side="right")
    return [_packed_cells(belief, level == index) for index in range(len(LEVELS))]


def _packed_cells(belief: Belief, inside: NDArray[np.bool_]) -> str:
    order, ipix = merged(belief.cells.order[inside], belief.cells.ipix[inside])
    uniq = np.sort(4 * 4**order + ipix)
    return pack_numbers(np.diff(uniq, prepend=0).tolist())


def bounds(belief: Belief, lat: float, lon: float) -> list[float]:
    """`[west, south, east, north]` of a part that holds 90 % of the belief; east passes 180 where it crosses the antimeridian.

    It is the 90 % region, or the circle around a point that holds as much where that is smaller: regions have specks far away.
    """
    inside = belief.credible_cells(0.9)
    half_deg = belief.cells.side_km[inside] / _KM_OF_DEGREE / 2
    region = _box(belief.cells.lat[inside], belief.cells.lon[inside], half_deg)
    circle = _box(np.array([lat]), np.array([lon]), np.array([belief.radius_km(lat, lon, 0.9) / _KM_OF_DEGREE]))
    return [round(v, 4) for v in min(region, circle, key=lambda box: max(box[2] - box[0], box[3] - box[1]))]


def _box(lat: Floats, lon: Floats, half_deg: Floats) -> tuple[float, float, float, float]:
    """The box around points [n] with `half_deg` of latitude around each."""
    west, east = _lon_range(lon)
    wider = float((half_deg / np.maximum(np.cos(np.radians(lat)), 0.05)).max())
    if east - west + 2 * wider >= 360.0:
        west, east, wider = -180.0, 180.0, 0.0
    return west - wider, max(-90.0, float((lat - half_deg).min())), east + wider, min(90.0, float((lat + half_deg).max()))


def _lon_range(lon: Floats) -> tuple[float, float]:
    """The shortest range of longitudes that holds all of them: the circle without its widest gap."""
    ordered = np.sort(lon)
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    west = float(ordered[(widest + 1) % len(ordered)])
    return west, west + 360.0 - float(gaps[widest])
