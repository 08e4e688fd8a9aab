"""Summaries as Markdown tables that can also be read in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.metrics.glossary import METRICS, within
from geo.score import THRESHOLDS_KM

Cells = Sequence[Sequence[str]]

_TABLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Place", ("answered", "country", "region", "city", "geoscore", "median_km")),
    ("Distance", tuple(within(t) for t in THRESHOLDS_KM)),
    ("Published word matcher, for comparison with published tables alone",
     tuple(f"published_{m}_{level}" for m in ("final", "original") for level in ("country", "region", "city"))),
    ("Language model as judge", tuple(f"judge_{level}" for level in ("country", "region", "city"))),
    ("Ranked places", ("accuracy@3_25km", "accuracy@5_25km", "accuracy@5_200km", "accuracy@5_750km", "oracle_median_km")),
    ("Calibration", ("coverage50", "coverage90", "ece_answer", "ece_ranked", "brier", "aurc", "bits_uniform", "bits_prior")),
    ("The agent", ("failed", "turns", "calls", "calls_failed", "tokens", "usd", "seconds")),
)  # fmt: skip
_OF_SPLITS = ("country", "region", "city", within(25.0), within(200.0), within(750.0), "geoscore", "median_km")


def markdown(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """All tables: systems beside each other, then splits and tools of the first."""
    parts = []
    for title, names in _TABLES:
        shown = [name for name in names if any(_has(summary, name) for summary in summaries.values())]
        if shown:
            parts.append(f"## {title}\n\n{_systems(summaries, shown)}")
    first: Mapping[str, Any] = next(iter(summaries.values()), {"splits": {}, "macro": {}, "agent": {"tools": {}, "stops": {}}})
    parts += [f"## By {column.replace('_', ' ')}\n\n{_split(values)}" for column, values in first["splits"].items()]
    if first["macro"]:
        parts.append(f"## Means over parts (each counts the same)\n\n{_macro(first['macro'])}")
    if first["agent"]["tools"]:
        parts.append(f"## Tools: bits by which a call moved the belief at the truth\n\n{_tools(first['agent']['tools'])}")
    if first["agent"]["stops"]:
        parts.append("Ends: " + ", ".join(f"{count} {reason}" for reason, count in first["agent"]["stops"].items()))
    return "\n\n".join(parts) + "\n"


def _has(summary: Mapping[str, Any], name: str) -> bool:
    return summary["metrics"].get(name) is not None


def _systems(summaries: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    rows = [[title, str(summary["n"]), *(cell(name, summary["metrics"].get(name), summary["n"]) for name in names)]
            for title, summary in summaries.items()]  # fmt: skip
    return table(["", "n", *(METRICS[name][0] for name in names)], rows)


def _split(values: Mapping[str, Mapping[str, Any]]) -> str:
    names = [name for name in _OF_SPLITS if any(name in part["metrics"] for part in values.values())]
    rows = [
        [value, str(part["n"]), *(cell(name, part["metrics"].get(name), part["n"]) for name in names)]
        for value, part in values.items()
    ]
    return table(["", "n", *(METRICS[name][0] for name in names)], rows)


def _macro(macro: Mapping[str, Mapping[str, Any]]) -> str:
    names = [name for name in ("country", "region", "city", within(25.0), within(750.0), "geoscore")
             if any(name in part for part in macro.values())]  # fmt: skip
    rows = [[f"by {column.replace('_', ' ')}", str(max(e["n"] for e in part.values())), *(cell(name, part.get(name), None) for name in names)]
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
             "" if item["above"] is None else f"{item['above']:.3f}"] for name, item in comparison["metrics"].items()]  # fmt: skip
    parts.append(table(["", "n", names[0], names[1], "difference", "P(higher)"], rows))
    for column, values in comparison["splits"].items():
        chosen = [
            name
            for name in ("country", "city", within(25.0), "geoscore")
            if any(name in part["metrics"] for part in values.values())
        ]
        lines = [[value, str(part["n"]), *(_interval(part["metrics"].get(name), _unit(name), signed=True) for name in chosen)]
                 for value, part in values.items()]  # fmt: skip
        parts.append(f"## By {column.replace('_', ' ')}\n\n{table(['', 'n', *(METRICS[name][0] for name in chosen)], lines)}")
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
    low, high = (_bare(found[key], unit) for key in ("low", "high"))
    return f"{'+' if signed and found['value'] > 0 else ''}{worded(found['value'], unit)} [{low}, {high}]"


def worded(value: float | None, unit: str) -> str:
    """A number with its unit; None is `none`."""
    if value is None:
        return "none"
    if unit == "share":
        return _share(value)
    return f"{_bare(value, unit)}{ {'km': ' km', 's': ' s', 'usd': ' $'}.get(unit, '') }"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _bare(value: float | None, unit: str) -> str:
    """A number without its unit; an infinite bound is `∞`."""
    if value is None:
        return "∞" if unit == "km" else "none"
    if unit == "share":
        return f"{100 * value:.1f}"
    if unit == "usd":
        return f"{value:.4f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Cells) -> str:
    """A Markdown table with aligned columns; the first is left-bound, the others right-bound. Bars in cells are escaped."""
    lines = [[text.replace("|", "\\|").replace("\n", " ") for text in line] for line in (head, *rows)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(head))]
    shown = ["| " + " | ".join(text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))) + " |"
             for line in lines]  # fmt: skip
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])
