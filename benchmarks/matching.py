"""Level verdicts on 1,142 answers (the size of GeoBench) against GeoVista's word matcher on the same: `python benchmarks/matching.py`.

Truths are places of 100,000 people and more; three answers in five name the true place, the others another one, each in one of several
forms, after some 3,000 characters of reasoning that name more places. Prints seconds and ratios, and what it takes to judge as many points.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from evals.geovista_matcher import published_verdicts
from evals.levels import levels_of_points, levels_of_text
from evals.record import Truth
from geo.gazetteer import gazetteer
from geo.place import Place

T = TypeVar("T")
COUNT = 1142
FORMS = ("{city}, {region}, {country}", "{city}, {country}", "The photo was taken in **{city}**, {region}, {country}.", "{city} ({lat:.3f}, {lon:.3f})",
         "Not {other}; this is {city}, {country}.", "City: {city}\nRegion: {region}\nCountry: {country}", "Probably {city} or {other}.", "{country}")  # fmt: skip


def main() -> None:
    truths, answers, messages, points = cases(COUNT)
    levels_of_text(truths[0], "Paris, Texas")
    exact, own_s = timed(lambda: [levels_of_text(t, a) for t, a in zip(truths, answers, strict=True)])
    _, again_s = timed(lambda: [levels_of_text(t, a) for t, a in zip(truths, answers, strict=True)])
    final, final_s = timed(lambda: [published_verdicts(t.names, a) for t, a in zip(truths, answers, strict=True)])
    original, original_s = timed(lambda: [published_verdicts(t.names, m) for t, m in zip(truths, messages, strict=True)])
    _, points_s = timed(lambda: levels_of_points(truths, points[:, 0], points[:, 1]))
    print(f"{COUNT:,} answers in words: ours {own_s:.2f} s, once more {again_s:.2f} s; in coordinates {points_s:.2f} s")
    for name, seconds, verdicts in (("final answer", final_s, final), ("whole message", original_s, original)):
        city = sum(v["city"] is True for v in verdicts)
        print(
            f"GeoVista's on the {name}: {seconds:.3f} s; ours takes {own_s / seconds:.1f} times as long; city right {city} of {COUNT}"
        )
    print(f"city right by ours: {sum(v['city'] is True for v in exact)} of {COUNT}")


def cases(count: int, seed: int = 0) -> tuple[list[Truth], list[str], list[str], np.ndarray]:
    """Truths, final answers, whole messages and points [n, 2]."""
    rng, known = np.random.default_rng(seed), gazetteer()
    large = [p for p in map(known.place, np.flatnonzero(known.population >= 100_000).tolist()) if p.region and p.country]
    chosen = [large[i] for i in rng.choice(len(large), 3 * count, replace=False)]
    truths, answers, messages, points = [], [], [], []
    for n in range(count):
        true, other, wrong = chosen[3 * n : 3 * n + 3]
        said = true if rng.random() < 0.6 else wrong
        names = {"country": str(true.country_name), "region": str(true.region), "city": true.name}
        truths.append(Truth(true.lat, true.lon, true.country, true.region, true.name, names=names))
        answers.append(filled(FORMS[n % len(FORMS)], said, other))
        reasoning = " ".join(
            f"It might be {p.name}, {p.country_name}, but the signs and the road markings do not fit." for p in chosen[n : n + 30]
        )
        messages.append(f"<think>{reasoning}</think><answer>{answers[-1]}</answer>")
        points.append((said.lat, said.lon))
    return truths, answers, messages, np.array(points)


def filled(form: str, place: Place, other: Place) -> str:
    return form.format(
        city=place.name, region=place.region, country=place.country_name, lat=place.lat, lon=place.lon, other=other.name
    )


def timed(call: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main()
