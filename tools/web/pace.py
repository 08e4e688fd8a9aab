"""Manners towards a service that many threads ask: a pause between requests, and a rest after refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets one caller through every `interval_s`, across all threads; the others sleep until their turn."""

    def __init__(
        self, interval_s: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.interval_s = interval_s
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._free_at = float("-inf")

    def wait(self) -> None:
        """Return when it is this caller's turn. Turns are given in the order of the calls."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._free_at)
            self._free_at = turn + self.interval_s
        if turn > now:
            self._sleep(turn - now)


class Breaker:
    """Opens after `failures` in a row and stays open for `rest_s`; one success closes it."""

    def __init__(self, failures: int = 3, rest_s: float = 120.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures, self.rest_s = failures, rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._row = 0
        self._open_until = float("-inf")

    def left_s(self) -> float:
        """Seconds for which nothing should be asked; 0 when the service may be asked."""
        with self._lock:
            return max(0.0, self._open_until - self._clock())

    def record(self, success: bool) -> None:
        """Count the outcome of one request."""
        with self._lock:
            self._row = 0 if success else self._row + 1
            if self._row >= self.failures:
                self._open_until = self._clock() + self.rest_s
                self._row = 0
