"""The belief as a map of characters, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agent.report.belief import bounds
from geo.belief import Belief
from geo.gazetteer import gazetteer
from geo.sphere import Floats, wrap_lon

SHADES = ":-=+*#%@"
"""From little to the most mass a character; `·` is land with next to none, and a space is sea."""


def text_map(belief: Belief, guess: Mapping[str, Any], width: int = 72) -> list[str]:
    """Lines of at most `width` characters around a part that holds 90 % of the belief; north is up, `X` the best guess."""
    west, south, east, north = _wider(bounds(belief, float(guess["lat"]), float(guess["lon"])))
    middle = np.cos(np.radians((south + north) / 2))
    height = int(
        np.clip(round(width * (north - south) / max((east - west) * middle, 1e-6) / 2), 6, 28)
    )  # characters are twice as high as wide
    mass = _grid(belief, (west, south, east, north), width, height)
    lat = north - (np.arange(height) + 0.5) / height * (north - south)
    lon = wrap_lon(west + (np.arange(width) + 0.5) / width * (east - west))
    points = np.meshgrid(lat, lon, indexing="ij")
    land = (gazetteer().country_index_at(points[0].ravel(), points[1].ravel()) >= 0).reshape(height, width)
    level = np.floor(np.sqrt(mass / max(float(mass.max()), 1e-12)) * (len(SHADES) + 0.999)).astype(int)
    rows = [[SHADES[min(n, len(SHADES)) - 1] if n > 0 else "·" if dry else " " for n, dry in zip(*line, strict=True)]
            for line in zip(level, land, strict=True)]  # fmt: skip
    row, column = _at(float(guess["lat"]), float(guess["lon"]), (west, south, east, north), width, height)
    rows[row][column] = "X"
    lines = ["".join(line) for line in rows]
    return [f"{north:.2f}° N at the top, {south:.2f}° at the bottom; {west:.2f}° to {east:.2f}° E", *lines]


def _wider(box: list[float]) -> tuple[float, float, float, float]:
    west, south, east, north = box
    more_lon, more_lat = max(0.15 * (east - west), 0.05), max(0.15 * (north - south), 0.05)
    west, east = (west - more_lon, east + more_lon) if east - west + 2 * more_lon < 360 else (-180.0, 180.0)
    return west, max(-90.0, south - more_lat), east, min(90.0, north + more_lat)


def _grid(belief: Belief, box: tuple[float, float, float, float], width: int, height: int) -> Floats:
    """Mass [height, width]; what lies outside the box is left out. Coarse cells are spread over the characters that they cover."""
    west, south, east, north = box
    keys_lat = north - (np.arange(height * 2) + 0.5) / (height * 2) * (north - south)
    keys_lon = wrap_lon(west + (np.arange(width * 2) + 0.5) / (width * 2) * (east - west))
    lat, lon = (part.ravel() for part in np.meshgrid(keys_lat, keys_lon, indexing="ij"))
    density = belief.density()[belief.cells.rows_at(lat, lon)] * np.cos(np.radians(lat))
    spread = density.reshape(height, 2, width, 2).sum(axis=(1, 3))
    fine = np.zeros((height, width))
    inside = (belief.cells.lat > south) & (belief.cells.lat < north)
    column = ((belief.cells.lon - west) % 360.0) / (east - west) * width
    row = (north - belief.cells.lat) / (north - south) * height
    kept = inside & (column < width)
    np.add.at(fine, (row[kept].astype(int), column[kept].astype(int)), belief.mass[kept])
    total = float(spread.sum())
    return np.maximum(fine, spread / total * fine.sum() if total > 0 else 0.0)


def _at(lat: float, lon: float, box: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int]:
    west, south, east, north = box
    row = int((north - lat) / (north - south) * height)
    column = int(((lon - west) % 360.0) / (east - west) * width)
    return min(max(row, 0), height - 1), min(max(column, 0), width - 1)
