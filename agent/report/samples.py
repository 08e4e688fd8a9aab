"""Points drawn for a map: from the belief of a saved investigation, and those that its models drew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.limits import MAX_SAMPLES
from geo.belief import Belief
from geo.draw import draw
from geo.sphere import Floats
from tools.quote import clean

BELIEF = "belief"
_MOST_MODELS = 8


@dataclass(frozen=True)
class Samples:
    source: str
    """`belief`, or the name of a model."""
    lat: Floats
    """Degrees [n]."""
    lon: Floats


def samples_of(trajectory: Mapping[str, Any], belief: Belief) -> list[Samples]:
    """The points that a trajectory asks for, those of the belief first; none where it asks for none.

    The belief's are drawn here, always the same for the same ledger. What cannot be read is left out.
    """
    asked = trajectory.get("samples")
    n = asked.get("n") if isinstance(asked, Mapping) else None
    if not isinstance(asked, Mapping) or type(n) is not int or not 0 < n <= MAX_SAMPLES:
        return []
    seed = asked.get("seed")
    drawn = [Samples(BELIEF, *draw(belief, n, seed if type(seed) is int and 0 <= seed < 2**63 else 0))]
    models = asked.get("models")
    for model, points in list(models.items() if isinstance(models, Mapping) else ())[:_MOST_MODELS]:
        if (places := _places(points)) is not None:
            drawn.append(Samples(clean(str(model), 64), *places))
    return drawn


def _places(points: Any) -> tuple[Floats, Floats] | None:
    """Latitudes and longitudes of saved points `[[lat, lon], …]`; None where they are none."""
    try:
        rows = np.array(points[:MAX_SAMPLES], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if rows.ndim != 2 or rows.shape[1] != 2 or not (np.abs(rows) <= (90.0, 180.0)).all():
        return None
    return rows[:, 0], rows[:, 1]
