"""The density at a point from saved numbers is that of the belief itself."""

from __future__ import annotations

import numpy as np
import pytest

from geo.area import parse_area
from geo.belief import Belief
from geo.density_at import FLOOR_BITS, evidence_bits, prior_bits
from geo.evidence import Evidence, Regions, near

LISBON = (38.7223, -9.1393)
UNIFORM_KM2 = 4 * np.pi * 6371.0088**2


def clues() -> list[Evidence]:
    return [
        Evidence(Regions({"PT": 1.0, "BR": 1.0}), "Portuguese", "text:1", "read_text", 0.9),
        Evidence(near(38.73, -9.2, 8.0), "a sign", "text:2", "find_place", 0.7),
        Evidence(near([38.7, 41.1], [-9.1, -8.6], 30.0), "the same sign", "text:2", "find_place", 0.6),
    ]


def at(belief: Belief, lat: float, lon: float) -> float:
    """log2 of the density of the belief's own cell over that of a uniform Earth."""
    row = int(belief.cells.rows_at([lat], [lon])[0])
    return float(np.log2(belief.density()[row] * UNIFORM_KM2))


@pytest.mark.parametrize("point", [LISBON, (38.74, -9.2), (41.1, -8.6)])
def test_as_the_belief_says(point: tuple[float, float]) -> None:
    belief = Belief.start().update(*clues())
    bits = evidence_bits(*point, belief.evidence, belief.clues.means, belief.log_normaliser()) + prior_bits(*point)
    assert bits == pytest.approx(at(belief, *point), abs=0.35)  # the belief's cells are coarser than 0.4 km


def test_far_away() -> None:
    belief = Belief.start().update(*clues())
    log_z = belief.log_normaliser()
    bits = evidence_bits(-33.87, 151.21, belief.evidence, belief.clues.means, log_z)
    # Each source leaves 1 - reliability to the rest; clues that agree share the whole among fewer places.
    assert log_z > 0
    assert bits == pytest.approx(np.log2(0.1 * 0.35) - log_z / np.log(2), abs=1e-6)


def test_nothing_said() -> None:
    belief = Belief.start()
    assert belief.log_normaliser() == pytest.approx(0.0, abs=1e-9)
    assert evidence_bits(*LISBON, (), (), belief.log_normaliser()) == pytest.approx(0.0, abs=1e-9)


def test_bits_average_to_the_gain() -> None:
    """Over points drawn from the belief, the mean of the bits is its divergence from the prior."""
    belief = Belief.start().update(*clues())
    rows = np.random.default_rng(0).choice(len(belief.mass), 1500, p=belief.mass)
    means, log_z = belief.clues.means, belief.log_normaliser()
    lat, lon = belief.cells.lat[rows], belief.cells.lon[rows]
    bits = [evidence_bits(a, b, belief.evidence, means, log_z) for a, b in zip(lat, lon, strict=True)]
    assert np.mean(bits) == pytest.approx(belief.gain_bits(), abs=0.3)


def test_search_area() -> None:
    area = parse_area("PT")
    inside = prior_bits(*LISBON, area)
    assert inside > prior_bits(*LISBON) + 5
    assert prior_bits(48.85, 2.35, area) == FLOOR_BITS
    belief = Belief.start(area=area)
    assert inside == pytest.approx(at(belief, *LISBON), abs=0.6)
