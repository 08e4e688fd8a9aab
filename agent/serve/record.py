"""A hub that numbers its events and keeps those of investigations that are going on, so that a page can be opened at any moment and miss none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from agent.conversation.hub import Hub

MOST_KEPT = 400
"""Events of one investigation."""
_NOT_KEPT = frozenset({"result", "asked", "reply", "photo"})
"""What stands in the case itself."""


class Record(Hub):
    """Each event gets a number, `seq`, that only grows."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._kept: dict[str, list[dict[str, Any]]] = {}
        self.latest = 0
        """The number of the last event of any case."""

    def tell(self, case_id: str, event: Mapping[str, Any]) -> None:
        self.latest = next(self._numbers)
        numbered = {**event, "seq": self.latest}
        kept = self._kept.get(case_id)
        if kept is not None and event["event"] not in _NOT_KEPT:
            if "map" in event:  # only the latest map is of use
                kept[:] = [{key: value for key, value in earlier.items() if key != "map"} for earlier in kept]
            kept.append(numbered)
            del kept[:-MOST_KEPT]
        super().tell(case_id, numbered)

    def begin(self, case_id: str) -> None:
        """Keep the events of this case from now on."""
        self._kept[case_id] = []

    def end(self, case_id: str) -> None:
        """Forget what was kept."""
        self._kept.pop(case_id, None)

    def so_far(self, case_id: str) -> list[dict[str, Any]]:
        """What was kept, oldest first."""
        return list(self._kept.get(case_id, ()))
