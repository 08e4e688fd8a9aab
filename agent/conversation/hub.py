"""Who watches a case: events go to every watcher as they happen, and to nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any

MOST_WAITING = 500
"""Events that wait for a watcher who does not read; the oldest are dropped."""


class Hub:
    """Events of all cases, of one event loop."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Queue[Mapping[str, Any] | None]]] = defaultdict(set)

    def tell(self, case_id: str, event: Mapping[str, Any]) -> None:
        for queue in list(self._watchers.get(case_id, ())):
            if queue.full():
                with contextlib.suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(event)

    def close(self, case_id: str) -> None:
        """Ends every watcher of a case."""
        for queue in self._watchers.pop(case_id, set()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def watch(self, case_id: str) -> AsyncIterator[Mapping[str, Any]]:
        """The events of a case from now on, until it is closed."""
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(MOST_WAITING)
        self._watchers[case_id].add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._watchers[case_id].discard(queue)
            if not self._watchers[case_id]:
                self._watchers.pop(case_id, None)
