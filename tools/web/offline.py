"""The search engine that needs no network: full-text search over places and country facts (SQLite FTS5).

The index is `tools/data/search_index.sqlite.xz` (`tools/data/README.md` says where it comes from); it is unpacked once into
the user's cache folder. Pages are `geonames:ID` for a place and `offline:country/PT` for a country.
"""

from __future__ import annotations

import heapq
import json
import math
import re
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from geo.names import fold
from tools.web.backends import Hit, HitPlace, SearchUnavailable
from tools.web.unpack import PACKED, unpacked

BAR = "ǀǀ"
"""Stands before, between and after the names in the index, so that a phrase with bars is a whole name. No name folds to it."""
FIRST_PLACE_ROW = 1001
"""Rows below hold countries."""

# Scripts written without spaces: a word there may hold a name and more (リスボン市).
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MAX_WORDS = 16
_MAX_NAME_WORDS = 5
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at by city country de del der des die do el for from i in is it la le los near of on or que that the to
        town village was what where which who with y""",
    )
)
_PLACE = "SELECT row, id, name, country, region, lat, lon, population, timezone, names FROM place"
_PLACES = 91_000
"""About how many rows the index has: a word in one of them has the rarity 11."""
_FEW = 3000
"""A word in more rows than this proposes none; it only adds to what rarer words proposed."""
_SIZE = 1.5
"""Worth of ten times as many people."""
_EXPLAINED = 6.0
"""Worth of a place whose name, region and country explain every word of the query."""
_HITS_MADE = 40
_LOOK_AT = 300
"""So many rows are ranked by size as well."""


class OfflineIndex:
    """A `SearchBackend` over the packed index, and the reader of its pages."""

    name = "offline"
    _shared: ClassVar[OfflineIndex | None] = None
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, packed: Path = PACKED, cache_folder: Path | None = None) -> None:
        self._packed, self._cache_folder = packed, cache_folder
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._country_names: dict[str, str] = {}

    @classmethod
    def shared(cls) -> OfflineIndex:
        """The one index of this process."""
        with cls._making:
            cls._shared = cls._shared or OfflineIndex()
            return cls._shared

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        """Places and countries whose names stand in the query first, then by shared words and size.

        `region` keeps to one country.
        """
        words = fold(query).split()[:_MAX_WORDS]
        if not words:
            return []
        exact = self._whole_names(words)
        found = [self._candidate(row, score, region) for row, score in self._scores(words, exact).items()]
        best = heapq.nsmallest(_HITS_MADE, (c for c in found if c is not None), key=lambda c: (-c[0], c[1]))
        hits = [(score, self._hit(row, words, exact.get(row, ()))) for score, row in best]
        hits.sort(key=lambda pair: -pair[0] - _EXPLAINED * (pair[1].place is not None and pair[1].place.exact))
        return [replace(hit, rank=rank) for rank, (_, hit) in enumerate(hits[: max(k, 0)], start=1)]

    def page(self, url: str) -> tuple[str, str] | None:
        """Title and text of a page of the index, or None where it has none at `url`."""
        kind, _, key = url.partition(":")
        if kind == "geonames" and key.isascii() and key.isdigit() and len(key) < 12:
            rows = self._ask(_PLACE + " WHERE id = ?", (int(key),))
            return _place_page(rows[0], self._country_name(rows[0][3])) if rows else None
        if kind == "offline" and key.startswith("country/"):
            rows = self._ask("SELECT facts FROM country WHERE code = ?", (key.removeprefix("country/"),))
            return _country_page(json.loads(rows[0][0])) if rows else None
        return None

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            try:
                if self._database is None:
                    path = unpacked(self._packed, self._cache_folder)
                    self._database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
                return self._database.execute(statement, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise SearchUnavailable(f"the offline index cannot be read: {error}") from error

    def _whole_names(self, words: Sequence[str]) -> dict[int, list[str]]:
        """Rows one of whose names stands in the query, with those names."""
        found: dict[int, list[str]] = {}
        for name in dict.fromkeys(_possible_names(words)):
            for (row,) in self._ask("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT 200",
                                    (f'names : "{BAR} {name} {BAR}"',)):  # fmt: skip
                found.setdefault(row, []).append(name)
        return found

    def _scores(self, words: Sequence[str], exact: dict[int, list[str]]) -> dict[int, float]:
        """For each row worth a look: the rarity of the words it shares with the query, those of a whole name twice.

        BM25 is not used, since it ranks a city lower for every language that has a name for it.
        """
        kept = [w for w in dict.fromkeys(words) if w not in _STOP_WORDS] or list(dict.fromkeys(words))
        kept = list(dict.fromkeys([*kept, *(name for names in exact.values() for name in names if " " not in name)]))
        rows_of = {(column, word): self._rows_with(column, word) for word in kept for column in ("names", "about")}
        rarity = {key: math.log1p(_PLACES / len(rows)) for key, rows in rows_of.items() if rows}
        scores = {row: max(sum(rarity.get(("names", w), 0.0) for w in name.split()) for name in names)
                  for row, names in exact.items()}  # fmt: skip
        for key in sorted(rarity, key=rarity.__getitem__, reverse=True):
            few = len(rows_of[key]) <= _FEW or not scores
            for row in rows_of[key][:_FEW] if few else scores.keys() & set(rows_of[key]):
                scores[row] = scores.get(row, 0.0) + rarity[key]
        return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:_LOOK_AT])

    def _rows_with(self, column: str, word: str) -> list[int]:
        """Rows that hold a word in a column, singular or plural, the most populous places first."""
        forms = [word] + [word + "s"] * (len(word) > 3) + [word[:-1]] * (len(word) > 4 and word.endswith("s"))
        match = f"{column} : (" + " OR ".join(f'"{form}"' for form in forms) + ")"
        return [row for (row,) in self._ask("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", (match,))]

    def _candidate(self, row: int, score: float, region: str | None) -> tuple[float, int] | None:
        """The score with a bonus for size, or None for a row outside the region."""
        if row < FIRST_PLACE_ROW:
            [(code, population)] = self._ask(
                "SELECT code, json_extract(facts, '$.population') FROM country WHERE row = ?", (row,)
            )
        else:
            [(code, population)] = self._ask("SELECT country, population FROM place WHERE row = ?", (row,))
        if region is not None and code != region.upper():
            return None
        return score + _SIZE * math.log10(max(population, 100)), row

    def _hit(self, row: int, words: Sequence[str], names: Sequence[str]) -> Hit:
        if row < FIRST_PLACE_ROW:
            [(code, text)] = self._ask("SELECT code, facts FROM country WHERE row = ?", (row,))
            title, page = _country_page(json.loads(text))
            return Hit(f"offline:country/{code}", title, page.replace("\n", "; ")[:300], self.name, 0)
        [place] = self._ask(_PLACE + " WHERE row = ?", (row,))
        title, page = _place_page(place, self._country_name(place[3]))
        around = set(fold(f"{place[3]} {place[4]} {self._country_name(place[3])}").split()) | _STOP_WORDS
        whole = [name for name in names if _rest(words, name) <= around]
        matched = max(whole or names, key=len, default="")
        where = HitPlace(place[2], place[5], place[6], place[7], bool(whole), matched)
        return Hit(f"geonames:{place[1]}", title, page.replace("\n", "; ")[:300], self.name, 0, where)

    def _country_name(self, code: str) -> str:
        if not self._country_names:
            self._country_names = dict(self._ask("SELECT code, name FROM country"))
        return self._country_names.get(code, code)


def _possible_names(words: Sequence[str]) -> Iterable[str]:
    """Runs of words that may be a name, and parts of words that are written without spaces."""
    for length in range(min(_MAX_NAME_WORDS, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            name = " ".join(run)
            if name not in _STOP_WORDS and not name.replace(" ", "").isnumeric():
                yield name
    for word in words:
        if _UNSPACED.search(word):
            yield from (word[i:j] for i in range(min(len(word), 12)) for j in range(i + 2, min(len(word), i + 8) + 1))


def _rest(words: Sequence[str], name: str) -> set[str]:
    """The words of the query that are not part of the name; of an unspaced word, what is left when the name is cut out."""
    parts = name.split()
    return {word.replace(name, "") if _UNSPACED.search(word) else word for word in words if word not in parts} - {""}


def _place_page(place: Sequence[Any], country: str) -> tuple[str, str]:
    _, _, name, code, region, lat, lon, population, timezone, names = place
    lines = [f"place: {name}", f"region: {region}" if region else "", f"country: {country} ({code})",
             f"coordinates: {lat:.4f}, {lon:.4f}", f"population: {population:,}" if population else "",
             f"time zone: {timezone}", f"other names: {', '.join(names.split(chr(10)))}" if names else ""]  # fmt: skip
    return f"{name}, {region + ', ' if region else ''}{country}", "\n".join(filter(None, lines))


def _country_page(facts: dict[str, Any]) -> tuple[str, str]:
    lines = [f"{key.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}"
             for key, value in facts.items() if value and key != "name"]  # fmt: skip
    return f"{facts['name']} (country)", "\n".join([f"country: {facts['name']}", *lines])
