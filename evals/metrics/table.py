"""Summaries as Markdown tables that can also be read in a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evals.metrics.glossary import EXTRA_KM, METRICS, NEAR_KM, POOL, of_pool, pool_words, within
from geo.score import THRESHOLDS_KM

Cells = Sequence[Sequence[str]]
WIDTH = 120
"""Columns of a terminal: a wider table is cut into several."""
_MOST_CHARACTERS = 48

TABLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Place", ("answered", "country", "region", "city", "geoscore", "median_km")),
    ("Distance", tuple(within(t) for t in sorted((*THRESHOLDS_KM, NEAR_KM, *EXTRA_KM)))),
    ("Published word matcher, for comparison with published tables alone",
     tuple(f"published_{m}_{level}" for m in ("final", "original") for level in ("country", "region", "city"))),
    ("Language model as judge",
     ("judge_failed", *(f"judge_{which}{level}" for which in ("", "equal_") for level in ("country", "region", "city")))),
    ("Ranked places", ("accuracy@3_25km", "accuracy@5_25km", "accuracy@5_200km", "accuracy@5_750km", "oracle_median_km")),
    ("Calibration", ("coverage50", "coverage90", "ece_answer", "ece_ranked", "brier", "bits_uniform", "bits_prior", "aurc",
                     "aurc_country", "aurc_geoscore")),
    ("The agent", ("failed", "turns", "calls", "calls_failed", "tokens", "usd", "seconds")),
)  # fmt: skip
OF_SPLITS = ("country", "region", "city", within(25.0), within(200.0), within(750.0), "geoscore", "median_km")


POOL_TITLE = "What the pool of candidates held, beside what was answered"
POOL_ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("the answer", tuple(within(t) for t in THRESHOLDS_KM)),
    *((pool_words(k), tuple(of_pool(k, t) for t in THRESHOLDS_KM)) for k in POOL),
)
"""The rows of a system in the table of the oracle: what each is called, and its metrics by distance."""


def markdown(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """All tables: systems beside each other, then splits and tools of the first."""
    parts = []
    for title, names in TABLES:
        shown = [name for name in names if any(_has(summary, name) for summary in summaries.values())]
        if shown:
            parts.append(f"## {title}\n\n{_systems(summaries, shown)}")
    if any(_has(summary, of_pool(None, t)) for summary in summaries.values() for t in THRESHOLDS_KM):
        parts.append(f"## {POOL_TITLE}\n\n{_pool(summaries)}")
    if any(summary["clouds"] for summary in summaries.values()):
        parts.append(f"## All answers as a cloud on that of true places (k = 3)\n\n{_clouds(summaries)}")
    first: Mapping[str, Any] = next(iter(summaries.values()), {"splits": {}, "macro": {}, "agent": {"tools": {}, "stops": {}}})
    parts += [f"## By {_harmless(column.replace('_', ' '))}\n\n{_split(values)}" for column, values in first["splits"].items()]
    if first["macro"]:
        parts.append(f"## Means over parts (each counts the same)\n\n{_macro(first['macro'])}")
    if first["agent"]["tools"]:
        parts.append(f"## Tools: bits by which a call moved the belief at the truth\n\n{_tools(first['agent']['tools'])}")
    if first["agent"]["stops"]:
        parts.append(_ends(first["agent"]))
    return "\n\n".join(parts) + "\n"


def _has(summary: Mapping[str, Any], name: str) -> bool:
    return summary["metrics"].get(name) is not None


def _systems(summaries: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    rows = [[title, str(summary["n"]), *(cell(name, summary["metrics"].get(name), summary["n"]) for name in names)]
            for title, summary in summaries.items()]  # fmt: skip
    return table(["", "n", *(METRICS[name][0] for name in names)], rows)


def _pool(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """The oracle: for each system whose candidates were kept, the answer and the nearest of its first candidates."""
    rows = []
    for title, summary in summaries.items():
        if any(_has(summary, of_pool(None, t)) for t in THRESHOLDS_KM):
            for words, names in POOL_ROWS:
                cells = [cell(name, summary["metrics"].get(name), summary["n"]) for name in names]
                rows.append([title, words, *cells])
    return table(["", "within", *(f"<{t:g} km" for t in THRESHOLDS_KM)], rows)


def _clouds(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    names = ("precision", "recall", "density", "coverage")
    rows = [[title, *(_interval(summary["clouds"]["intervals"][name], "" if name == "density" else "share") for name in names)]
            for title, summary in summaries.items() if summary["clouds"]]  # fmt: skip
    return table(["", *names], rows, keep=1)


def _ends(agent: Mapping[str, Any]) -> str:
    """How runs ended, and what was left unanswered of each kind where there are several."""
    lines = ["Ends: " + ", ".join(f"{count} {reason}" for reason, count in agent["stops"].items())]
    if len(agent["unanswered"]) > 1:
        kinds = (f"{part['unanswered']} of {part['n']} of kind {_harmless(kind)}" for kind, part in agent["unanswered"].items())
        lines.append("Unanswered: " + ", ".join(kinds))
    if agent["seconds_median"] is not None:
        median, slow = (_interval(agent["intervals"][name], "s") for name in ("seconds_median", "seconds_90"))
        lines.append(f"Time: median {median}, 90 % within {slow}")
    return "\n\n".join(lines)


def _split(values: Mapping[str, Mapping[str, Any]]) -> str:
    names = [name for name in OF_SPLITS if any(name in part["metrics"] for part in values.values())]
    rows = [
        [value, str(part["n"]), *(cell(name, part["metrics"].get(name), part["n"]) for name in names)]
        for value, part in values.items()
    ]
    return table(["", "n", *(METRICS[name][0] for name in names)], rows)


def _macro(macro: Mapping[str, Mapping[str, Any]]) -> str:
    names = [name for name in ("country", "region", "city", within(25.0), within(750.0), "geoscore")
             if any(name in part for part in macro.values())]  # fmt: skip
    rows = [[f"by {_harmless(column.replace('_', ' '))}", str(max(e["n"] for e in part.values())), *(cell(name, part.get(name), None) for name in names)]
            for column, part in macro.items()]  # fmt: skip
    return table(["", "parts", *(METRICS[name][0] for name in names)], rows)


def _tools(tools: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, tool in tools.items():
        shares = [_share(tool[key]) if tool[key] is not None else "" for key in ("toward", "away", "nothing")]
        rows.append(
            [
                name,
                str(tool["calls"]),
                str(tool["failed"]),
                _interval(tool["bits_per_call"], "bits"),
                *shares,
                f"{tool['seconds_mean']:.2f} s",
            ]
        )
    return table(["tool", "calls", "failed", "bits a call", "toward", "away", "no change", "time"], rows)


def comparison_markdown(names: tuple[str, str], comparison: Mapping[str, Any]) -> str:
    """The differences b − a as tables: in all, then by split for the main metrics."""
    parts = [f"{names[1]} less {names[0]}, over the {comparison['n']} records of both ({comparison['only_a']} of the first alone, "
             f"{comparison['only_b']} of the second alone)"]  # fmt: skip
    rows = [[METRICS[name][0], str(item["n"]), worded(item["a"], _unit(name)), worded(item["b"], _unit(name)), _interval(item, _unit(name), signed=True),
             "" if item["above"] is None else f"{item['above']:.3f}", "" if item["p"] is None else f"{item['p']:.3f}"] for name, item in comparison["metrics"].items()]  # fmt: skip
    parts.append(table(["", "n", names[0], names[1], "difference", "P(higher)", "p"], rows))
    for column, values in comparison["splits"].items():
        chosen = [
            name
            for name in ("country", "city", within(25.0), "geoscore")
            if any(name in part["metrics"] for part in values.values())
        ]
        lines = [[value, str(part["n"]), *(_interval(part["metrics"].get(name), _unit(name), signed=True) for name in chosen)]
                 for value, part in values.items()]  # fmt: skip
        parts.append(
            f"## By {_harmless(column.replace('_', ' '))}\n\n{table(['', 'n', *(METRICS[name][0] for name in chosen)], lines)}"
        )
    parts.append(f"{len(comparison['better'])} records got better, {len(comparison['worse'])} worse.")
    return "\n\n".join(parts) + "\n"


def _unit(name: str) -> str:
    return METRICS[name][1]


def cell(name: str, found: Mapping[str, Any] | None, n: int | None) -> str:
    """`61.2 % [58.4, 64.0]`, with the denominator where it is not that of the table's row."""
    text = _interval(found, _unit(name))
    return f"{text} of {found['n']}" if found and text and n is not None and found["n"] != n else text


def _interval(found: Mapping[str, Any] | None, unit: str, signed: bool = False) -> str:
    if not found:
        return ""
    if found["value"] is None:
        return "none"
    low, high = (bare(found[key], unit) for key in ("low", "high"))
    return f"{'+' if signed and found['value'] > 0 else ''}{worded(found['value'], unit)} [{low}, {high}]"


def worded(value: float | None, unit: str) -> str:
    """A number with its unit; None is `none`."""
    if value is None:
        return "none"
    if unit == "share":
        return _share(value)
    return f"{bare(value, unit)}{ {'km': ' km', 's': ' s', 'usd': ' $'}.get(unit, '') }"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def bare(value: float | None, unit: str) -> str:
    """A number without its unit; an infinite bound is `∞`."""
    if value is None:
        return "∞" if unit == "km" else "none"
    if unit == "share":
        return f"{100 * value:.1f}"
    if unit == "usd":
        return f"{value:.4f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Cells, keep: int = 2) -> str:
    """A Markdown table with aligned columns; the first is left-bound, the others right-bound.

    A table wider than 120 characters is cut into several that begin with the same `keep` columns. Text is made harmless.
    """
    lines = [[_harmless(text) for text in line] for line in (head, *rows)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(head))]
    pieces = _pieces(widths, min(keep, len(head)))
    return "\n\n".join(_aligned([[line[i] for i in piece] for line in lines], [widths[i] for i in piece]) for piece in pieces)


def _harmless(text: str) -> str:
    """Text of a cell, which may come from anybody's file: on one line, without control characters, bars and markup escaped, cut to size."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    short = plain if len(plain) <= _MOST_CHARACTERS else plain[: _MOST_CHARACTERS - 1] + "…"
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\<", short.replace("|", "\\|"))


def _pieces(widths: Sequence[int], keep: int) -> list[list[int]]:
    """Which columns stand in which table, so that each fits if it can."""
    pieces = [list(range(keep))]
    for i in range(keep, len(widths)):
        if len(pieces[-1]) > keep and 1 + sum(widths[j] + 3 for j in [*pieces[-1], i]) > WIDTH:
            pieces.append(list(range(keep)))
        pieces[-1].append(i)
    return pieces


def _aligned(lines: Cells, widths: Sequence[int]) -> str:
    shown = ["| " + " | ".join(text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))) + " |"
             for line in lines]  # fmt: skip
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])
