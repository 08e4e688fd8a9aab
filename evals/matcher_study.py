"""Two matchers against verdicts by hand, on answers written for the purpose: `python -m evals.matcher_study` prints Markdown.

The answers are in `evals/data/matcher_answers.csv`. What an attentive reader would say was written down with each, before a matcher saw it. They are
hard on purpose, so the shares say which kinds of answers a matcher can judge, not how often it errs on a benchmark. Those called a… were written
before our reader of answers, b… and c… after it. Where it was wrong on a… and b…, general causes were mended; for c… nothing was changed.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from evals.geovista_matcher import normalised, published_verdicts
from evals.levels import levels_of_text, resolve
from evals.record import Truth
from evals.row import LEVELS, Verdicts
from geo.gazetteer import gazetteer

MATCHERS = ("ours", "final", "original")
_TITLES = {"ours": "ours", "final": "GeoVista's, final answer", "original": "GeoVista's, original"}
_DEPTH = ("nothing", *LEVELS)


@dataclass(frozen=True)
class StudyAnswer:
    """One answer with its verdicts by hand."""

    id: str
    group: str
    truth: Truth
    message: str
    """The whole last message, its reasoning included."""
    final: str
    expected: Verdicts
    note: str


@dataclass(frozen=True)
class Judged:
    """An answer with the verdicts of every matcher."""

    answer: StudyAnswer
    verdicts: Mapping[str, Verdicts]

    def right(self, matcher: str) -> bool:
        return depth(self.verdicts[matcher]) == depth(self.answer.expected)


def load_answers() -> list[StudyAnswer]:
    """The answers of the study. Raises ValueError with the row where one cannot be read."""
    text = (files("evals") / "data" / "matcher_answers.csv").read_text(encoding="utf-8")
    return [_answer(row) for row in csv.DictReader(io.StringIO(text))]


def _answer(row: Mapping[str, str]) -> StudyAnswer:
    names = {level: row[f"truth_{level}"] for level in LEVELS}
    expected = {level: {"yes": True, "no": False}.get(row[f"expected_{level}"]) for level in LEVELS}
    if None in expected.values():
        raise ValueError(f"matcher_answers.csv, answer {row['id']}: a verdict is yes or no")
    country = gazetteer().country_code(names["country"])
    truth = Truth(float(row["lat"]), float(row["lon"]), country, names["region"], names["city"], names=names)
    return StudyAnswer(row["id"], row["group"], truth, row["message"], row["final"], expected, row["note"])


def study() -> list[Judged]:
    """Every answer, judged by every matcher."""
    return [
        Judged(a, {"ours": levels_of_text(a.truth, a.final), "final": published_verdicts(a.truth.names, a.final),
                   "original": published_verdicts(a.truth.names, a.message)})
        for a in load_answers()
    ]  # fmt: skip


def depth(verdicts: Verdicts) -> str:
    """The deepest level that is right: verdicts imply the levels above them."""
    return next((level for level in reversed(LEVELS) if verdicts[level]), "nothing")


def to_markdown(judged: Sequence[Judged]) -> str:
    """The tables of the study."""
    return "\n".join([*_accuracy(judged), "", *_errors(judged), "", *_disagreements(judged)]) + "\n"


def _accuracy(judged: Sequence[Judged]) -> list[str]:
    groups = list(dict.fromkeys(item.answer.group for item in judged))
    lines = [
        "## Share of answers judged as by hand",
        "",
        "An answer counts when country, region and city are all judged so.",
        "",
    ]
    lines += _head(["answers about", "count", *_TITLES.values()], "lr" + "r" * len(MATCHERS))
    for name, rows in [(g, [i for i in judged if i.answer.group == g]) for g in groups] + [("**all**", list(judged))]:
        lines.append(_line([name, str(len(rows)), *(_share(rows, lambda item, m=m: item.right(m)) for m in MATCHERS)]))  # type: ignore[misc]
    return lines


def _errors(judged: Sequence[Judged]) -> list[str]:
    """Which way the verdicts err, level by level."""
    lines = ["## Which way they err", "", "Verdicts at each level: credit that is not given by hand, and credit withheld.", ""]
    lines += _head(["matcher", *(f"{level}: {way}" for level in LEVELS for way in ("given", "withheld"))], "l" + "r" * 6)
    for matcher in MATCHERS:
        pairs = [(item.verdicts[matcher], item.answer.expected) for item in judged]
        cells = [
            str(sum(got[level] is way and want[level] is not way for got, want in pairs))
            for level in LEVELS
            for way in (True, False)
        ]
        lines.append(_line([_TITLES[matcher], *cells]))
    return lines


def _disagreements(judged: Sequence[Judged]) -> list[str]:
    """Every answer that some matcher judges otherwise than by hand, ours first."""
    wrong = [item for item in judged if not all(item.right(matcher) for matcher in MATCHERS)]
    wrong.sort(key=lambda item: item.right("ours"))
    lines = ["## Every disagreement", "", "The deepest level that is judged right; in bold where it is not the one by hand.", ""]
    lines += _head(["", "truth", "final answer", "by hand", *_TITLES.values(), "why"], "llllllll")
    for item in wrong:
        a = item.answer
        cells = [depth(v) if item.right(m) else f"**{depth(v)}**" for m, v in item.verdicts.items()]
        truth = ", ".join(dict.fromkeys(a.truth.names[level] for level in reversed(LEVELS)))
        lines.append(_line([a.id, truth, a.final or "(none)", depth(a.expected), *cells, _why(item)]))
    return lines


def _why(item: Judged) -> str:
    """What made a matcher differ, from its own working."""
    a, reasons = item.answer, []
    if not item.right("ours"):
        path = resolve(a.final)
        read = ", ".join(filter(None, (path.city, path.region, path.country))) if path else "no place"
        reasons.append(f"ours reads {read}")
    if not item.right("final"):
        reasons.append("GeoVista's " + _words_found(a, a.final))
    if not item.right("original") and (item.right("final") or a.message[:200] != a.final[:200]):
        reasons.append("original " + _words_found(a, a.message))
    return "; ".join([*reasons, *([a.note] if a.note else [])])


def _words_found(answer: StudyAnswer, text: str) -> str:
    """Which of the truth's names the word matcher found."""
    whole = f" {normalised(text[:4000])} "
    gold = {name: normalised(name) for name in dict.fromkeys(answer.truth.names.values())}
    found = [name for name, plain in gold.items() if plain and f" {plain} " in whole]
    return "finds " + (", ".join(found) if found else "none of the names")


def _share(rows: Sequence[Judged], right: Callable[[Judged], bool]) -> str:
    return f"{100 * sum(map(right, rows)) / len(rows):.0f} %"


def _head(titles: Sequence[str], align: str) -> list[str]:
    return [_line(titles), "|" + "|".join("---:" if side == "r" else "---" for side in align) + "|"]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Text that can neither end a cell nor be read as markup other than our own bold words."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    if plain.strip("*") not in {*_DEPTH, "all"}:
        plain = plain.replace("*", "\\*").replace("_", "\\_").replace("#", "\\#")
    return plain if len(plain) <= 160 else plain[:159] + "…"


def main() -> None:
    sys.stdout.write(
        "# The exact metric and GeoVista's word matcher\n\n"
        + __doc__.split("\n\n")[1].strip().replace("\n", " ")
        + "\n\n"
        + to_markdown(study())
    )


if __name__ == "__main__":
    main()
