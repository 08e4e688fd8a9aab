"""The parts of the reward against their closed forms, their bounds, and what would game them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.bits import truth_bits
from evals.record import Truth
from geo.density_at import prior_bits
from geo.sphere import destination, haversine_km
from rl_training.reward import PARTS, bounds_of, score
from rl_training.reward_parts import LEAST_BITS, MOST_BITS, share_of_bits, supports
from tests.rl_training.reward_cases import LISBON, TOKYO, placed, stated

HERE = (LISBON.lat or 0.0, LISBON.lon or 0.0)
POINTS = (st.floats(-90.0, 90.0), st.floats(-180.0, 180.0))


def parts(trajectory: Mapping[str, Any], truth: Truth = LISBON) -> Mapping[str, float | None]:
    return score(trajectory, truth).parts


def value(name: str, trajectory: Mapping[str, Any], truth: Truth = LISBON) -> float:
    found = parts(trajectory, truth)[name]
    assert found is not None
    return found


def away(km: float, bearing: float = 90.0, start: tuple[float, float] = HERE) -> tuple[float, float]:
    lat, lon = destination(*start, bearing, km)
    return float(lat), float(lon)


# -- the place


@pytest.mark.parametrize(("point", "hierarchical", "flat"), [
    (HERE, 4.0, 1.0), ((39.13, -9.25), 2.0, 0.0), ((41.15, -8.61), 1.0, 0.0), ((40.4168, -3.7038), 0.0, 0.0), (None, 0.0, 0.0),
])  # fmt: skip
def test_levels_are_those_of_geovista(point: tuple[float, float] | None, hierarchical: float, flat: float) -> None:
    assert value("levels", placed(point)) == hierarchical
    assert value("levels_flat", placed(point)) == flat


@pytest.mark.parametrize(("truth", "hierarchical"), [
    (Truth(None, None, "PT", "Lisbon"), 2.0), (Truth(None, None, "PT"), 1.0),
])  # fmt: skip
def test_the_finest_level_of_the_truth_is_the_most_that_can_be_earned(truth: Truth, hierarchical: float) -> None:
    assert value("levels", placed(HERE), truth) == hierarchical
    assert value("levels_flat", placed(HERE), truth) == 1.0
    assert value("levels_flat", placed(TOKYO), truth) == 0.0


@pytest.mark.parametrize(("km", "steps"), [
    (0.0, 1.0), (0.49, 1.0), (0.51, 0.8), (1.99, 0.8), (2.01, 0.6), (9.99, 0.6), (10.01, 0.4), (24.99, 0.4), (25.01, 0.2), (199.9, 0.2),
    (200.1, 0.1), (749.9, 0.1), (750.1, 0.0), (19_000.0, 0.0),
])  # fmt: skip
def test_distance_has_its_closed_forms(km: float, steps: float) -> None:
    trajectory = placed(away(km))
    assert value("distance_steps", trajectory) == steps
    assert value("distance", trajectory) == pytest.approx(math.exp(-km / 1492.7), rel=1e-4)


def test_no_answer_is_infinitely_far() -> None:
    assert [value(name, placed(None)) for name in ("distance", "distance_steps")] == [0.0, 0.0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(*POINTS, *POINTS, *POINTS)
def test_nearer_is_never_worth_less(lat: float, lon: float, lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> None:
    truth = Truth(lat, lon)
    near, far = sorted(((lat_a, lon_a), (lat_b, lon_b)), key=lambda point: float(haversine_km(lat, lon, *point)))
    for name in ("distance", "distance_steps"):
        assert value(name, placed(near), truth) >= value(name, placed(far), truth)


@pytest.mark.parametrize(("truth", "answer"), [
    ((10.0, 179.999), (10.0, -179.999)), ((89.9999, 0.0), (89.9999, 180.0)), ((-90.0, 17.0), (-90.0, -120.0)), ((10.0, -180.0), (10.0, 180.0)),
])  # fmt: skip
def test_there_is_no_edge_to_the_earth(truth: tuple[float, float], answer: tuple[float, float]) -> None:
    assert value("distance_steps", placed(answer), Truth(*truth)) == 1.0
    assert value("distance", placed(answer), Truth(*truth)) > 0.9998


@pytest.mark.parametrize(
    "point", [(math.nan, 0.0), (0.0, math.nan), (math.inf, 0.0), (0.0, -math.inf), (91.0, 0.0), (-900.0, 0.0)]
)
def test_what_is_no_point_is_no_answer(point: tuple[float, float]) -> None:
    found = parts(placed(point))
    assert [found[name] for name in ("levels", "levels_flat", "distance", "distance_steps")] == [0.0] * 4


@settings(max_examples=60, deadline=None, derandomize=True)
@given(*POINTS, *POINTS, st.floats(0.0, 1.0), st.floats(0.5, 20_000.0), st.sampled_from(["answered", "cannot_tell", "max_turns"]))
def test_every_part_keeps_its_bounds(
    lat: float, lon: float, true_lat: float, true_lon: float, probability: float, radius_km: float, stop: str
) -> None:
    trajectory = {**stated(lat, lon, radius_km, max(probability, 0.01)), "stop": stop}
    reward = score(trajectory, Truth(true_lat, true_lon, "PT", "Lisbon", "Lisbon"), dict.fromkeys(PARTS, 1.0))
    for name, part in PARTS.items():
        found = reward.parts[name]
        assert found is not None
        assert part.bounds[0] <= found <= part.bounds[1]
    least, most = bounds_of(dict.fromkeys(PARTS, 1.0))
    assert reward.total is not None
    assert least <= reward.total <= most


# -- how sure


def test_bits_are_clipped_and_scaled() -> None:
    assert [share_of_bits(bits) for bits in (-1000.0, LEAST_BITS, 0.0, MOST_BITS, 64.0)] == [0.0, 0.0, 0.25, 1.0, 1.0]
    assert share_of_bits(8.0) - share_of_bits(7.0) == pytest.approx(1.0 / (MOST_BITS - LEAST_BITS))


def test_calibration_is_the_log_score_of_the_evaluation() -> None:
    trajectory = stated(*away(30.0), 50.0, 0.8)
    bits = truth_bits(trajectory, *HERE)
    assert bits is not None
    assert value("calibration", trajectory) == pytest.approx(share_of_bits(bits.prior), abs=1e-5)


def _expected(radius_km: float, probability: float, spread_km: float, honest: float, centre: tuple[float, float]) -> float:
    """Expected calibration of a statement: the truth lies with that spread around `centre`, where photos are taken; or else in Tokyo."""
    rank = np.arange(300)
    radius = spread_km * np.sqrt(-2.0 * np.log1p(-(rank + 0.5) / len(rank)))
    lat, lon = destination(*centre, np.degrees(rank * math.pi * (3.0 - math.sqrt(5.0))), radius)
    points = list(zip(lat.tolist(), lon.tolist(), strict=True))
    weights = np.exp2([prior_bits(*point) for point in points])
    trajectory = stated(*centre, radius_km, probability)
    near, far = (
        float(np.average([_calibration(trajectory, *p) for p in points], weights=weights)),
        _calibration(trajectory, *TOKYO),
    )
    return honest * near + (1.0 - honest) * far


def _calibration(trajectory: dict[str, Any], lat: float, lon: float) -> float:
    bits = truth_bits(trajectory, lat, lon)
    assert bits is not None
    return share_of_bits(bits.prior)


@pytest.mark.parametrize("centre", [HERE, (-22.0, 24.0), (71.0, 179.9)])
@pytest.mark.parametrize("radius_km", [20.0, 100.0, 400.0])
def test_the_honest_radius_pays_most(radius_km: float, centre: tuple[float, float]) -> None:
    spread_km = radius_km / 2.146  # a stated radius holds 90 % of a Gaussian in the plane
    honest, half, double = (_expected(radius_km * factor, 0.9, spread_km, 0.9, centre) for factor in (1.0, 0.5, 2.0))
    assert honest > half
    assert honest > double


@pytest.mark.parametrize("honest", [0.4, 0.6, 0.9])
def test_the_honest_probability_pays_most(honest: float) -> None:
    scores = {p: _expected(50.0, p, 50.0 / 2.146, honest, HERE) for p in (0.4, 0.6, 0.9)}
    assert max(scores, key=lambda p: scores[p]) == honest


def test_sure_and_wrong_is_worse_than_to_say_nothing_and_that_worse_than_right() -> None:
    wrong, right = (value("calibration", stated(*point, 25.0, 0.95)) for point in (TOKYO, HERE))
    assert wrong < value("calibration", placed(None)) == 0.25 < right
    assert value("calibration", {**stated(*HERE, 25.0, 0.95), "stop": "max_turns"}) == 0.0


# -- why


def ledger(*entries: tuple[str, str, float], steps: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """A trajectory whose ledger has these calls, sources and bits for the answer."""
    made = [{"call": call, "source": source, "for_answer_bits": bits} for call, source, bits in entries]
    return placed(HERE, ledger=made, steps=list(steps), **more)


def step(key: str, tool: str = "estimate", lines: tuple[str, ...] = (), **args: Any) -> dict[str, Any]:
    return {
        "id": key,
        "tool": tool,
        "ok": True,
        "args": args,
        "data": {"lines": [{"text": line} for line in lines]},
        "seconds": 0.0,
    }


ONE, TWO = step("t1c1"), step("t2c1")


@pytest.mark.parametrize(("trajectory", "expected"), [
    (ledger(), 0.0),
    (ledger(("t1c1", "a", 3.0), steps=(ONE,)), 1.0 - 2.0**-3),
    (ledger(("t1c1", "a", -3.0), steps=(ONE,)), 0.0),
    (ledger(("t1c1", "a", 3.0), ("t2c1", "b", -2.0), steps=(ONE, TWO)), 0.5),
    (ledger(("t1c1", "a", 1.0), ("t2c1", "b", 1.0), steps=(ONE, TWO)), 0.75),
    (ledger(("t1c1", "a", 3.0), ("t2c1", "a", 3.0), steps=(ONE, TWO)), 1.0 - 2.0**-3),  # asking twice adds nothing
    (ledger(("t1c1", "a", 2.0), ("t1c1", "a", 1.0), steps=(ONE,)), 1.0 - 1.0 / 3.0),  # the mean of the factors 4 and 2
    (ledger(("answer", "policy", 14.0), ("votes", "policy", 9.0)), 0.0),  # one's own judgement is no observation
    (ledger(("t9c9", "a", 14.0), steps=(ONE,)), 0.0),  # a call that never was
])  # fmt: skip
def test_evidence_is_what_observations_say_for_the_answer(trajectory: dict[str, Any], expected: float) -> None:
    truthless = score({**trajectory, "ledger": []}, LISBON).parts["evidence"]
    assert truthless == 0.0
    assert value("evidence", _readable(trajectory)) == pytest.approx(expected)


def _readable(trajectory: dict[str, Any]) -> dict[str, Any]:
    """With likelihoods that say nothing, so that the evaluation reads the ledger, too."""
    nothing = {"likelihood": {"kind": "regions", "weights": {}}, "claim": "", "tool": "t", "reliability": 0.5, "citations": []}
    return {**trajectory, "ledger": [{**entry, **nothing} for entry in trajectory["ledger"]]}


def looked_up(name: str, *lines: str, context: str = "", **args: Any) -> dict[str, Any]:
    reads, finds = step("t1c1", "read_text", lines), step("t2c1", "find_place", name=name, seen_in_photo=True, **args)
    return _readable(ledger(("t2c1", "place:x", 5.0), steps=(reads, finds), context=context))


@pytest.mark.parametrize("trajectory", [
    looked_up("Porto", "PASTELARIA DO PORTO"), looked_up("Santa  Catarina", "Rua de Santa", "CATARINA 112"), looked_up("Évora", "EVORA 12"),
    looked_up("東京", "東京駅前"), looked_up("Porto", context="I took it in Porto."), looked_up("Porto", "Porto 12 km", distance_km=12),
])  # fmt: skip
def test_a_name_that_was_read_counts(trajectory: dict[str, Any]) -> None:
    assert value("evidence", trajectory) == pytest.approx(1.0 - 2.0**-5)


@pytest.mark.parametrize("trajectory", [
    looked_up("Porto"), looked_up("Porto", "Portograuro"), looked_up("Lisboa", "PORTO"), looked_up("Porto", "Porto 12 km", distance_km=300.0),
])  # fmt: skip
def test_a_name_that_nobody_read_counts_against(trajectory: dict[str, Any]) -> None:
    assert value("evidence", trajectory) == 0.0
    assert supports(trajectory) == {"place:x": (5.0, False)}


def test_what_is_read_afterwards_does_not_make_a_claim_true() -> None:
    trajectory = looked_up("Porto", "PORTO")
    assert value("evidence", {**trajectory, "steps": trajectory["steps"][::-1]}) == 0.0


def test_a_made_up_name_is_taken_off() -> None:
    steps = (step("t1c1", "read_text", ("Rua",)), step("t2c1", "find_place", name="Lisboa", seen_in_photo=True))
    trajectory = _readable(ledger(("t1c1", "text", 4.0), ("t2c1", "place:lisboa", 3.0), steps=steps))
    assert value("evidence", trajectory) == pytest.approx(0.5)


def test_cannot_tell_is_fair_without_evidence_and_withholds_with_it() -> None:
    assert value("evidence", placed(None)) == 0.5
    assert value("evidence", placed(None, belief={"gain_bits": 4.0})) == 0.0


# -- manners


@pytest.mark.parametrize(("used", "most", "expected"), [(0, 24, 0.0), (6, 24, -0.25), (40, 24, -1.0), (0, 0, 0.0)])
def test_calls_cost_their_share(used: int, most: int, expected: float) -> None:
    assert value("calls", placed(HERE, calls=used, limits={"max_calls": most})) == expected
