"""What somebody states: whole regions and circles, inside and outside."""

from __future__ import annotations

import numpy as np
import pytest

from geo.belief import Belief
from geo.evidence import Evidence, likelihood_from_json, near
from geo.naming import country_mass
from geo.stated import Bounds


def test_a_statement_moves_the_belief_to_the_country_and_its_opposite_away_from_it() -> None:
    said = Evidence(Bounds(("PT",)), "the user: in Portugal", "user:1", "user", 0.97, ())
    not_said = Evidence(Bounds(("PT",), outside=True), "the user: not in Portugal", "user:1", "user", 0.97, ())
    start = Belief.start()
    before = country_mass(start)["PT"]
    # p' = p·(0.97/p + 0.03) inside, with p the share under the prior.
    assert country_mass(start.update(said))["PT"] == pytest.approx(0.97 + 0.03 * before, abs=0.01)
    # Cells on the border are coarse there, so that the country is judged by its middle.
    assert start.update(not_said).mass_within(39.6, -8.0, 30.0) == pytest.approx(
        0.03 * start.mass_within(39.6, -8.0, 30.0), rel=0.2
    )


def test_a_circle_holds_what_is_near_and_reads_the_same_back() -> None:
    bounds = Bounds((), ((48.2, 16.37, 12.0),))
    belief = Belief.start().update(Evidence(bounds, "Vienna", "user:1", "user", 0.99, ()))
    assert belief.mass_within(48.2, 16.37, 13.0) > 0.98
    assert likelihood_from_json(bounds.to_json()) == bounds
    inside, outside = (
        bounds.at([48.2, 0.0], [16.37, 0.0], [1.0, 1.0]),
        Bounds((), bounds.circles, True).at([48.2], [16.37], [1.0]),
    )
    assert inside.tolist() == [1.0, 0.0]
    assert outside.tolist() == [0.0]


@pytest.mark.parametrize(
    "circles", [((91.0, 0.0, 1.0),), ((0.0, float("nan"), 1.0),), ((0.0, 0.0, 0.0),), ((0.0, 0.0, float("inf")),)]
)
def test_a_circle_that_is_none_is_refused(circles: tuple[tuple[float, float, float], ...]) -> None:
    with pytest.raises(ValueError, match="circle"):
        Bounds((), circles)


def test_who_excludes_a_country_excludes_its_shore() -> None:
    porto = Evidence(near([41.15], [-8.61], [10.0], [1.0]), "Porto", "sign", "read_text", 0.95, ())
    not_there = Evidence(Bounds(("PT",), outside=True), "not in Portugal", "user:1", "user", 1 - 1e-9, ())
    after = Belief.start().update(porto, not_there)
    assert after.mass_within(41.15, -8.75, 25.0) < 1e-3


def test_bounds_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="region or a circle"):
        Bounds()
    with pytest.raises(ValueError, match="saved likelihood"):
        likelihood_from_json({"kind": "bounds", "regions": None, "circles": [], "outside": False})


def test_the_share_of_a_coarse_cell_lies_between() -> None:
    share = Bounds(("PT",)).on(Belief.start().cells)
    assert 0 <= share.min() <= share.max() <= 1
    assert np.any((share > 0.05) & (share < 0.95))
