"""Searches written down and played back, so that an evaluation asks the same web every time.

One JSON line a search: `{"query", "k", "region", "hits": [...]}` or `"error": "blocked" | "unavailable", "message"`.
"""

from __future__ import annotations

import json
import threading
import unicodedata
from pathlib import Path
from typing import Any

from tools.web.backends import Hit, SearchBackend, SearchBlocked, SearchError, SearchUnavailable

Key = tuple[str, int, str]


class ReplayMiss(SearchUnavailable):
    """The recording holds no answer to this search. It says nothing about what the web holds."""


def search_key(query: str, k: int, region: str | None) -> Key:
    """What makes two searches the same: letters without case, single spaces, the number of hits and the region."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split()), k, (region or "").upper()


class Record:
    """Asks another engine and appends what it answers, failures included, to a file."""

    def __init__(self, path: Path, inner: SearchBackend) -> None:
        self.name = inner.name
        self._path, self._inner = path, inner
        self._lock = threading.Lock()

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        try:
            found = self._inner.search(query, k, region)
        except SearchError as error:
            kind = "blocked" if isinstance(error, SearchBlocked) else "unavailable"
            self._write(search_key(query, k, region), {"error": kind, "message": str(error)})
            raise
        self._write(search_key(query, k, region), {"hits": [hit.to_json() for hit in found]})
        return found

    def _write(self, key: Key, answer: dict[str, Any]) -> None:
        line = json.dumps({"query": key[0], "k": key[1], "region": key[2]} | answer, ensure_ascii=False) + "\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)


class Replay:
    """Answers from a recording alone. A later line for the same search counts; a torn last line is ignored."""

    name = "replay"

    def __init__(self, path: Path) -> None:
        """Raises ValueError where the file cannot be read or a line is not a recorded search."""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read the recorded searches {path}: {error}") from error
        self._path = path
        self._answers: dict[Key, list[Hit] | SearchError] = {}
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            if line.strip() and line.endswith("\n"):
                self._read(line, number)

    def _read(self, line: str, number: int) -> None:
        try:
            row = json.loads(line)
            key = search_key(str(row["query"]), int(row["k"]), str(row["region"] or ""))
            if "hits" in row:
                self._answers[key] = [Hit.from_json(hit) for hit in row["hits"]]
            else:
                kind = {"blocked": SearchBlocked, "unavailable": SearchUnavailable}[row["error"]]
                self._answers[key] = kind(str(row["message"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self._path}, line {number}, is not a recorded search: {error!r}") from error

    def search(self, query: str, k: int, region: str | None) -> list[Hit]:
        key = search_key(query, k, region)
        if key not in self._answers:
            raise ReplayMiss(f"the recording {self._path.name} holds no answer to {query!r} (k={k}, region={region or 'any'})")
        answer = self._answers[key]
        if isinstance(answer, SearchError):
            raise type(answer)(str(answer))
        return list(answer)
