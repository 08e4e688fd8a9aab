"""Where a policy practises: records drawn from benchmarks by a seed and a curriculum, the tools, and photos kept open for a group."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.beliefs import Beliefs
from agent.limits import Limits
from evals.record import Benchmark, BenchmarkError, Record
from rl_training.config import KNOWN_READERS, WorldSettings
from tools.observation import Tool
from tools.toolbox import ToolSettings, make_tools

if TYPE_CHECKING:
    from agent.photo import PhotoFile

_OPEN_PHOTOS = 64
_KEPT_BELIEFS, _RESULTS = 32, 50_000
"""Beliefs that are kept whole (about 6 MB each), and what was read off these and others."""


class World:
    """Tasks and tools. Everything that is drawn depends on the seed and the step alone."""

    def __init__(self, settings: WorldSettings, seed: int = 0, remembered: Path | None = None) -> None:
        """`remembered`: a folder in which what was read in pictures is kept. Raises BenchmarkError for benchmarks that cannot be had."""
        from evals.benchmarks import make_benchmark

        self.settings, self.seed = settings, seed
        self.benches: list[Benchmark] = [make_benchmark(spec) for spec in settings.benches]
        self.limits = Limits(settings.max_turns, settings.max_calls, settings.max_seconds, settings.think_seconds,
                             max_views_shown=settings.max_calls + 2)  # fmt: skip
        self.tool_settings = ToolSettings(offline=True, leave_out_copies=True)
        self.tools = tools_of(settings, self.tool_settings, remembered)
        self.beliefs = Beliefs(_KEPT_BELIEFS, _RESULTS)
        self._photos: OrderedDict[str, PhotoFile] = OrderedDict()
        self._opening: dict[str, asyncio.Lock] = {}

    def draw(self, step: int, count: int, salt: int = 0) -> list[Record]:
        """`count` different records for a step; `salt` tells draws of one step apart."""
        rng = random.Random(f"{self.seed}:{step}:{salt}")  # noqa: S311
        starts = [*self.settings.curriculum, *[0] * len(self.benches)][: len(self.benches)]
        pools = [bench.records() for bench, start in zip(self.benches, starts, strict=True) if step >= start]
        pools = [pool for pool in pools if pool]
        if (there := len({record.id for pool in pools for record in pool})) < count:
            raise BenchmarkError(f"step {step} draws {count} tasks, and its benchmarks hold {there}")
        drawn: dict[str, Record] = {}
        while len(drawn) < count:
            record = rng.choice(rng.choice(pools))
            drawn.setdefault(record.id, record)
        return list(drawn.values())

    def open(self, record: Record) -> PhotoFile:
        """The photo of a record, small where its writing is known. Raises `agent.photo.PhotoError`."""
        if self.settings.reader in KNOWN_READERS and record.kind == "scene":
            from rl_training.known_text import open_known

            return open_known(record.id)
        return record.open()

    async def photo(self, record: Record) -> PhotoFile:
        """The photo of a record; rollouts of one group share it. Raises `agent.photo.PhotoError`."""
        lock = self._opening.setdefault(record.id, asyncio.Lock())
        async with lock:
            if record.id not in self._photos:
                self._photos[record.id] = await asyncio.to_thread(self.open, record)
                while len(self._photos) > _OPEN_PHOTOS:
                    gone, _ = self._photos.popitem(last=False)
                    self._opening.pop(gone, None)
            return self._photos[record.id]

    def new_loop(self) -> None:
        """Locks belong to one event loop; call this before the next."""
        self._opening.clear()


def held_out(settings: WorldSettings) -> Sequence[Benchmark]:
    """The benchmarks of the evaluation while training. Raises BenchmarkError."""
    from evals.benchmarks import make_benchmark

    return [make_benchmark(spec) for spec in settings.held_out]


def tools_of(settings: WorldSettings, tools: ToolSettings, remembered: Path | None = None) -> Mapping[str, Tool]:
    """The tools of a world, with the reader that its settings name. Raises ValueError for an unknown reader or tool."""
    from tools.read_text import ReadText, shared_reader

    made = make_tools(tools)
    if settings.reader in KNOWN_READERS:
        from rl_training.known_text import KnownText

        made["read_text"] = KnownText(as_ocr=settings.reader == "known-ocr")
    elif settings.reader == "ocr":
        from rl_training.reading import RememberedReader

        reader: Any = RememberedReader(shared_reader(), remembered)  # answers as a `PictureReader` does
        made["read_text"] = ReadText(reader)
    else:
        raise ValueError(f"a reader is ocr, known or known-ocr, not {settings.reader[:40]!r}")
    if missing := sorted(set(settings.tools) - set(made) - {"answer"}):
        raise ValueError(f"there is no tool {', '.join(missing)}; there are {', '.join(made)}")
    return {name: tool for name, tool in made.items() if not settings.tools or name in settings.tools}
