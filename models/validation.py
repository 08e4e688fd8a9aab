"""How good evidence is on photos whose place is known: the belief that it makes, scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.belief import Belief
from geo.density_at import evidence_bits
from geo.evidence import Evidence
from geo.score import THRESHOLDS_KM, geoscore
from geo.sphere import Floats, haversine_km

Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Validation:
    """Distances and bits of photos [n]."""

    distance_km: Floats
    """From the point of highest expected geoscore under photo prior and evidence to the truth."""
    bits: Floats
    """log2 of the factor by which the evidence changed the density at the truth."""
    held90: float
    """Share of the photos whose truth lies in the 90 % region."""

    def to_json(self) -> dict[str, Any]:
        """Rounded figures for a model's card and for tables."""
        hits = {f"hit@{km:g}": round(float((self.distance_km < km).mean()), 4) for km in THRESHOLDS_KM}
        return {"photos": len(self.distance_km), "median_km": round(float(np.median(self.distance_km)), 2),
                "geoscore": round(float(geoscore(self.distance_km).mean()), 1), **hits, "bits": round(float(self.bits.mean()), 3),
                "held90": round(self.held90, 4)}  # fmt: skip


def validate(evidence: Sequence[Sequence[Evidence]], lat: Floats, lon: Floats, told: Told = lambda done, of: None) -> Validation:
    """Score the evidence of photos [n] against their places (degrees). Raises ValueError for no photos."""
    if not len(evidence):
        raise ValueError("no photos to validate on")
    start = Belief.start()
    distance, bits, held = np.empty(len(evidence)), np.empty(len(evidence)), 0
    for row, clues in enumerate(evidence):
        belief = start.update(*clues)
        distance[row] = haversine_km(*belief.best(), lat[row], lon[row])
        bits[row] = evidence_bits(lat[row], lon[row], belief.evidence, belief.clues.means, belief.log_normaliser())
        cell = belief.cells.rows_at([lat[row]], [lon[row]])[0]
        held += bool(belief.credible_cells(0.9)[cell])
        told(row + 1, len(evidence))
    return Validation(distance, bits, held / len(evidence))
