"""Search engines with a JSON interface: a SearXNG server of one's own, Tavily and Brave by key."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from tools.quote import clean
from tools.web.backends import Hit, SearchBlocked, SearchUnavailable

_MOST_BYTES = 2_000_000
_TIMEOUT_S = 10.0


class Searxng:
    """A SearXNG server: `GET BASE/search?q=…&format=json`. JSON must be listed under `search.formats` in its settings.yml."""

    name = "searxng"

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("name the SearXNG server: searxng:http://127.0.0.1:8080")
        self._url = base_url.rstrip("/") + "/search"

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        parameters = {"q": query, "format": "json"} | ({"language": locale_of(region)} if region else {})
        status, answer = _ask(self.name, "GET", self._url, params=parameters)
        if status == 403:
            raise SearchBlocked("the SearXNG server refuses JSON: add json to search.formats in its settings.yml")
        _refuse(self.name, status)
        found = _hits(self.name, _rows(self.name, answer, "results"), ("url", "title", "content"), k)
        silent = answer.get("unresponsive_engines")
        if not found and silent:
            raise SearchBlocked(f"the engines behind the SearXNG server did not answer: {clean(json.dumps(silent), 200)}")
        return found


class KeyedEngine:
    """An engine that is asked with a key of the user's."""

    def __init__(self, name: str, ask: Callable[[str, int, str | None], tuple[int, Any]], rows: Callable[[Any], Any],
                 fields: tuple[str, str, str]) -> None:  # fmt: skip
        self.name = name
        self._ask, self._rows, self._fields = ask, rows, fields

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        status, answer = self._ask(query, k, region)
        if status in {400, 422} and region:
            # Neither engine knows every country.
            status, answer = self._ask(query, k, None)
        _refuse(self.name, status)
        try:
            rows = self._rows(answer)
        except (KeyError, TypeError, AttributeError):
            raise SearchUnavailable(f"{self.name} answered in an unknown form") from None
        return _hits(self.name, rows, self._fields, k)


def tavily(base_url: str = "https://api.tavily.com", environment: Mapping[str, str] | None = None) -> KeyedEngine:
    """Tavily, with the key in TAVILY_API_KEY. Raises ValueError where it is not set."""
    key = _key("TAVILY_API_KEY", environment)

    def ask(query: str, k: int, region: str | None) -> tuple[int, Any]:
        body = {"query": query, "max_results": k} | ({"country": _country_name(region).lower()} if region else {})
        return _ask("tavily", "POST", f"{base_url}/search", json=body, headers={"Authorization": f"Bearer {key}"})

    return KeyedEngine("tavily", ask, lambda answer: answer["results"], ("url", "title", "content"))


def brave(base_url: str = "https://api.search.brave.com", environment: Mapping[str, str] | None = None) -> KeyedEngine:
    """Brave Search, with the key in BRAVE_API_KEY. Raises ValueError where it is not set."""
    key = _key("BRAVE_API_KEY", environment)

    def ask(query: str, k: int, region: str | None) -> tuple[int, Any]:
        parameters = {"q": query, "count": str(k), "text_decorations": "false"} | ({"country": region} if region else {})
        return _ask("brave", "GET", f"{base_url}/res/v1/web/search", params=parameters,
                    headers={"X-Subscription-Token": key})  # fmt: skip

    # An answer without the part `web` is the engine's way to say that it found nothing.
    return KeyedEngine("brave", ask, lambda answer: answer.get("web", {}).get("results", []), ("url", "title", "description"))


def locale_of(region: str) -> str:
    """The main language and the country, `PT` → `pt-PT`; English where the country is unknown."""
    from babel import Locale, UnknownLocaleError

    try:
        return f"{Locale.parse(f'und_{region}').language}-{region}"
    except (UnknownLocaleError, ValueError):
        return f"en-{region}"


def _country_name(region: str) -> str:
    from babel import Locale

    return str(Locale("en").territories.get(region, region))


def _key(variable: str, environment: Mapping[str, str] | None) -> str:
    key = (os.environ if environment is None else environment).get(variable, "").strip()
    if not key:
        raise ValueError(f"this search engine needs a key: set the environment variable {variable}")
    return key


def _ask(engine: str, method: str, url: str, **request: Any) -> tuple[int, Any]:
    """Status and parsed JSON (an empty dict for an answer that is no success). Raises SearchUnavailable."""
    deadline = time.monotonic() + _TIMEOUT_S
    body = bytearray()
    try:
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client, client.stream(method, url, **request) as reply:
            for chunk in reply.iter_bytes(1 << 16):
                body += chunk
                if len(body) > _MOST_BYTES or time.monotonic() > deadline:
                    raise SearchUnavailable(f"{engine} sent too much or too slowly")
            status = reply.status_code
        return status, json.loads(body) if status == 200 else {}
    except httpx.TimeoutException:
        raise SearchUnavailable(f"{engine} did not answer within {_TIMEOUT_S:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SearchUnavailable(f"{engine} could not be reached: {clean(str(error), 120)}") from None
    except (ValueError, RecursionError):
        raise SearchUnavailable(f"{engine} did not answer in JSON") from None


def _refuse(engine: str, status: int) -> None:
    if status in {401, 403}:
        raise SearchBlocked(f"{engine} refused the request ({status}): is the key right?")
    if status in {402, 429, 432, 433}:
        raise SearchBlocked(f"{engine} refused the request ({status}): its rate limit or quota is used up")
    if status != 200:
        raise SearchUnavailable(f"{engine} answered with status {status}")


def _rows(engine: str, answer: Any, key: str) -> Any:
    if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
        raise SearchUnavailable(f"{engine} answered in an unknown form")
    return answer[key]


def _hits(engine: str, rows: Iterable[Any], fields: tuple[str, str, str], k: int) -> list[Hit]:
    """The rows that are results with a web address, at most `k`."""
    url, title, snippet = fields
    kept = [row for row in rows if isinstance(row, dict) and str(row.get(url, "")).startswith(("http://", "https://"))]
    return [Hit(str(row[url]), str(row.get(title) or ""), str(row.get(snippet) or ""), engine, rank)
            for rank, row in enumerate(kept[:k], start=1)]  # fmt: skip
