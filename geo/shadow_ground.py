"""What a slope of the ground and a leaning pole do to an altitude that is read off a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GroundError:
    """Degrees: of what is measured less what is."""

    mean_deg: float
    sigma_deg: float
    lost: float
    """Share of the slopes on which the shadow never meets the ground, or meets it so far away that nobody would use it."""


def altitude_from_slope(
    altitude_deg: float, slope_sigma_deg: float, lean_sigma_deg: float = 0.0, draws: int = 4000, seed: int = 0
) -> GroundError:
    """The error of atan(height / length of the shadow) on ground that is not level, by Monte Carlo.

    Tilts of the ground, and of what casts the shadow, towards the sun and across it are independent and Gaussian with these standard deviations;
    the length is measured on the ground. Raises ValueError for an altitude that is not above 0 and below 90 degrees, or tilts beyond 30.
    """
    if not 0.0 < altitude_deg < 90.0:
        raise ValueError("the altitude of the sun lies between 0 and 90 degrees")
    if not (0.0 <= slope_sigma_deg <= 30.0 and 0.0 <= lean_sigma_deg <= 30.0):
        raise ValueError("a slope or lean of the scene is taken as 0 to 30 degrees")
    rng = np.random.default_rng(seed)
    rise_x, rise_y = np.tan(np.radians(rng.normal(0.0, 1.0, (2, draws)) * slope_sigma_deg))
    lean_x, lean_y = np.tan(np.radians(rng.normal(0.0, 1.0, (2, draws)) * lean_sigma_deg))
    sine, cosine = np.sin(np.radians(altitude_deg)), np.cos(np.radians(altitude_deg))
    # The ray from the top (lean_x, lean_y, 1) along (cos a, 0, −sin a) meets the plane z = rise_x·x + rise_y·y.
    down = sine + rise_x * cosine
    good = down > 0.2 * sine
    along = (1.0 - rise_x * lean_x - rise_y * lean_y)[good] / down[good]
    tip = np.stack([lean_x[good] + along * cosine, lean_y[good], 1.0 - along * sine])
    height = np.sqrt(1.0 + lean_x[good] ** 2 + lean_y[good] ** 2)
    error = np.degrees(np.arctan2(height, np.linalg.norm(tip, axis=0))) - altitude_deg
    return GroundError(float(error.mean()), float(error.std()), 1.0 - float(good.mean()))
