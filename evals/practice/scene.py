"""What a scene is made of: truth, boards with their lines, clues, camera. All of it is plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evals.practice.camera import Camera

Box = tuple[float, float, float, float]
"""Left, upper, right, lower in units of the picture, 0 to 1."""


@dataclass(frozen=True)
class Line:
    """A line of a board. A tab separates a name on the left from a number on the right."""

    text: str
    size: float = 1.0
    """Height of its letters relative to the board's."""


@dataclass(frozen=True)
class Board:
    """Something with writing on it."""

    kind: str
    """`fascia`, `street`, `town`, `road`, `info`, `note`, `poster`, `banner`, `clock`, `stop`, `plate`, `compass`."""
    lines: tuple[Line, ...]
    script: str
    slots: tuple[str, ...]
    """Where it may hang, the best first (`evals/practice/layout.py`)."""
    letter_px: float
    """Height of a capital letter of a line of size 1 at a long side of 1600 pixels; less where it hangs farther off."""
    style: int = 0
    band: str = ""
    """Letters on a number plate's blue band."""
    ground: str = ""
    """Colour of a number plate."""
    needed: bool = False
    """Whether there is no scene without it."""


@dataclass(frozen=True)
class Clue:
    """Something in the picture that tells of the place, or pretends to."""

    kind: str
    text: str
    """As written; empty where it is no writing."""
    tells: str
    """`city`, `region`, `country`, `latitude`, or `nothing` (a distractor)."""
    value: str
    """What it tells: a name, an ISO code, a range of latitudes; of a distractor, what it pretends."""
    needs_zoom: bool = False
    needs_search: bool = False
    distractor: bool = False
    decisive: bool = False
    board: int = -1
    """The board that it stands on; -1 for what is no board."""
    line: int = -1
    """The line of the board; -1 for the whole of it."""
    box: Box = (0.0, 0.0, 0.0, 0.0)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "box": list(self.box)}


@dataclass(frozen=True)
class Car:
    """`u` and `z` of the middle of its end that the camera sees."""

    u: float
    z: float
    away: bool
    """Whether it drives away from the camera, so that its rear is seen."""
    colour: tuple[int, int, int]
    length: float
    height: float


@dataclass(frozen=True)
class Sky:
    """When it is and where the sun stands."""

    when: str
    """Local civil time: `2024-07-03 14:20`."""
    utc_offset_h: float
    elevation_deg: float
    azimuth_deg: float


@dataclass(frozen=True)
class ScenePlan:
    """A scene before it is painted."""

    level: str
    seed: int
    index: int
    size: tuple[int, int]
    """Width and height in pixels that the scene is meant for."""
    lat: float
    lon: float
    country: str
    region: str | None
    city: str
    city_id: int
    """GeoNames id."""
    language: str
    script: str
    recipe: str
    """Which kind of clue decides."""
    finest: str
    """The finest level that can be told: `city`, `region` or `country`."""
    solution: str
    """One sentence: what solves the scene."""
    drives: str
    """`left` or `right`."""
    centre_line: str
    """`white`, `yellow`, or empty where no rule is known."""
    camera: Camera
    sky: Sky
    cars: tuple[Car, ...]
    boards: tuple[Board, ...]
    clues: tuple[Clue, ...] = ()
    decoration: int = 0
    """Seed of what tells nothing: houses, trees, lamps."""

    @property
    def id(self) -> str:
        return f"practice-{self.level}-{self.seed}-{self.index:05d}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "size": list(self.size), "cars": [{**asdict(c), "colour": list(c.colour)} for c in self.cars],
                "boards": [{**asdict(b), "slots": list(b.slots), "lines": [asdict(line) for line in b.lines]} for b in self.boards],
                "clues": [clue.to_json() for clue in self.clues]}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScenePlan:
        """The plan of `to_json`. Raises KeyError or TypeError for anything else."""
        values = dict(data)
        values["size"] = tuple(data["size"])
        values["camera"], values["sky"] = Camera(**data["camera"]), Sky(**data["sky"])
        values["cars"] = tuple(Car(**{**car, "colour": tuple(car["colour"])}) for car in data["cars"])
        values["boards"] = tuple(
            Board(**{**b, "slots": tuple(b["slots"]), "lines": tuple(Line(**line) for line in b["lines"])})
            for b in data["boards"]
        )
        values["clues"] = tuple(Clue(**{**clue, "box": tuple(clue["box"])}) for clue in data["clues"])
        return cls(**values)

    def with_clues(self, clues: tuple[Clue, ...]) -> ScenePlan:
        return replace(self, clues=clues)


@dataclass(frozen=True)
class Draft:
    """Boards and clues while a scene is thought up; indices of boards are those of `boards`."""

    boards: list[Board] = field(default_factory=list)
    clues: list[Clue] = field(default_factory=list)

    def add(self, board: Board, *clues: Clue) -> None:
        """A board with the clues that stand on it."""
        self.clues.extend(replace(clue, board=len(self.boards)) for clue in clues)
        self.boards.append(board)
