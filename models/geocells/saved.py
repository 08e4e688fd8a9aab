"""Geocells as they are kept: arrays and a card, every part checked when it is read, since a model may come from anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.geocells.clusters import Labels
from models.geocells.head import Head
from models.geocells.partition import Partition
from models.geocells.refine import Clusters
from models.model_folder import is_text

KIND = "geocells"
_LARGEST = 1e30
"""Numbers up to this fit into float32."""
Arrays = Mapping[str, NDArray[Any]]


def arrays_of(partition: Partition, head: Head, clusters: Clusters | None) -> dict[str, NDArray[Any]]:
    """The numbers of a model by name."""
    arrays: dict[str, NDArray[Any]] = {
        "cell_area": partition.cell_area, "cell_lat": partition.lat, "cell_lon": partition.lon, "cell_count": partition.count,
        "cell_spread_km": partition.spread_km, "generators": partition.generators,
        "generator_cell": partition.generator_cell, "weight": head.weight, "bias": head.bias,
    }  # fmt: skip
    if head.hidden_weight is not None and head.hidden_bias is not None:
        arrays |= {"hidden_weight": head.hidden_weight, "hidden_bias": head.hidden_bias}
    if clusters is not None:
        arrays |= {
            "cluster_cell": clusters.cell, "cluster_lat": clusters.lat, "cluster_lon": clusters.lon,
            "cluster_spread_km": clusters.spread_km, "prototypes": clusters.prototype, "exemplars": clusters.exemplar,
            "exemplar_cluster": clusters.exemplar_cluster, "exemplar_lat": clusters.exemplar_lat,
            "exemplar_lon": clusters.exemplar_lon,
        }  # fmt: skip
    return arrays


def partition_from(card: Mapping[str, Any], arrays: Arrays) -> Partition:
    """The partition of a saved model. Raises ValueError with what is wrong."""
    lat, lon, spread = (_floats(arrays, name, (None,)) for name in ("cell_lat", "cell_lon", "cell_spread_km"))
    n = len(lat)
    _coordinates("cell", lat, lon)
    if n < 1 or len(lon) != n or len(spread) != n or not (spread > 0).all():
        raise ValueError("its cells need as many latitudes, longitudes and spreads above 0")
    areas, keys, names = _rows(card, "areas", 3), _rows(card, "keys", 2), card.get("names")
    if not isinstance(names, list) or len(names) != n or not all(map(is_text, names)):
        raise ValueError("its cells need a name each")
    cell_area, count = _whole(arrays, "cell_area", n), _whole(arrays, "cell_count", n)
    groups = {(country, region): group for country, region, group in areas if isinstance(group, int) and 0 <= group < n}
    if len(groups) != len(areas) or len(keys) != n or not set(groups.values()) <= set(cell_area.tolist()):
        raise ValueError("its areas and cells do not belong together")
    generators = _floats(arrays, "generators", (None, 3))
    if not np.allclose(np.linalg.norm(generators, axis=1), 1.0, atol=1e-6):
        raise ValueError("generators are not unit vectors")
    generator_cell = _whole(arrays, "generator_cell", len(generators), n)
    if len(np.unique(generator_cell)) != n:
        raise ValueError("there are cells without a generator")
    key = tuple((country, region) for country, region in keys)
    return Partition(groups, cell_area, key, tuple(names), lat, lon, count, spread, generators, generator_cell)


def head_from(card: Mapping[str, Any], arrays: Arrays, n_cells: int) -> Head:
    """The classifier of a saved model. Raises ValueError with what is wrong."""
    hidden_weight = hidden_bias = None
    width = None
    if "hidden_weight" in arrays:
        hidden_weight = _floats(arrays, "hidden_weight", (None, None)).astype(np.float32)
        hidden_bias = _floats(arrays, "hidden_bias", (len(hidden_weight),)).astype(np.float32)
        width = len(hidden_weight)
    weight = _floats(arrays, "weight", (n_cells, width)).astype(np.float32)
    bias = _floats(arrays, "bias", (n_cells,)).astype(np.float32)
    return Head(weight, bias, hidden_weight, hidden_bias, number(card, "temperature", 1e-3, 1e3))


def clusters_from(arrays: Arrays, n_cells: int, dim: int) -> Clusters:
    """The photo clusters of a saved model. Raises ValueError with what is wrong."""
    prototype = _floats(arrays, "prototypes", (None, dim), 2.0).astype(np.float16)
    n = len(prototype)
    cell = _whole(arrays, "cluster_cell", n, n_cells)
    lat, lon, spread = (_floats(arrays, f"cluster_{name}", (n,)) for name in ("lat", "lon", "spread_km"))
    _coordinates("cluster", lat, lon)
    if not np.array_equal(np.unique(cell), np.arange(n_cells)) or (np.diff(cell) < 0).any() or (spread < 0).any():
        raise ValueError("every cell needs photo clusters, in the order of the cells")
    exemplar = _floats(arrays, "exemplars", (None, dim), 2.0).astype(np.float16)
    exemplar_lat, exemplar_lon = (_floats(arrays, f"exemplar_{name}", (len(exemplar),)) for name in ("lat", "lon"))
    _coordinates("exemplar", exemplar_lat, exemplar_lon)
    exemplar_cluster = _whole(arrays, "exemplar_cluster", len(exemplar), n)
    return Clusters(cell, prototype, lat, lon, spread, exemplar, exemplar_cluster, exemplar_lat, exemplar_lon)


def number(card: Mapping[str, Any], name: str, low: float, high: float) -> float:
    """A number of the card within limits. Raises ValueError."""
    value = card.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}")
    return float(value)


def integer(card: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """A whole number of the card within limits. Raises ValueError."""
    value = card.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}")
    return value


def text(card: Mapping[str, Any], name: str) -> str:
    """A short text of the card. Raises ValueError."""
    value = card.get(name)
    if not is_text(value):
        raise ValueError(f"{name} must be a short text")
    return str(value)


def _rows(card: Mapping[str, Any], name: str, width: int) -> list[list[Any]]:
    """A list of lists of the card that each begin with two texts: country and region."""
    rows = card.get(name)
    good = isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == width and all(map(is_text, row[:2])) for row in rows
    )
    if not good:
        raise ValueError(f"{name} must be a list of countries and regions")
    assert isinstance(rows, list)
    return rows


def _floats(arrays: Arrays, name: str, shape: tuple[int | None, ...], largest: float = _LARGEST) -> NDArray[np.float64]:
    """Finite numbers of a shape, none larger than a limit; None stands for any length."""
    array = _array(arrays, name, "f", len(shape))
    if any(want is not None and have != want for want, have in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} has the shape {array.shape}")
    if not (np.isfinite(array).all() and (np.abs(array) <= largest).all()):
        raise ValueError(f"{name} holds numbers that are not finite, or too large")
    return array.astype(np.float64)


def _whole(arrays: Arrays, name: str, n: int, below: int | None = None) -> Labels:
    """Whole numbers [n] from 0, all below a limit."""
    array = _array(arrays, name, "iu", 1)
    if len(array) != n or (n and (array.min() < 0 or (below is not None and array.max() >= below))):
        raise ValueError(f"{name} does not fit the cells")
    return array.astype(np.int64)


def _array(arrays: Arrays, name: str, kinds: str, ndim: int) -> NDArray[Any]:
    array = arrays.get(name)
    if array is None or array.dtype.kind not in kinds or array.ndim != ndim:
        raise ValueError(f"{name} is missing or no array of {ndim} dimensions of numbers")
    return array


def _coordinates(name: str, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> None:
    if (np.abs(lat) > 90.0).any() or (np.abs(lon) > 360.0).any():
        raise ValueError(f"a {name} lies at no place")
