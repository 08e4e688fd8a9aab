"""The one place where the pages read summaries: numbers with intervals, out of plain data that may lack any of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evals.metrics.glossary import METRICS
from evals.metrics.table import bare, worded


@dataclass(frozen=True)
class Metric:
    """What a metric is called and means."""

    name: str
    title: str
    unit: str
    better: str
    """`high`, `low`, or empty where neither is better by itself."""
    definition: str

    @property
    def tip(self) -> str:
        """Its definition, and which direction is better."""
        side = {"high": "; more is better", "low": "; less is better"}.get(self.better, "")
        return f"{self.definition}{side}"


@dataclass(frozen=True)
class Figure:
    """A number with its interval, infinite where a median is, and how many records it rests on."""

    value: float
    low: float
    high: float
    n: int

    def words(self, unit: str) -> str:
        return worded(_shown(self.value), unit).replace("-", "−")

    def interval(self, unit: str) -> str:
        """`58.4 – 64.0`, `−1.2 to 0.4`."""
        between = " to " if self.low < 0 else " – "
        return between.join(bare(_shown(value), unit) for value in (self.low, self.high)).replace("-", "−")

    def apart(self, other: Figure) -> bool:
        """Whether the intervals of two figures do not meet."""
        return self.low > other.high or self.high < other.low


def _shown(value: float) -> float | None:
    return value if math.isfinite(value) else None


def metric_named(name: str) -> Metric:
    """A metric of the glossary; one that is not in it is called by its name."""
    return Metric(name, *METRICS.get(name, (name.replace("_", " "), "", "", "")))


def metrics(part: Mapping[str, Any]) -> dict[str, Figure]:
    """All metrics of a summary, or of a part of one, that have a value."""
    found = {str(name): figure(data, metric_named(str(name)).unit) for name, data in mapping(part, "metrics").items()}
    return {name: value for name, value in found.items() if value is not None}


def figure(data: object, unit: str) -> Figure | None:
    """`{"value", "low", "high", "n"}`; None where there is no value. A distance of None is an infinite one."""
    if not isinstance(data, Mapping):
        return None
    missing = math.inf if unit == "km" else math.nan
    value, low, high = (number if (number := finite(data.get(key))) is not None else missing for key in ("value", "low", "high"))
    n = data.get("n")
    return None if math.isnan(value + low + high) else Figure(value, low, high, n if isinstance(n, int) else 0)


def finite(value: object) -> float | None:
    """A finite number, or None."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) else None


def splits(summary: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Mapping[str, Any]]]]:
    """Columns and their values, each with `n` and `metrics`."""
    for column, values in mapping(summary, "splits").items():
        if isinstance(values, Mapping):
            yield str(column), {str(value): part for value, part in values.items() if isinstance(part, Mapping)}


def mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A part of a summary that is a mapping; an empty one where it is none."""
    part = data.get(key)
    return part if isinstance(part, Mapping) else {}


def points(data: Mapping[str, Any], key: str, names: tuple[str, ...]) -> list[tuple[float, ...]]:
    """The named numbers of each item of a list; items that lack one are left out."""
    items = data.get(key)
    rows = (
        [[finite(item.get(name)) for name in names] for item in items or [] if isinstance(item, Mapping)]
        if isinstance(items, list)
        else []
    )
    return [tuple(value for value in row if value is not None) for row in rows if None not in row]
