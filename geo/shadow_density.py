"""The probability density of what was measured of the sun, at places and for suns that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from geo.sphere import Floats, unit_vectors
from geo.sun import HORIZON_DEG

_LOWEST_LOG = -700.0
_SHARPEST_DEG = 1e-3


class Measured(Protocol):
    """What is needed of `geo.shadow.Shadow`."""

    @property
    def true_altitude_deg(self) -> float | None: ...
    @property
    def altitude_sigma_deg(self) -> float: ...
    @property
    def azimuth_deg(self) -> float | None: ...
    @property
    def azimuth_sigma_deg(self) -> float: ...
    @property
    def relative(self) -> bool: ...


def log_density(shadows: Sequence[Measured], suns: Floats, lat: Floats, lon: Floats, side_deg: Floats, stands_for: float = 0.0,
                shape: bool = False) -> Floats:  # fmt: skip
    """Log density [n, m] of all the shadows at places [n] for suns [m, shadows, 3] (unit vectors from the middle of the Earth).

    A place stands for a cell of `side_deg` [n] (of a great circle) and a sun for a stretch of time: the variance along one axis of a point of a
    cell, side²/12, and `stands_for`, in degrees², are added to that of the measurement. With `shape` the factors before the exponentials are
    left out, so that perfect agreement is 0. Where the sun is below the horizon it is very small (`exp` of it is 0).
    """
    up, north, east = _frames(lat, lon)
    side = side_deg[:, None]
    total, turned, sharpness = np.zeros((len(up), len(suns))), np.zeros((len(up), len(suns)), dtype=np.complex128), np.float64(0)
    for k, shadow in enumerate(shadows):
        towards = suns[:, k].T
        sine = np.clip(up @ towards, -1.0, 1.0)
        altitude = np.degrees(np.arcsin(sine))
        risen = np.clip(0.5 + (altitude - HORIZON_DEG) / np.maximum(side, _SHARPEST_DEG), 0.0, 1.0)
        total += np.where(risen > 0.0, np.log(np.maximum(risen, 1e-12)), _LOWEST_LOG)
        if shadow.true_altitude_deg is not None:
            variance = shadow.altitude_sigma_deg**2 + side**2 / 12.0 + stands_for
            total -= 0.5 * (altitude - shadow.true_altitude_deg) ** 2 / variance + (0.0 if shape else 0.5 * np.log(variance))
        if shadow.azimuth_deg is None:
            continue
        cosine = np.sqrt(np.maximum(1.0 - sine**2, 1e-14))
        cos_az, sin_az = north @ towards / cosine, east @ towards / cosine
        variance = np.radians(shadow.azimuth_sigma_deg) ** 2 + np.radians(side) ** 2 / 12.0 * _steepness(
            lat, sine / cosine, cos_az, sin_az
        )
        kappa = 1.0 / (variance + stands_for * np.radians(1.0) ** 2)
        told = np.radians(shadow.azimuth_deg)
        if shadow.relative:
            turned += kappa * np.exp(1j * told) * (cos_az - 1j * sin_az)
            sharpness = sharpness + kappa
            total -= kappa if shape else log_bessel_i0(kappa)
        else:
            total += kappa * (cos_az * np.cos(told) + sin_az * np.sin(told)) - (kappa if shape else log_bessel_i0(kappa))
    if np.any(sharpness):
        # The integral over the unknown heading h of exp(Σ κ cos(told − azimuth + h)) is 2π I0(|Σ κ exp i(told − azimuth)|).
        length = np.abs(turned)
        total += length if shape else log_bessel_i0(length)
    return total


def log_bessel_i0(x: Floats) -> Floats:
    """log I0 for x ≥ 0, within 2e-7 (Abramowitz & Stegun 9.8.1 and 9.8.2)."""
    small, large = (np.minimum(x, 3.75) / 3.75) ** 2, 3.75 / np.maximum(x, 3.75)
    low = np.polyval([0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0], small)
    high = np.polyval(
        [0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319, 0.01328592, 0.39894228], large
    )
    return np.asarray(np.where(x < 3.75, np.log(low), x + np.log(high) - 0.5 * np.log(np.maximum(x, 3.75))))


def _steepness(lat: Floats, tan_altitude: Floats, cos_az: Floats, sin_az: Floats) -> Floats:
    """Square of how many degrees the sun's azimuth changes per degree on the ground, along the way it changes most.

    A step (east, north) turns it by east·(tan φ − tan a cos A) + north·tan a sin A.
    """
    tan_lat = np.tan(np.radians(np.clip(lat, -89.999, 89.999)))[:, None]
    return np.asarray((tan_lat - tan_altitude * cos_az) ** 2 + (tan_altitude * sin_az) ** 2)


def _frames(lat: Floats, lon: Floats) -> tuple[Floats, Floats, Floats]:
    """Unit vectors [n, 3] up, north and east at places."""
    phi, lam = np.radians(lat), np.radians(lon)
    north = np.stack([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)], axis=-1)
    east = np.stack([-np.sin(lam), np.cos(lam), np.zeros_like(lam)], axis=-1)
    return unit_vectors(lat, lon), north, east
