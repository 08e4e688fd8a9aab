"""What folding one clue into the multi-order belief costs, against dense HEALPix grids.

    python benchmarks/belief_update.py [--order 8] [--repeats 5]

Both sides answer the same question: the probability map after a history of clues and one more, with the same reliability
floor. The belief folds the clue into its mixed cells; the dense grid evaluates it in every cell of one order with plain
numpy (float64, in chunks) and multiplies it into the map it has. Times are CPU seconds of this process, the least of some
repeats, printed as ratios. The ratio at order 14, the finest of the belief, is not measured: it is the measured one times the
number of cells, since the dense cost grows with it. A dense map of order 14 would need 24 GiB a float64 array.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import healpix
import numpy as np

from geo.belief import Belief
from geo.cells import MAX_ORDER, Cells, side_km
from geo.evidence import Evidence, Kernels, Likelihood, Regions, Ring, near
from geo.sphere import EARTH_RADIUS_KM, haversine_km, unit_vectors

CHUNK = 1 << 18
COARSE = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--order", type=int, default=8, choices=range(7, 11), help="order of the dense grid (default 8: 25 km)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cells = dense_cells(options.order)
    history = [clue(kernels(seed), f"history {seed}") for seed in range(10)]
    belief = Belief.start(prior=False).update(*history)
    log_dense = sum((dense_log(item, cells) for item in history), np.zeros(len(cells)))
    print(f"belief: {len(belief.cells):,} cells after {len(history)} clues")
    print(f"dense grid of order {options.order}: {len(cells):,} cells of {float(side_km(options.order)):.1f} km")
    print(f"{'clue':10} {'dense/belief':>13} {f'at order {MAX_ORDER}*':>14} {'mass apart':>11} {'one clue':>10}")
    for name, likelihood in {
        "kernels": kernels(99),
        "regions": Regions({"FR": 1.0, "ES": 0.5}),
        "ring": Ring(52.0, 5.0, 900.0, 150.0),
    }.items():
        item = clue(likelihood, name)
        fast, updated = timed(lambda item=item: belief.update(item), options.repeats)
        slow, log_after = timed(lambda item=item: log_dense + dense_log(item, cells), max(1, options.repeats // 3))
        scale = 4.0 ** (MAX_ORDER - options.order)
        print(
            f"{name:10} {slow / fast:12.1f}x {slow / fast * scale:13.3g}x {apart(updated, cells, log_after):11.4f} {1000 * fast:7.1f} ms"
        )
    fast, _ = timed(belief.best, options.repeats)
    one, _ = timed(lambda: belief.update(clue(kernels(99), "kernels")), options.repeats)
    print(f"best point: {fast / one:.1f} times the cost of folding the kernel clue")
    print(f"* extrapolated by the number of cells. Mass apart: half the summed difference over cells of order {COARSE}.")


def clue(likelihood: Likelihood, source: str) -> Evidence:
    return Evidence(likelihood, "benchmark", source, "benchmark", 0.8)


def kernels(seed: int, n: int = 40) -> Kernels:
    """Some tens of places in and around Europe, with widths from 30 to 300 km, which the dense grid resolves."""
    rng = np.random.default_rng(seed)
    return near(rng.normal(45, 8, n), rng.normal(5, 10, n), 10 ** rng.uniform(1.5, 2.5, n), rng.random(n))


def dense_cells(order: int) -> Cells:
    n = 12 * 4**order
    return Cells.of(np.full(n, order), np.arange(n))


def dense_log(item: Evidence, cells: Cells) -> np.ndarray[Any, np.dtype[np.float64]]:
    """log((1 − ε)·clue/⟨clue⟩ + ε) in every cell, straight from the formulas."""
    value = np.empty(len(cells))
    for first in range(0, len(cells), CHUNK):
        rows = slice(first, first + CHUNK)
        value[rows] = plain(item.likelihood, cells.lat[rows], cells.lon[rows], float(side_km(int(cells.order[0]))))
    return np.asarray(np.log(item.reliability * value / value.mean() + 1.0 - item.reliability))


def plain(likelihood: Likelihood, lat: Any, lon: Any, side: float) -> Any:
    if isinstance(likelihood, Kernels):
        kappa = EARTH_RADIUS_KM**2 / (np.asarray(likelihood.sigma_km) ** 2 + side**2 / 12)
        cos = unit_vectors(lat, lon) @ unit_vectors(likelihood.lat, likelihood.lon).T
        return np.exp(kappa * (cos - 1)) @ (np.asarray(likelihood.weight) * kappa / (2 * math.pi))
    if isinstance(likelihood, Ring):
        off = haversine_km(lat, lon, likelihood.lat, likelihood.lon) - likelihood.radius_km
        return np.exp(-0.5 * off**2 / (likelihood.sigma_km**2 + side**2 / 12))
    return likelihood.at(lat, lon, np.full(len(lat), side))


def apart(belief: Belief, cells: Cells, log_dense: Any) -> float:
    """Total variation distance of the two maps, gathered on coarse cells."""
    mass = np.exp(log_dense - log_dense.max())
    dense = np.bincount(cells.ipix >> (2 * (int(cells.order[0]) - COARSE)), weights=mass / mass.sum(), minlength=12 * 4**COARSE)
    parent = healpix.ang2pix(1 << COARSE, belief.cells.lon, belief.cells.lat, nest=True, lonlat=True)
    return 0.5 * float(np.abs(dense - np.bincount(parent, weights=belief.mass, minlength=len(dense))).sum())


def timed(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Least CPU time of some calls, and the last answer."""
    times, answer = [], None
    for _ in range(repeats):
        began = time.process_time()
        answer = call()
        times.append(time.process_time() - began)
    return min(times), answer


if __name__ == "__main__":
    main()
