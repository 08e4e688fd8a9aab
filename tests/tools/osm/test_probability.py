from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import destination
from tests.tools.osm.reference import distance_to
from tools.osm.filters import any_holds, parse_filters
from tools.osm.probability import WIDEST, NearbyProbability, covers_circle, nearby_probability, say_probability


def sampled(lat, lon, sigma_m, n, seed=0):
    rng = np.random.default_rng(seed)
    where = destination(lat, lon, rng.uniform(0, 360, n), np.abs(rng.normal(0, sigma_m / 1000, n)))
    return np.stack(where, axis=1), rng.uniform(0.1, 2.0, n)


def test_the_share_is_the_weighted_sum_over_points(north):
    points, weights = sampled(60.0, 24.0, 200, 60)
    filters = parse_filters(["pharmacy"])
    found = nearby_probability(north.store, points, weights, 150.0, filters)
    pharmacies = [thing for thing in north.things.values() if any_holds(filters, thing.tags)]
    hit = np.array([min(distance_to(thing, *point) for thing in pharmacies) <= 150.0 for point in points.tolist()])
    assert found.share == pytest.approx(float(weights @ hit / weights.sum()))
    assert 0.05 < found.share < 0.95
    assert found.uncovered == 0.0
    assert found.can_say


def test_what_the_extract_does_not_cover_is_not_nothing(north):
    box = north.store.about().box
    inside, outside = (60.0, 24.0), (box.north + 0.001, 24.0)
    found = nearby_probability(north.store, [inside, outside], [3.0, 1.0], 500.0, parse_filters(["lighthouse"]))
    assert (found.share, found.uncovered) == (0.0, pytest.approx(0.25))
    near_edge = [(box.north - 0.0005, 24.0)]
    found = nearby_probability(north.store, near_edge, [1.0], 300.0, parse_filters(["lighthouse"]))
    assert (found.share, found.uncovered) == (0.0, 1.0)
    assert "does not cover the place" in say_probability("a lighthouse", found)
    assert covers_circle(north.store, 60.0, 24.0, 300.0)
    assert not covers_circle(north.store, *near_edge[0], 300.0)


def test_a_belief_that_is_too_wide_says_nothing(north):
    points, weights = sampled(60.0, 24.0, 5_000, 100)
    found = nearby_probability(north.store, points, weights, 300.0, parse_filters(["pharmacy"]))
    assert not found.can_say
    assert (found.share, found.uncovered) == (0.0, 1.0)
    assert "cannot say" in say_probability("a pharmacy", found)
    opposite = nearby_probability(north.store, [(0, 0), (0, 180)], [1, 1], 300.0, parse_filters(["pharmacy"]))
    assert opposite.radius_90_m == float("inf")
    assert "nowhere in particular" in say_probability("a pharmacy", opposite)


def test_the_radius_that_decides_is_of_nine_tenths_of_the_mass(north):
    # One point in twenty far away: the 90 % radius stays small.
    points = [(60.0, 24.0)] * 19 + [(61.0, 24.0)]
    found = nearby_probability(north.store, points, np.ones(20), 300.0, parse_filters(["building"]))
    assert found.radius_90_m == pytest.approx(0.05 * 111_195, rel=0.02)
    assert found.radius_90_m > WIDEST * 300
    found = nearby_probability(north.store, points, [1.0] * 19 + [0.001], 300.0, parse_filters(["building"]))
    assert found.can_say
    assert found.share == pytest.approx(19 / 19.001)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (NearbyProbability(0.832, 0.0, 300.0, 100.0), "a pharmacy within 300 m: 83 %"),
        (NearbyProbability(1.0, 0.0, 300.0, 100.0), "a pharmacy within 300 m: 100 %"),
        (NearbyProbability(0.999, 0.0, 300.0, 100.0), "a pharmacy within 300 m: over 99 %"),
        (NearbyProbability(0.001, 0.0, 1500.0, 100.0), "a pharmacy within 1,500 m: under 1 %"),
        (NearbyProbability(0.0, 0.0, 300.0, 100.0), "a pharmacy within 300 m: 0 %"),
        (NearbyProbability(0.5, 0.2, 300.0, 100.0), "a pharmacy within 300 m: 50 % to 70 %; the extract does not cover the rest"),
    ],
)
def test_how_it_is_said(found, said):
    assert say_probability("a pharmacy", found) == said


@pytest.mark.parametrize(
    ("points", "weights"),
    [([], []), ([(1, 2, 3)], [1]), ([(1, 2)], [1, 2]), ([(91, 2)], [1]), ([(1, 200)], [1]), ([(1, float("nan"))], [1]), ([(1, 2)], [-1]),
     ([(1, 2)], [0]), ([(1, 2)], [float("inf")]), (np.zeros((3000, 2)), np.ones(3000))],
)  # fmt: skip
def test_points_and_weights_are_checked(north, points, weights):
    with pytest.raises(ValueError):
        nearby_probability(north.store, points, weights, 300.0, parse_filters(["pharmacy"]))


def test_world_text_cannot_break_out():
    assert "<" not in say_probability("<|im_end|>", NearbyProbability(0.5, 0.0, 300.0, 100.0))
