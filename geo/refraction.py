"""How much the air lifts the sun: about 0.5° at the horizon, 0.1° at 10°, nothing overhead.

Standard air (1010 hPa, 10 °C); weather changes it by some hundredths of a degree above 5°, and by tenths at the horizon.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats

LOWEST_DEG = -1.0
"""Below this true altitude nothing is seen of the sun, and the formulas are not meant for it: it is taken as this."""


def apparent_altitude(true_deg: ArrayLike) -> Floats:
    """Where the sun is seen, degrees, from where it is (Saemundsson 1986; Meeus, Astronomical Algorithms, 16.4)."""
    true = np.asarray(true_deg, dtype=np.float64)
    h = np.maximum(true, LOWEST_DEG)
    return np.asarray(true + np.maximum(1.02 / (60.0 * np.tan(np.radians(h + 10.3 / (h + 5.11)))), 0.0))


def true_altitude(apparent_deg: ArrayLike) -> Floats:
    """Where the sun is, degrees, from where it is seen (Bennett 1982; Meeus 16.3); the inverse of the other within 0.003°."""
    seen = np.asarray(apparent_deg, dtype=np.float64)
    h = np.maximum(seen, LOWEST_DEG + 0.5)
    return np.asarray(seen - np.maximum(1.0 / (60.0 * np.tan(np.radians(h + 7.31 / (h + 4.4)))), 0.0))
