"""What a training run shows while it goes on: one line that is written over on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

SHOWN = ("loss", "reward", "end/answered", "tool/zoom", "entropy", "kl", "grad_norm")
"""Numbers of a step that are shown, by priority."""
HELD_OUT = ("reward", "country", "city", "within_25km", "reward/distance", "end/answered", "tool/zoom")
"""Numbers of an evaluation that are shown, by priority; the others are in the log."""
_WORDS = {"end/answered": "answered", "tool/zoom": "zoom", "reward/distance": "distance"}
_MOST = 5
_PAUSE_S = 10.0


class Screen:
    """Called with every row of the metrics log; writes to stderr."""

    def __init__(
        self, title: str, *, quiet: bool = False, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        from rich.console import Console

        self.title, self.quiet, self._clock = title, quiet, clock
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._last = float("-inf")
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Screen:
        if self._terminal and not self.quiet:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            self._bar = Progress(TextColumn(self.title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                                 TextColumn("{task.fields[numbers]}"), console=self._console, transient=True)  # fmt: skip
            self._task = self._bar.add_task(self.title, total=None, numbers="")
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def note(self, text: str) -> None:
        """One line that stays."""
        from rich.markup import escape

        self._console.print(escape(text))

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Show a row: evaluations stay, steps are written over."""
        if self.quiet:
            return
        held = {name.removeprefix("eval/"): value for name, value in row.items() if name.startswith("eval/")}
        if held:
            self.note(f"{self.title}: held out after step {row['step']}: {numbers(held, HELD_OUT)}")
            return
        done, total = int(row["step"]) + 1, row.get("of")
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, numbers=numbers(row, SHOWN))
        elif (now := self._clock()) - self._last >= _PAUSE_S or done == total:
            self._last = now
            self.note(f"{self.title}: {done}{f' of {total}' if total else ''} steps, {numbers(row, SHOWN)}")


def numbers(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The numbers that a row has, in words: `loss 0.123, reward 0.456`."""
    found = [(name, row[name]) for name in names if row.get(name) is not None][:_MOST]
    return ", ".join(
        f"{_WORDS.get(name, name)} {value:.3g}" if isinstance(value, float) else f"{_WORDS.get(name, name)} {value}"
        for name, value in found
    )
