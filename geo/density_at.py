"""The density of a belief at one point, from numbers that were saved with it: nothing is built again, so that a thousand
investigations are scored in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geo.area import Area
from geo.cells import KEY_ORDER, MAX_ORDER, Cells, keys_at
from geo.evidence import Evidence
from geo.product import Clues
from geo.reference import relative_density
from geo.sphere import Floats

FLOOR_BITS = -64.0
"""What stands for a density of 0: a truth outside the search area."""


def cell_at(lat: float, lon: float) -> Cells:
    """The one cell of the finest order (0.4 km) that holds a point."""
    return Cells.of(np.array([MAX_ORDER]), keys_at([lat], [lon]) >> 2 * (KEY_ORDER - MAX_ORDER))


def prior_bits(lat: float, lon: float, area: Area | None = None) -> float:
    """log2 of the photo prior's density at a point over that of a uniform Earth."""
    density = float(relative_density(cell_at(lat, lon), True, area)[0])
    return max(float(np.log2(density)), FLOOR_BITS) if density > 0 else FLOOR_BITS


def evidence_bits(
    lat: float,
    lon: float,
    evidence: Sequence[Evidence],
    means: Sequence[float],
    log_normaliser: float,
    known: Sequence[Floats | None] = (),
) -> float:
    """log2 of the factor by which evidence changed the density at a point: L(point) / Σ reference·L.

    `means` are those of `Clues.means`, `log_normaliser` that of `Belief.log_normaliser` after the same evidence, `known` what
    pieces that were asked before gave in `cell_at(lat, lon)` (`geo.evidence.clue_on`).
    """
    log_like = float(Clues(tuple(evidence), tuple(means)).log_product(cell_at(lat, lon), known)[0])
    return (log_like - log_normaliser) / float(np.log(2.0))
