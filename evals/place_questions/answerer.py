"""Who answers: anything with a name and `answer`. Here are those that always say the same, the baselines to beat."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from evals.place_questions.question import LETTERS, Kind, PlaceQuestion, QuestionError
from geo.sphere import destination


@dataclass(frozen=True)
class Asked:
    """What an answerer sees of a question: never its key."""

    id: str
    kind: Kind
    question: str
    options: Mapping[str, str] = field(default_factory=dict)
    photo: str = ""
    lat: float | None = None
    """Where the photo is believed to be; None where the answerer has to find that out."""
    lon: float | None = None

    def text(self) -> str:
        """The question as it is put, with its options and the form of the answer."""
        options = "\n".join(f"{letter}. {option}" for letter, option in self.options.items())
        statement = "True or false? " if self.kind == "true_false" else ""
        return "\n".join(filter(None, (f"{statement}{self.question}", options, _FORM[self.kind])))


_FORM: Mapping[Kind, str] = {
    "short": "Reply with the name or number alone.",
    "choice": "Reply with the letter of the right option alone.",
    "true_false": "Reply with True or False alone.",
    "long": "Reply in one or two sentences that name everything asked for.",
}


@dataclass(frozen=True)
class PlaceAnswer:
    """An answer in words and the elements of OpenStreetMap it rests on."""

    text: str
    cited: tuple[str, ...] = ()
    """`node/123`; those in the text need not be repeated."""
    error: str = ""
    """Why there is no answer, where the world failed (a server, the network); it is asked again when the run goes on."""


class Answerer(Protocol):
    """Answers one question at a time; may be asked by several threads at once."""

    @property
    def name(self) -> str:
        """What its answers are recorded under: two answerers that answer differently have different names."""
        ...

    def answer(self, asked: Asked) -> PlaceAnswer: ...


class Constant:
    """Always says the same, whatever is asked: `constant:true`, `constant:A`."""

    def __init__(self, says: str) -> None:
        """Raises QuestionError for what is neither a letter nor true or false."""
        if says.lower() not in {"true", "false"} and says not in LETTERS:
            raise QuestionError(f"a constant answerer says true, false or a letter from A to {LETTERS[-1]}, not {says[:40]!r}")
        self.name, self._says = f"constant:{says}", says

    def answer(self, asked: Asked) -> PlaceAnswer:
        return PlaceAnswer(self._says)


def asked_of(question: PlaceQuestion, *, error_m: float = 0.0, seed: int = 0, hidden: bool = False) -> Asked:
    """What is shown of a question.

    The coordinates are the true ones, or lie exactly `error_m` metres off in a direction drawn for each photo, or are not shown.
    """
    lat, lon = question.lat, question.lon
    if error_m > 0.0:
        rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(question.where.encode("utf-8", "replace"))]))
        lat, lon = (float(value) for value in destination(lat, lon, rng.uniform(0.0, 360.0), error_m / 1000.0))
    where = (None, None) if hidden else (lat, lon)
    return Asked(question.id, question.kind, question.question, question.options, question.photo, *where)
