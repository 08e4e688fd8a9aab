"""The practice world as a benchmark, and as a folder of pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evals.practice.paint import paint
from evals.practice.plan import LEVELS, plan_scene
from evals.practice.scene import ScenePlan
from evals.record import BenchmarkError, Record, Truth
from geo.gazetteer import gazetteer

if TYPE_CHECKING:
    from agent.photo import PhotoFile

JPEG_QUALITY = 90
LICENCE = "CC0-1.0"
ATTRIBUTION = "Drawn by geosleuth's practice world; names of places: GeoNames (CC BY 4.0)"
MOST_SCENES = 100_000


@dataclass
class Practice:
    """`n` scenes of a level: a test bed and training ground, never a benchmark of real photos."""

    level: str
    seed: int = 0
    n: int = 300
    size: tuple[int, int] | None = None
    """Pixels of every picture; None leaves each scene its own size."""
    _records: list[Record] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise BenchmarkError(f"the practice world has no level {self.level[:40]!r}: there are {', '.join(LEVELS)}")
        if not 1 <= self.n <= MOST_SCENES:
            raise BenchmarkError(f"the practice world draws 1 to {MOST_SCENES} scenes, not {self.n}")

    @property
    def name(self) -> str:
        return (
            f"practice:{self.level}"
            + (f":{self.seed}" if self.seed or self.n != 300 else "")
            + (f":{self.n}" if self.n != 300 else "")
        )

    def records(self) -> Sequence[Record]:
        """The scenes as records; pictures are painted when opened. Raises BenchmarkError where no font is installed."""
        if not self._records:
            try:
                self._records.extend(record_of(plan_scene(self.level, self.seed, index), self.size) for index in range(self.n))
            except RuntimeError as error:
                raise BenchmarkError(str(error)) from error
        return self._records


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
        for index in range(practice.n):
            plan = plan_scene(practice.level, practice.seed, index)
            name = f"images/{plan.id}.jpg"
            (folder / name).write_bytes(encoded(plan, practice.size))
            rows.writerow([name, plan.lat, plan.lon, plan.country, plan.region or "", plan.city, plan.level, plan.script, plan.language,
                           plan.recipe, plan.finest, plan.solution])  # fmt: skip
            clues.write(json.dumps({"path": name, **plan.to_json()}, ensure_ascii=False) + "\n")
    return practice.n
