"""What the ranker reads of pooled candidates: numbers alone, checked, whatever file they come from. Names and labels are never looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.geolocator import ModelError

PARTS = ("belief", "neighbours", "learned", "policy", "votes", "models", "retrieval", "similarity")
"""Parts of a candidate that are read: those that `agent.verify.verified` gives, where `models` is the mean of all `score:MODEL`;
`retrieval`, −ln of its rank among the similar photos; `similarity`, its cosine similarity."""
SOURCES = ("policy", "belief", "retrieval", "vote")
"""Kinds of sources in `provenance`: what stands before the colon."""
MOST_CANDIDATES = 256
_MOST_SOURCES = 200
_LARGEST = 1e6


@dataclass(frozen=True)
class Candidate:
    """One candidate as the ranker sees it."""

    lat: float
    lon: float
    """Degrees."""
    probability: float = 0.0
    """The belief's mass within 25 km of it."""
    parts: Mapping[str, float | None] | None = None
    """By the names of `PARTS`; None where a part has nothing to say."""
    sources: tuple[int, ...] = (0,) * len(SOURCES)
    """How many of each of `SOURCES` suggested it."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Candidate:
        """From a candidate of a trajectory, or of `to_json`. Raises ModelError for one that lies at no place."""
        lat, lon = (_number(data.get(axis)) for axis in ("lat", "lon"))
        if lat is None or lon is None or abs(lat) > 90.0 or abs(lon) > 360.0:
            raise ModelError("a candidate lies at no place")
        given = data.get("parts")
        parts = _parts(given if isinstance(given, Mapping) else {})
        provenance = data.get("provenance")
        return cls(lat, lon, min(1.0, max(0.0, _number(data.get("probability")) or 0.0)), parts, _counted(provenance))

    def to_json(self) -> dict[str, Any]:
        """As `read` reads it; no text of the world is in it."""
        sources = [name for name, count in zip(SOURCES, self.sources, strict=True) for _ in range(count)]
        return {"lat": self.lat, "lon": self.lon, "probability": self.probability, "provenance": sources,
                "parts": {name: value for name, value in (self.parts or {}).items() if value is not None}}  # fmt: skip

    def part(self, name: str) -> float | None:
        """One of `PARTS`."""
        return (self.parts or {}).get(name)


@dataclass(frozen=True)
class BeliefSummary:
    """What is known of the belief that the candidates were pooled under; all of it may be missing."""

    entropy_bits: float | None = None
    lat: float | None = None
    lon: float | None = None
    """Its best guess, degrees."""

    @classmethod
    def read(cls, belief: Any, best_guess: Any) -> BeliefSummary:
        """From the `belief` and `best_guess` of a trajectory; what is no number is missing."""
        belief, guess = (part if isinstance(part, Mapping) else {} for part in (belief, best_guess))
        lat, lon = (_number(guess.get(axis)) for axis in ("lat", "lon"))
        known = lat is not None and lon is not None and abs(lat) <= 90.0 and abs(lon) <= 360.0
        return cls(_number(belief.get("entropy_bits")), lat if known else None, lon if known else None)

    def to_json(self) -> dict[str, Any]:
        return {"entropy_bits": self.entropy_bits, "lat": self.lat, "lon": self.lon}


def read_candidates(given: Any) -> list[Candidate]:
    """The candidates of a list, at most `MOST_CANDIDATES`; those that lie at no place are left out. Raises ModelError for no list."""
    return [candidate for _, candidate in numbered_candidates(given)]


def numbered_candidates(given: Any) -> list[tuple[int, Candidate]]:
    """As `read_candidates`, each with its row in what was given."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise ModelError("candidates must be a list")
    found = []
    for row, item in enumerate(given[:MOST_CANDIDATES]):
        try:
            found.append((row, Candidate.read(item if isinstance(item, Mapping) else {})))
        except ModelError:
            continue
    return found


def _parts(given: Mapping[str, Any]) -> dict[str, float | None]:
    parts = {name: _number(given.get(name)) for name in PARTS}
    said = [value for name, item in given.items() if str(name).startswith("score:") and (value := _number(item)) is not None]
    return {**parts, "models": math.fsum(said) / len(said)} if said else parts


def _counted(provenance: Any) -> tuple[int, ...]:
    kinds: Iterable[str] = []
    if isinstance(provenance, Sequence) and not isinstance(provenance, str | bytes):
        kinds = [item.partition(":")[0] for item in provenance[:_MOST_SOURCES] if isinstance(item, str)]
    kinds = list(kinds)
    return tuple(kinds.count(name) for name in SOURCES)


def _number(value: Any) -> float | None:
    """A finite number of a sane size, or None: a part that is none has nothing to say."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return None
    return float(value)
