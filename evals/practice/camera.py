"""The camera of a scene: a pinhole that looks along a street and a little towards its near row of houses.

Street coordinates are metres: `u` across, positive towards the near row (which may be on the right or on the left of the picture),
`y` up, `z` along the street away from the camera. Pictures are in units of their width and height, 0 to 1 from the upper left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

Point = tuple[float, float]
World = tuple[float, float, float]

FOCAL = 0.9
"""In widths of the picture."""
NEAREST_M = 0.4


@dataclass(frozen=True)
class Camera:
    side: int
    """1 where the near row of houses is on the right of the picture, -1 on the left."""
    u: float
    height: float
    yaw_deg: float
    """How far the camera is turned from the street towards the near row."""
    horizon: float
    """As a share of the picture's height."""
    aspect: float
    """Width over height."""
    street_deg: float
    """Where the street leads, clockwise from north."""

    @cached_property
    def heading_deg(self) -> float:
        """Where the camera looks, clockwise from north."""
        return (self.street_deg + self.side * self.yaw_deg) % 360.0

    @cached_property
    def _turn(self) -> tuple[float, float]:
        return math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))

    def seen_from(self, point: World) -> World:
        """Across, up and ahead of the camera, in metres."""
        u, y, z = point
        cos, sin = self._turn
        return (u - self.u) * cos - z * sin, y - self.height, (u - self.u) * sin + z * cos

    def depth(self, point: World) -> float:
        return self.seen_from(point)[2]

    def project(self, point: World) -> Point:
        """Where a point ahead of the camera lies in the picture."""
        return self._on_picture(self.seen_from(point))

    def _on_picture(self, seen: World) -> Point:
        across, up, ahead = seen
        return 0.5 + self.side * FOCAL * across / ahead, self.horizon - FOCAL * self.aspect * up / ahead

    def outline(self, points: list[World]) -> list[Point]:
        """A polygon in the picture, cut off where it comes too near; empty behind the camera."""
        seen = [self.seen_from(point) for point in points]
        kept: list[World] = []
        for one, other in zip(seen, seen[1:] + seen[:1], strict=True):
            if one[2] >= NEAREST_M:
                kept.append(one)
            if (one[2] >= NEAREST_M) != (other[2] >= NEAREST_M):
                t = (NEAREST_M - one[2]) / (other[2] - one[2])
                kept.append((one[0] + t * (other[0] - one[0]), one[1] + t * (other[1] - one[1]), NEAREST_M))
        return [self._on_picture(point) for point in kept] if len(kept) > 2 else []

    def direction(self, azimuth_deg: float, elevation_deg: float) -> World:
        """A direction of the sky in street coordinates (unit length)."""
        turn = math.radians(azimuth_deg - self.street_deg)
        flat = math.cos(math.radians(elevation_deg))
        return self.side * flat * math.sin(turn), math.sin(math.radians(elevation_deg)), flat * math.cos(turn)
