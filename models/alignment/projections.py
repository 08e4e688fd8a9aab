"""From degrees to the plane or the sphere on which a location encoder's Fourier features live; for numpy arrays and torch tensors alike.

The published encoders read flat maps. Those tear the Earth at the antimeridian and at the poles: two points 0.2 km apart on
the two sides of ±180° get unrelated features. `unit_sphere` has no such seam.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

MERCATOR_LIMIT_DEG = 85.06
"""Latitudes beyond this are moved to it; web maps end at 85.0511°, where y is 1."""
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_EQUAL_EARTH_SCALE = 66.50336


def equal_earth(points: Any) -> Any:
    """Points [n, 2] (lat, lon) in degrees on the Equal Earth map (Šavrič, Patterson and Jenny 2018), as GeoCLIP scales it.

    Gives [n, 2] in the order (x, y): x runs from −1 to 1 along the equator, y from −0.487 to 0.487.
    """
    xp = _library(points)
    lat, lon = xp.deg2rad(points[:, 0]), xp.deg2rad(points[:, 1])
    theta = xp.arcsin((math.sqrt(3.0) / 2.0) * xp.sin(lat))
    denominator = 3 * (9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1)
    x = (2 * math.sqrt(3.0)) * lon * xp.cos(theta) / denominator
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return (xp.stack((x, y), axis=1) * _EQUAL_EARTH_SCALE) / 180


def mercator(points: Any) -> Any:
    """Points [n, 2] (lat, lon) in degrees on the map EPSG:3857 over 20,037,508.34 m, as G3 scales it.

    Gives [n, 2] in the order (y, x), both from −1 to 1. G3 lets latitudes beyond the map grow without bound; here they are clamped.
    """
    xp = _library(points)
    lat = xp.deg2rad(xp.clip(points[:, 0], -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG))
    return xp.stack((xp.arcsinh(xp.tan(lat)) / math.pi, points[:, 1] / 180.0), axis=1)


def unit_sphere(points: Any) -> Any:
    """Points [n, 2] (lat, lon) in degrees as unit vectors [n, 3]: continuous everywhere."""
    xp = _library(points)
    lat, lon = xp.deg2rad(points[:, 0]), xp.deg2rad(points[:, 1])
    return xp.stack((xp.cos(lat) * xp.cos(lon), xp.cos(lat) * xp.sin(lon), xp.sin(lat)), axis=1)


PROJECTIONS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "equal_earth": (equal_earth, 2), "mercator": (mercator, 2), "unit_sphere": (unit_sphere, 3),
}  # fmt: skip
"""Each projection by its name, with the length of what it gives."""


def _library(points: Any) -> Any:
    """numpy for its arrays, torch for its tensors: both have the functions that are needed here under the same names."""
    if isinstance(points, np.ndarray):
        return np
    import torch

    return torch
