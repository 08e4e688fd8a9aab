"""What a summary with bootstrap intervals costs, against a plain loop, and how close the two are.

    python benchmarks/metrics.py [--records 1142] [--large 26000] [--points 10000]

The loop is what most harnesses do: for every resample draw records with `random.choices` and compute each statistic of them in Python. It
is run for a few resamples and the rest is extrapolated, since it grows with their number. Both sides compute the same six
metrics over the same rows; their intervals must agree but for the chance of the draws. Times are CPU seconds of this process, the least of some
repeats, printed as ratios; the whole summary, with its 60-odd metrics and splits by 6 columns, is given as a multiple of the six.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evals.metrics.bootstrap import means, quantile, resampled
from evals.metrics.compare import compare
from evals.metrics.density import cloud_match
from evals.metrics.summary import summarise
from evals.metrics.values import distances, mean_values
from evals.record import Truth
from evals.row import LEVELS, Guess, RankedPlace, Row, ToolCall

RESAMPLES = 1000
LOOPED = 20
_SIX = ("country", "city", "within_25km", "within_750km", "geoscore")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=1142, help="records of the benchmark (default: GeoBench's)")
    parser.add_argument("--large", type=int, default=26_000, help="records of a large one; 0 leaves it out")
    parser.add_argument(
        "--points", type=int, default=10_000, help="points of each cloud for the density metrics; 0 leaves them out"
    )
    options = parser.parse_args()
    rows = made_up(options.records)
    fast, found = timed(lambda: by_counts(rows), 5)
    slow, looped = timed(lambda: by_loop(rows, LOOPED), 1)
    apart = max(abs(looped[name].std() / found[name].std() - 1.0) for name in found)
    print(
        f"{options.records:,} records, {RESAMPLES:,} resamples, 6 metrics: plain loop / counts = {slow * RESAMPLES / LOOPED / fast:,.0f}"
    )
    print(
        f"standard errors from {LOOPED} looped resamples and {RESAMPLES:,} counted ones: at most {100 * apart:.0f} % apart (by chance about {100 / math.sqrt(2 * (LOOPED - 1)):.0f} %)"
    )
    whole, _ = timed(lambda: summarise(rows), 1)
    print(f"whole summary with splits: {whole:.2f} s, {whole / fast:.1f} times the six metrics")
    both, _ = timed(lambda: compare(rows, made_up(options.records, 1)), 1)
    print(f"comparison of two runs with splits: {both:.2f} s, {both / whole:.1f} times a summary")
    if options.large:
        large, _ = timed(lambda: summarise(made_up(options.large)), 1)
        print(f"whole summary of {options.large:,} records: {large:.1f} s, {large / whole:.1f} times that for {options.large / options.records:.1f} times the records; "
              f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")  # fmt: skip
    if options.points:
        clouds(options.points)


def made_up(n: int, seed: int = 0) -> list[Row]:
    """Rows with everything a real run has: 15 % unanswered, distances from streets to continents, five ranked places, four calls."""
    rng = np.random.default_rng(seed)
    return [made_up_row(i, rng) for i in range(n)]


def made_up_row(i: int, rng: np.random.Generator) -> Row:
    km = float(min(np.exp(rng.normal(4.0, 2.5)), 20_000.0)) if rng.random() < 0.85 else None
    levels = {level: km is not None and km < limit for level, limit in zip(LEVELS, (700.0, 150.0, 25.0), strict=True)}
    ranked = tuple(
        RankedPlace(0.0, 0.0, "", float(p), float(np.exp(rng.normal(4.0, 2.5))), bool(rng.random() < p))
        for p in rng.dirichlet(np.ones(5))
    )
    calls = tuple(ToolCall(tool, True, 0.5, float(rng.normal(0.5, 1.0))) for tool in ("zoom", "read_text", "search_web", "zoom"))
    answer = None if km is None else Guess(float(rng.uniform(-60, 60)), float(rng.uniform(-180, 180)), "", "PT", probability=float(rng.random()),
                                           radius50_km=10.0, radius90_km=200.0)  # fmt: skip
    columns = {"continent": f"c{i % 6}", "difficulty": f"d{i % 3}", "year": f"y{i % 10}", "camera": f"m{i % 25}"}
    truth = Truth(float(rng.uniform(-60, 60)), float(rng.uniform(-180, 180)), f"C{int(rng.zipf(1.4)) % 120}", "r", "t")
    return Row(f"{i:06}", ("photo", "panorama", "satellite")[i % 3], truth, columns, answer, km, levels, {"final": levels, "original": levels},
               None, ranked, float(rng.normal(5.0)), float(rng.normal(2.0)), "answered" if answer else "cannot_tell", None, 5, calls, 1000, 50, 0.01,
               float(rng.random() * 9))  # fmt: skip


def by_counts(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """Draws of six metrics as `evals.metrics` computes them."""
    values = mean_values(rows)
    (_, mean), (_, medians) = resampled(
        len(rows), [means(np.stack([values[name] for name in _SIX], axis=1)), quantile(distances(rows))], RESAMPLES
    )
    return {**{name: mean[:, i] for i, name in enumerate(_SIX)}, "median_km": medians[:, 0]}


def by_loop(rows: Sequence[Row], resamples: int) -> dict[str, np.ndarray]:
    """The same in plain Python."""
    chance = random.Random(0)
    drawn: dict[str, list[float]] = {name: [] for name in (*_SIX, "median_km")}
    for _ in range(resamples):
        sample = chance.choices(rows, k=len(rows))
        far = [row.distance_km if row.distance_km is not None else float("inf") for row in sample]
        for level in ("country", "city"):
            drawn[level].append(statistics.fmean(bool(row.levels[level]) for row in sample))
        for km in (25, 750):
            drawn[f"within_{km}km"].append(statistics.fmean(d < km for d in far))
        drawn["geoscore"].append(statistics.fmean(5000.0 * math.exp(-d / 1492.7) for d in far))
        drawn["median_km"].append(statistics.median(far))
    return {name: np.array(values) for name, values in drawn.items()}


def clouds(n: int) -> None:
    """The density metrics of n guesses and n truths, and what a plain loop would take."""
    rng = np.random.default_rng(0)
    middles = rng.uniform((-60, -180), (60, 180), (200, 2))
    guesses, truths = (middles[rng.integers(0, 200, n)] + rng.normal(0, 3, (n, 2)) for _ in range(2))
    fast, _ = timed(lambda: cloud_match(guesses, truths), 1)
    print(
        f"precision, recall, density, coverage of {n:,} guesses and {n:,} truths: {fast:.1f} s; 50,000 would take {fast * (50_000 / n) ** 2:.0f} s (it grows with n²)"
    )


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The least CPU time of some repeats, and the result."""
    times, result = [], None
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


if __name__ == "__main__":
    main()
