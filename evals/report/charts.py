"""The page's plots, each in a figure with its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agent.report.markup import Html, join, json_block, tag
from agent.report.words import ending, percent
from evals.metrics.table import worded
from evals.metrics.values import CITY_KM, NOT_RUN
from evals.report.curves import Share, distance_curve, share_of
from evals.report.figures import Figure, figure, finite, mapping, metrics, points
from evals.report.plots import Plot, bars, distance_grid, log_place, share_ticks, sides, system_class
from evals.row import Row
from geo.score import THRESHOLDS_KM

Systems = Mapping[str, Sequence[Row]]
Summaries = Mapping[str, Mapping[str, Any]]


def charts(systems: Systems, summaries: Summaries) -> Html:
    """All plots of a run; those that have nothing to show say so."""
    rows, first = next(iter(systems.values()), ()), next(iter(summaries.values()), {})
    parts = [distance_chart(systems), coverage_chart(summaries), reliability_chart(first), risk_chart(summaries), tool_chart(first),
             stop_chart(rows)]  # fmt: skip
    names = [tag("li", tag("i", class_=f"swatch {system_class(i)}"), name) for i, name in enumerate(systems)]
    return join(tag("ul", names, class_="systems"), tag("div", parts, class_="charts"))


def _chart(title: str, body: Html | None, words: str, without: str) -> Html:
    shown = body if body is not None else tag("p", without, class_="none")
    return tag("figure", tag("h3", title), shown, tag("figcaption", words) if body is not None else None, class_="chart")


def distance_chart(systems: Systems) -> Html:
    """The share of records nearer than x."""
    grid, title, without = distance_grid(), "Distance", "No record has coordinates."
    curves = {name: distance_curve(rows, grid) for name, rows in systems.items()}
    if not any(np.isfinite(curve).all() for curve in curves.values()):
        return _chart(title, None, "", without)
    plot = Plot("share of records within a distance", "distance to the truth, km (log)", "share nearer than that")
    plot.x_ticks({log_place(t): f"{t:,.0f}" for t in (*THRESHOLDS_KM, 10_000.0)})
    plot.y_ticks(share_ticks())
    x = np.array([log_place(float(km)) for km in grid])
    for index, (name, curve) in reversed(list(enumerate(curves.items()))):
        plot.path(x, curve, f"curve {system_class(index)}", name)
    lines = [[name, [round(float(v), 4) if np.isfinite(v) else None for v in curve]] for name, curve in curves.items()]
    data = json_block("distance", {"km": [round(float(v), 2) for v in grid], "curves": lines, "sides": sides()})
    body = join(plot.html(id="distance-plot"), tag("p", class_="readout", id="distance-readout", role="status"), data)
    return _chart(
        title, body, "A record without an answer is never within any distance. Touch the plot to read the shares.", without
    )


def coverage_chart(summaries: Summaries) -> Html:
    """How often the truth lies within the stated radii."""
    title, plot = "Coverage of the stated radii", Plot("coverage of radii", "stated share", "share found inside")
    plot.x_ticks({0.5: "50 % radius", 0.9: "90 % radius"})
    plot.y_ticks(share_ticks())
    plot.line(0, 0, 1, 1, "ideal")
    found = [(i, name, metrics(summary)) for i, (name, summary) in enumerate(summaries.items())]
    stating = [(i, name, f) for i, name, f in found if "coverage50" in f or "coverage90" in f]
    for place, (index, name, figures) in enumerate(stating):
        aside = 0.028 * (place - (len(stating) - 1) / 2)
        for nominal, key in ((0.5, "coverage50"), (0.9, "coverage90")):
            if inside := figures.get(key):
                plot.dot(_at(nominal + aside, inside), system_class(index),
                         f"{name}: {percent(inside.value)} of {inside.n:,} answers inside the {percent(nominal)} radius")  # fmt: skip
    words = (
        "Of the answers that state a radius, how many have the truth inside it, with 95 % intervals; the dashed line is perfect. "
    )
    counts = "; ".join(
        f"{name}: {max(f.n for key, f in figures.items() if key in {'coverage50', 'coverage90'}):,}"
        for _, name, figures in stating
    )
    return _chart(title, plot.html() if stating else None, f"{words}Answers: {counts}.", "No answer states a radius.")


def _at(x: float, found: Figure) -> Share:
    return Share(x, found.value, found.low, found.high, found.n)


def reliability_chart(summary: Mapping[str, Any]) -> Html:
    """Stated probability against how often it came true."""
    title, without = "Reliability of probabilities", "No probability was stated."
    calibration = mapping(summary, "calibration")
    answers, ranked = ([share_of(held, int(n), stated) for stated, held, n in points(calibration, key, ("stated", "held", "n"))]
                       for key in ("answers", "ranked"))  # fmt: skip
    if not answers and not ranked:
        return _chart(title, None, "", without)
    plot = Plot("reliability of probabilities", "stated probability", "share that was right")
    plot.x_ticks(share_ticks())
    plot.y_ticks(share_ticks())
    plot.line(0, 0, 1, 1, "ideal")
    for kind, what, bins in (("s1", "ranked places", ranked), ("s0", f"answers within {CITY_KM:.0f} km", answers)):
        most = max((b.n for b in bins), default=1)
        for b in bins:
            plot.dot(
                b, kind, f"{what}: {percent(b.value)} of {b.n:,} at {percent(b.x)}", radius=round(3 + 5 * (b.n / most) ** 0.5, 1)
            )
    kinds = (("s0", f"answers, right within {CITY_KM:.0f} km", answers), ("s1", "ranked places that hold the truth", ranked))
    key = [
        tag("li", tag("i", class_=f"swatch {kind}"), f"{words} (n {sum(b.n for b in bins):,})")
        for kind, words, bins in kinds
        if bins
    ]
    body = join(plot.html(), tag("ul", key, class_="systems"), _bin_table(answers, ranked))
    return _chart(
        title,
        body,
        "Of the run itself, in tenths, with 95 % Wilson intervals; larger dots hold more. Below the line: too sure.",
        without,
    )


def _bin_table(answers: Sequence[Share], ranked: Sequence[Share]) -> Html:
    rows = [tag("tr", tag("td", kind), *(tag("td", words, class_="number") for words in (percent(b.x), percent(b.value), f"{b.n:,}")))
            for kind, bins in (("answers", answers), ("ranked", ranked)) for b in bins]  # fmt: skip
    head = tag(
        "tr", tag("th", "", scope="col"), [tag("th", words, scope="col", class_="number") for words in ("stated", "right", "n")]
    )
    return tag("details", tag("summary", "Counts"), tag("table", tag("thead", head), tag("tbody", rows), class_="bins"))


def risk_chart(summaries: Summaries) -> Html:
    """How wrong the surest answers are."""
    first = mapping(next(iter(summaries.values()), {}), "calibration")
    wrong_km = finite(first.get("wrong_from_km")) or 0.0
    title, plot = (
        "Risk and coverage",
        Plot("risk against coverage", "share of records answered, the surest first", f"share {wrong_km:.0f} km or more off"),
    )
    plot.x_ticks(share_ticks())
    plot.y_ticks(share_ticks())
    some = False
    for index, (name, summary) in reversed(list(enumerate(summaries.items()))):
        if curve := points(mapping(summary, "calibration"), "risk_coverage", ("coverage", "risk")):
            plot.path([c for c, _ in curve], [r for _, r in curve], f"curve {system_class(index)}", name)
            coverage, risk = curve[-1]
            words = f"{name}: {percent(risk)} wrong when all {percent(coverage)} that state a probability are answered"
            plot.dot(Share(coverage, risk, risk, risk, 0), system_class(index), words, 3.5)
            some = True
    words = "Answers in the order of their stated probability. A useful probability keeps the left end low; the dot is what was really answered."
    return _chart(title, plot.html() if some else None, words, "No answer states a probability.")


def tool_chart(summary: Mapping[str, Any]) -> Html:
    """Bits that each tool's evidence gave the truth."""
    lines = []
    for name, data in mapping(mapping(summary, "agent"), "tools").items():
        if isinstance(data, Mapping) and (bits := figure(data.get("bits_per_call"), "bits")):
            shares = [f"{percent(share)} {key}" for key in ("toward", "away") if (share := finite(data.get(key)))]
            lines.append((str(name), bits.value, bits.low, bits.high, ", ".join([f"{bits.n:,} calls", *shares])))
    lines.sort(key=lambda line: -line[1])
    body = (
        bars(
            lines, lambda value: f"{'+' if value > 0 else ''}{worded(value, 'bits')}", "bits at the truth for each call of a tool"
        )
        if lines
        else None
    )
    words = ("Bits that a call's evidence added at the true place, on average over calls, with 95 % intervals: one bit doubles the belief's density "
             "there; below zero it led away.")  # fmt: skip
    return _chart("What the tools are worth", body, words, "No call's evidence could be weighed.")


def stop_chart(rows: Sequence[Row]) -> Html:
    """How the runs ended."""
    lines = []
    for stop, number in Counter(row.stop for row in rows).most_common():
        share = share_of(number / len(rows), len(rows))
        lines.append(
            (ending(stop) if stop != NOT_RUN else "not run", share.value, share.low, share.high, f"{number:,} of {len(rows):,}")
        )
    body = bars(lines, lambda value: worded(value, "share"), "how runs ended") if lines else None
    return _chart(
        "How the investigations ended", body, "Shares of all records, with 95 % Wilson intervals.", "There is no record."
    )
