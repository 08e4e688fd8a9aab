"""Scores as a table for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TITLES = {"short": "short", "choice": "choice of four", "true_false": "true or false", "long": "long (claims)"}


def score_lines(figures: Mapping[str, Any], name: str = "") -> list[str]:
    """The lines of a report; percentages with 95 % intervals."""
    head = f"{name}: " if name else ""
    lines = [f"{head}{figures['questions']:,} questions about {figures['photos']:,} places", ""]
    lines += [f"{'':<22}{'right':>8}  {'95 % interval':<16}{'questions':>9}"]
    lines += [_line("all questions", figures["micro"]), _line("mean of the kinds", figures["macro"])]
    lines += [_line(f"  {TITLES[kind]}", value) for kind, value in figures["kinds"].items()]
    lines += (
        ["by topic", *(_line(f"  {topic}", value) for topic, value in figures["topics"].items())] if figures["topics"] else []
    )
    return [*lines, "", *_balance(figures), *_cited(figures["citations"]), *_counts(figures)]


def percent(value: float | None) -> str:
    """`66.7 %`; `-` for no value."""
    return "-" if value is None else f"{100.0 * value:.1f} %"


def _line(title: str, value: Mapping[str, Any]) -> str:
    interval = "" if value["low"] is None else f"{100.0 * value['low']:.1f} to {100.0 * value['high']:.1f}"
    return f"{title:<22}{percent(value['value']):>8}  {interval:<16}{value['n']:>9,}"


def _balance(figures: Mapping[str, Any]) -> list[str]:
    lines = []
    if found := figures["true_false"]:
        lines.append(f"true or false: {percent(found['key_true_share'])} of the statements are true, {percent(found['said_true_share'])} of the readable "
                     f"answers say so; balanced accuracy {percent(found['balanced_accuracy'])}")  # fmt: skip
    if found := figures["letters"]:
        key, said = (
            ", ".join(f"{letter} {count}" for letter, count in found[side].items()) or "none" for side in ("key", "said")
        )
        lines.append(f"letters: right {key}; said {said}")
    return lines


def _cited(found: Mapping[str, Any]) -> list[str]:
    if not found["answers"]:
        return ["citations: none were checked"]
    faults = "".join(f", {count} {reason}" for reason, count in found["faults"].items())
    return [f"citations: {found['elements']:,} elements in {found['answers']:,} answers, {percent(found['precision']['value'])} good{faults}",
            f"right and resting on the right element: {percent(found['grounded']['value'])} of {found['citable']:,}"]  # fmt: skip


def _counts(figures: Mapping[str, Any]) -> list[str]:
    said = {
        "missing": "without an answer",
        "failed": "failed",
        "unreadable": "unreadable or declined",
        "without_key": "without an exact key",
    }
    parts = [f"{figures[name]:,} {words}" for name, words in said.items() if figures[name]]
    return [f"{', '.join(parts)}; all but those without a key count as wrong"] if parts else []
