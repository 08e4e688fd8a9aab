"""Plots as SVG: drawn once, without a script, so that they print."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.report.markup import Html, join, tag
from agent.report.words import NBSP, percent
from evals.report.curves import Share
from geo.sphere import Floats

WIDTH, HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 24, 12, 40
_FIRST_KM, _LAST_KM = 1.0, 20_000.0
SYSTEM_CLASSES = 8
"""Colours that the style sheet knows; further systems start over with another dash."""


@dataclass
class Plot:
    """Axes from 0 to 1 in both directions, and what was drawn on them."""

    label: str
    x_words: str
    y_words: str
    parts: list[Html] = field(default_factory=list)

    @staticmethod
    def px(x: float) -> float:
        return round(_LEFT + x * (WIDTH - _LEFT - _RIGHT), 1)

    @staticmethod
    def py(y: float) -> float:
        return round(HEIGHT - _BOTTOM - y * (HEIGHT - _TOP - _BOTTOM), 1)

    def x_ticks(self, ticks: Mapping[float, str]) -> None:
        for at, words in ticks.items():
            self.line(at, 0, at, 1, "grid")
            self.text(at, 0, words, "tick", dy=16, anchor="middle")

    def y_ticks(self, ticks: Mapping[float, str]) -> None:
        for at, words in ticks.items():
            self.line(0, at, 1, at, "grid")
            self.text(0, at, words, "tick", dx=-6, dy=4, anchor="end")

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self.parts.append(tag("line", x1=self.px(x1), y1=self.py(y1), x2=self.px(x2), y2=self.py(y2), class_=kind))

    def path(
        self, x: Sequence[float] | Floats, y: Sequence[float] | Floats, kind: str, title: str = "", steps: bool = False
    ) -> None:
        """A line through points; with `steps` it runs level to the next point."""
        points = [f"{self.px(float(a))} {self.py(float(b))}" for a, b in zip(x, y, strict=True) if math.isfinite(b)]
        if steps:
            points = [part for i, point in enumerate(points) for part in ([point] if i == 0 else [f"{point.split()[0]} {points[i - 1].split()[1]}", point])]  # fmt: skip
        if points:
            self.parts.append(tag("path", tag("title", title) if title else None, d="M" + "L".join(points), class_=kind))

    def dot(self, share: Share, kind: str, title: str, radius: float = 4.5) -> None:
        """A share with its interval."""
        self.line(share.x, share.low, share.x, share.high, f"whisker {kind}")
        self.parts.append(tag("circle", tag("title", title), cx=self.px(share.x), cy=self.py(share.value), r=radius, class_=f"dot {kind}"))  # fmt: skip

    def text(self, x: float, y: float, words: str, kind: str, dx: float = 0, dy: float = 0, anchor: str = "start") -> None:
        self.parts.append(
            tag("text", words, x=round(self.px(x) + dx, 1), y=round(self.py(y) + dy, 1), text_anchor=anchor, class_=kind)
        )

    def html(self, **attributes: str) -> Html:
        self.text(1, 0, self.x_words, "axis", dy=34, anchor="end")
        self.text(0, 1, self.y_words, "axis", dx=6, dy=11)
        return tag("svg", join(*self.parts), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=self.label, class_="plot",
                   **attributes)  # fmt: skip


def share_ticks() -> dict[float, str]:
    return {share: percent(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)}


def sides() -> tuple[float, float]:
    """Where the axis begins and ends, as shares of the plot's width."""
    return _LEFT / WIDTH, 1 - _RIGHT / WIDTH


def log_place(km: float) -> float:
    """Where a distance stands on the logarithmic axis, from 0 at 1 km to 1 at 20,000 km."""
    return math.log(min(max(km, _FIRST_KM), _LAST_KM) / _FIRST_KM) / math.log(_LAST_KM / _FIRST_KM)


def distance_grid(points: int = 140) -> Floats:
    """Distances [points] in km, equally far apart on the logarithmic axis."""
    return np.geomspace(_FIRST_KM, _LAST_KM, points)


def system_class(index: int) -> str:
    return f"s{index % SYSTEM_CLASSES}" + (" again" if index >= SYSTEM_CLASSES else "")


def bars(rows: Sequence[tuple[str, float, float | None, float | None, str]], words: Callable[[float], str], label: str) -> Html:
    """Horizontal bars `(name, value, low, high, detail)` around zero, with intervals where there are any."""
    ends = [v for _, value, low, high, _ in rows for v in (value, low, high) if v is not None and math.isfinite(v)]
    first, last = min(0.0, *ends), max(0.0, *ends)
    span = (last - first) or 1.0

    def at(value: float) -> float:
        return 100.0 * (min(max(value, first), last) - first) / span

    lines = []
    for name, value, low, high, detail in rows:
        start, end = sorted((at(0.0), at(value)))
        body = [tag("i", class_="minus" if value < 0 else "plus", style=f"left:{start:.2f}%;width:{max(end - start, 0.3):.2f}%")]
        if low is not None and high is not None:
            body.append(tag("u", style=f"left:{at(low):.2f}%;width:{at(high) - at(low):.2f}%"))
        zero = tag("s", style=f"left:{at(0.0):.2f}%") if first < 0 else None
        between = f"{words(low)} to {words(high)}" if low is not None and high is not None else ""
        lines.append(tag("li", tag("span", name, class_="name"), tag("span", zero, body, class_="track", aria_hidden="true"),
                         tag("span", tag("b", words(value)), tag("small", f"{between}{NBSP * 2}{detail}".strip()), class_="value")))  # fmt: skip
    return tag("ul", lines, class_="bars", aria_label=label)
