"""A benchmark that is read from files once, when its records are first asked for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.record import Benchmark, Record, Truth
from evals.truth import complete, conflicts

_NAMED = 5


@dataclass(frozen=True)
class Loaded:
    """What reading a benchmark gave."""

    records: Sequence[Record]
    notes: Sequence[str] = ()
    """Sentences about what was left out or looks wrong."""
    missing: Callable[[], list[str]] = list
    """Names of pictures that are not there, found without opening any."""


class FileBenchmark:
    """A benchmark whose records, with completed truths, are read by `load` on first use; thread-safe."""

    def __init__(self, name: str, load: Callable[[], Loaded]) -> None:
        self.name = name
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None

    def __repr__(self) -> str:
        return f"FileBenchmark({self.name!r})"

    def records(self) -> Sequence[Record]:
        """All records in the benchmark's own order. Raises BenchmarkError."""
        return self._get().records

    def notes(self) -> Sequence[str]:
        """Sentences about rows that were left out, labels that contradict themselves, photos without a label. Raises BenchmarkError."""
        return self._get().notes

    def missing(self) -> list[str]:
        """Names of the pictures that are not there, found without opening any. Raises BenchmarkError."""
        return self._get().missing()

    def _get(self) -> Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _completed(self._load())
            return self._loaded


def notes(benchmark: Benchmark) -> list[str]:
    """What there is to know about a benchmark before its numbers are believed; empty for benchmarks that are made, not read."""
    return list(benchmark.notes()) if isinstance(benchmark, FileBenchmark) else []


def missing(benchmark: Benchmark) -> list[str]:
    """Names of the pictures that a benchmark lists and that are not there, found without opening any."""
    return benchmark.missing() if isinstance(benchmark, FileBenchmark) else []


def listed(what: str, names: Sequence[str]) -> list[str]:
    """One sentence, `3 photos without a label: a, b, c`, or none where `names` is empty."""
    if not names:
        return []
    more = ", …" if len(names) > _NAMED else ""
    return [f"{len(names):,} {what}: {', '.join(name[:80] for name in names[:_NAMED])}{more}"]


def checksum(records: Iterable[Record]) -> str:
    """SHA-256, in hexadecimal, of what the records ask and what the benchmark says is true.

    It covers, in order, each record's id, kind, and truth as given: the coordinates and the names as written. What was derived from
    the gazetteer, the columns and the pictures are left out, so that a newer gazetteer or a reordered table does not change it:
    records are sorted by id, and each is one line of JSON with sorted keys.
    """
    lines = sorted(json.dumps(_as_given(record), sort_keys=True, ensure_ascii=False) for record in records)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _as_given(record: Record) -> dict[str, Any]:
    truth = record.truth
    point = None if truth.lat is None or truth.lon is None or "point" in truth.derived else [float(truth.lat), float(truth.lon)]
    names = {level: truth.names.get(level) or _given_name(truth, level) for level in ("country", "region", "city")}
    return {"id": record.id, "kind": record.kind, "point": point, "names": names}


def _given_name(truth: Truth, level: str) -> str | None:
    name: str | None = getattr(truth, level)
    return None if level in truth.derived else name


def _completed(loaded: Loaded) -> Loaded:
    truths = complete([record.truth for record in loaded.records])
    records = [replace(record, truth=truth) for record, truth in zip(loaded.records, truths, strict=True)]
    wrong = [f"{records[i].id} ({sentence})" for i, sentence in conflicts(truths)]
    return Loaded(
        records, (*loaded.notes, *listed("labels that contradict themselves or cannot be placed", wrong)), loaded.missing
    )
