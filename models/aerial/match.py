"""A frame against an index: a map of likeness over the grid, the best place, and whether it can be told.

The confidence is the published one (arXiv 2404.06207): likeness of the best place over that of the second best, accepted above 1.13 or
above the threshold that the map's own calibration found. The second best is taken away from the best, further than a patch is wide:
patches that overlap the best are the same place, and would hold the ratio at 1. Of several dates of the map the likeliest counts, cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import wrap_lon
from models.aerial.descriptors import PATCH_PIXELS
from models.aerial.index import AerialIndex, Layer
from models.aerial.pictures import Picture
from models.aerial.web_mercator import east_north_m, moved

PUBLISHED_RATIO = 1.13
_BLOCK = 10_000
_BATCH = 128
_LEAST = 0.05  # likeness below this is none; it keeps the ratio finite


@dataclass(frozen=True)
class Search:
    """How a frame may lie against the map."""

    heading_deg: float = 0.0
    """Where the top of the frame looks, clockwise from north."""
    heading_error_deg: float = 180.0
    heading_step_deg: float = 10.0
    scale: float = 1.0
    """How much more ground the frame covers than was said: 1.1 flies ten per cent higher."""
    scale_error: float = 0.0
    scale_step: float = 0.1
    shifts: int = 2
    """Shifts within a spacing that are tried along each axis."""

    def headings(self) -> NDArray[np.float64]:
        """All headings to try; a full turn at most."""
        if not (np.isfinite(self.heading_deg) and self.heading_error_deg >= 0 and self.heading_step_deg >= 1):
            raise ValueError("headings are degrees, their error is not negative, their step one degree or more")
        if self.heading_error_deg >= 180:
            count = int(np.ceil(360 / self.heading_step_deg))
            return (self.heading_deg + np.arange(count) * 360.0 / count) % 360.0
        count = int(np.ceil(self.heading_error_deg / self.heading_step_deg))
        return (self.heading_deg + np.linspace(-self.heading_error_deg, self.heading_error_deg, 2 * count + 1)) % 360.0

    def scales(self) -> NDArray[np.float64]:
        """All scales to try, from the smallest."""
        if not (0.1 <= self.scale <= 10 and 0 <= self.scale_error <= 1 and self.scale_step >= 0.01):
            raise ValueError("scales lie between 0.1 and 10, their error between 0 and 1")
        count = int(np.ceil(self.scale_error / self.scale_step))
        return self.scale * np.exp(np.linspace(-self.scale_error, self.scale_error, 2 * count + 1))


@dataclass(frozen=True)
class Located:
    """Where a frame was taken, or not."""

    lat: float
    lon: float
    """The best place, degrees; where it is not `sure`, only the likeliest of bad ones."""
    heading_deg: float
    scale: float
    likeness: float
    """Cosine to the best patch, less what all patches share."""
    confidence: float | None
    """Best over second best that is not adjacent; None where the area has no second place."""
    threshold: float
    map: NDArray[np.float32]
    """[rows, columns]: likeness, -1 where the map knows nothing."""
    date: str | None = None
    """Of the layer that the best place was found in, where it is known."""
    layer: int = 0

    @property
    def sure(self) -> bool:
        """Whether the place is told. Without a second place nothing can be said."""
        return self.confidence is not None and self.confidence > self.threshold


def locate(
    frame: Picture, frame_m: float, index: AerialIndex, search: Search | None = None, layers: Sequence[int] | None = None
) -> Located:
    """Where a frame was taken whose shorter side covers `frame_m` metres of ground; `layers` says which dates are searched (all).

    Raises ValueError for frames that are too small and layers that are none.
    """
    search = search or Search()
    chosen = range(len(index.layers)) if layers is None else layers
    if not chosen or not all(0 <= n < len(index.layers) for n in chosen):
        raise ValueError("the index has no such layer")
    vectors, tried = _hypotheses(frame, frame_m, index, search)
    each = np.stack([_likeness(index.layers[n].embed(vectors), index.layers[n]) for n in chosen])
    likeness = each.max(axis=0)
    best = int(likeness.argmax())
    layer = chosen[int(each[:, best].argmax())]
    found = index.layers[layer]
    heading, scale, east, north = tried[int((found.embed(vectors) @ found.emb_ND[best]).argmax())]
    row, column = divmod(best, index.shape[1])
    lat, lon = moved(float(index.lat[row]), float(index.lon[column]), -east, -north)
    ratio = confidence(likeness, index, best)
    return Located(float(lat), float(wrap_lon(lon)), heading, scale, float(likeness[best]), ratio, threshold(index), likeness.reshape(index.shape),
                   found.date, layer)  # fmt: skip


def _likeness(vectors: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
    """The best of all hypotheses for each cell; -1 where the layer knows nothing."""
    cells = range(0, len(layer.emb_ND), _BLOCK)  # all hypotheses times all cells may not fit into memory
    likeness = np.concatenate([(vectors @ layer.emb_ND[at : at + _BLOCK].T).max(axis=0) for at in cells]).astype(np.float32)
    likeness[~layer.seen] = -1.0
    return likeness


def confidence(likeness: NDArray[np.float32], index: AerialIndex, best: int) -> float | None:
    """The best [rows · columns] over the best that lies further away than a patch is wide."""
    columns = index.shape[1]
    row, column = divmod(best, columns)
    lats, lons = np.meshgrid(index.lat, index.lon, indexing="ij")
    east, north = east_north_m(float(index.lat[row]), float(index.lon[column]), lats.ravel(), lons.ravel())
    other = (likeness > -1) & (np.hypot(east, north) > float(index.card["metres"]))
    if not other.any():
        return None
    return max(float(likeness[best]), _LEAST) / max(float(likeness[other].max()), _LEAST)


def threshold(index: AerialIndex) -> float:
    """Of the map's calibration, or the published one."""
    calibration: dict[str, Any] = index.card.get("calibration") or {}
    return float(calibration.get("threshold", PUBLISHED_RATIO))


def _hypotheses(
    frame: Picture, frame_m: float, index: AerialIndex, search: Search
) -> tuple[NDArray[np.float32], list[tuple[float, float, float, float]]]:
    """A vector for each heading, scale and shift, and what they are: degrees, factor, metres east and north of the frame's centre."""
    metres, pixels = float(index.card["metres"]), index.descriptor.pixels
    if not (frame_m > 0 and min(frame.shape[:2]) >= 16):
        raise ValueError("a frame has 16 pixels or more, and covers some metres")
    at = ((np.arange(search.shifts) + 0.5) / search.shifts - 0.5) * float(index.card["spacing_m"])
    tried = [
        (h, s, e, n)
        for h in search.headings().tolist()
        for s in search.scales().tolist()
        for e in at.tolist()
        for n in at.tolist()
    ]
    if len(tried) > 5000:
        raise ValueError(f"{len(tried)} headings, scales and shifts are too many; give a smaller error or a larger step")
    small = {s: _shrunk(frame, frame_m * s / metres, pixels) for s in search.scales().tolist()}
    parts = []
    for first in range(0, len(tried), _BATCH):
        patches = [cut(small[s], frame_m * s, metres, h, e, n, pixels) for h, s, e, n in tried[first : first + _BATCH]]
        parts.append(index.descriptor.embed_many(patches))
    return np.concatenate(parts), tried


def cut(frame: Picture, frame_m: float, metres: float, heading_deg: float, east_m: float, north_m: float,
        pixels: int = PATCH_PIXELS) -> tuple[Picture, NDArray[np.bool_]]:  # fmt: skip
    """The square of `metres` with north up, its centre moved from the frame's; what the frame does not show is not known."""
    import cv2

    height, width = frame.shape[:2]
    per_m, turn = min(height, width) / frame_m, np.radians(heading_deg)
    step = metres / pixels
    # Output pixel (i, j) -> metres east and north of the frame's centre -> right and up in the frame -> its pixels.
    cos, sin = np.cos(turn) * per_m, np.sin(turn) * per_m
    first_e, first_n = east_m + (0.5 - pixels / 2) * step, north_m - (0.5 - pixels / 2) * step
    back = np.array([[cos * step, sin * step, first_e * cos - first_n * sin + width / 2 - 0.5],
                     [-sin * step, cos * step, -first_e * sin - first_n * cos + height / 2 - 0.5]])  # fmt: skip
    size, flags = (pixels, pixels), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(frame, back, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), back, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return patch, np.asarray(inside > 250)


def _shrunk(frame: Picture, times: float, pixels: int) -> Picture:
    """The frame with pixels about as large as the index's, so that nothing aliases."""
    import cv2

    side = min(frame.shape[:2])
    factor = min(max(times, 0.05) * pixels / side, 1.0)
    if factor > 0.9:
        return frame
    size = (max(round(frame.shape[1] * factor), 8), max(round(frame.shape[0] * factor), 8))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
