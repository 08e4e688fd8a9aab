"""The web through `ddgs`, which reads the result pages of DuckDuckGo, Brave and Mojeek: no key, and no promise either.

`ddgs` raises one exception for a refusal, for a name that does not resolve and for an empty page, and drops every answer
that is not a 200 without a word. So the statuses are watched, and what is left is told apart by the message:

- an answer with status 200 and no results from any engine that answered: no results;
- only other statuses (DuckDuckGo refuses with 202, Brave with 429, Mojeek with 403): SearchBlocked;
- time-outs and everything that names a connection or a resolver: SearchUnavailable.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any

from tools.quote import clean
from tools.web.backends import Hit, SearchBlocked, SearchError, SearchUnavailable
from tools.web.engines import locale_of
from tools.web.pace import Breaker, Pace

ENGINES = "duckduckgo,brave,mojeek"
_REFUSED = re.compile(r"rate.?limit|captcha|\b(?:202|403|429)\b|forbidden|too many", re.I)
_PACE = Pace(1.0)
_BREAKER = Breaker(failures=3, rest_s=120.0)


class Ddgs:
    """A `SearchBackend` over `ddgs`: at most one request a second for the whole process, one retry, a rest after refusals."""

    name = "ddgs"

    def __init__(self, pace: Pace = _PACE, breaker: Breaker = _BREAKER, sleep: Callable[[float], None] = time.sleep,
                 timeout_s: int = 8) -> None:  # fmt: skip
        self._pace, self._breaker, self._sleep, self._timeout_s = pace, breaker, sleep, timeout_s

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        rest = self._breaker.left_s()
        if rest > 0:
            raise SearchBlocked(f"ddgs refused several times in a row and is not asked again for {rest:.0f} s")
        try:
            found = self._once(query, k, region)
        except SearchError:
            self._sleep(1.0 + random.random())  # noqa: S311 - a pause, not a secret
            try:
                found = self._once(query, k, region)
            except SearchError:
                self._breaker.record(success=False)
                raise
        self._breaker.record(success=True)
        return found

    def _once(self, query: str, k: int, region: str | None) -> list[Hit]:
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException, TimeoutException

        self._pace.wait()
        engine = DDGS(timeout=self._timeout_s)
        statuses = _watch(engine)
        try:
            rows = engine.text(query, region=_region(region), safesearch="off", max_results=k, backend=ENGINES)
        except TimeoutException:
            raise SearchUnavailable("ddgs did not answer in time") from None
        except DDGSException as error:
            _raise_unless_empty(str(error), statuses)
            return []
        kept = [row for row in rows if str(row.get("href", "")).startswith(("http://", "https://"))]
        return [Hit(row["href"], str(row.get("title") or ""), str(row.get("body") or ""), self.name, rank)
                for rank, row in enumerate(kept[:k], start=1)]  # fmt: skip


def _watch(engine: Any) -> list[int]:
    """A list that fills with the statuses of the answers; it stays empty where a newer `ddgs` is built differently."""
    statuses: list[int] = []
    for part in getattr(engine, "_get_engines", lambda *_: [])("text", ENGINES):
        client = getattr(part, "http_client", None)
        if client is not None:
            client.request = _noting(client.request, statuses)
    return statuses


def _noting(request: Callable[..., Any], statuses: list[int]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        reply = request(*args, **kwargs)
        statuses.append(int(reply.status_code))
        return reply

    return noted


def _raise_unless_empty(message: str, statuses: list[int]) -> None:
    if 200 in statuses:
        return
    if statuses or _REFUSED.search(message):
        seen = ", ".join(str(status) for status in sorted(set(statuses))) or clean(message, 80)
        raise SearchBlocked(f"the engines behind ddgs refused the request ({seen})")
    if message.strip().startswith("No results"):
        return
    raise SearchUnavailable(f"the engines behind ddgs could not be reached: {clean(message, 120)}")


def _region(region: str | None) -> str:
    """`PT` → `pt-pt`, in the order and with the spelling that ddgs uses."""
    if region is None:
        return "us-en"
    language = locale_of(region).partition("-")[0]
    return f"{'uk' if region == 'GB' else region.lower()}-{language}"
