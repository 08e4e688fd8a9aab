"""What a search engine is to the rest: one method, one kind of hit, and two kinds of failure told apart from no result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


class SearchError(Exception):
    """A search that gave no verdict. Its message is one plain sentence."""


class SearchBlocked(SearchError):
    """The engine refused: rate limit, captcha, missing key, a format that is switched off."""


class SearchUnavailable(SearchError):
    """The engine could not be reached or did not answer as agreed: network, time-out, broken reply, replay miss."""


@dataclass(frozen=True)
class HitPlace:
    """The place behind a hit of the offline index."""

    name: str
    lat: float
    lon: float
    population: int
    exact: bool
    """Whether the query is one of the place's names, apart from words for its region and country."""
    matched: str = ""
    """The name that stands in the query, folded."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Hit:
    """One result. Title and snippet are as the engine gave them: world text, to be quoted before a policy sees it."""

    url: str
    title: str
    snippet: str
    engine: str
    rank: int
    """From 1."""
    place: HitPlace | None = None

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"url": self.url, "title": self.title, "snippet": self.snippet, "engine": self.engine,
                                 "rank": self.rank}  # fmt: skip
        return plain | ({"place": self.place.to_json()} if self.place else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Hit:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        place = data.get("place")
        where = None
        if place is not None:
            where = HitPlace(str(place["name"]), float(place["lat"]), float(place["lon"]), int(place["population"]),
                             bool(place["exact"]), str(place["matched"]))  # fmt: skip
        return cls(str(data["url"]), str(data["title"]), str(data["snippet"]), str(data["engine"]), int(data["rank"]), where)


class SearchBackend(Protocol):
    """A search engine. Safe to call from several threads."""

    name: str

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        """At most `k` hits, the best first; `region` is an ISO 3166 alpha-2 code that the engine may favour.

        An empty list means that the engine looked and found nothing. Raises SearchBlocked or SearchUnavailable.
        """
        ...


class OfflineOnly(ValueError):
    """A backend that needs the network was asked for where the network is ruled out."""


def make_backend(spec: str, *, offline: bool = False) -> SearchBackend:
    """The engine that a short text names.

    `offline`, `ddgs`, `searxng:BASE_URL`, `tavily`, `brave`, `replay:FILE`, or `record:FILE:SPEC` (ask SPEC and write down
    what it answers). Raises ValueError with one plain sentence for any other text, and OfflineOnly for an engine of the
    web when `offline` is true.
    """
    kind, _, rest = spec.strip().partition(":")
    if kind == "record":
        return _recorder(rest, offline)
    if kind == "replay":
        return _replay(rest)
    if kind == "offline" and not rest:
        from tools.web.offline import OfflineIndex

        return OfflineIndex.shared()
    if kind in {"ddgs", "searxng", "tavily", "brave"}:
        if offline:
            raise OfflineOnly(f"the search engine {kind} needs the network; use offline or replay:FILE")
        return _web_engine(kind, rest)
    raise ValueError(f"no search engine is called {spec!r}; use offline, ddgs, searxng:URL, tavily, brave, replay:FILE or "
                     "record:FILE:ENGINE")  # fmt: skip


def _web_engine(kind: str, rest: str) -> SearchBackend:
    if kind == "searxng":
        from tools.web.engines import Searxng

        return Searxng(rest)
    if rest:
        raise ValueError(f"the search engine {kind} takes no setting, not {rest!r}; keys are read from the environment")
    if kind == "ddgs":
        from tools.web.ddgs_engine import Ddgs

        return Ddgs()
    from tools.web.engines import brave, tavily

    return tavily() if kind == "tavily" else brave()


def _recorder(rest: str, offline: bool) -> SearchBackend:
    from tools.web.replay import Record

    # The file's own name may hold colons: the engine begins after the first one that a known engine follows.
    for at in (i for i, c in enumerate(rest) if c == ":"):
        if rest[at + 1 :].partition(":")[0] in {"offline", "ddgs", "searxng", "tavily", "brave"}:
            return Record(Path(rest[:at]), make_backend(rest[at + 1 :], offline=offline))
    raise ValueError(f"to record, name a file and an engine (record:FILE:ddgs), not {rest!r}")


def _replay(rest: str) -> SearchBackend:
    from tools.web.replay import Replay

    if not rest:
        raise ValueError("to replay, name a file (replay:FILE)")
    return Replay(Path(rest))
