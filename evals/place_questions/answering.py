"""A run of an answerer over questions: answers are added to a file as they come, and a run that was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.place_questions.answerer import Answerer, Asked, PlaceAnswer, asked_of
from evals.place_questions.question import MAX_LINE, PlaceQuestion, QuestionError, json_lines
from evals.place_questions.reading import cited_in

VERSION = 1
_MOST_CITED = 100


@dataclass(frozen=True)
class Conditions:
    """What the answers of one file have in common."""

    by: str
    error_m: float = 0.0
    """How far off the coordinates are that are shown."""
    hidden: bool = False
    """Whether none are shown."""
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"by": self.by, "error_m": self.error_m, "hidden": self.hidden, "seed": self.seed}


@dataclass(frozen=True)
class Answers:
    """The answers of a file by the id of the question, the last one of each, and their conditions (None for an empty file)."""

    by_id: dict[str, PlaceAnswer]
    conditions: Conditions | None = None


def answer_all(questions: Sequence[PlaceQuestion], answerer: Answerer, out: Path, *, error_m: float = 0.0, hidden: bool = False,
               seed: int = 0, workers: int = 1, told: Callable[[int, int], None] = lambda done, of: None) -> Answers:  # fmt: skip
    """All answers, those that `out` held before included; what failed there is asked again. `told` hears how many are done.

    Raises QuestionError where `out` holds answers of another answerer or under other conditions, and OSError.
    """
    conditions = Conditions(answerer.name, error_m, hidden, seed)
    known = read_answers(out) if out.exists() else Answers({})
    if known.conditions is not None and known.conditions != conditions:
        raise QuestionError(f"{out} holds answers of {_words(known.conditions)}, not of {_words(conditions)}: give another file")
    left = [question for question in questions if question.id not in known.by_id or known.by_id[question.id].error]
    found = dict(known.by_id)
    _drop_torn_line(out)
    with out.open("ab") as file:
        for done, (asked, answer) in enumerate(_answered(left, answerer, conditions, workers), len(questions) - len(left) + 1):
            found[asked.id] = answer
            line = {"version": VERSION, "id": asked.id, "text": answer.text, "cited": list(answer.cited), "error": answer.error,
                    "lat": asked.lat, "lon": asked.lon, **conditions.to_json()}  # fmt: skip
            file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            file.flush()
            told(done, len(questions))
    return Answers(found, conditions)


def _answered(questions: Sequence[PlaceQuestion], answerer: Answerer, conditions: Conditions,
              workers: int) -> Iterator[tuple[Asked, PlaceAnswer]]:  # fmt: skip
    """Questions and answers in order, so many at once. A run that is stopped waits for none but those that are being answered."""
    asked = [asked_of(one, error_m=conditions.error_m, seed=conditions.seed, hidden=conditions.hidden) for one in questions]
    pool = ThreadPoolExecutor(workers)
    try:
        yield from zip(asked, pool.map(answerer.answer, asked), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def read_answers(path: Path) -> Answers:
    """The answers in a file. Raises QuestionError, one line with the line's number, and OSError."""
    found: dict[str, PlaceAnswer] = {}
    conditions: Conditions | None = None
    for number, line in json_lines(path):
        try:
            answer_id, answer, here = _read(line)
        except (KeyError, TypeError, ValueError):
            raise QuestionError(f"{path.name} line {number} is no answer") from None
        if conditions is not None and conditions != here:
            raise QuestionError(
                f"{path.name} line {number} is an answer of {_words(here)}, those before are of {_words(conditions)}"
            )
        conditions = here
        found[answer_id] = answer
    return Answers(found, conditions)


def _read(line: dict[str, Any]) -> tuple[str, PlaceAnswer, Conditions]:
    """One line: an id and a text are enough, so that answers may come from anywhere."""
    cited = [one for text in list(line.get("cited") or ())[:_MOST_CITED] for one in cited_in(str(text))]
    answer = PlaceAnswer(_text(line["text"]), tuple(cited), _text(line.get("error") or ""))
    conditions = Conditions(
        _text(line.get("by") or "unknown"),
        float(line.get("error_m") or 0.0),
        bool(line.get("hidden")),
        int(line.get("seed") or 0),
    )
    return _text(line["id"]), answer, conditions


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _words(conditions: Conditions) -> str:
    where = (
        "no coordinates"
        if conditions.hidden
        else f"coordinates {conditions.error_m:,.0f} m off"
        if conditions.error_m
        else "true coordinates"
    )
    return f"{conditions.by[:80]} with {where} (seed {conditions.seed})"


def _drop_torn_line(path: Path) -> None:
    """Cut what a killed run left of a line."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - MAX_LINE - 1))
        tail = file.read()
        file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
