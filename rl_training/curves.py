"""Curves of training as a picture: reward and its parts, loss, how episodes end, tools, what is held out; several seeds in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from geo.sphere import Floats
from rl_training.line_chart import PALETTE, Area, Line, Panel, draw
from rl_training.metrics_log import EVAL, MetricsError, Row, names_under, number, read_metrics, series

Runs = Mapping[str, Sequence[Row]]
"""Rows of metrics by the name of the run."""
Curve = tuple[list[float], list[float]]
"""Steps and values."""

HELD_OUT = {
    "country": "country", "city": "city", "within_25km": "<25 km", "within_200km": "<200 km", "reward/distance": "geoscore / 5000",
    "reward/levels_flat": "right place", "end/answered": "answered", "tool/zoom": "uses zoom",
}  # fmt: skip
"""Shares of an evaluation that are shown, those that there are, and what they are called."""
_OF_REWARD = ("reward/none", "reward/std")
"""Below `reward/`, and no parts of it."""
_POLICY = ("entropy", "kl")
_SMOOTHED = 25
"""The thick line is a mean over the steps of a window: a run's steps divided by this."""
_EQUAL = "groups/equal_share"
_OTHER = "others"
_MOST_PARTS = 9


def draw_curves(runs: Runs, into: Path, title: str = "") -> None:
    """Write a PNG of the runs' curves. Raises MetricsError where no run has any, OSError where the disk refuses."""
    panels = panels_of(runs)
    if not panels:
        raise MetricsError("there is nothing to draw: no metric was measured yet")
    title = title or (next(iter(runs)) if len(runs) == 1 else f"{len(runs)} runs: {', '.join(runs)}")
    picture = draw(panels, title, _words(len(runs), _window(runs)))
    into.parent.mkdir(parents=True, exist_ok=True)
    picture.save(into, "PNG", optimize=True)


def _words(count: int, window: int) -> str:
    """What thin and thick lines are."""
    over = f"means over {window} steps" if window > 1 else "each step"
    return f"thin: each of {count} runs, thick: their mean; {over}" if count > 1 else f"thin: each step, thick: {over}"


def runs_of(folders: Iterable[Path]) -> dict[str, list[Row]]:
    """Metrics of run folders, named as short as tells them apart. Raises MetricsError."""
    folders = [folder.resolve() for folder in folders]
    for depth in range(1, 1 + max((len(folder.parts) for folder in folders), default=0)):
        names = ["/".join(folder.parts[-depth:]) for folder in folders]
        if len(set(names)) == len(set(folders)):
            return {name: read_metrics(folder) for name, folder in zip(names, folders, strict=True)}
    return {}


def panels_of(runs: Runs) -> list[Panel]:
    """The panels that have something to show."""
    panels = (
        _reward(runs),
        _parts(runs),
        _held_out(runs),
        _ends(runs),
        _tools(runs),
        _loss(runs),
        _policy(runs),
        _groups(runs),
        _written(runs),
    )
    return [panel for panel in panels if panel is not None]


def _reward(runs: Runs) -> Panel | None:
    lines = _with_thin(runs, "reward", PALETTE[0], "training") + _points(runs, "eval/reward", PALETTE[1], "held out")
    return Panel("Reward", lines) if lines else None


def _parts(runs: Runs) -> Panel | None:
    names = [name for name in _under(runs, "reward/") if name not in _OF_REWARD]
    lines = [
        Line(*mean, colour, label=name.removeprefix("reward/").replace("_", " "))
        for name, colour in zip(names, _colours(len(names)), strict=True)
        if (mean := mean_curve(runs, name)) is not None
    ]
    return Panel("Parts of the reward", lines) if lines else None


def _held_out(runs: Runs) -> Panel | None:
    named = zip(HELD_OUT.items(), _colours(len(HELD_OUT)), strict=True)
    lines = [line for (name, words), colour in named for line in _points(runs, f"{EVAL}{name}", colour, words)]
    return Panel("Held out", lines, percent=True) if lines else None


def _ends(runs: Runs) -> Panel | None:
    """Shares of episodes by how they ended, on each other; finished ones lie at the bottom."""
    names = sorted(_under(runs, "end/"), key=lambda name: (name not in {"end/answered", "end/cannot_tell"}, name))
    curves = {name: mean for name in names if (mean := mean_curve(runs, name, absent=0.0)) is not None}
    if not curves:
        return None
    shown = dict(list(curves.items())[: _MOST_PARTS - 1]) if len(curves) > _MOST_PARTS else curves
    x = next(iter(curves.values()))[0]
    low = np.zeros(len(x))
    areas = []
    colours = ("#009E73", "#56B4E9", *(c for c in PALETTE if c not in {"#009E73", "#56B4E9"}))
    for (name, (_, share)), colour in zip(shown.items(), colours, strict=False):
        high = low + np.array(share)
        areas.append(Area(x, low.tolist(), high.tolist(), colour, name.removeprefix("end/").replace("_", " ")))
        low = high
    if len(shown) < len(curves):
        rest = np.sum([share for name, (_, share) in curves.items() if name not in shown], axis=0)
        areas.append(Area(x, low.tolist(), (low + rest).tolist(), PALETTE[7], _OTHER))
    return Panel("How episodes end", areas=areas, percent=True, y_range=(0.0, 1.0))


def _tools(runs: Runs) -> Panel | None:
    names = _under(runs, "tool/")
    lines = [
        Line(*mean, colour, label=name.removeprefix("tool/").replace("_", " "))
        for name, colour in zip(names, _colours(len(names)), strict=True)
        if (mean := mean_curve(runs, name, absent=0.0)) is not None
    ]
    return Panel("Episodes that use a tool", lines, percent=True) if lines else None


def _loss(runs: Runs) -> Panel | None:
    lines = _with_thin(runs, "loss", PALETTE[0], "training") + _points(runs, "eval/loss", PALETTE[1], "held out")
    return Panel("Loss", lines) if lines else None


def _policy(runs: Runs) -> Panel | None:
    lines = [
        Line(*mean, PALETTE[i], label=name) for i, name in enumerate(_POLICY) if (mean := mean_curve(runs, name)) is not None
    ]
    return Panel("The policy: nats a token", lines) if lines else None


def _written(runs: Runs) -> Panel | None:
    lines = _with_thin(runs, "episode/written", PALETTE[2], "written by the policy")
    return Panel("Tokens of an episode", lines) if lines else None


def _groups(runs: Runs) -> Panel | None:
    """Shares of rollouts and groups that teach nothing."""
    shares = {name: [_with_share(row) for row in rows] for name, rows in runs.items()}
    names = {_EQUAL: "groups of equal rewards", "reward/none": "episodes without a verdict"}
    lines = [
        Line(*mean, PALETTE[i], label=words)
        for i, (name, words) in enumerate(names.items())
        if (mean := mean_curve(shares, name))
    ]
    return Panel("What teaches nothing", lines, percent=True) if lines else None


def _with_share(row: Row) -> Row:
    drawn, equal = number(row.get("groups/drawn")), number(row.get("groups/equal"))
    return row if not drawn or equal is None else {**row, _EQUAL: equal / drawn}


# -- curves


def mean_curve(runs: Runs, name: str, *, smooth: bool = True, absent: float | None = None) -> Curve | None:
    """Steps [n] and the mean over runs [n] of a metric at the steps that every run has reached; None where no run has it.

    `absent` is the value where a row of training lacks the metric (a share of something that did not happen); else the step is left out.
    """
    found: list[dict[int, float]] = []
    for rows in runs.values():
        values = dict(zip(*series(rows, name), strict=True))
        if absent is not None and (values or any(series(other, name)[0] for other in runs.values())):
            values = {step: values.get(step, absent) for step in _training_steps(rows)}
        if values:
            found.append(values)
    steps = sorted(set.intersection(*(set(values) for values in found))) if found else []
    if not steps:
        return None
    mean = np.mean([[values[step] for step in steps] for values in found], axis=0)
    return [float(step) for step in steps], (smoothed(mean, _window(runs)) if smooth else mean).tolist()


def smoothed(values: Floats, window: int) -> Floats:
    """Means [n] of the values [n] in a window around each, which is cut off at the ends."""
    if window <= 1 or len(values) < 2:
        return values
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(0, at - window // 2), np.minimum(len(values), at + (window - window // 2))
    means: Floats = (sums[high] - sums[low]) / (high - low)
    return means


def _with_thin(runs: Runs, name: str, colour: str, label: str) -> list[Line]:
    """Every run thin (one run alone: its steps as they are), and the mean thick."""
    mean = mean_curve(runs, name)
    if mean is None:
        return []
    window = _window(runs) if len(runs) > 1 else 1
    own = [series(rows, name) for rows in runs.values()]
    thin = [Line(x, smoothed(np.array(y), window).tolist(), colour, 1.2, fade=0.35) for x, y in own if x]
    return [*thin, Line(*mean, colour, 3.0, label)]


def _points(runs: Runs, name: str, colour: str, label: str) -> list[Line]:
    """Evaluations: dots of the mean, and every run's own line where there are several."""
    mean = mean_curve(runs, name, smooth=False)
    if mean is None:
        return []
    own = [series(rows, name) for rows in runs.values()] if len(runs) > 1 else []
    thin = [Line(x, y, colour, 1.0, fade=0.3) for x, y in own if x]
    return [*thin, Line(*mean, colour, 2.2, label, dots=True, dashed=True)]


def _training_steps(rows: Sequence[Row]) -> list[int]:
    return sorted({row["step"] for row in rows if any(name.startswith("end/") or name == "reward" for name in row)})


def _window(runs: Runs) -> int:
    return max(1, min((len({row["step"] for row in rows}) for rows in runs.values()), default=1) // _SMOOTHED)


def _under(runs: Runs, prefix: str) -> list[str]:
    """Names below `prefix` in any run, those with the largest values first where there are too many for one panel."""
    names = names_under((row for rows in runs.values() for row in rows), prefix)
    size = {name: max((abs(v) for rows in runs.values() for v in series(rows, name)[1]), default=0.0) for name in names}
    kept = sorted(names, key=lambda name: -size[name])[: len(PALETTE)] if prefix != "end/" else names
    return [name for name in names if name in kept]


def _colours(count: int) -> list[str]:
    return list(PALETTE[:count])
