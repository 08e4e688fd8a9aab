"""The page of one run: what it is worth beside its baselines, where it was right, and every record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agent.report.document import document, resource
from agent.report.map import map_figure
from agent.report.markup import Html, join, json_block, tag
from agent.report.words import counted
from evals.report.case import CaseOf
from evals.report.charts import charts
from evals.report.figures import Figure, metric_named, metrics
from evals.report.records import columns_of, detail_blocks, others, shown_beliefs
from evals.report.tables import split_tables, summary_tables
from evals.row import Row

BELIEFS = 30
"""Belief maps of so many of the best records are in the page, and of as many bad ones."""
_HEADLINES = ("country", "city", "within_25km", "median_km", "geoscore")
_FOLDED = {"seed": "Seed", "size": "Records of the benchmark", "checksum": "Checksum", "settings": "Settings", "price": "Price",
           "versions": "Versions", "prompts": "Prompts"}  # fmt: skip
_ORDERS = (("far", "farthest first"), ("near", "nearest first"), ("sure", "surest among 200 km or more off"),
           ("lost", "most bits lost"), ("gained", "most bits gained"), ("id", "by id"))  # fmt: skip
DISTANCE_CLASSES = ("under 25 km", "25 to 200", "200 to 750", "750 to 2,500", "2,500 km and more", "no distance")


def report_html(
    manifest: Mapping[str, Any],
    systems: Mapping[str, Sequence[Row]],
    summaries: Mapping[str, Mapping[str, Any]],
    case: CaseOf,
    beliefs: int = BELIEFS,
) -> str:
    """One self-contained page; the first system is the run, the others are its baselines. No network, no other files.

    `summaries` holds `summarise(rows)` for each system. The belief is drawn for the `beliefs` best records and as many bad ones.
    """
    rows = next(iter(systems.values()), ())
    body = join(
        header(manifest, len(rows)),
        _headlines(next(iter(summaries.values()), {})),
        card("summary", "Summary", summary_tables(summaries)),
        card("charts", "Distance and calibration", charts(systems, summaries)),
        card("splits", "Splits", split_tables(summaries)),
        _records(rows, systems, case, beliefs),
    )
    title = f"{manifest.get('benchmark') or 'Evaluation'}, {manifest.get('policy') or 'a policy'} · Geosleuth"
    return document(title, body, style=styles(), script=scripts("report.js"))


def styles() -> str:
    """The style of a single photo's report, and what evaluations add."""
    return resource("page.css") + resource("page.css", "evals.report")


def scripts(own: str) -> str:
    """Maps, shared parts, the panel and a page's own script, as one."""
    return resource("map.js") + "".join(resource(name, "evals.report") for name in ("parts.js", "maps.js", "panel.js", own))


def header(manifest: Mapping[str, Any], n: int) -> Html:
    """What was asked of whom, and what one has to know before believing a number."""
    known = [str(manifest.get("policy") or ""), counted(n, "record"), str(manifest.get("started") or "")[:16].replace("T", " ")]
    notes = [tag("p", str(note), class_="problem", role="note") for note in manifest.get("notes") or []]
    given = [
        join(tag("dt", words), tag("dd", _plain(manifest[key])))
        for key, words in _FOLDED.items()
        if manifest.get(key) not in (None, "", {})
    ]
    folded = tag("details", tag("summary", "How it was run"), tag("dl", given), class_="settings") if given else None
    return tag("header", tag("p", tag("span", "Evaluation"), class_="eyebrow"), tag("h1", str(manifest.get("benchmark") or "Evaluation")),
               tag("p", " · ".join(part for part in known if part), class_="lead"), notes, folded, class_="summary")  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, (list, tuple)) else str(value)[:2000]


def _headlines(summary: Mapping[str, Any]) -> Html | None:
    """The run's main figures in large."""
    found = metrics(summary)
    items = [
        tag("div", tag("dt", tag("abbr", metric.title, title=metric.tip)),
            tag("dd", found[name].words(metric.unit), tag("small", _beside(found[name], metric.unit))))
        for name in _HEADLINES if name in found and (metric := metric_named(name))
    ]  # fmt: skip
    return tag("dl", items, class_="headlines") if items else None


def _beside(found: Figure, unit: str) -> str:
    if not math.isfinite(found.value):
        return f"half have no answer, n {found.n:,}"
    return f"{found.interval(unit)}, n {found.n:,}"


def card(identifier: str, title: str, *children: Html | None) -> Html:
    """A section of the page."""
    return tag("article", tag("h2", title), *children, id=identifier, class_="card")


def _records(rows: Sequence[Row], systems: Mapping[str, Sequence[Row]], case: CaseOf, beliefs: int) -> Html:
    if not rows:
        return card("records-card", "Records", tag("p", "There is no record.", class_="none"))
    blocks, counts = detail_blocks(rows, case, shown_beliefs(rows, beliefs))
    store = {
        **columns_of(rows),
        "others": others(rows, dict(list(systems.items())[1:])),
        "embedded": f"The page holds the belief of {counted(counts['beliefs'], 'record')}, the {beliefs} best and the {beliefs} worst, not of this one. "
        "“geosleuth show” reads its trajectory; a report with more of them is larger.",
    }
    return card(
        "records-card", "Records", filter_bar(), world_map(), list_bar(_ORDERS), tag("div", id="list", class_="list", role="list"),
        tag("p", "No record fits these filters.", id="nothing", class_="none", hidden=True), tag("p", _cut(counts), class_="note"),
        panel(), json_block("records", store), blocks,
    )  # fmt: skip


def _cut(counts: Mapping[str, int]) -> str:
    """What the page leaves out to stay small."""
    parts = [
        (counts["beliefs"], f"belief maps of {counted(counts['beliefs'], 'record')} are in this page, of the best and the worst"),
        (counts["bare"], f"{counted(counts['bare'], 'record')} stand in the list without picture and details"),
        (counts["shortened"], f"{counted(counts['shortened'], 'record')} had to be shortened"),
        (counts["coarser"], f"{counted(counts['coarser'], 'picture')} were made coarser"),
    ]
    said = "; ".join(words for count, words in parts if count)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def filter_bar() -> Html:
    """An empty bar: the script knows what can be chosen."""
    return tag(
        "div",
        tag("noscript", "The records are listed by a script, and scripts are off."),
        id="filters",
        class_="filters",
        role="search",
    )


def world_map() -> Html:
    """All records that the filters leave, coloured by distance."""
    key = [tag("span", tag("i", class_=f"dot d{number}"), words) for number, words in enumerate(DISTANCE_CLASSES)]
    shown = [tag("button", words, type="button", data_shown=name, aria_pressed="true" if name == "truths" else "false")
             for name, words in (("truths", "Truths"), ("guesses", "Guesses"), ("both", "Both, with lines"))]  # fmt: skip
    return tag("div", tag("div", shown, class_="shown", role="group", aria_label="what the map shows"),
               map_figure(None, "world", "map of all records", "These records", key), class_="world")  # fmt: skip


def list_bar(orders: Sequence[tuple[str, str]]) -> Html:
    """How many records are listed, and in which order."""
    select = tag("select", [tag("option", words, value=key) for key, words in orders], id="order", autocomplete="off")
    return tag("p", tag("b", id="count", role="status"), tag("label", "Order", select), class_="listbar")


def panel() -> Html:
    """The dialog of one record, and the map that it starts from."""
    buttons = [tag("button", words, type="button", id=identifier, title=title, aria_label=title) for identifier, words, title in
               (("before", "←", "the record before"), ("after", "→", "the record after"), ("close", "Close", "close"))]  # fmt: skip
    bar = tag("div", tag("span", id="place"), buttons, class_="panelbar")
    legend = [tag("span", "+ truth, ○ answer, numbers: ranked places; tinted: the belief")]
    template = tag("template", map_figure(None, "case", "map of the record", "Truth and answer", legend), id="case-map")
    return join(tag("dialog", bar, tag("div", class_="inside"), id="panel", aria_label="record"), template)
