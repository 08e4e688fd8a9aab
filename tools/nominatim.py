"""OpenStreetMap's geocoder through geopy, asked as its policy wants: by name, once a second at most, never twice the same.

https://operations.osmfoundation.org/policies/nominatim/ – the limit counts for the whole application, so all threads share
one pace; answers are kept on disk for a month; bulk use needs a server of one's own (`domain`, `scheme`).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from geo.names import fold
from geo.sphere import haversine_km
from tools.quote import clean
from tools.web.pace import Breaker, Pace

_KEPT_S = 30 * 86_400.0
_PROJECT_PAGE = "https://github.com/geosleuth/geosleuth"


class GeocoderError(Exception):
    """An online geocoder that gave no verdict. Its message is one plain sentence."""


class GeocoderUnavailable(GeocoderError):
    """No answer: network, time-out, a broken reply."""


class GeocoderRefused(GeocoderError):
    """The server refused: too many requests, blocked user agent, wrong key."""


@dataclass(frozen=True)
class OnlinePlace:
    """One place as Nominatim gives it. The texts are world text."""

    name: str
    label: str
    """The whole address in one line."""
    country: str | None
    """ISO 3166 alpha-2."""
    region: str | None
    city: str | None
    kind: str
    """`city`, `peak`, `museum`, …"""
    lat: float
    lon: float
    extent_km: float
    """Length of the diagonal of its bounding box."""
    importance: float
    """0 to 1, Nominatim's own."""
    url: str


class Nominatim:
    """`search` and `reverse` with a disk cache; every instance of the process shares one pace."""

    _pace: ClassVar[Pace] = Pace(1.0)

    def __init__(self, domain: str = "nominatim.openstreetmap.org", scheme: str = "https", cache_folder: Path | None = None,
                 timeout_s: float = 8.0, user_agent: str | None = None, pace: Pace | None = None) -> None:  # fmt: skip
        self._domain, self._scheme, self._timeout_s = domain, scheme, timeout_s
        self._user_agent = user_agent or default_user_agent()
        self._cache_folder = cache_folder
        self._turn = pace or self._pace
        self._breaker = Breaker(failures=3, rest_s=60.0)

    def search(self, query: str, countries: Iterable[str] = (), limit: int = 8) -> list[OnlinePlace]:
        """Places of that name, the most important first; an empty list where there is none. Raises GeocoderError."""
        codes = sorted(code.lower() for code in countries)
        raw = self._cached(["search", fold(query), codes, limit], lambda geocoder: geocoder.geocode(
            query, exactly_one=False, limit=limit, addressdetails=True, language="en", country_codes=codes or None))  # fmt: skip
        return [place for place in map(_place, raw) if place is not None]

    def reverse(self, lat: float, lon: float) -> OnlinePlace | None:
        """What lies at a point, or None at sea. Raises GeocoderError."""
        point = round(lat, 4), round(lon, 4)
        raw = self._cached(["reverse", *point], lambda geocoder: geocoder.reverse(
            point, exactly_one=False, addressdetails=True, language="en", zoom=14))  # fmt: skip
        return next((place for place in map(_place, raw) if place is not None), None)

    def _cached(self, key: list[Any], ask: Any) -> list[Any]:
        name = json.dumps([self._domain, *key], ensure_ascii=False)
        kept = self._recall(name)
        if kept is None:
            kept = self._ask(ask)
            self._keep(name, kept)
        return kept

    def _ask(self, ask: Any) -> list[Any]:
        """The raw rows of one request. Raises GeocoderError."""
        from geopy import exc
        from geopy.adapters import URLLibAdapter
        from geopy.geocoders import Nominatim as Client

        if self._breaker.left_s() > 0:
            raise GeocoderUnavailable("the online geocoder failed several times in a row and is left alone for a minute")
        client = Client(domain=self._domain, scheme=self._scheme, user_agent=self._user_agent, timeout=self._timeout_s,
                        adapter_factory=URLLibAdapter)  # fmt: skip
        self._turn.wait()
        refusals = (exc.GeocoderQuotaExceeded, exc.GeocoderInsufficientPrivileges, exc.GeocoderAuthenticationFailure)
        try:
            rows = [location.raw for location in ask(client) or []]
        except refusals as error:
            self._breaker.record(success=False)
            raise GeocoderRefused(f"the online geocoder refused the request ({type(error).__name__})") from error
        except exc.GeocoderTimedOut as error:
            self._breaker.record(success=False)
            raise GeocoderUnavailable(f"the online geocoder did not answer within {self._timeout_s:.0f} s") from error
        except (exc.GeopyError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._breaker.record(success=False)
            raise GeocoderUnavailable(f"the online geocoder could not be asked: {clean(str(error), 120)}") from error
        self._breaker.record(success=True)
        return rows

    def _recall(self, key: str) -> list[Any] | None:
        """The kept answer; None where there is none, or no cache that can be read."""
        try:
            with closing(self._open()) as database:
                row = database.execute(
                    "SELECT answer FROM kept WHERE key = ? AND at > ?", (key, time.time() - _KEPT_S)
                ).fetchone()
            answer = json.loads(row[0]) if row else None
            return answer if isinstance(answer, list) else None
        except (sqlite3.Error, OSError, ValueError):
            return None

    def _keep(self, key: str, rows: list[Any]) -> None:
        try:
            with closing(self._open()) as database, database:
                database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (key, time.time(), json.dumps(rows)))
        except (sqlite3.Error, OSError):
            return  # A cache that cannot be written costs a request and no more.

    def _open(self) -> sqlite3.Connection:
        import platformdirs

        folder = self._cache_folder or Path(platformdirs.user_cache_dir("geosleuth", appauthor=False))
        folder.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(folder / "nominatim.sqlite", timeout=5.0)
        database.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, at REAL, answer TEXT)")
        return database


def default_user_agent() -> str:
    """`geosleuth/VERSION (+PAGE)`, from the installed package where there is one."""
    from importlib import metadata

    try:
        about = metadata.metadata("geosleuth")
    except metadata.PackageNotFoundError:
        return f"geosleuth/0 (+{_PROJECT_PAGE})"
    pages = [entry.partition(",")[2].strip() for entry in about.get_all("Project-URL") or []]
    return f"geosleuth/{about['Version']} (+{next(iter(pages), _PROJECT_PAGE)})"


def to_json(place: OnlinePlace) -> dict[str, Any]:
    """A plain form for a trajectory."""
    return asdict(place)


def _place(raw: Any) -> OnlinePlace | None:
    """One row of the server's answer, or None for a row that is not as documented."""
    try:
        address = raw.get("address") or {}
        south, north, west, east = (float(v) for v in raw.get("boundingbox") or [raw["lat"]] * 2 + [raw["lon"]] * 2)
        city = next((str(address[key]) for key in ("city", "town", "village", "municipality", "hamlet") if key in address), None)
        region = next((str(address[key]) for key in ("state", "province", "region", "county") if key in address), None)
        code = address.get("country_code")
        return OnlinePlace(
            str(raw.get("name") or raw["display_name"].split(",")[0]), str(raw["display_name"]), code and str(code).upper()[:2],
            region, city, str(raw.get("type", "")), float(raw["lat"]), float(raw["lon"]),
            float(haversine_km(south, west, north, east)), float(raw.get("importance") or 0.0),
            f"https://www.openstreetmap.org/{raw.get('osm_type', 'node')}/{int(raw.get('osm_id', 0))}")  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
