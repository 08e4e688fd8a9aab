"""The page of two runs over the same records: differences with intervals, and every record with both answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.report.document import document
from agent.report.markup import Html, join, json_block, tag
from agent.report.words import counted
from evals.metrics.compare import change
from evals.metrics.table import OF_SPLITS, worded
from evals.report.case import CaseOf
from evals.report.detail import short
from evals.report.figures import Metric, figure, finite, mapping, metric_named, splits
from evals.report.page import card, filter_bar, list_bar, panel, scripts, styles
from evals.report.records import CHUNK, columns_of, detail_blocks
from evals.report.tables import count, heading, select, wide
from evals.row import Row

BELIEFS = 20
"""Belief maps, of both runs, of so many of the records that got better and that got worse."""
_ORDERS = (("better", "most improved first"), ("worse", "most worsened first"), ("size", "largest change first"), ("id", "by id"))
_NOTE = (
    "Differences, those of shares in percentage points, are by pairs over the records that both runs have; intervals are 95 % by the paired bootstrap. ▲ and ▼ mark differences whose interval "
    "leaves out zero, where more or less is better. “P(higher)” is the share of resamples in which the second has the higher value: near 0 or 1 the "
    "difference is real, near 0.5 it is chance. Many columns are looked at: one in twenty true nulls is marked all the same."
)


def compare_html(names: tuple[str, str], rows_a: Sequence[Row], rows_b: Sequence[Row], comparison: Mapping[str, Any], case_a: CaseOf,
                 case_b: CaseOf, beliefs: int = BELIEFS) -> str:  # fmt: skip
    """One self-contained page; `comparison` is that of `evals.metrics.compare.compare`, second minus first."""
    body = join(
        _header(names, comparison),
        card("differences", "Differences", _differences(names, mapping(comparison, "metrics")), tag("p", _NOTE, class_="note")),
        card("splits", "Splits", _splits(comparison)),
        _changes(names, rows_a, rows_b, comparison, (case_a, case_b), beliefs),
    )
    return document(f"{names[0]} and {names[1]} · Geosleuth", body, style=styles(), script=scripts("compare.js"))


def _header(names: tuple[str, str], comparison: Mapping[str, Any]) -> Html:
    better, worse = (len(comparison.get(key) or ()) for key in ("better", "worse"))
    n = count(comparison) or 0
    lead = f"{counted(n, 'record')} of both · {better:,} got better, {worse:,} worse, {n - better - worse:,} stayed"
    alone = [(comparison.get(key) or 0, name) for key, name in zip(("only_a", "only_b"), names, strict=True)]
    notes = [tag("p", f"{counted(number, 'record')} of {name} alone {'is' if number == 1 else 'are'} left out", class_="problem")
             for number, name in alone if number]  # fmt: skip
    title = tag("h1", tag("span", names[1], class_="b"), tag("small", " against "), tag("span", names[0], class_="a"))
    return tag(
        "header",
        tag("p", tag("span", "Comparison"), class_="eyebrow"),
        title,
        tag("p", lead, class_="lead"),
        notes,
        class_="summary",
    )


def _differences(names: tuple[str, str], found: Mapping[str, Any]) -> Html:
    titles = ("difference", *names, "P(higher)", "n")
    head = [tag("th", "Metric", scope="col"), *(tag("th", title, scope="col", class_="number") for title in titles)]
    rows = [_line(metric_named(str(name)), item) for name, item in found.items() if isinstance(item, Mapping)]
    if not rows:
        return tag("p", "The runs have no record in common.", class_="none")
    return wide(tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="figures"))


def _line(metric: Metric, item: Mapping[str, Any]) -> Html:
    above = finite(item.get("above")) if item.get("value") is not None else None
    values = [tag("td", worded(finite(item.get(key)), metric.unit), class_="number") for key in ("a", "b")]
    chance = tag("td", "–" if above is None else f"{above:.3f}", class_="number n")
    name = tag("th", tag("abbr", metric.title, title=metric.tip) if metric.tip else metric.title, scope="row")
    return tag("tr", name, difference(item, metric), values, chance, tag("td", f"{count(item) or 0:,}", class_="number n"))


def difference(item: object, metric: Metric) -> Html:
    """A cell with a difference and its interval, marked where the interval leaves out zero and one side is better."""
    found = figure(item, "") if isinstance(item, Mapping) else None
    if found is None:
        value = finite(item.get("value")) if isinstance(item, Mapping) else None
        words = "–" if value is None else f"{worded(value, metric.unit)}, without bounds"
        return tag("td", words.replace("-", "−"), class_="number none")
    sign = (1 if found.low > 0 else -1 if found.high < 0 else 0) * {"high": 1, "low": -1}.get(metric.better, 0)
    mark = {
        1: tag("span", "▲", class_="sign better", title="better"),
        -1: tag("span", "▼", class_="sign worse", title="worse"),
    }.get(sign)
    words = f"{'+' if found.value > 0 else ''}{found.words(metric.unit)}"
    return tag("td", mark, tag("b", words), tag("small", found.interval(metric.unit)), class_="number")


def _splits(comparison: Mapping[str, Any]) -> Html:
    columns = list(splits(comparison))
    if not columns:
        return tag("p", "There is nothing to split by.", class_="none")
    tables = [
        tag("div", tag("h4", column, class_="printed"), _split(values), class_="split", data_split=str(number), hidden=number > 0)
        for number, (column, values) in enumerate(columns)
    ]
    return join(tag("p", select("split-column", "Split by", [column for column, _ in columns]), class_="selectors"), tables)


def _split(values: Mapping[str, Mapping[str, Any]]) -> Html:
    metrics = [metric_named(name) for name in OF_SPLITS if any(name in mapping(part, "metrics") for part in values.values())]
    rows = [
        tag("tr", tag("th", value, scope="row"), tag("td", f"{count(part) or 0:,}", class_="number n"),
            [difference(mapping(part, "metrics").get(metric.name), metric) for metric in metrics])
        for value, part in sorted(values.items(), key=lambda item: -(count(item[1]) or 0))
    ]  # fmt: skip
    head = [tag("th", "Value", scope="col"), tag("th", "n", scope="col", class_="number"), *map(heading, metrics)]
    return wide(tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="figures"))


def _changes(names: tuple[str, str], rows_a: Sequence[Row], rows_b: Sequence[Row], comparison: Mapping[str, Any],
             cases: tuple[CaseOf, CaseOf], beliefs: int) -> Html:  # fmt: skip
    by_id = {row.id: row for row in rows_b}
    a = [row for row in rows_a if row.id in by_id]
    b = [by_id[row.id] for row in a]
    if not a:
        return card("changes-card", "Records", tag("p", "There is no record in common.", class_="none"))
    better, worse = ([str(item["id"]) for item in comparison.get(key) or ()] for key in ("better", "worse"))
    drawn = {*better[:beliefs], *worse[:beliefs]}
    shared = columns_of(a)
    changes = [change(x, y) for x, y in zip(a, b, strict=True)]
    sides = dict.fromkeys(better, 1) | dict.fromkeys(worse, -1)
    store = {
        "names": [short(name, 120) for name in names], "chunk": CHUNK, **{key: shared[key] for key in ("id", "truth")},
        "facets": [facet for facet in shared["facets"] if facet["key"] != "stop"],
        **{side: {key: value for key, value in columns_of(rows).items() if key in {"answer", "km", "levels", "published", "judged"}}
           for side, rows in (("a", a), ("b", b))},
        "side": [sides.get(row.id, 0) for row in a], "won": [item["levels"] for item in changes], "nearer": [item["nearer"] for item in changes],
    }  # fmt: skip
    blocks = [
        detail_blocks(rows, case, drawn, f"{side}-", parts=2)[0] for side, rows, case in zip("ab", (a, b), cases, strict=True)
    ]
    return card(
        "changes-card", "What got better and worse", filter_bar(), list_bar(_ORDERS), tag("div", id="list", class_="list changes", role="list"),
        tag("p", "No record fits these filters.", id="nothing", class_="none", hidden=True), panel(), json_block("changes", store), join(blocks),
    )  # fmt: skip
