"""The plan of a town drawn in code: bent streets, blocks of houses, flats, halls, parks and squares, a river, trees; as rasters, seeded."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Polygon = NDArray[np.float64]
Colours = NDArray[np.float32]
GRASS, SOIL, ROAD, PAVING, WATER = range(5)
_ROOFS = np.array([(168, 82, 58), (120, 70, 52), (78, 78, 84), (150, 150, 152), (98, 128, 110), (190, 120, 80)], dtype=np.float32)
WALLS = np.array([(232, 228, 218), (226, 202, 150), (170, 92, 72), (150, 150, 150), (176, 196, 212), (214, 160, 150), (120, 100, 84)], dtype=np.float32)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Layers:
    """The town as rasters [side, side], the first row in the north, and its buildings [n]."""

    surface: NDArray[np.uint8]
    thing: NDArray[np.int32]
    """0 nothing, n > 0 building n - 1, n < 0 a tree."""
    height_m: NDArray[np.float32]
    walls: Colours
    roofs: Colours
    pitched: NDArray[np.bool_]
    streets: NDArray[np.float64]
    """Points [m, 2] on streets, metres east and south of the corner."""


def town_plan(side: int, metres: float, seed: int) -> Layers:
    """A town of `side` × `side` pixels of so many metres."""
    return _Builder(side, metres, seed).layers()


class _Builder:
    """Draws the layers of one town."""

    def __init__(self, side: int, metres: float, seed: int) -> None:
        self.side, self.metres, self.rng = side, metres, np.random.default_rng([seed, 7])
        self.size = side * metres
        self.surface = np.full((side, side), GRASS, dtype=np.uint8)
        self.thing = np.zeros((side, side), dtype=np.int32)
        self.height = np.zeros((side, side), dtype=np.float32)
        self.walls: list[Colours] = []
        self.roofs: list[Colours] = []
        self.pitched: list[bool] = []
        self.bends = self.rng.uniform(0, 2 * np.pi, 4), self.rng.uniform(10, 28, 4), self.rng.uniform(300, 700, 4)

    def layers(self) -> Layers:
        xs, ys = self._lines(), self._lines()
        self._river()
        streets = self._streets(xs, ys)
        for x0, x1 in itertools.pairwise(xs):
            for y0, y1 in itertools.pairwise(ys):
                self._block(float(x0), float(x1), float(y0), float(y1))
        return Layers(self.surface, self.thing, self.height, np.array(self.walls, dtype=np.float32), np.array(self.roofs, dtype=np.float32),
                      np.array(self.pitched), streets)  # fmt: skip

    def bent(self, points: Polygon) -> Polygon:
        """The plan bent, so that no two corners look the same."""
        phase, size, length = self.bends
        x, y = points[..., 0], points[..., 1]
        east = size[0] * np.sin(y / length[0] * 2 * np.pi + phase[0]) + size[1] * np.sin(
            (x + y) / length[1] * 2 * np.pi + phase[1]
        )
        south = size[2] * np.sin(x / length[2] * 2 * np.pi + phase[2]) + size[3] * np.sin(
            (x - y) / length[3] * 2 * np.pi + phase[3]
        )
        return np.stack([x + east, y + south], axis=-1)

    def _lines(self) -> NDArray[np.float64]:
        return np.cumsum(self.rng.uniform(55, 125, int(self.size / 50) + 4)) - 100.0

    def _draw(self, points: Polygon, width_m: float, kind: int) -> None:
        import cv2

        pixels = np.round(points / self.metres).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(self.surface, [pixels], False, kind, max(round(width_m / self.metres), 1))

    def _river(self) -> None:
        along = np.linspace(-50, self.size + 50, 80)
        bends = np.cumsum(np.cumsum(self.rng.normal(0, self.size / 2500, 80)))
        middle = self.size * self.rng.uniform(0.3, 0.7) + bends - bends.mean()
        line = np.stack([along, middle] if self.rng.random() < 0.5 else [middle, along], axis=1)
        width = self.rng.uniform(16, 26)
        self._draw(line, width + 8, PAVING if self.rng.random() < 0.5 else GRASS)
        self._draw(line, width, WATER)

    def _streets(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
        """Streets along the lines, some parts left out, pavements first; points every metre or so."""
        segments: list[tuple[Polygon, float]] = []
        for lines, others, swap in ((xs, ys, False), (ys, xs, True)):
            for at in lines:
                wide = float(self.rng.choice([6.0, 8.0, 12.0], p=[0.5, 0.3, 0.2]))
                for a, b in itertools.pairwise(others):
                    if self.rng.random() < 0.12:
                        continue
                    along = np.arange(a, b + 5, 5.0)
                    part = np.stack([np.full_like(along, at), along], axis=1)
                    segments.append((self.bent(part[:, ::-1] if swap else part), wide))
        for part, wide in segments:
            self._draw(part, wide + (6 if wide > 6 else 2.5), PAVING)
        for part, wide in segments:
            self._draw(part, wide, ROAD)
        points = np.concatenate([part for part, _ in segments])
        for part, wide in segments:
            if wide > 6 and self.rng.random() < 0.5:
                self._trees(part[:: int(self.rng.integers(2, 5))] + (wide / 2 + 1.8), 0.85)
        return points[((points > 0) & (points < self.size)).all(axis=1)]

    def _block(self, x0: float, x1: float, y0: float, y1: float) -> None:
        kind = self.rng.choice(["houses", "flats", "park", "hall", "square"], p=[0.52, 0.22, 0.11, 0.09, 0.06])
        inner = np.array([[x0 + 9, y0 + 9], [x1 - 9, y0 + 9], [x1 - 9, y1 - 9], [x0 + 9, y1 - 9]])
        if kind in {"houses", "flats"}:
            if kind == "flats":
                self._fill(inner, PAVING if self.rng.random() < 0.4 else GRASS)
            for i in range(4):
                self._row(inner[i], inner[(i + 1) % 4], kind == "flats")
            self._trees(self._inside(inner, int(self.rng.integers(2, 9))), 0.9)
        elif kind == "park":
            self._fill(inner, GRASS)
            self._trees(self._inside(inner, int(self.rng.integers(10, 40))), 1.0)
        elif kind == "hall":
            self._fill(inner, PAVING if self.rng.random() < 0.6 else SOIL)
            w, d = (inner[2] - inner[0]) * self.rng.uniform(0.3, 0.7, 2)
            self._building(inner.mean(axis=0), np.array([1.0, 0.0]), float(w), float(d), self.rng.uniform(6, 11), False)
        else:
            self._fill(inner, PAVING)
            self._trees(self._inside(inner, int(self.rng.integers(0, 14))), 1.0)

    def _inside(self, inner: Polygon, count: int) -> Polygon:
        return self.bent(self.rng.uniform(inner[0], np.maximum(inner[2], inner[0] + 1), (count, 2)))

    def _fill(self, plan: Polygon, kind: int) -> None:
        import cv2

        ring = np.concatenate([np.linspace(plan[i], plan[(i + 1) % 4], 8)[:-1] for i in range(4)])
        mask = np.zeros_like(self.surface)
        cv2.fillPoly(mask, [np.round(self.bent(ring) / self.metres).astype(np.int32)], 1)
        self.surface[(mask > 0) & ((self.surface == GRASS) | (self.surface == SOIL))] = kind

    def _row(self, start: Polygon, end: Polygon, flats: bool) -> None:
        """Buildings along one side of a block."""
        length = float(np.hypot(*(end - start)))
        if length < 25:
            return
        unit = (end - start) / length
        into, at = np.array([-unit[1], unit[0]]), self.rng.uniform(2, 10)
        while at < length - 8:
            wide = self.rng.uniform(14, 40) if flats else self.rng.uniform(8, 14)
            deep = self.rng.uniform(10, 15) if flats else self.rng.uniform(7, 12)
            back = self.rng.uniform(0, 4) if flats else self.rng.uniform(0, 9)
            middle = start + unit * (at + wide / 2) + into * (back + deep / 2)
            if self.rng.random() < 0.85 and at + wide < length:
                high = self.rng.uniform(10, 26) if flats else self.rng.uniform(4.5, 9.5)
                self._building(middle, unit, wide, deep, high, not flats or self.rng.random() < 0.3)
            at += wide + (self.rng.uniform(0, 12) if flats else self.rng.uniform(2, 10))

    def _building(self, middle: Polygon, unit: Polygon, wide: float, deep: float, high: float, pitched: bool) -> None:
        import cv2

        across = np.array([-unit[1], unit[0]])
        corners = self.bent(
            np.stack([middle + unit * wide / 2 * a + across * deep / 2 * b for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        )
        pixels = np.round(corners / self.metres).astype(np.int32)
        (left, top), (right, bottom) = np.maximum(pixels.min(0), 0), np.minimum(pixels.max(0) + 1, self.side)
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
        cv2.fillPoly(mask, [pixels - (left, top)], 1)
        part = (slice(top, bottom), slice(left, right))
        on = mask > 0
        under = self.surface[part][on]
        if not on.any() or np.isin(under, (ROAD, WATER)).any() or (self.thing[part][on] > 0).any():
            return
        self.walls.append(WALLS[self.rng.integers(len(WALLS))] + self.rng.normal(0, 10, 3).astype(np.float32))
        self.roofs.append(_ROOFS[self.rng.integers(3) if pitched else self.rng.integers(2, len(_ROOFS))] + self.rng.normal(0, 9, 3).astype(np.float32))  # fmt: skip
        self.pitched.append(bool(pitched))
        self.thing[part][on] = len(self.walls)
        self.height[part][on] = high

    def _trees(self, points: Polygon, share: float) -> None:
        """Round crowns, where nothing is built and no road or water lies."""
        import cv2

        for x, y in points / self.metres:
            radius, high = self.rng.uniform(1.6, 3.6) / self.metres, self.rng.uniform(4, 12)
            if self.rng.random() > share or not (8 < x < self.side - 8 and 8 < y < self.side - 8):
                continue
            if self.surface[int(y), int(x)] in (ROAD, WATER):
                continue
            left, top = int(x) - 6, int(y) - 6
            mask = np.zeros((13, 13), dtype=np.uint8)
            cv2.circle(mask, (round(x) - left, round(y) - top), max(round(radius), 1), 1, -1)
            part = (slice(top, top + 13), slice(left, left + 13))
            on = (mask > 0) & (self.thing[part] == 0)
            self.thing[part][on] = -1 - int(self.rng.integers(8))
            self.height[part][on] = high
