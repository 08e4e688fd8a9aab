"""Marks for answers, without a judge: accuracy by kind and topic, balance, citations, with intervals over photos.

Every question counts: no answer, a failure, an answer that cannot be read are wrong. Questions without an exact key have no mark and are
counted. Questions of one photo are not independent, so photos are resampled, not questions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.metrics.bootstrap import Estimate, estimate, ratios, resampled
from evals.place_questions.answerer import PlaceAnswer
from evals.place_questions.citations import Citations, Cited
from evals.place_questions.question import KINDS, PlaceQuestion
from evals.place_questions.reading import Verdict, verdict
from geo.sphere import Floats

MISSING = PlaceAnswer("")


@dataclass(frozen=True)
class Marked:
    """One question, its answer and the marks."""

    question: PlaceQuestion
    answer: PlaceAnswer
    verdict: Verdict
    cited: Cited | None
    """None where nothing was cited, could be, or was checked."""


def mark(
    questions: Sequence[PlaceQuestion], answers: Mapping[str, PlaceAnswer], citations: Citations | None = None
) -> list[Marked]:
    """Marks of every question, in order. Raises OsmError for an extract that cannot be read."""
    marked = []
    for question in questions:
        answer = answers.get(question.id, MISSING)
        found = Verdict(0.0, False) if answer.error else verdict(question, answer.text)
        marked.append(
            Marked(question, answer, found, citations.check(question, answer) if citations and not answer.error else None)
        )
    return marked


def score(marked: Sequence[Marked], *, missing: int = 0, seed: int = 0) -> dict[str, Any]:
    """All figures as JSON: means are `{"value", "low", "high", "n"}` with 95 % intervals, None where nothing counts.

    `micro` is the mean over questions, `macro` the mean over kinds. A long answer counts with its share of claims.
    """
    kinds = [kind for kind in KINDS if any(one.question.kind == kind for one in marked)]
    topics = sorted({one.question.topic for one in marked if one.question.topic})
    every: dict[str, list[Marked]] = {"micro": list(marked)}
    every |= {kind: [one for one in marked if one.question.kind == kind] for kind in kinds}
    every |= {f"topic:{topic}": [one for one in marked if one.question.topic == topic] for topic in topics}
    means = _means(every, seed)
    return {
        "questions": len(marked),
        "photos": len({one.question.where for one in marked}),
        "without_key": sum(one.verdict.score is None for one in marked),
        "missing": missing,
        "failed": sum(bool(one.answer.error) for one in marked),
        "unreadable": sum(not one.verdict.readable for one in marked) - missing - sum(bool(one.answer.error) for one in marked),
        "micro": means["micro"].to_json(),
        "macro": _macro(every, kinds, seed).to_json(),
        "kinds": {kind: means[kind].to_json() for kind in kinds},
        "topics": {topic: means[f"topic:{topic}"].to_json() for topic in topics},
        "true_false": _true_false([one for one in marked if one.question.kind == "true_false"], seed),
        "letters": _letters([one for one in marked if one.question.kind == "choice"]),
        "citations": _citations(marked, seed),
    }


def _means(groups: Mapping[str, Sequence[Marked]], seed: int) -> dict[str, Estimate]:
    """The mean mark of each group."""
    parts = {name: [(one, one.verdict.score) for one in group] for name, group in groups.items()}
    return _ratios(
        {name: [(one, float(value), 1.0) for one, value in part if value is not None] for name, part in parts.items()}, seed
    )


def _ratios(groups: Mapping[str, Sequence[tuple[Marked, float, float]]], seed: int) -> dict[str, Estimate]:
    """Σ top / Σ bottom of each group with its interval, all groups on the same resamples of photos."""
    top, bottom = _tables(groups)
    [(values, draws)] = resampled(len(top), [ratios(top, bottom)], seed=seed)
    return {name: estimate(float(values[i]), draws[:, i], len(group)) for i, (name, group) in enumerate(groups.items())}


def _tables(groups: Mapping[str, Sequence[tuple[Marked, float, float]]]) -> tuple[Floats, Floats]:
    """Sums [photos, groups] of what is above and below the line."""
    row: dict[str, int] = {}
    for group in groups.values():
        for one, _, _ in group:
            row.setdefault(one.question.where, len(row))
    top, bottom = np.zeros((len(row), len(groups))), np.zeros((len(row), len(groups)))
    for i, group in enumerate(groups.values()):
        for one, above, below in group:
            top[row[one.question.where], i] += above
            bottom[row[one.question.where], i] += below
    return top, bottom


def _macro(groups: Mapping[str, Sequence[Marked]], kinds: Sequence[str], seed: int) -> Estimate:
    parts = {kind: [(one, one.verdict.score, 1.0) for one in groups[kind] if one.verdict.score is not None] for kind in kinds}
    parts = {kind: part for kind, part in parts.items() if part}
    top, bottom = _tables(parts)
    [(values, draws)] = resampled(len(top), [ratios(top, bottom)], seed=seed)
    return estimate(
        float(values.mean()) if parts else float("nan"),
        draws.mean(axis=1) if parts else np.zeros(0),
        sum(map(len, parts.values())),
    )


def _true_false(marked: Sequence[Marked], seed: int) -> dict[str, Any] | None:
    """How the key is split, how often the answerer says true, and balanced accuracy: the mean over true and over false statements."""
    if not marked:
        return None
    sides = {key: [one for one in marked if one.question.key == key] for key in ("true", "false")}
    means = _means(sides, seed)
    values = [value for key in sides if (value := means[key].value) is not None]
    said = Counter(one.verdict.said for one in marked if one.verdict.said)
    return {
        "n": len(marked),
        "key_true_share": len(sides["true"]) / len(marked),
        "said_true_share": said["true"] / said.total() if said else None,
        "readable": said.total(),
        "on_true": means["true"].to_json(),
        "on_false": means["false"].to_json(),
        "balanced_accuracy": sum(values) / 2 if len(values) == 2 else None,
    }


def _letters(marked: Sequence[Marked]) -> dict[str, Any] | None:
    """How often each letter is right, and is said."""
    if not marked:
        return None
    return {"key": dict(sorted(Counter(one.question.key for one in marked).items())),
            "said": dict(sorted(Counter(one.verdict.said for one in marked if one.verdict.said).items()))}  # fmt: skip


def _citations(marked: Sequence[Marked], seed: int) -> dict[str, Any]:
    """Precision over all cited elements, and the share of questions answered right with a cited element the key rests on.

    `precision` is None where nothing was cited.
    """
    cited = [(one, one.cited) for one in marked if one.cited is not None]
    citable = [one for one in marked if one.question.attribute and one.question.element_ids]
    faults: defaultdict[str, int] = defaultdict(int)
    for _, found in cited:
        for reason, count in found.faults.items():
            faults[reason] += count
    means = _ratios({
        "precision": [(one, float(found.good), float(found.total)) for one, found in cited],
        "grounded": [(one, float(one.verdict.score or 0.0) if one.cited and one.cited.supports else 0.0, 1.0) for one in citable] if cited else [],
    }, seed)  # fmt: skip
    return {"answers": len(cited), "citable": len(citable), "elements": sum(found.total for _, found in cited), "faults": dict(sorted(faults.items())),
            "precision": means["precision"].to_json(), "grounded": means["grounded"].to_json()}  # fmt: skip
