"""One question about a place with its key, and files of them: JSON lines, one question each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tools.quote import clean

VERSION = 1
LETTERS = "ABCDEFGH"
MAX_LINE = 200_000
MOST_QUESTIONS = 1_000_000

Kind = Literal["short", "choice", "true_false", "long"]
KINDS: tuple[Kind, ...] = ("short", "choice", "true_false", "long")
Name = Annotated[str, Field(max_length=200)]
ElementId = Annotated[str, Field(pattern=r"^(node|way|relation)/\d{1,19}$")]


class QuestionError(ValueError):
    """Questions, answers or photos that cannot be used; one line."""


class Claim(BaseModel):
    """One thing that a long answer should say."""

    model_config = ConfigDict(frozen=True)

    what: Name
    """`the nearest street`."""
    accepted: tuple[Name, ...] = Field(min_length=1, max_length=200)
    """One of these names says it."""
    against: tuple[Name, ...] = Field((), max_length=50)
    """One of these names contradicts it."""
    element_ids: tuple[ElementId, ...] = ()


class PlaceQuestion(BaseModel):
    """A question and its key. An answerer sees `answerer.Asked` alone."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    version: Literal[1] = 1
    id: str = Field(min_length=1, max_length=120)
    photo: str = Field("", max_length=1000)
    """Path or id of the photo; "" for a bare point."""
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    kind: Kind
    question: str = Field(min_length=1, max_length=4000)
    options: dict[str, Annotated[str, Field(max_length=1000)]] = Field(default_factory=dict, max_length=len(LETTERS))
    """Of choices: the text of each letter, from A on."""
    answer: str | tuple[Claim, ...] | tuple[Name, ...]
    """A letter; `true` or `false`; names of which one is enough (none where no exact key is known); what a long answer should say."""
    against: tuple[Name, ...] = Field((), max_length=50)
    """Of short ones: names that are wrong, so that an answer that lists all names there are is not right."""
    element_ids: tuple[ElementId, ...] = ()
    """Elements that the answer rests on."""
    attribute: tuple[Annotated[str, Field(max_length=400)], ...] = Field((), max_length=8)
    """Filters of `tools.osm.filters`: a cited element is one that one of them holds for, within the radius. Empty: none can be cited."""
    topic: str = Field("", max_length=60)
    """`nearest place`, `cuisine`, `country` …"""
    about: str = Field("", max_length=60)
    """`restaurant`."""
    radius_m: float | None = Field(None, gt=0, le=100_000)
    snapshot: str = Field("", max_length=40)
    """The day of the data."""
    licence: str = Field("", max_length=300)
    source: Literal["osm", "gazetteer", "imported"] = "osm"
    seed: int | None = None

    @model_validator(mode="after")
    def _of_its_kind(self) -> PlaceQuestion:
        answer = self.answer
        if self.kind == "choice":
            if list(self.options) != list(LETTERS[: len(self.options)]) or len(self.options) < 2 or answer not in self.options:
                raise ValueError("a choice has at least two options, A and on, and the letter of one of them is its answer")
        elif self.kind == "true_false":
            if answer not in {"true", "false"}:
                raise ValueError("the answer of a statement is true or false")
        elif isinstance(answer, str) or (self.kind == "long") != any(isinstance(item, Claim) for item in answer):
            raise ValueError("the answer of a short question is a list of names, that of a long one a list of claims")
        return self

    @property
    def key(self) -> str:
        """The letter, or `true` or `false`; "" for other kinds."""
        return self.answer if isinstance(self.answer, str) else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The accepted names of a short question; empty for other kinds."""
        return tuple(item for item in self.answer if isinstance(item, str)) if not isinstance(self.answer, str) else ()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What a long answer should say; empty for other kinds."""
        return tuple(item for item in self.answer if isinstance(item, Claim)) if not isinstance(self.answer, str) else ()

    @property
    def where(self) -> str:
        """The photo, or the point: questions with the same one are not independent."""
        return self.photo or f"{self.lat:.6f}, {self.lon:.6f}"


def read_questions(path: Path) -> list[PlaceQuestion]:
    """Questions of a file, each id once. Raises QuestionError, one line with the line's number."""
    found: dict[str, PlaceQuestion] = {}
    for number, line in json_lines(path):
        try:
            question = PlaceQuestion.model_validate(line)
        except ValidationError as error:
            raise QuestionError(f"{path.name} line {number} is no question about a place: {first_fault(error)}") from None
        if question.id in found:
            raise QuestionError(f"{path.name} line {number}: the id {clean(question.id, 60)!r} is there twice")
        found[question.id] = question
    if not found:
        raise QuestionError(f"{path.name} holds no question")
    return list(found.values())


def write_questions(path: Path, questions: Sequence[PlaceQuestion]) -> None:
    """A file of questions, whole or not at all. Raises OSError."""
    write_lines(path, (question.model_dump_json() for question in questions))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """A text file of lines, whole or not at all. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{line}\n" for line in lines)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines with their line numbers. A torn last line is left out. Raises QuestionError and OSError."""
    if not path.is_file():
        raise QuestionError(f"there is no file {path}")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE or number > MOST_QUESTIONS:
                raise QuestionError(f"{path.name} line {number} is too long, or one too many")
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError):
                if not line.endswith(b"\n"):
                    return
                raise QuestionError(f"{path.name} line {number} is not JSON") from None
            if not isinstance(value, dict):
                raise QuestionError(f"{path.name} line {number} is not a JSON object")
            yield number, value


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if not re.fullmatch(r"tuple.*|str", str(part)))
    return clean(f"{where}: {first['msg']}" if where else first["msg"].removeprefix("Value error, "), 200)
