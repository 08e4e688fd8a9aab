"""The tables of the page: systems by metrics, and the splits of a system."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from agent.report.markup import Html, escape, join, tag
from evals.metrics.table import OF_SPLITS, POOL_ROWS, POOL_TITLE, TABLES
from evals.report.figures import Figure, Metric, figure, mapping, metric_named, metrics, splits
from evals.report.plots import system_class
from geo.score import THRESHOLDS_KM

Summaries = Mapping[str, Mapping[str, Any]]

_CLOUDS = (
    Metric("precision", "precision", "share", "", "answers that lie among the true places (in the ball of one's 3rd neighbour)"),
    Metric("recall", "recall", "share", "", "true places that lie among the answers"),
    Metric("density", "density", "", "", "how many such balls of true places hold an answer, over 3"),
    Metric("coverage", "coverage", "share", "", "true places whose ball holds an answer"),
)
_OPEN = 3
"""So many groups of the summary are unfolded at first."""
POOL_NOTE = (
    "A pool holds every place that the policy, similar photos, votes and the belief suggested. No ranking finds what it does not hold; a record without "
    "candidates is a miss. The first candidate is that of the pool's own order, and there even where the policy would not tell. The answer's own point is no "
    "candidate: it can lie nearer than all of them."
)
RULE = (
    "● marks the best of a column only where its 95 % interval does not meet that of any other system. Two systems whose intervals meet may still "
    "differ: “eval compare” tells by pairs. A record without an answer is wrong everywhere. Small figures: interval, and n where it is not that of "
    "the row."
)


def summary_tables(summaries: Summaries) -> Html:
    """One table for each group of metrics, with systems as rows."""
    figures = {system: metrics(summary) for system, summary in summaries.items()}
    counts = {system: count(summary) for system, summary in summaries.items()}
    named = {name for found in figures.values() for name in found}
    known = {name for _, names in (*TABLES, *POOL_ROWS) for name in names}
    groups = [*TABLES, ("Further metrics", tuple(sorted(named - known)))]
    parts: list[Html] = []
    for title, names in groups:
        if mine := [metric_named(name) for name in names if name in named]:
            parts.append(_group(title, _table(mine, figures, counts), open_=len(parts) < _OPEN))
    return join(parts, _pool(figures, counts), _clouds(summaries, counts), tag("p", RULE, class_="note"))


def _pool(figures: Mapping[str, Mapping[str, Figure]], counts: Mapping[str, int | None]) -> Html | None:
    """The oracle: the answers beside the nearest of the first candidates; none where no system kept candidates."""
    oracle = {name for _, names in POOL_ROWS[1:] for name in names}
    columns = [Metric(f"{t:g}", f"<{t:g} km", "share", "high", f"strictly within {t:g} km") for t in THRESHOLDS_KM]
    rows = []
    for index, (system, found) in enumerate(figures.items()):
        for row, (words, names) in enumerate(POOL_ROWS if oracle & found.keys() else ()):
            title = [tag("i", class_=f"swatch {system_class(index)}"), escape(system)] if row == 0 else []
            cells = [cell(found.get(name), metric, False, counts[system]) for name, metric in zip(names, columns, strict=True)]
            rows.append(tag("tr", tag("th", title, tag("small", words), scope="row"), cells))
    if not rows:
        return None
    head = tag("thead", tag("tr", tag("th", "System", scope="col"), [heading(column) for column in columns]))
    table = wide(tag("table", head, tag("tbody", rows), class_="figures"))
    return _group(POOL_TITLE, join(table, tag("p", POOL_NOTE, class_="note")), open_=False)


def count(part: Mapping[str, Any]) -> int | None:
    """The denominator of a summary or part."""
    n = part.get("n")
    return n if isinstance(n, int) else None


def _clouds(summaries: Summaries, counts: Mapping[str, int | None]) -> Html | None:
    """How the cloud of answers lies on that of true places; without intervals."""
    found = {system: {m.name: f for m in _CLOUDS if (f := _bare(mapping(summary, "clouds").get(m.name), counts[system]))}
             for system, summary in summaries.items()}  # fmt: skip
    if not any(found.values()):
        return None
    note = tag(
        "p",
        "Manifold metrics with k = 3 (Naeem et al. 2020), as in Around the World in 80 Timesteps; no intervals are computed.",
        class_="note",
    )
    return _group("All answers as a cloud", join(_table(list(_CLOUDS), found, counts), note), open_=False)


def _group(title: str, content: Html, open_: bool) -> Html:
    return tag("details", tag("summary", tag("h3", title)), content, open=open_, class_="group")


def _bare(value: object, n: int | None) -> Figure | None:
    return figure({"value": value, "low": value, "high": value, "n": n}, "")


def _table(columns: Sequence[Metric], figures: Mapping[str, Mapping[str, Figure]], counts: Mapping[str, int | None]) -> Html:
    shared = {metric.name: shared_count([found.get(metric.name) for found in figures.values()]) for metric in columns}
    head = [tag("th", "System", scope="col"), tag("th", "n", scope="col", class_="number"),
            *(heading(metric, shared[metric.name], set(counts.values())) for metric in columns)]  # fmt: skip
    best = {m.name: best_of({system: f[m.name] for system, f in figures.items() if m.name in f}, m.better) for m in columns}
    rows = []
    for index, (system, found) in enumerate(figures.items()):
        if any(metric.name in found for metric in columns):
            name = tag(
                "th", tag("i", class_=f"swatch {system_class(index)}"), system, scope="row", class_="run" if index == 0 else None
            )
            cells = [cell(found.get(m.name), m, best[m.name] == system, shared[m.name] or counts[system]) for m in columns]
            rows.append(tag("tr", name, _n(counts[system]), cells))
    return wide(tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="figures"))


def _n(number: int | None) -> Html:
    return tag("td", f"{number:,}" if number is not None else "", class_="number n")


def wide(table: Html) -> Html:
    """A table that scrolls sideways by itself where it is wider than the page."""
    return tag("div", table, class_="wide", tabindex="0", role="region", aria_label="table")


def shared_count(column: Sequence[Figure | None]) -> int | None:
    """The denominator of all figures of a column, where it is one."""
    numbers = {found.n for found in column if found is not None}
    return numbers.pop() if len(numbers) == 1 else None


def heading(metric: Metric, n: int | None = None, known: Container[int | None] = ()) -> Html:
    """A column's title with its definition, and its denominator `n` unless the rows tell it (`known`)."""
    arrow = {"high": " ↑", "low": " ↓"}.get(metric.better, "")
    title = tag("abbr", metric.title, title=metric.tip) if metric.tip else tag("span", metric.title)
    own = tag("small", f"n {n:,}") if n is not None and n not in known else None
    return tag("th", title, arrow, own, scope="col", class_="number")


def best_of(figures: Mapping[str, Figure], better: str) -> str | None:
    """The system whose interval lies apart from all others on the better side; None where none does, or there is none to beat."""
    if better not in {"high", "low"} or len(figures) < 2:
        return None
    sign = 1.0 if better == "high" else -1.0
    first = max(figures, key=lambda system: sign * figures[system].value)
    return first if all(figures[first].apart(other) for system, other in figures.items() if system != first) else None


def cell(found: Figure | None, metric: Metric, best: bool, n: int | None) -> Html:
    """A figure with its interval below it, and its own n where that is another."""
    if found is None:
        return tag("td", "–", class_="number none")
    mark = tag("span", "●", class_="best", title="best, and apart from all others") if best else None
    between = tag("small", found.interval(metric.unit)) if (found.low, found.high) != (found.value, found.value) else None
    own = tag("small", f"n {found.n:,}") if found.n != n else None
    return tag("td", mark, tag("b", found.words(metric.unit)), between, own, class_="number")


def split_tables(summaries: Summaries) -> Html:
    """For each system and column a table of its values; selectors leave one standing."""
    parts: list[Html] = []
    columns = list(dict.fromkeys(column for summary in summaries.values() for column, _ in splits(summary)))
    for number, (system, summary) in enumerate(summaries.items()):
        mine = dict(splits(summary))
        for place, column in enumerate(columns):
            table = _split(mine[column]) if column in mine else tag("p", "This system has one value alone.", class_="none")
            title, hidden = tag("h4", f"{column}, {system}", class_="printed"), number > 0 or place > 0
            parts.append(tag("div", title, table, class_="split", data_split=f"{number}:{place}", hidden=hidden))
    if not parts:
        return tag("p", "There is nothing to split by.", class_="none")
    selectors = [select("split-column", "Split by", columns), select("split-system", "System", list(summaries))]
    return join(tag("p", selectors, class_="selectors"), parts, _macro(summaries))


def select(identifier: str, words: str, options: Sequence[str]) -> Html:
    """A choice among options, by their number."""
    made = [tag("option", option, value=str(number)) for number, option in enumerate(options)]
    return tag("label", words, tag("select", made, id=identifier, autocomplete="off"))


def _split(values: Mapping[str, Mapping[str, Any]]) -> Html:
    found = {value: metrics(part) for value, part in values.items()}
    columns = [metric_named(name) for name in OF_SPLITS if any(name in each for each in found.values())]
    ordered = sorted(values, key=lambda value: -(count(values[value]) or 0))
    rows = [
        tag("tr", tag("th", value, scope="row"), _n(count(values[value])),
            [cell(found[value].get(metric.name), metric, False, count(values[value])) for metric in columns])
        for value in ordered
    ]  # fmt: skip
    head = [tag("th", "Value", scope="col"), tag("th", "n", scope="col", class_="number"), *map(heading, columns)]
    return wide(tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="figures"))


def _macro(summaries: Summaries) -> Html | None:
    """Means over the parts of each split, every part counting the same, of the first system."""
    first = next(iter(summaries.values()), {})
    parts = {str(column): metrics({"metrics": part}) for column, part in mapping(first, "macro").items()}
    columns = [metric_named(name) for name in OF_SPLITS if any(name in each for each in parts.values())]
    if not columns:
        return None
    head = [tag("th", "Mean over", scope="col"), tag("th", "parts", scope="col", class_="number"), *map(heading, columns)]
    rows = []
    for column, found in parts.items():
        most = max((f.n for f in found.values()), default=0)
        cells = [cell(found.get(metric.name), metric, False, most) for metric in columns]
        rows.append(tag("tr", tag("th", f"each {column}", scope="row"), _n(most), cells))
    table = wide(tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="figures"))
    return tag(
        "details",
        tag("summary", tag("h3", "Macro means")),
        tag("p", "Each part counts the same; of the run itself.", class_="note"),
        table,
    )
