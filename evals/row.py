"""One record of a run with its verdicts: all that tables, comparisons and pages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.record import Truth

LEVELS = ("country", "region", "city")

Verdicts = Mapping[str, bool | None]
"""Whether the answer is right at each of LEVELS; None where the truth does not say, never for a missing answer (that is False)."""


@dataclass(frozen=True)
class Guess:
    """A point that was answered, with what was said about it."""

    lat: float
    lon: float
    label: str = ""
    country: str | None = None
    region: str | None = None
    city: str | None = None
    probability: float | None = None
    """Of the truth lying within 50 km."""
    radius50_km: float | None = None
    radius90_km: float | None = None


@dataclass(frozen=True)
class RankedPlace:
    """One of the ranked alternatives."""

    lat: float
    lon: float
    label: str
    probability: float
    distance_km: float | None
    holds: bool | None
    """Whether the truth lies in what it names: 50 km around a city, a region, a country. None where that cannot be said."""


@dataclass(frozen=True)
class ToolCall:
    """One call, and what its evidence did to the belief at the truth."""

    tool: str
    ok: bool
    seconds: float
    bits: float | None
    """log2 of the factor by which its evidence changed the density at the truth; 0 without evidence, None where unknown."""


@dataclass(frozen=True)
class Row:
    id: str
    kind: str
    truth: Truth
    columns: Mapping[str, str] = field(default_factory=dict)
    """`continent` and the record's own columns."""
    answer: Guess | None = None
    """None: no answer, which is wrong at every level and infinitely far."""
    distance_km: float | None = None
    """None without an answer, or where the truth has no coordinates."""
    levels: Verdicts = field(default_factory=dict)
    published: Mapping[str, Verdicts] = field(default_factory=dict)
    """GeoVista's word matcher: `final` on the final answer alone, `original` on the whole last message."""
    judged: Verdicts | None = None
    """An LLM judge's verdicts, where one was asked."""
    ranked: tuple[RankedPlace, ...] = ()
    candidates_km: tuple[float, ...] | None = None
    """Distances of the pooled candidates from the truth in the pool's order; None where no pool was kept, or the truth has no coordinates."""
    bits_uniform: float | None = None
    """log2 of the belief's density at the truth over that of a uniform Earth (0 bits: no better than uniform)."""
    bits_prior: float | None = None
    """The same over the photo prior's density."""
    stop: str = "not_run"
    """A `StopReason`, or `not_run`."""
    error: str | None = None
    turns: int = 0
    calls: tuple[ToolCall, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = None
    """None where no price is known."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "truth": self.truth.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        values = dict(data)
        values["truth"] = Truth.from_json(data["truth"])
        values["answer"] = Guess(**data["answer"]) if data["answer"] else None
        values["ranked"] = tuple(RankedPlace(**place) for place in data["ranked"])
        if data.get("candidates_km") is not None:
            values["candidates_km"] = tuple(data["candidates_km"])
        values["calls"] = tuple(ToolCall(**call) for call in data["calls"])
        return cls(**values)
