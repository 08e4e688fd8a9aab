"""Questions to an extract against brute force, in one run: `python benchmarks/osm_queries.py`.

Draws a town of more than 50,000 elements, writes it as a true PBF file and builds an extract of it. Then 200 questions of what lies around a
point and 20 scenes are answered by the extract and by brute force over the file itself, which reads every element, draws it with shapely and
takes every distance in an equidistant plane (tests/tools/osm/reference.py: nothing of the store is used). Every answer is compared. Speed is
printed as the ratio of the two in this run. Brute force is spared what no search would do: elements that fit no filter are not drawn.
"""

from __future__ import annotations

import functools
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from geo.sphere import destination
from tests.tools.osm.reference import apart, nearby, read_things
from tools.osm.build import build_store
from tools.osm.drawn_town import TownSettings, write_town
from tools.osm.filters import any_holds, parse_filters
from tools.osm.scene_match import match_scene
from tools.osm.scene_query import parse_scene
from tools.osm.store import OsmStore

LAT, LON = 60.0, 24.0
POINTS, SCENES = 200, 20
KINDS = [["shop=bakery"], ["pharmacy"], ["church"], ["level crossing"], ["bus stop"], ["river"], ["amenity=bar|pub"], ["height>25 m"],
         ["railway station"], ["lake", "park"]]  # fmt: skip
TIES = [("church", "level crossing", 60), ("pharmacy", "bus stop", 90), ("church", "shop=bakery", 120), ("pharmacy", "amenity=bar", 90),
        ("level crossing", "river", 200), ("church", "river", 150), ("shop=books", "shop=florist", 80), ("bus stop", "railway", 150),
        ("church", "pharmacy", 150), ("height>30 m", "shop=books", 40)]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = folder / "town.osm.pbf", folder / "town.osm.sqlite"
        count = write_town(source, TownSettings(elements=45_000, lat=LAT, lon=LON, seed=1))
        start = time.perf_counter()
        build_store(source, target)
        build_s = time.perf_counter() - start
        sizes = f"{source.stat().st_size / 1e6:.1f} MB of PBF, {target.stat().st_size / 1e6:.1f} MB as an extract"
        print(f"a drawn town of {count:,} elements: {sizes}; built in {build_s:.1f} s")
        start = time.perf_counter()
        things = read_things(source)
        print(f"brute force reads the file in {time.perf_counter() - start:.1f} s, which is not counted below")
        store = OsmStore(target)
        report("around a point", *around_points(store, things))
        report("scenes", *scenes(store, things))


def report(what: str, asked: int, hits: int, wrong: int, ours_s: float, theirs_s: float) -> None:
    print(
        f"{what}: {asked} questions, {hits:,} elements or places found, {wrong} answers differ; "
        f"{1000 * ours_s / asked:.1f} ms each, brute force {theirs_s / ours_s:.0f} times as long"
    )
    if wrong:
        sys.exit(1)


def around_points(store: OsmStore, things: Any) -> tuple[int, int, int, float, float]:
    """Questions, elements found, answers that differ, and seconds of both."""
    rng = np.random.default_rng(0)
    hits, wrong, ours_s, theirs_s = 0, 0, 0.0, 0.0
    for i in range(POINTS):
        lat, lon = (float(v) for v in destination(LAT, LON, rng.uniform(0, 360), rng.uniform(0, 3)))
        what, radius_m = KINDS[i % len(KINDS)], float(rng.uniform(50, 1000))
        start = time.perf_counter()
        found = store.around(lat, lon, radius_m, parse_filters(what), 1_000_000)
        middle = time.perf_counter()
        wanted = nearby(things, lat, lon, radius_m, what)
        theirs_s, ours_s = theirs_s + time.perf_counter() - middle, ours_s + middle - start
        ours = {near.element.key: near.distance_m for near in found.near}
        hits += len(ours)
        wrong += not same(ours, wanted, radius_m)
    return POINTS, hits, wrong, ours_s, theirs_s


def same(ours: dict[Any, float], wanted: dict[Any, float], radius_m: float) -> bool:
    """Whether both found the same at the same distances, to 3 mm; what lies so near the circle may be in either."""
    every = set(ours) | set(wanted)
    return all(abs(ours.get(key, radius_m) - wanted.get(key, radius_m)) < 0.003 for key in every)


def scenes(store: OsmStore, things: Any) -> tuple[int, int, int, float, float]:
    """Two things at a distance, then the same with a third tied to the second."""
    hits, wrong, ours_s, theirs_s = 0, 0, 0.0, 0.0
    for i in range(SCENES):
        a, b, metres = TIES[i % len(TIES)]
        ties = [(a, b, metres)] if i < len(TIES) else [(a, b, metres), (b, TIES[(i + 3) % len(TIES)][1], 250)]
        whats = [a, *(tie[1] for tie in ties)]
        query = {"entities": [{"id": f"e{n}", "what": [what]} for n, what in enumerate(whats)],
                 "relations": [{"kind": "within", "a": f"e{n}", "b": f"e{n + 1}", "metres": tie[2]} for n, tie in enumerate(ties)]}  # fmt: skip
        start = time.perf_counter()
        result = match_scene(store, parse_scene(query), seconds=60)
        middle = time.perf_counter()
        wanted = chains(things, whats, [tie[2] for tie in ties])
        theirs_s, ours_s = theirs_s + time.perf_counter() - middle, ours_s + middle - start
        # At most 20 elements are named for a part, and 500 places kept: where nothing was left out, all must be there.
        whole = not result.truncated and all(len(part) < 20 for place in result.places for part in place.parts.values())
        for n in range(len(whats)):
            ours = {element.key for place in result.places for element in place.parts[f"e{n}"]}
            expected = {chain[n] for chain in wanted}
            wrong += ours != expected if whole else not ours <= expected
        hits += result.n_total
    return SCENES, hits, wrong, ours_s, theirs_s


def chains(things: Any, whats: list[str], metres: list[float]) -> set[tuple[Any, ...]]:
    """All rows of different elements of the kinds, each within the distance of the one before; every pair is measured."""
    kinds = [[thing for thing in things.values() if any_holds(parse_filters([what]), thing.tags)] for what in whats]
    rows = [(thing,) for thing in kinds[0]]
    for kind, limit in zip(kinds[1:], metres, strict=True):
        near = {(a.key, b.key) for a in {row[-1].key: row[-1] for row in rows}.values() for b in kind
                if a is not b and roughly_m(a, b) <= limit and apart(a, b) <= limit}  # fmt: skip
        rows = [(*row, b) for row in rows for b in kind if (row[-1].key, b.key) in near and b not in row]
    return {tuple(thing.key for thing in row) for row in rows}


def roughly_m(a: Any, b: Any) -> float:
    """A distance that is never too large: between boxes in a plane of metres, good in a town."""
    (south, west, north, east), (south_b, west_b, north_b, east_b) = box_of(a), box_of(b)
    high, wide = max(south - north_b, south_b - north, 0.0), max(west - east_b, west_b - east, 0.0)
    return 0.99 * math.hypot(high, wide)


@functools.cache
def _box(key: tuple[str, int], parts: Any) -> tuple[float, float, float, float]:
    points = np.array([point for part in parts for point in part]) * (111_100.0, 55_500.0)
    (south, west), (north, east) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return south, west, north, east


def box_of(thing: Any) -> tuple[float, float, float, float]:
    """South, west, north, east in metres, about."""
    return _box(thing.key, thing.parts)


if __name__ == "__main__":
    main()
