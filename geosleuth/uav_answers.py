"""Answers of `geosleuth uav` as words, JSON, CSV and GeoJSON."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.aerial.index import AerialIndex
    from models.aerial.match import Located
    from models.aerial.track import Fix

Row = tuple[str, "Fix", "Located | None"]
"""A frame's file name, where the aircraft is believed to be, and what the frame alone said."""


def as_json(found: Located, index: AerialIndex) -> dict[str, Any]:
    """One frame's answer. The covariance is that of the belief from this frame alone, in m²: east·east, east·north, north·north."""
    from models.aerial.track import spread

    covariance, share = spread(found, index)
    ratio = None if found.confidence is None else round(found.confidence, 4)
    return {"sure": found.sure, "lat": round(found.lat, 7), "lon": round(found.lon, 7), "heading_deg": round(found.heading_deg, 2), "scale": round(found.scale, 3),
            "likeness": round(found.likeness, 4), "confidence": ratio, "threshold": round(found.threshold, 4),
            "covariance_m2": [round(v, 1) for v in covariance], "belief_within_a_patch": round(share, 4),
            "map_date": found.date, "attribution": index.card.get("attribution") or None}  # fmt: skip


def in_words(found: Located) -> str:
    """One frame's answer in one line."""
    ratio = (
        "no second place to compare with"
        if found.confidence is None
        else f"confidence {found.confidence:.2f}, told above {found.threshold:.2f}"
    )
    of_date = f", map of {found.date}" if found.date else ""
    place = f"{found.lat:.6f}, {found.lon:.6f}, heading {found.heading_deg:.0f}°, scale {found.scale:.2f}"
    return f"{place} ({ratio}{of_date})" if found.sure else f"I do not know ({ratio}); the likeliest place is {place}"


def place_geojson(found: Located, data: dict[str, Any]) -> dict[str, Any]:
    """One frame's place."""
    return {"type": "FeatureCollection", "features": [_point(found.lat, found.lon, data)]}


def write_csv(path: Path | None, rows: list[Row]) -> None:
    """A line a frame, on stdout without a path. Raises OSError."""
    out = sys.stdout if path is None else path.open("w", encoding="utf-8", newline="")
    try:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            (
                "frame",
                "lat",
                "lon",
                "east_east_m2",
                "east_north_m2",
                "north_north_m2",
                "confidence",
                "seen",
                "frame_confidence",
                "map_date",
            )
        )
        for name, fix, found in rows:
            ratio = "" if found is None or found.confidence is None else f"{found.confidence:.3f}"
            of_date = "" if found is None or found.date is None else found.date
            spread = (f"{v:.1f}" for v in fix.covariance_m2)
            writer.writerow(
                (name, f"{fix.lat:.7f}", f"{fix.lon:.7f}", *spread, f"{fix.confidence:.3f}", int(fix.seen), ratio, of_date)
            )
    finally:
        if path is not None:
            out.close()


def flight_geojson(rows: list[Row], attribution: str) -> dict[str, Any]:
    """A flight as a point a frame."""
    points = [_point(fix.lat, fix.lon, {"frame": name, "covariance_m2": [round(v, 1) for v in fix.covariance_m2],
                                        "confidence": round(fix.confidence, 4), "seen": fix.seen, "map_date": found.date if found else None})
              for name, fix, found in rows]  # fmt: skip
    flight: dict[str, Any] = {"type": "FeatureCollection", "features": points}
    return {**flight, "attribution": attribution} if attribution else flight


def _point(lat: float, lon: float, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(lon, 7), round(lat, 7)]},
        "properties": properties,
    }
