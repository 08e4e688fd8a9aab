"""What a map's scores mean, measured on the map itself.

Frames are cut from the indexed ground at random places, recoloured, shaded, blurred, and located. Each is located twice: with its place in
the index, and with it taken out, as a frame from elsewhere would be. The threshold lets one absent frame in twenty pass. For tracking, the likeness s of a cell is read
as a likelihood: wrong + (1 - wrong) · exp(sharpness · s) over its mean, with the two numbers under which the true cells were likeliest.
Recoloured pictures of the same day are easier than another season of a real place: all of this is on the optimistic side. Where the map has several
dates, a frame of one is searched in the others alone, which is closer to the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.aerial.ground import Ground, image_at
from models.aerial.index import AerialIndex
from models.aerial.match import PUBLISHED_RATIO, Search, confidence, locate
from models.aerial.pictures import Picture
from models.aerial.web_mercator import east_north_m, moved

FALSE_ACCEPTS = 0.05
CURVE = (1.0, 1.02, 1.05, 1.08, 1.1, 1.13, 1.17, 1.2, 1.25, 1.3, 1.4, 1.5)
SHARPNESS = (2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
WRONG = (0.1, 0.2, 0.3, 0.5, 0.7)
_WIDER = 1.3  # frames cover more than a patch


def calibrate(index: AerialIndex, grounds: Ground | Sequence[Ground], search: Search, frames: int = 60, seed: int = 0,
              progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:  # fmt: skip
    """Threshold, curve, and likelihoods for tracking, as plain JSON; `grounds` in the order of the layers. Raises ValueError for fewer than 20 frames."""
    several = list(grounds) if isinstance(grounds, Sequence) else [grounds]
    if len(several) != len(index.layers):
        raise ValueError("a calibration takes the grounds that the index was made of")
    if not 20 <= frames <= 10_000:
        raise ValueError("a calibration takes 20 frames or more")
    rng, rows = np.random.default_rng(seed), []
    for n in range(frames):
        rows.append(_one(index, several, search, rng))
        progress(n + 1, frames)
    table = np.array(rows)
    present, absent, error = table[:, :3].T
    right = error <= float(index.card["spacing_m"])
    told = ~np.isnan(present) & ~np.isnan(absent)
    sharpness, wrong = _likelihood(table[:, 3:])
    limit = max(float(np.quantile(absent[told], 1 - FALSE_ACCEPTS)), 1.0) if told.sum() >= 20 else PUBLISHED_RATIO
    return {"threshold": round(limit, 4), "frames": frames, "right": round(float(right.mean()), 4),
            "curve": _curve(present, absent, right, told),
            "sharpness": sharpness, "wrong": wrong, "heading_error_deg": search.heading_error_deg, "scale_error": search.scale_error}  # fmt: skip


def _likelihood(ratios_FS: NDArray[np.float64]) -> tuple[float, float]:
    """Sharpness and share of wrong maps that make the true cells [frames, sharpness] likeliest."""
    scores = {(s, w): float(np.log(w + (1 - w) * ratios_FS[:, i]).mean()) for i, s in enumerate(SHARPNESS) for w in WRONG}
    return max(scores, key=lambda pair: scores[pair])


def _one(index: AerialIndex, grounds: list[Ground], search: Search, rng: np.random.Generator) -> tuple[float, ...]:
    """Ratio with its place and without, error in metres, and for each sharpness the likelihood of the true cell over the mean."""
    metres, spacing = float(index.card["metres"]), float(index.card["spacing_m"])
    shown = int(rng.integers(len(grounds))) if len(grounds) > 1 else 0
    others = [n for n in range(len(grounds)) if n != shown] or None
    cell = int(rng.choice(np.flatnonzero(index.layers[shown].seen)))
    row, column = divmod(cell, index.shape[1])
    lat, lon = (float(v) for v in moved(float(index.lat[row]), float(index.lon[column]), *rng.uniform(-0.5, 0.5, 2) * spacing))
    heading = search.heading_deg + rng.uniform(-1, 1) * min(search.heading_error_deg, 180.0)
    covered = metres * _WIDER
    size = search.scale * float(np.exp(rng.uniform(-1, 1) * search.scale_error))
    patch = image_at(grounds[shown], lat, lon, min(covered * size, 20_000.0), 192, heading)
    found = locate(recoloured(patch.rgb, rng), covered, index, search, others)
    lats, lons = np.meshgrid(index.lat, index.lon, indexing="ij")
    away = np.hypot(*east_north_m(lat, lon, lats.ravel(), lons.ravel()))
    likeness = found.map.ravel()
    without = np.where(away <= metres + spacing, np.float32(-1), likeness)
    absent = confidence(without, index, int(without.argmax())) if (without > -1).any() else None
    error = float(np.hypot(*east_north_m(lat, lon, found.lat, found.lon)))
    ratios = (float(np.exp(k * likeness[cell]) / np.exp(k * likeness[likeness > -1]).mean()) for k in SHARPNESS)
    return (_or_nan(found.confidence), _or_nan(absent), error, *ratios)


def recoloured(rgb: Picture, rng: np.random.Generator) -> Picture:
    """The same ground in other colours: a random tone curve a channel, slow shading, blur, noise."""
    import cv2

    knots, tones = np.linspace(0, 255, 6), np.arange(256)
    common = np.linspace(30, 220, 6) + rng.normal(0, 35, 6)
    curves = [np.clip(np.interp(tones, knots, common + rng.normal(0, 15, 6)), 0, 255).astype(np.uint8) for _ in range(3)]
    out = np.stack([curves[c][rgb[..., c]] for c in range(3)], axis=-1).astype(np.float32)
    shade = cv2.resize(rng.uniform(0.75, 1.2, (3, 3)).astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    out = cv2.GaussianBlur(out * shade[..., None], (0, 0), rng.uniform(0.3, 1.2)) + rng.normal(0, 4, rgb.shape).astype(np.float32)
    return np.asarray(np.clip(out, 0, 255), dtype=np.uint8)


def _curve(
    present: NDArray[np.float64], absent: NDArray[np.float64], right: NDArray[np.bool_], told: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """For each threshold: share of present frames kept, share of the kept that are right (None of none), share of absent ones that pass."""
    rows: list[dict[str, Any]] = []
    for limit in CURVE if told.any() else ():
        kept = present[told] > limit
        rows.append({"threshold": limit, "kept": round(float(kept.mean()), 4), "passes_absent": round(float((absent[told] > limit).mean()), 4),
                     "right_of_kept": round(float(right[told][kept].mean()), 4) if kept.any() else None})  # fmt: skip
    return rows


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
