"""Pairs of a picture from the ground (or the air) and pictures from above of the same place, as readers of data sets give them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from models.aerial.web_mercator import moved

KINDS = ("photo", "panorama", "drone")
"""`photo`: an ordinary camera, about level; `panorama`: 360° from left to right, equirectangular; `drone`: looks down at the place."""
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class AerialView:
    """A picture from straight above, north at the top."""

    path: Path
    lat: float | None = None
    lon: float | None = None
    """Degrees of its middle; None where the data set does not say."""
    metres_per_pixel: float | None = None
    """True metres on the ground, at its own latitude and in the file's own pixels; None where unknown."""
    offset_px: tuple[float, float] | None = None
    """Where the query was taken: pixels to the right of the picture's middle, and down from it; None where unknown."""

    @property
    def offset_m(self) -> tuple[float, float] | None:
        """Where the query was taken: metres east and north of the middle."""
        if self.offset_px is None or self.metres_per_pixel is None:
            return None
        return self.offset_px[0] * self.metres_per_pixel, -self.offset_px[1] * self.metres_per_pixel


@dataclass(frozen=True)
class CrossViewPair:
    """One query with the picture from above that shows its place."""

    id: str
    """Unique in its data set."""
    query: Path
    """The picture that is to be placed."""
    reference: AerialView
    """The picture from above that shows the place best: the positive."""
    place: str
    """Pairs of one place have the same text and are never each other's negatives: a building, a tile."""
    kind: str = "photo"
    """One of `KINDS`."""
    fov_deg: float | None = None
    """How wide the query sees, from left to right; 360 for whole panoramas, None where unknown."""
    heading_deg: float | None = None
    """Where the middle of the query looks, clockwise from north; None where unknown."""
    lat: float | None = None
    lon: float | None = None
    """Degrees of the camera, None where unknown."""
    semi_positives: tuple[AerialView, ...] = ()
    """Other pictures from above that show the place off their middle (VIGOR): neither right nor wrong."""
    split: str = "train"
    """One of `SPLITS`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.split not in SPLITS:
            raise ValueError(f"a query is one of {', '.join(KINDS)} and belongs to one of {', '.join(SPLITS)}")
        if self.fov_deg is not None and not 0.0 < self.fov_deg <= 360.0:
            raise ValueError("a field of view lies between 0 and 360 degrees")
        places = ((self.lat, self.lon), (self.reference.lat, self.reference.lon))
        for lat, lon in places:
            if (lat is None) != (lon is None) or not all(v is None or math.isfinite(v) for v in (lat, lon)):
                raise ValueError("a place is a latitude and a longitude in degrees")
            if lat is not None and abs(lat) > 90.0:
                raise ValueError("latitudes lie between -90 and 90 degrees")

    @property
    def at(self) -> tuple[float, float] | None:
        """Where the query was taken, degrees: as said, or by its offset in the reference, or the reference's middle; None where unknown."""
        if self.lat is not None and self.lon is not None:
            return self.lat, self.lon
        lat, lon, offset = self.reference.lat, self.reference.lon, self.reference.offset_m
        if lat is None or lon is None:
            return None
        there = moved(lat, lon, *(offset or (0.0, 0.0)))
        return float(there[0]), float(there[1])
