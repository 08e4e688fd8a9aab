"""What ledgers come to, worked out once: the belief, and what is read off it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from geo.belief import Belief

T = TypeVar("T")


class Beliefs:
    """Keeps the latest beliefs (6 MB each and more) and many small results by the digest of the ledger that they come from.

    Cases may share one: rollouts of a task, and later ones of the same task, then meet the same evidence again and again.
    """

    def __init__(self, kept: int = 2, remembered: int = 1000) -> None:
        self._kept, self._remembered = kept, remembered
        self._beliefs: OrderedDict[str, Belief] = OrderedDict()
        self._results: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Belief | None:
        """The belief of a ledger, where it is kept."""
        with self._lock:
            if digest in self._beliefs:
                self._beliefs.move_to_end(digest)
            return self._beliefs.get(digest)

    def keep(self, digest: str, belief: Belief) -> None:
        """Keep a belief; the one that was not asked for the longest goes."""
        with self._lock:
            _put(self._beliefs, digest, belief, self._kept)

    def result(self, digest: str, what: str, work: Callable[[], T]) -> T:
        """What `work` gave when it was asked first for this ledger and this `what`."""
        key = (digest, what)
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]  # type: ignore[no-any-return]
        found = work()
        with self._lock:
            _put(self._results, key, found, self._remembered)
        return found


def _put(table: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > most:
        table.popitem(last=False)
