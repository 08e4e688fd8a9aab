"""Points drawn from a belief: as many in a place as it holds of the probability."""

from __future__ import annotations

from typing import Any

import healpix
import numpy as np

from geo.belief import Belief
from geo.cells import KEY_ORDER
from geo.sphere import Floats, wrap_lon


def draw(belief: Belief, n: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Latitudes and longitudes [n] in degrees: a cell by its mass, then a point uniform in it. The same for the same seed.

    A cell of HEALPix has equal areas within it, too: a point of the finest order is chosen among those that it holds.
    Raises ValueError for a negative number.
    """
    if n < 0:
        raise ValueError(f"one cannot draw {n} points")
    rng = np.random.Generator(np.random.PCG64(seed))
    upto = np.cumsum(belief.mass)
    rows = np.minimum(np.searchsorted(upto, rng.random(n) * upto[-1], side="right"), len(upto) - 1)
    span = np.int64(1) << (2 * (KEY_ORDER - belief.cells.order[rows]))
    keys = belief.cells.keys[rows] + rng.integers(0, span)
    lon, lat = healpix.pix2ang(1 << KEY_ORDER, keys, nest=True, lonlat=True)
    return np.asarray(lat), wrap_lon(lon)


def sample_feature(source: str, lat: Floats, lon: Floats) -> dict[str, Any]:
    """Drawn points [n] as one GeoJSON feature (RFC 7946, MultiPoint); `source` is `belief` or the name of a model."""
    points = np.round(np.stack([lon, lat], axis=-1), 4).tolist()
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPoint", "coordinates": points},
        "properties": {"role": "samples", "source": source},
    }
