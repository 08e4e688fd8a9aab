"""What the building of a gallery shows: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from geosleuth.gallery.builder import Tally

_EVERY = 200


class BuildScreen:
    """On stderr, so that stdout stays free."""

    def __init__(self) -> None:
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar: Any = None
        self._task: Any = None
        self._said = 0

    def note(self, text: str) -> None:
        """One line."""
        self.err.print(escape(text))

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[None]:
        """A bar while photos are brought in, where stderr is a terminal."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if not sys.stderr.isatty():
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
        with Progress(*columns, TimeRemainingColumn(), console=self.err, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task(escape(title), total=None, speed="")
            yield
        self._bar = None

    def told(self, tally: Tally) -> None:
        """How far the build is."""
        if self._bar is not None:
            speed = f"{tally.photos_per_s:.1f} photos/s" if tally.opened else ""
            self._bar.update(self._task, completed=tally.done, total=tally.total, speed=speed)
        elif tally.opened // _EVERY > self._said // _EVERY:
            self.note(f"{tally.done:,} of {tally.total:,} photos, {tally.photos_per_s:.1f} photos/s")
            self._said = tally.opened
