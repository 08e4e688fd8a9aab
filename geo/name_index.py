"""Names to places: every name that GeoNames knows, found by hash; misspellings by edit distance.

The table keeps 24 bits of a hash for each of about a million folded names. A look-up finds the equal hashes and compares the
names themselves, so that nothing is taken for something else.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from geo.names import fold, fold_lines, name_hash

MAX_NAME = 120
"""Longer queries are no names; they match nothing."""
_WELL_KNOWN = 50_000
"""Misspellings are looked for in the proper names of all places, and in all names of places with this many people."""
_LEAST_LIKE = 0.72


class NameIndex:
    """Names of the places [n] whose proper names, one a line, are `names`."""

    def __init__(self, names: bytes, population: NDArray[np.uint32]) -> None:
        self._proper = names
        self._population = population
        with (files("geo") / "data" / "names.npz").open("rb") as file, np.load(file) as tables:
            self._other = tables["names"].tobytes()
            self._ends = np.cumsum(tables["counts"].astype(np.int64))
            packed = tables["hashes"].astype(np.uint32)
        hashes = packed[:, 0] << 16 | packed[:, 1] << 8 | packed[:, 2]
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]

    def exact(self, folded: str) -> list[tuple[int, str, bool]]:
        """Place, name as written and whether it is the proper one, for every name that folds to `folded`."""
        return self.exact_many([folded])[0]

    def exact_many(self, folded: list[str]) -> list[list[tuple[int, str, bool]]]:
        """`exact` of many folded names."""
        keys = np.array([name_hash(name) if len(name) <= MAX_NAME else 0 for name in folded], dtype=np.uint32)
        first, last = np.searchsorted(self._hashes, keys), np.searchsorted(self._hashes, keys, side="right")
        found: list[list[tuple[int, str, bool]]] = [[] for _ in folded]
        for i in np.flatnonzero(last > first):
            if not folded[i] or len(folded[i]) > MAX_NAME:
                continue
            for entry in self._order[first[i] : last[i]].tolist():
                place, name = self._entry(entry)
                if fold(name) == folded[i]:
                    found[i].append((place, name, entry < len(self._ends)))
        return found

    def fuzzy(self, folded: str, limit: int) -> list[tuple[int, str, float]]:
        """Place, name and likeness (0.72 to 1) of the names most like `folded` (optimal string alignment), the best first."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        if not 4 <= len(folded) <= MAX_NAME:
            return []
        best: dict[int, tuple[float, str, float]] = {}
        for length in range(int(np.ceil(len(folded) * _LEAST_LIKE)), int(len(folded) / _LEAST_LIKE) + 1):
            names, places = self._by_length.get(length, ([], np.empty(0, dtype=np.int64)))
            if not names:
                continue
            likeness = process.cdist(
                [folded], names, scorer=OSA.normalized_similarity, score_cutoff=_LEAST_LIKE, dtype=np.float32
            )[0]
            for hit in np.flatnonzero(likeness >= _LEAST_LIKE).tolist():
                place, like = int(places[hit]), float(likeness[hit])
                # A tenth of likeness weighs as much as a hundredfold population.
                value = 20.0 * like + float(np.log10(float(self._population[place]) + 10.0))
                if value > best.get(place, (-1.0, "", 0.0))[0]:
                    best[place] = (value, names[hit], like)
        ranked = sorted(best.items(), key=lambda item: -item[1][0])[:limit]
        return [(place, name, like) for place, (_, name, like) in ranked]

    def _entry(self, entry: int) -> tuple[int, str]:
        if entry < len(self._ends):
            return entry, self.proper_name(entry)
        line = entry - len(self._ends)
        return int(np.searchsorted(self._ends, line, side="right")), _line(self._other, self._other_breaks, line)

    def proper_name(self, place: int) -> str:
        return _line(self._proper, self._proper_breaks, place)

    @cached_property
    def _proper_breaks(self) -> NDArray[np.int64]:
        return _breaks(self._proper)

    @cached_property
    def _other_breaks(self) -> NDArray[np.int64]:
        return _breaks(self._other)

    @cached_property
    def _by_length(self) -> dict[int, tuple[list[str], NDArray[np.int64]]]:
        """Folded names and their places, by length."""
        known = np.flatnonzero(self._population >= _WELL_KNOWN)
        breaks, pieces, owners = self._other_breaks, [self._proper.decode()], [np.arange(len(self._ends))]
        for place in known.tolist():
            last, first = int(self._ends[place]), int(self._ends[place - 1]) if place else 0
            if last > first:
                pieces.append(self._other[breaks[first] + 1 : breaks[last]].decode())
                owners.append(np.full(last - first, place))
        groups: dict[int, tuple[list[str], list[int]]] = defaultdict(lambda: ([], []))
        for name, place in zip(fold_lines("\n".join(pieces)).split("\n"), np.concatenate(owners).tolist(), strict=True):
            names, places = groups[len(name)]
            names.append(name)
            places.append(place)
        return {length: (names, np.array(places)) for length, (names, places) in groups.items()}


def _breaks(text: bytes) -> NDArray[np.int64]:
    """Positions of the line breaks before every line and after the last one."""
    inner = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == 10)
    return np.concatenate([[-1], inner, [len(text)]])


def _line(text: bytes, breaks: NDArray[np.int64], line: int) -> str:
    return text[breaks[line] + 1 : breaks[line + 1]].decode()
