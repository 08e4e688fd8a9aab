"""How many places like one that was found would be there by chance.

The things of a scene are taken as strewn at random over the extract, each kind with its own density λ (a Poisson process). Of `n` things of the
rarest kind, the expected number that have all the others about them as closely as in the place at hand is n·Π p, where

- something of a kind within d of a thing: p = 1 - exp(-λ·A), with A the area in which its middle may lie, averaged over its direction:
  πd² + d(P₁ + P₂) + A₁ + A₂ + P₁P₂/2π for perimeters P and areas A of the two (the kinematic formula of Blaschke and Santaló; exact for convex
  shapes, the perimeter of a line being twice its length);
- something that contains it, or lies in it: the same with the area of the container;
- k others of its kind within d: the tail of the Poisson distribution; nothing of a kind within d: exp(-λ·A).

The score is minus the logarithm of that number: 0 where one such place is expected by chance, 7 where it is one in a thousand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from geo.area import Box
from tools.osm.shape import EARTH_RADIUS_M

_LEAST_M = 1.0
"""Things nearer than the map is exact are taken as this far apart."""


@dataclass(frozen=True)
class Size:
    """Of one element: perimeter and area in metres; a line's perimeter is twice its length."""

    perimeter_m: float = 0.0
    area_m2: float = 0.0


def size_of(length_m: float, area_m2: float) -> Size:
    """From what a store keeps: the length of all lines or rings, and the area."""
    return Size(length_m if area_m2 > 0 else 2.0 * length_m, area_m2)


def reach_m2(distance_m: float, one: Size, other: Size) -> float:
    """The area in which the middle of `other` may lie to be within a distance of `one`, averaged over directions."""
    d = max(distance_m, _LEAST_M)
    crossing = one.perimeter_m * other.perimeter_m / (2.0 * math.pi)
    return math.pi * d * d + d * (one.perimeter_m + other.perimeter_m) + one.area_m2 + other.area_m2 + crossing


def log_some(density_m2: float, reach: float) -> float:
    """log of the probability that at least one lies in an area: log(1 - exp(-λA))."""
    return math.log(max(-math.expm1(-density_m2 * reach), 1e-300))


def log_none(density_m2: float, reach: float) -> float:
    """log of the probability that none does: -λA."""
    return -density_m2 * reach


def log_at_least(count: int, density_m2: float, reach: float) -> float:
    """log of the probability of at least `count`: the tail of the Poisson distribution."""
    mean = density_m2 * reach
    if count <= 1:
        return log_some(density_m2, reach) if count == 1 else 0.0
    if mean > count:
        below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))
        return math.log(max(1.0 - below, 1e-300))
    # Summed upwards from `count`, where the terms fall: 1 - below would lose every digit of a small tail.
    term = math.exp(max(count * math.log(max(mean, 1e-300)) - mean - math.lgamma(count + 1), -690.0))
    total, k = 0.0, count
    while term > 1e-17 * max(total, 1e-300) and k < count + 500:
        total += term
        k += 1
        term *= mean / k
    return math.log(max(total, 1e-300))


def box_area_m2(box: Box) -> float:
    """Area of a box on the sphere."""
    width = (box.east - box.west) % 360.0 or (360.0 if box.east != box.west else 0.0)
    height = math.sin(math.radians(box.north)) - math.sin(math.radians(box.south))
    return max(EARTH_RADIUS_M**2 * math.radians(width) * height, 1.0)
