"""Reverse geocoding against the package reverse_geocoder, in one run: `python benchmarks/reverse_geocode.py`.

Prints how many times as long reverse_geocoder takes for the same points, in its forms with one process (mode 1) and with several
(mode 2), the time to load, the memory of a fresh process, and how often both name the same country. Points are places moved by
about 30 km.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from geo.gazetteer import gazetteer

T = TypeVar("T")
COUNTS = (10_000, 1_000_000)


def main() -> None:
    for name, code in (("geosleuth", "from geo.gazetteer import gazetteer as g; g().reverse(48.8, 2.3)"),
                       ("reverse_geocoder",
                        "import reverse_geocoder as r; r.search((48.8, 2.3), mode=1, verbose=False)")):  # fmt: skip
        seconds, megabytes = fresh_process(code)
        print(f"{name:17} first answer of a fresh process {seconds:5.2f} s, {megabytes:4.0f} MB")
    import reverse_geocoder

    ours = gazetteer()
    reverse_geocoder.search((0.0, 0.0), mode=1, verbose=False)
    for count in COUNTS:
        lat, lon = land_points(count)
        found, own_s = timed(lambda lat=lat, lon=lon: ours.reverse_many(lat, lon))
        print(f"{count:>9,} points: geosleuth {own_s:.2f} s ({count / own_s:,.0f} a second)")
        for mode in (1, 2):
            pairs = list(zip(lat.tolist(), lon.tolist(), strict=True))
            # Mode 2 keeps its own tree and is a class of its own to make.
            geocoder = reverse_geocoder.RGeocoder(mode=mode, verbose=False)
            theirs, their_s = timed(lambda geocoder=geocoder, pairs=pairs: geocoder.query(pairs))
            print(f"{'':9}  reverse_geocoder mode {mode}: {their_s:.2f} s, {their_s / own_s:.1f} times as long")
        codes = np.array([*ours.country_codes, ""])[found.country_index]
        same = np.mean(codes == np.array([row["cc"] for row in theirs]))
        print(f"{'':9}  the same country for {100 * same:.2f} % of the points")


def land_points(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points spread around places of all sizes."""
    rng = np.random.default_rng(seed)
    ours = gazetteer()
    start = rng.integers(0, len(ours), count)
    lat = np.clip(ours.place_lat[start] + rng.normal(0, 0.27, count), -90, 90)
    lon = ours.place_lon[start] + rng.normal(0, 0.27, count) / np.cos(np.radians(ours.place_lat[start]))
    return lat, (lon + 180) % 360 - 180


def timed(call: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def fresh_process(code: str) -> tuple[float, float]:
    """Seconds until a new interpreter has run `code`, without its own start, and its peak memory in MB."""
    script = (f"import time, resource; t = time.perf_counter(); {code}; "
              "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)")  # fmt: skip
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    return float(out[-2]), float(out[-1])


if __name__ == "__main__":
    main()
