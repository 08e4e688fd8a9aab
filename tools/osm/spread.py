"""The smallest box around many shapes, on a globe where east of 180° lies west."""

from __future__ import annotations

import numpy as np

from tools.osm.shape import UNITS, WHOLE_EARTH, IntBox, Shape


class Spread:
    """Collects shapes; the memory does not grow."""

    def __init__(self) -> None:
        self._south, self._north = WHOLE_EARTH[2], WHOLE_EARTH[0]
        # The least and greatest longitude met in each whole degree: the widest gap between them is outside the box.
        self._west = np.full(361, 2 * WHOLE_EARTH[3], dtype=np.int64)
        self._east = np.full(361, -2 * WHOLE_EARTH[3], dtype=np.int64)

    def add(self, shape: Shape) -> None:
        for part in shape.parts:
            self._south, self._north = min(self._south, int(part[:, 0].min())), max(self._north, int(part[:, 0].max()))
            lon = part[:, 1].astype(np.int64)
            degree = (lon + 180 * UNITS) // UNITS
            np.minimum.at(self._west, degree, lon)
            np.maximum.at(self._east, degree, lon)

    def box(self) -> IntBox | None:
        """South, west, north, east in 1e-7 degrees; west > east where the box crosses the antimeridian; None for nothing."""
        held = np.flatnonzero(self._east >= self._west)
        if not len(held):
            return None
        west, east = self._west[held], self._east[held]
        gap = np.append(west[1:], west[0] + 360 * UNITS) - east
        widest = int(np.argmax(gap))
        return self._south, int(west[(widest + 1) % len(held)]), self._north, int(east[widest])
