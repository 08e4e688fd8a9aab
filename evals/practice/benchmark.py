"""The practice world as a benchmark, and as a folder of pictures."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evals.practice.paint import paint
from evals.practice.plan import LEVELS, plan_scene, recipe_of
from evals.practice.recipes import recipe_names
from evals.practice.scene import ScenePlan
from evals.record import BenchmarkError, Record, Truth
from evals.splits import SPLITS, split_of_city
from geo.gazetteer import gazetteer

if TYPE_CHECKING:
    from agent.photo import PhotoFile

JPEG_QUALITY = 90
LICENCE = "CC0-1.0"
ATTRIBUTION = "Drawn by geosleuth's practice world; names of places: GeoNames (CC BY 4.0)"
MOST_SCENES = 100_000
ALL = "all"
"""As a level: all of them in turn. As the cities: those of both splits."""
_PASSED_OVER = 500
"""So many scenes in a row outside the cities that were asked for: there are none."""


@dataclass
class Practice:
    """`n` scenes of a level: a test bed and training ground, never a benchmark of real photos."""

    level: str = ALL
    """A level, `all` (the levels take turns), or a level and what decides: `hard.stops` has only such scenes, numbered as in `hard`."""
    seed: int = 0
    n: int = 300
    size: tuple[int, int] | None = None
    """Pixels of every picture; None leaves each scene its own size."""
    cities: str = ALL
    """`train` or `held-out`: scenes in the cities of that split alone (`evals/splits.py`); the others are passed over. `all`: no
    choice."""
    _records: list[Record] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        level, dot, recipe = self.level.partition(".")
        if level not in {ALL, *LEVELS} or (level == ALL and dot):
            raise BenchmarkError(f"the practice world has no level {self.level[:40]!r}: there are {', '.join(LEVELS)}, and {ALL}")
        if dot and recipe not in recipe_names(level):
            raise BenchmarkError(
                f"nothing called {recipe[:40]!r} decides scenes of the level {level}: there are {', '.join(recipe_names(level))}"
            )
        if not 1 <= self.n <= MOST_SCENES:
            raise BenchmarkError(f"the practice world draws 1 to {MOST_SCENES} scenes, not {self.n}")
        if self.cities not in {ALL, *SPLITS}:
            raise BenchmarkError(f"no split is called {self.cities[:40]!r}: there are {', '.join(SPLITS)}, and {ALL}")

    @property
    def name(self) -> str:
        said, usual = [self.level, str(self.seed), str(self.n), self.cities], [ALL, "0", "300", ALL]
        while said and said[-1] == usual[len(said) - 1]:
            said.pop()
        return ":".join(["practice", *said])

    def records(self) -> Sequence[Record]:
        """The scenes as records; pictures are painted when opened. Raises BenchmarkError where no font is installed."""
        if not self._records:
            self._records.extend([record_of(plan, self.size) for plan in self.plans()])
        return self._records

    def plans(self) -> Iterator[ScenePlan]:
        """The scenes in their order, thought up one after the other. Raises BenchmarkError where no font is installed."""
        streams = [self._drawn(level) for level in ([self.level] if self.level != ALL else LEVELS)]
        for number in range(self.n):
            try:
                yield next(streams[number % len(streams)])
            except RuntimeError as error:
                raise BenchmarkError(str(error)) from error

    def _drawn(self, level: str) -> Iterator[ScenePlan]:
        """All scenes of a level and the seed in the cities asked for; a scene keeps the number it is drawn by."""
        passed = 0
        level, _, recipe = level.partition(".")
        for index in itertools.count():
            if recipe and recipe_of(level, self.seed, index) != recipe:
                continue
            plan = plan_scene(level, self.seed, index)
            passed = 0 if self.cities in {ALL, split_of_city(plan.city_id)} else passed + 1
            if not passed:
                yield plan
            elif passed >= _PASSED_OVER:
                raise BenchmarkError(f"the practice world finds no scenes in the {self.cities} cities; install more fonts")


def record_of(plan: ScenePlan, size: tuple[int, int] | None = None) -> Record:
    """A scene as a record of an evaluation."""
    country = gazetteer().countries[plan.country].name
    names = {"country": country, "region": plan.region or "", "city": plan.city}
    truth = Truth(plan.lat, plan.lon, plan.country, plan.region, plan.city, names={k: v for k, v in names.items() if v})
    columns = {
        "difficulty": plan.level,
        "script": plan.script,
        "language": plan.language,
        "decisive": plan.recipe,
        "finest": plan.finest,
    }
    return Record(plan.id, truth, partial(open_scene, plan, size), "scene", columns, LICENCE, ATTRIBUTION,
                  clues=tuple(clue.to_json() for clue in plan.clues))  # fmt: skip


def open_scene(plan: ScenePlan, size: tuple[int, int] | None = None) -> PhotoFile:
    """Paint a scene as a JPEG in memory. Raises PhotoError where it finds no room in `size`."""
    from agent.photo import PhotoError, PhotoFile

    try:
        return PhotoFile(Path(f"{plan.id}.jpg"), encoded(plan, size))
    except ValueError as error:
        raise PhotoError(str(error)) from error


def encoded(plan: ScenePlan, size: tuple[int, int] | None = None) -> bytes:
    """A scene as JPEG."""
    buffer = io.BytesIO()
    paint(plan, size).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


_COLUMNS = (
    "path",
    "lat",
    "lon",
    "country",
    "region",
    "city",
    "difficulty",
    "script",
    "language",
    "decisive",
    "finest",
    "solution",
)


def write(practice: Practice, folder: Path) -> int:
    """Pictures, `labels.csv` and `clues.jsonl` (the plans, a line each) in `folder`; how many there are."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with (
        (folder / "labels.csv").open("w", newline="", encoding="utf-8") as labels,
        (folder / "clues.jsonl").open("w", encoding="utf-8") as clues,
    ):
        rows = csv.writer(labels)
        rows.writerow(_COLUMNS)
        for plan in practice.plans():
            name = f"images/{plan.id}.jpg"
            (folder / name).write_bytes(encoded(plan, practice.size))
            rows.writerow([name, plan.lat, plan.lon, plan.country, plan.region or "", plan.city, plan.level, plan.script, plan.language,
                           plan.recipe, plan.finest, plan.solution])  # fmt: skip
            clues.write(json.dumps({"path": name, **plan.to_json()}, ensure_ascii=False) + "\n")
    return practice.n
