"""Rows with known verdicts."""

from __future__ import annotations

from typing import Any

from evals.record import Truth
from evals.row import Guess, RankedPlace, Row, ToolCall


def row(name: str, km: float | None, *, p: float | None = 0.5, r50: float = 10.0, r90: float = 100.0, city: bool | None = False,
        ranked: tuple[tuple[float, float, bool], ...] = (), calls: tuple[ToolCall, ...] = (), **more: Any) -> Row:  # fmt: skip
    """A row with an answer `km` from the truth; None is no answer. `ranked` holds (probability, km, holds)."""
    truth = Truth(0.0, 0.0, "PT", "Lisbon", "Lisbon")
    answer = None if km is None else Guess(0.0, km / 111.195, "somewhere", "PT", probability=p, radius50_km=r50, radius90_km=r90)
    levels = {
        "country": km is not None and km < 300,
        "region": km is not None and km < 100,
        "city": city if city is None else km is not None and km < 25,
    }
    places = tuple(RankedPlace(0.0, 0.0, "a place", chance, far, holds) for chance, far, holds in ranked)
    more = {"stop": "answered" if km is not None else "cannot_tell", "levels": levels, **more}
    return Row(name, more.pop("kind", "photo"), truth, answer=answer, distance_km=km, ranked=places, calls=calls, **more)
