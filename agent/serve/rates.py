"""How often an owner may ask: token buckets, in memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

PER_MINUTE = {"case": 30, "photo": 30, "start": 20, "ask": 60, "export": 30, "picture": 300, "read": 600, "wrong token": 10}
"""By what is asked for; as many may come at once."""
MOST_BUCKETS = 10_000
"""Of those who were not seen for the longest the buckets are forgotten."""


class Rates:
    """Counts what each owner asks for."""

    def __init__(self, per_minute: Mapping[str, int] = PER_MINUTE, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._now = per_minute, now
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def wait_s(self, owner: str, kind: str) -> int:
        """0 where it is allowed, and counted; else after how many seconds it will be."""
        most = float(self._per_minute[kind])
        left, at = self._left(owner, kind)
        if left < 1.0:
            return math.ceil((1.0 - left) * 60.0 / most)
        self._buckets[owner, kind] = (left - 1.0, at)
        self._buckets.move_to_end((owner, kind))
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0

    def is_spent(self, owner: str, kind: str) -> bool:
        """Whether nothing of this kind is allowed now; counts nothing."""
        return self._left(owner, kind)[0] < 1.0

    def _left(self, owner: str, kind: str) -> tuple[float, float]:
        most, now = float(self._per_minute[kind]), self._now()
        left, at = self._buckets.get((owner, kind), (most, now))
        return min(most, left + (now - at) * most / 60.0), now
