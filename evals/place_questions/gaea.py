"""Records of GAEA-Bench as questions: parquet of the Hugging Face hub, JSON and JSON lines.

Each record has `image, question, answer, lat, lon, location, question_type, subset`. Multiple choice and true/false have exact keys. The
answers of open questions are sentences written by a language model: the names in them become the key, which is a stand-in for the
judge that GAEA-Bench uses, and is said to be one (`docs/place-questions.md`). Damaged rows are left out and counted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.benchmarks.coordinates import point
from evals.place_questions.question import LETTERS, Claim, Kind, PlaceQuestion, QuestionError, first_fault
from geo.names import fold
from tools.quote import clean

LICENCE = "GAEA-Bench (UCF CRCV): non-commercial, see its own licence"
_KINDS: Mapping[str, Kind] = {"svqa": "short", "lvqa": "long", "mcq": "choice", "tf": "true_false"}
_MAX_JSON_BYTES = 256_000_000
_MAX_ROWS = 2_000_000
_MOST_CLAIMS = 12
_OPTION = re.compile(r"(?:^|[\s(])([A-H])[.):]\s+")
_LETTER = re.compile(r"^\W*([A-H])(?:\b|[.):])")
_QUOTED = re.compile("[“\"‘']([^“”\"‘’']{2,80})[”\"’']")
_SMALL = frozenset({"of", "de", "la", "le", "du", "des", "der", "di", "da", "do", "del", "van", "von", "the", "and", "&"})
_ROWS = ("data", "rows", "test", "records", "samples")


@dataclass(frozen=True)
class Read:
    """Questions of a file and why rows of it were left out."""

    questions: tuple[PlaceQuestion, ...]
    left_out: Counter[str]


def read_gaea(path: Path) -> Read:
    """The records of a file, or of the parquet files of a folder, as questions. Raises QuestionError, BenchmarkError and OSError, one line."""
    questions: dict[str, PlaceQuestion] = {}
    left_out: Counter[str] = Counter()
    rows = 0
    for row in _rows(path):
        rows += 1
        found = _question(row) if isinstance(row, Mapping) else "it is no object" if row is not None else "it is not JSON"
        if isinstance(found, str):
            left_out[found] += 1
        elif found.id in questions:
            left_out["it is there twice"] += 1
        else:
            questions[found.id] = found
    if not questions:
        raise QuestionError(f"{path} holds no question of GAEA-Bench ({rows:,} rows, {_why(left_out)})")
    return Read(tuple(questions.values()), left_out)


def _why(left_out: Counter[str]) -> str:
    return "; ".join(f"{count:,}: {reason}" for reason, count in left_out.most_common(3)) or "nothing in it"


def _rows(path: Path) -> Iterator[Any]:
    """Every row; None for one that is no JSON."""
    if path.is_dir() or path.suffix.lower() == ".parquet":
        from evals.benchmarks.parquet import ParquetRows

        table = ParquetRows(path)
        yield from table.values([name for name in table.names if name not in table.picture_columns()])
        return
    if not path.is_file():
        raise QuestionError(f"there is no file {path}")
    if path.suffix.lower() == ".jsonl":
        yield from _lines(path)
        return
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise QuestionError(f"{path} is larger than {_MAX_JSON_BYTES // 1_000_000} MB: give it as JSON lines or parquet")
    value = _json(path.read_bytes())
    if isinstance(value, dict):
        value = next((value[name] for name in _ROWS if isinstance(value.get(name), list)), None)
    if not isinstance(value, list):
        raise QuestionError(f"{path} is no JSON list of records")
    yield from value[:_MAX_ROWS]


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(16_000_000), b"")):
            if number >= _MAX_ROWS:
                return
            if line.strip():
                yield _json(line)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _question(row: Mapping[str, Any]) -> PlaceQuestion | str:
    """The question of a row, or why there is none."""
    kind = _KINDS.get(re.sub(r"[^a-z]", "", str(row.get("question_type", "")).lower()))
    if kind is None:
        return "its question_type is none of SVQA, LVQA, MCQ and TF"
    asked, answer = (str(row.get(name) or "").replace("<image>", "").strip()[:4000] for name in ("question", "answer"))
    if not asked or not answer:
        return "it has no question or no answer"
    try:
        lat, lon = point(str(row.get("lat") or "").strip(), str(row.get("lon") or "").strip())
    except ValueError:
        return "its coordinates are missing or impossible"
    options, question = options_in(asked) if kind == "choice" else ({}, asked)
    key = _key(kind, question, answer, options, clean(str(row.get("location") or ""), 200))
    if isinstance(key, str) and not key:
        return "its answer is no letter of an option" if kind == "choice" else "its answer is neither true nor false"
    photo = next((str(row[name]) for name in ("image", "file_name") if isinstance(row.get(name), str) and row[name]), "")
    digest = hashlib.sha256(json.dumps([photo, lat, lon, asked, answer]).encode("utf-8", "replace")).hexdigest()[:12]
    try:
        return PlaceQuestion(id=f"gaea-{digest}", photo=clean(photo, 400), lat=lat, lon=lon, kind=kind, question=clean(question, 3900), options=options,
                             answer=key, topic=clean(str(row.get("subset") or ""), 60), licence=LICENCE, source="imported")  # fmt: skip
    except ValidationError as error:
        return f"it cannot be used: {first_fault(error)}"


def _key(
    kind: Kind, question: str, answer: str, options: Mapping[str, str], location: str
) -> str | tuple[str, ...] | tuple[Claim, ...]:
    """The key of its kind; "" where the answer is none."""
    if kind == "choice":
        match = _LETTER.match(answer)
        return (
            match[1]
            if match and match[1] in options
            else next((k for k, text in options.items() if fold(text) == fold(answer)), "")
        )
    if kind == "true_false":
        match = re.match(r"\W*(true|false)\b", answer, re.I)
        return match[1].lower() if match else ""
    parts = [part.strip() for part in location.split(",") if fold(part)]
    found = [name for name in names_in(answer, question) if fold(name) not in {fold(part) for part in parts}]
    if kind == "short":
        return tuple(found[:_MOST_CLAIMS] or [part for part in parts if fold(part) in fold(answer)][:1])
    claims = [Claim(what=name[:100], accepted=(name,)) for name in dict.fromkeys([*parts, *found])]
    return tuple(claims[:_MOST_CLAIMS])


def options_in(asked: str) -> tuple[dict[str, str], str]:
    """The options that a question ends with, by letter, and the question without them; none where they are not A, B, C … in a row."""
    marks = list(_OPTION.finditer(asked))
    start = next((i for i, mark in enumerate(marks) if mark[1] == "A" and [m[1] for m in marks[i : i + 2]] == ["A", "B"]), None)
    if start is None:
        return {}, asked
    marks = marks[start:]
    kept = [mark for i, mark in enumerate(marks) if i < len(LETTERS) and mark[1] == LETTERS[i]]
    ends = [*(mark.start() for mark in kept[1:]), len(asked)]
    options = {mark[1]: clean(asked[mark.end() : end], 1000).strip(" ,;(") for mark, end in zip(kept, ends, strict=True)}
    return options, asked[: kept[0].start()].strip() or asked


def names_in(answer: str, question: str) -> list[str]:
    """Names in a sentence: what is quoted, and words with capital letters that are not only its first word; not those of the question."""
    known = f" {fold(question)} "
    found = [match[1] for match in _QUOTED.finditer(answer)]
    for match in re.finditer(r"(?:[^\W\d_][\w'’-]*|&)(?:\s+(?:[^\W\d_][\w'’-]*|&))*", answer):
        found += _runs(
            match[0].split(), begins=not answer[: match.start()].strip() or answer[: match.start()].rstrip()[-1] in ".!?:"
        )
    usable = [clean(name, 200) for name in found if fold(name) and f" {fold(name)} " not in known]
    return list({fold(name): name for name in reversed(usable)}.values())[::-1]


def _runs(words: list[str], begins: bool) -> Iterator[str]:
    """Words with capitals that stand in a row, small words between them included; the first word of a sentence alone is none."""
    run: list[str] = []
    for i, word in enumerate([*words, ""]):
        if word[:1].isupper() or (run and word.lower() in _SMALL):
            run.append(word)
            continue
        while run and run[-1].lower() in _SMALL:
            run.pop()
        if run and not (begins and i - len(run) == 0 and len(run) == 1):
            yield " ".join(run)
        run = []
