"""Which pairs meet in a batch: hard negatives by distance on the ground first, by likeness later (Sample4Geo's near-neighbour and
dynamic similarity sampling)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from geo.sphere import haversine_km

Rows = NDArray[np.intp]
_BLOCK = 512


def near_on_the_ground(
    lat: NDArray[np.float64], lon: NDArray[np.float64], place: NDArray[np.intp], count: int, same_m: float
) -> NDArray[np.int32]:
    """The nearest pairs [n, count] of each that are not the same place, nearest first; rows with fewer are filled with themselves."""
    found = np.empty((len(lat), count), dtype=np.int32)
    for start in range(0, len(lat), _BLOCK):
        rows = slice(start, start + _BLOCK)
        far = haversine_km(lat[rows, None], lon[rows, None], lat[None, :], lon[None, :])
        far[(place[rows, None] == place[None, :]) | (far * 1000.0 < same_m)] = np.inf
        found[rows] = _lowest(far, count, start)
    return found


def most_alike(likeness: NDArray[np.float32], same: NDArray[np.bool_], count: int, first_row: int) -> NDArray[np.int32]:
    """The likest pairs [m, count] for rows `first_row`…: likeness and `same` place are [m, n]."""
    return _lowest(np.where(same, np.inf, -likeness.astype(np.float64)), count, first_row)


def _lowest(values: NDArray[np.float64], count: int, first_row: int) -> NDArray[np.int32]:
    m, n = values.shape
    take = min(count, n)
    part = np.argpartition(values, take - 1, axis=1)[:, :take]
    cost = np.take_along_axis(values, part, axis=1)
    order = np.argsort(cost, axis=1, kind="stable")
    part, cost = np.take_along_axis(part, order, axis=1), np.take_along_axis(cost, order, axis=1)
    own = (np.arange(m) + first_row)[:, None]
    part = np.where(np.isinf(cost), own, part)
    return np.concatenate([part, np.broadcast_to(own, (m, count - take))], axis=1).astype(np.int32)


def batches(n: int, size: int, neighbours: NDArray[np.int32] | None, select: int, rng: np.random.Generator) -> Iterator[Rows]:
    """An epoch: each pair once, in full batches alone (what is left over is dropped, as published).

    A seed pair brings `select` of its `neighbours` that no batch had yet: half the nearest, half drawn from the rest.
    """
    order = rng.permutation(n)
    if neighbours is None or select == 0:
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]
        return
    free = np.ones(n, dtype=bool)
    batch: list[int] = []
    for seed in order.tolist():
        if not free[seed]:
            continue
        near = neighbours[seed][: select // 2]
        rest = rng.permutation(neighbours[seed][select // 2 :])[: select - select // 2]
        for one in (seed, *near.tolist(), *rest.tolist()):
            if free[one] and len(batch) < size:
                free[one] = False
                batch.append(one)
        if len(batch) == size:
            yield np.array(batch, dtype=np.intp)
            batch = []
