"""The same questions asked of an Overpass server, as its operators want: by name, one request a second, never twice the same.

https://wiki.openstreetmap.org/wiki/Overpass_API – public servers allow some ten thousand small requests a day; bulk use needs a server of
one's own. A request is built of numbers and of keys and values that were checked and quoted (`query_text`); comparisons and folded names are
tested here, on what comes back.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from tools.nominatim import default_user_agent
from tools.osm.area_tags import is_area
from tools.osm.distance import to_point
from tools.osm.element import KINDS, About, Found, Near, OsmElement
from tools.osm.filters import Filter, TagTest, any_holds
from tools.osm.measure import representative
from tools.osm.shape import UNITS, Shape, Vertices, path, point
from tools.quote import clean
from tools.web.pace import Breaker, Pace

_KEPT_S = 7 * 86_400.0
_MOST_BYTES = 20_000_000
_MOST_ROWS = 500
"""Elements that a server is asked for; the nearest of them are shown."""
_MOST_VERTICES = 200_000
_SERVER_TIMEOUT_S = 25


class OverpassError(Exception):
    """A server that gave no verdict. Its message is one plain sentence."""


class OverpassUnavailable(OverpassError):
    """No answer: network, time-out, a broken reply."""


class OverpassBusy(OverpassError):
    """The server refused for now (429, 504): too many requests, too much load."""


class OverpassRefused(OverpassError):
    """The server refused the request itself."""


class Overpass:
    """`OsmSource` over an Overpass endpoint, with answers kept on disk for a week; all instances of the process share one pace."""

    _pace: ClassVar[Pace] = Pace(1.0)

    def __init__(self, url: str = "https://overpass-api.de/api/interpreter", cache_folder: Path | None = None, timeout_s: float = 40.0,
                 user_agent: str | None = None, pace: Pace | None = None, kept_s: float = _KEPT_S,
                 most_bytes: int = _MOST_BYTES) -> None:  # fmt: skip
        if not re.match(r"https?://[^\s/]+", url):
            raise ValueError(f"{clean(url, 80)!r} is no address of an Overpass server: it begins with https:// or http://")
        self._url, self._timeout_s, self._kept_s, self._most_bytes = url, timeout_s, kept_s, most_bytes
        self._user_agent = user_agent or default_user_agent()
        self._cache_folder = cache_folder
        self._turn = pace or self._pace
        self._breaker = Breaker(failures=3, rest_s=60.0)

    def around(self, lat: float, lon: float, radius_m: float, filters: Sequence[Filter] = (), limit: int = 50) -> Found:
        """Elements that any filter holds for within `radius_m` of a point, the nearest first. Raises OverpassError.

        The server does not count what surrounds the point at a distance from its edge, and `n_total` is its count where all tests of the
        filters are its own, else that of the elements tested here.
        """
        answer = self._cached(query_text(lat, lon, radius_m, filters))
        counted, found = _read(answer)
        kept = [(element, shape) for element, shape in found if any_holds(filters, element.tags)]
        distance, bearing = to_point(lat, lon, [shape for _, shape in kept])
        near = [
            Near(element, float(d), b)
            for (element, _), d, b in zip(kept, distance.tolist(), bearing, strict=True)
            if d <= radius_m
        ]
        near.sort(key=lambda item: (item.distance_m, KINDS.index(item.element.kind), item.element.osm_id))
        cut = counted is not None and counted > len(found)
        total = counted if cut and counted is not None and len(kept) == len(found) else len(near)
        return Found(tuple(near[:limit]), total, cut or len(near) > limit, _snapshot(answer))

    def covers(self, lat: float, lon: float) -> bool:
        """True: a public server knows the whole Earth."""
        return True

    def about(self) -> About:
        return About("Overpass", None, None, source=self._url)

    def _cached(self, query: str) -> dict[str, Any]:
        kept = self._recall(query)
        if kept is None:
            kept = self._ask(query)
            self._keep(query, kept)
        return kept

    def _ask(self, query: str) -> dict[str, Any]:
        if self._breaker.left_s() > 0:
            raise OverpassUnavailable("the Overpass server failed several times in a row and is left alone for a minute")
        self._turn.wait()
        try:
            answer = self._post(query)
        except OverpassError:
            self._breaker.record(success=False)
            raise
        self._breaker.record(success=True)
        return answer

    def _post(self, query: str) -> dict[str, Any]:
        import httpx

        deadline = time.monotonic() + self._timeout_s
        body = bytearray()
        headers = {"User-Agent": self._user_agent, "Accept": "application/json"}
        try:
            with httpx.stream("POST", self._url, data={"data": query}, headers=headers, timeout=self._timeout_s) as reply:
                _check_status(reply.status_code)
                for chunk in reply.iter_bytes(65_536):
                    body += chunk
                    if len(body) > self._most_bytes:
                        raise OverpassUnavailable(
                            f"the Overpass server sent more than {self._most_bytes / 1e6:g} MB: ask for less"
                        )
                    if time.monotonic() > deadline:
                        raise OverpassUnavailable(f"the Overpass server did not answer within {self._timeout_s:.0f} s")
        except httpx.TimeoutException as error:
            raise OverpassUnavailable(f"the Overpass server did not answer within {self._timeout_s:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise OverpassUnavailable(f"the Overpass server could not be asked: {clean(str(error), 120)}") from error
        return _parsed(bytes(body))

    def _recall(self, query: str) -> dict[str, Any] | None:
        """The kept answer; None where there is none, or no cache that can be read."""
        try:
            with closing(self._open()) as database:
                row = database.execute("SELECT answer FROM kept WHERE key = ? AND at > ?",
                                       (f"{self._url}\n{query}", time.time() - self._kept_s)).fetchone()  # fmt: skip
            answer = json.loads(row[0]) if row else None
            return answer if isinstance(answer, dict) and isinstance(answer.get("elements"), list) else None
        except (sqlite3.Error, OSError, ValueError, RecursionError):
            return None

    def _keep(self, query: str, answer: dict[str, Any]) -> None:
        try:
            with closing(self._open()) as database, database:
                database.execute("DELETE FROM kept WHERE at <= ?", (time.time() - self._kept_s,))
                database.execute(
                    "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (f"{self._url}\n{query}", time.time(), json.dumps(answer))
                )
        except (sqlite3.Error, OSError):
            return  # A cache that cannot be written costs a request and no more.

    def _open(self) -> sqlite3.Connection:
        import platformdirs

        folder = self._cache_folder or Path(platformdirs.user_cache_dir("geosleuth", appauthor=False))
        folder.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(folder / "overpass.sqlite", timeout=5.0)
        database.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, at REAL, answer TEXT)")
        return database


def query_text(lat: float, lon: float, radius_m: float, filters: Sequence[Filter]) -> str:
    """The request in Overpass QL: what may fit, counted and with geometry. Raises ValueError for a point that is none."""
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180 and 0 < radius_m <= 50_000):
        raise ValueError("the point is not on the Earth, or the radius not between 0 and 50,000 m")
    around = f"(around:{radius_m:.1f},{lat:.7f},{lon:.7f})"
    # Without a filter only what has a tag is wanted.
    asked = sorted({"".join(_condition(test) for test in one.tests) for one in filters}) or ['[~"."~"."]']
    union = "".join(f"nwr{conditions}{around};" for conditions in asked)
    return f"[out:json][timeout:{_SERVER_TIMEOUT_S}];({union})->.a;.a out count;.a out meta geom {_MOST_ROWS};"


def _condition(test: TagTest) -> str:
    """What a server is asked to hold; for what it cannot compare, that the key is there."""
    if test.of_names:
        # Accents fold differently there: a letter beyond ASCII is any character.
        words = "|".join(re.sub(r"[^A-Za-z0-9]+", ".*", value) for value in test.values)
        return f'[~"^(name|name:.*|alt_name|official_name|short_name|old_name|int_name|loc_name|brand)$"~{_string(words)},i]'
    if test.op == "!=":
        return ""
    if test.op == "=" and all(value.isascii() and ";" not in value for value in test.values):
        values = "|".join(re.sub(r"([^\w\s-])", r"\\\1", value, flags=re.ASCII) for value in test.values)
        return f"[{_string(test.key)}~{_string(f'(^|;) *({values}) *(;|$)')}]"
    return f"[{_string(test.key)}]"


def _string(text: str) -> str:
    """A string of Overpass QL, which the text cannot end. Raises ValueError for control characters."""
    if any(ord(character) < 32 for character in text):
        raise ValueError("a key or value holds a control character")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _check_status(status: int) -> None:
    if status in {429, 504}:
        raise OverpassBusy(f"the Overpass server is busy (status {status}): ask again later")
    if 400 <= status < 500:
        raise OverpassRefused(f"the Overpass server refused the request (status {status})")
    if status != 200:
        raise OverpassUnavailable(f"the Overpass server answered with status {status}")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
        if not isinstance(answer["elements"], list):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise OverpassUnavailable("the Overpass server sent an answer that cannot be read") from None
    # A query that ran out of time or memory is answered with 200, half of the elements and a remark.
    if "remark" in answer and "error" in str(answer["remark"]).lower():
        raise OverpassBusy(f"the Overpass server gave up: {clean(str(answer['remark']), 120)}")
    return dict(answer)


def _snapshot(answer: dict[str, Any]) -> str | None:
    about = answer.get("osm3s")
    said = str(about.get("timestamp_osm_base", "")) if isinstance(about, dict) else ""
    return said[:10] if re.fullmatch(r"\d{4}-\d\d-\d\d", said[:10]) else None


def _read(answer: dict[str, Any]) -> tuple[int | None, list[tuple[OsmElement, Shape]]]:
    """The server's count, where it gives one, and its elements; rows that are not as documented are skipped."""
    counted: int | None = None
    found: list[tuple[OsmElement, Shape]] = []
    for row in answer["elements"][: _MOST_ROWS + 1]:
        try:
            if row["type"] == "count":
                counted = int(row["tags"]["total"])
            else:
                found.append(_element(row))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            continue
    return counted, found


def _element(row: Any) -> tuple[OsmElement, Shape]:
    """Raises KeyError, TypeError or ValueError for a row that is not as documented."""
    if row["type"] not in KINDS:
        raise ValueError(row["type"])
    tags = {str(key): str(value) for key, value in row["tags"].items()}
    shape = _shape(row, tags)
    lat, lon = representative(shape)
    element = OsmElement(row["type"], int(row["id"]), int(row.get("version", 0)), str(row.get("timestamp", "")), tags.get("name", ""),
                         tags, shape.kind, lat, lon)  # fmt: skip
    return element, shape


def _shape(row: Any, tags: dict[str, str]) -> Shape:
    if row["type"] == "node":
        return point(*_degrees(row))
    if row["type"] == "way":
        line = [_degrees(vertex) for vertex in row["geometry"][:_MOST_VERTICES] if vertex is not None]
        return path(line, area=len(line) >= 4 and line[0] == line[-1] and is_area(tags))
    parts: list[Vertices] = []
    for member in row["members"]:
        if member.get("geometry"):
            parts += path([_degrees(vertex) for vertex in member["geometry"][:_MOST_VERTICES] if vertex is not None]).parts
        elif member["type"] == "node" and "lat" in member:
            parts += point(*_degrees(member)).parts
    if not parts or any(not len(part) for part in parts):
        raise ValueError("no member has a place")
    # The ways of a multipolygon need not be joined to rings: what an odd number of their arcs is north of lies inside.
    kind = "area" if tags.get("type") in {"multipolygon", "boundary"} and _closed(parts) else "line"
    return Shape(kind if any(len(part) > 1 for part in parts) else "point", tuple(parts))


def _closed(parts: Iterable[Vertices]) -> bool:
    """Whether every end of a way is the end of another: the ways close to rings."""
    ends: dict[bytes, int] = {}
    for part in parts:
        for vertex in (part[0], part[-1]):
            ends[vertex.tobytes()] = ends.get(vertex.tobytes(), 0) + 1
    return all(count % 2 == 0 for count in ends.values())


def _degrees(vertex: Any) -> tuple[float, float]:
    lat, lon = float(vertex["lat"]), float(vertex["lon"])
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError("not on the Earth")
    return round(lat * UNITS) / UNITS, round(lon * UNITS) / UNITS
