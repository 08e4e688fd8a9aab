"""What a saved investigation's belief says about the true place, in bits: in all, and after each of its calls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geo.area import parse_area
from geo.belief import Belief
from geo.density_at import FLOOR_BITS, cell_at, evidence_bits, prior_bits
from geo.evidence import Evidence, clue_on


@dataclass(frozen=True)
class TruthBits:
    uniform: float
    """log2 of the belief's density at the truth over a uniform Earth's."""
    prior: float
    """The same over the photo prior's, within the search area."""
    of_calls: Mapping[str, float]
    """What the evidence of each call added, by the call's id."""


def truth_bits(trajectory: Mapping[str, Any], lat: float, lon: float) -> TruthBits | None:
    """Bits at the true point in degrees; None for a run that kept no belief, or one that cannot be read."""
    if trajectory.get("best_guess") is None or "belief" not in trajectory:
        return None
    try:
        area = parse_area(trajectory["area"]) if trajectory.get("area") else None
        ledger = trajectory["ledger"]
        evidence = [Evidence.from_json(entry) for entry in ledger]
        means, normalisers = _weights(trajectory)
        known = [clue_on(item.likelihood, cell_at(lat, lon)) for item in evidence]
        start = prior_bits(lat, lon, area)
        steps: dict[str, float] = {}
        before, count = 0.0, 0
        for (call, group), (_, log_normaliser) in zip(_groups(ledger), normalisers, strict=True):
            count += group
            after = evidence_bits(lat, lon, evidence[:count], means[:count], log_normaliser, known[:count])
            steps[call] = steps.get(call, 0.0) + after - before
            before = after
    except (KeyError, TypeError, ValueError):
        return None
    return TruthBits(max(start + before, FLOOR_BITS), before, steps)


def _groups(ledger: list[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Calls in the order of their evidence, each with how many pieces it gave."""
    return [(call, len(list(entries))) for call, entries in itertools.groupby(ledger, key=lambda entry: str(entry["call"]))]


def _weights(trajectory: Mapping[str, Any]) -> tuple[list[float], list[tuple[str, float]]]:
    """Means of the clues and normalisers after each call: as saved, or from the belief built again."""
    ledger = trajectory["ledger"]
    saved = trajectory.get("normalisers")
    if saved is not None and all("mean" in entry for entry in ledger) and len(saved) == len(_groups(ledger)):
        means = [float(entry["mean"]) for entry in ledger]
        normalisers = [(str(call), float(value)) for call, value in saved]
        if all(map(math.isfinite, [*means, *(value for _, value in normalisers)])):
            return means, normalisers
    belief = Belief.start(area=parse_area(trajectory["area"]) if trajectory.get("area") else None)
    normalisers, count = [], 0
    for call, group in _groups(ledger):
        belief = belief.update(*(Evidence.from_json(entry) for entry in ledger[count : count + group]))
        normalisers.append((call, belief.log_normaliser()))
        count += group
    return list(belief.clues.means), normalisers
