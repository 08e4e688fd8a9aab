"""How much of a disc lies inside a circle: cells count in part where the edge of a circle crosses them."""

from __future__ import annotations

import numpy as np

from geo.sphere import Floats


def disc_share(distance: Floats, disc: Floats, radius: float) -> Floats:
    """Share [n] of discs, centres at `distance` [n] and of radius `disc` [n], inside a circle of this radius: the lens of two circles in the plane."""
    share = (distance + disc <= radius).astype(np.float64)
    rows = np.flatnonzero(np.abs(distance - radius) < disc)
    if not len(rows) or radius <= 0:
        return share
    d, a = np.maximum(distance[rows], 1e-9), disc[rows]
    whole = d + radius <= a  # the circle lies inside the disc
    at_disc = np.clip((d**2 + a**2 - radius**2) / (2.0 * d * a), -1.0, 1.0)
    at_circle = np.clip((d**2 + radius**2 - a**2) / (2.0 * d * radius), -1.0, 1.0)
    kite = 0.5 * np.sqrt(np.maximum((-d + a + radius) * (d + a - radius) * (d - a + radius) * (d + a + radius), 0.0))
    lens = a**2 * np.arccos(at_disc) + radius**2 * np.arccos(at_circle) - kite
    share[rows] = np.where(whole, (radius / a) ** 2, lens / (np.pi * a**2))
    return share
