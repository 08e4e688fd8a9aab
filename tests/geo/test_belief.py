"""The belief: what one clue does, what many do, where it looks closer, and what is read from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import Area, Box
from geo.belief import Belief, belief_from
from geo.cells import MAX_ORDER, base_cells, side_km
from geo.evidence import Evidence, Function, Grid, Kernels, Likelihood, Regions, Ring, near
from geo.expected import gathered
from geo.reference import SPLIT_MASS
from geo.refine import MAX_CELLS
from geo.score import geoscore, hit
from geo.sphere import EARTH_AREA_KM2, EARTH_RADIUS_KM, haversine_km, lat_lon, sample_vmf, unit_vectors, vmf_log_density

FLAT = Belief.start(prior=False)


def clue(likelihood: Likelihood, reliability: float = 0.8, source: str = "a") -> Evidence:
    return Evidence(likelihood, "a claim", source, "test", reliability)


def at(lat: Any, lon: Any, sigma_km: Any = 5.0, weight: Any = 1.0, **about: Any) -> Evidence:
    return clue(near(lat, lon, sigma_km, weight), **about)


def expected(belief: Belief, lat: Any, lon: Any, score: Any = geoscore) -> Any:
    """Expected score at points [k], from every cell by itself."""
    held = belief.mass > 1e-8
    distance = haversine_km(
        np.atleast_1d(lat)[:, None], np.atleast_1d(lon)[:, None], belief.cells.lat[held], belief.cells.lon[held]
    )
    return score(distance) @ belief.mass[held]


# -- one clue


@pytest.mark.parametrize("reliability", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("sigma_km", [0.3, 20.0, 300.0])
@pytest.mark.parametrize("place", [(41.15, -8.61), (-89.95, 0.0), (0.1, 180.0)])
def test_what_one_clue_names_has_its_reliability(place: tuple[float, float], sigma_km: float, reliability: float) -> None:
    belief = FLAT.update(at(*place, sigma_km, reliability=reliability))
    radius = 4.0 * max(sigma_km, 0.5)
    cap = 0.5 * (1 - math.cos(radius / EARTH_RADIUS_KM))
    assert belief.mass_within(*place, radius) == pytest.approx(reliability + (1 - reliability) * cap, abs=0.012)
    assert belief.mass.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize(
    ("weights", "places"), [({"PT": 1.0}, 1), ({"CH.TI": 1.0}, 1), ({"MC": 1.0}, 1), ({"SG": 0.5, "AD": 0.5}, 2)]
)
def test_what_a_region_clue_names_has_its_reliability(weights: dict[str, float], places: int, prior: bool) -> None:
    start = Belief.start(prior=prior)
    belief = start.update(clue(Regions(weights), reliability=0.8))
    assert len(belief.cells) > len(start.cells) + places
    share = belief.evidence[0].likelihood.at(belief.cells.lat, belief.cells.lon, belief.cells.side_km)
    named = belief.mass @ (share / (share + 0.2 / 0.8 * belief.clues.means[0]))
    assert named == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("prior", [False, True])
def test_the_weights_of_kernels_become_probabilities(prior: bool) -> None:
    belief = Belief.start(prior=prior).update(at([41.15, 41.16], [-8.61, 140.0], 10.0, [3.0, 1.0], reliability=0.9))
    if not prior:
        assert belief.mass_within(41.15, -8.61, 60) == pytest.approx(0.675, abs=0.01)
        assert belief.mass_within(41.16, 140.0, 60) == pytest.approx(0.225, abs=0.01)
    both = belief.mass_within(41.15, -8.61, 80) + belief.mass_within(41.16, 140.0, 80)
    assert both == pytest.approx(0.9, abs=0.015)


@pytest.mark.parametrize(
    "likelihood",
    [Kernels((), (), (), ()), Kernels((math.nan,), (0.0,), (1.0,), (1.0,)), Function(lambda lat, lon: np.full(len(lat), np.nan)),
     Function(lambda lat, lon: np.full(len(lat), np.inf)), Function(lambda lat, lon: np.zeros(len(lat))), Grid(0, (0.0,) * 12),
     Regions({}), Regions({"ZZ": 1.0}), Grid(0, (3.0,) * 12)],
)  # fmt: skip
def test_clues_that_name_nothing_or_everything_change_nothing(likelihood: Likelihood) -> None:
    before = FLAT.update(at(10, 20, source="b"))
    after = before.update(clue(likelihood))
    np.testing.assert_allclose(after.mass, before.mass, rtol=1e-9)
    assert after.bits_of(1) == pytest.approx(0.0, abs=1e-9)
    assert after.support_bits(1, 10, 20) == pytest.approx(0.0, abs=1e-9)


def test_a_callable_with_holes_counts_where_it_is_finite() -> None:
    def north(lat: Any, lon: Any) -> Any:
        return np.where(lat > 60, 1.0, np.where(lat > 0, np.nan, np.inf))

    belief = FLAT.update(clue(Function(north)))
    assert belief.mass[belief.cells.lat > 60].sum() == pytest.approx(0.8 + 0.2 * (1 - math.sin(math.radians(60))) / 2, abs=0.01)


# -- several clues


PLACES = st.tuples(st.floats(-85, 85), st.floats(-180, 180), st.floats(0.5, 500.0), st.floats(0.2, 0.95))


@settings(max_examples=8, deadline=None)
@given(st.lists(PLACES, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_clues_does_not_matter(places: list[tuple[float, float, float, float]], random: Any) -> None:
    clues = [at(lat, lon, sigma, reliability=r, source=f"s{i}") for i, (lat, lon, sigma, r) in enumerate(places)]
    shuffled = random.sample(clues, len(clues))
    together, one_by_one = FLAT.update(*clues), FLAT
    for item in shuffled:
        one_by_one = one_by_one.update(item)
    for lat, lon, sigma, _ in places:
        radius = 3 * sigma + 1
        assert one_by_one.mass_within(lat, lon, radius) == pytest.approx(together.mass_within(lat, lon, radius), abs=0.02)
    assert one_by_one.entropy_bits() == pytest.approx(together.entropy_bits(), abs=0.15)


def test_the_order_does_not_matter_with_prior_and_regions() -> None:
    clues = [
        clue(Regions({"PT": 1.0, "BR": 0.7}), source="r"),
        at(38.72, -9.14, 3.0, source="k"),
        clue(Ring(51.5, 0.0, 1600, 100), source="o"),
    ]
    one, other = belief_from(clues), belief_from(clues[::-1])
    assert other.mass_within(38.72, -9.14, 15) == pytest.approx(one.mass_within(38.72, -9.14, 15), abs=0.01)
    assert one.mass_within(38.72, -9.14, 15) > 0.95


def test_independent_sources_multiply() -> None:
    belief = FLAT.update(at(10, 20, 50.0, reliability=0.6, source="a"), at(10, 20, 50.0, reliability=0.6, source="b"))
    # Of two coinciding kernels of area A (≪ Earth): r² n + 2 r ε + ε² / 1 with n the effective number of places, Earth / 4πσ².
    n = EARTH_AREA_KM2 / (4 * math.pi * 50.0**2)
    joint = 0.36 * n + 2 * 0.24
    assert belief.mass_within(10, 20, 260) == pytest.approx(joint / (joint + 0.16), abs=0.001)


def test_the_same_clue_twice_from_one_source_counts_once() -> None:
    once = FLAT.update(at(10, 20))
    for twice in (once.update(at(10, 20)), FLAT.update(at(10, 20), at(10, 20))):
        assert twice.mass_within(10, 20, 30) == pytest.approx(once.mass_within(10, 20, 30), abs=1e-6)
        assert len(twice.evidence) == 2


def test_two_readings_of_one_source_share_its_force() -> None:
    belief = FLAT.update(at(10, 20, source="other"), at(-30, 100), at(50, 50))
    same = FLAT.update(at(-30, 100), at(10, 20, source="other")).update(at(50, 50))
    assert belief.mass_within(-30, 100, 30) == pytest.approx(belief.mass_within(50, 50, 30), rel=0.05)
    assert same.mass_within(-30, 100, 30) == pytest.approx(belief.mass_within(-30, 100, 30), rel=0.02)
    # Odds 0.8·0.2 : 0.4·0.2 : 0.4·0.2 : 0.2·0.2.
    assert belief.mass_within(10, 20, 30) == pytest.approx(0.16 / 0.36, abs=0.01)


def test_contradicting_sources_keep_the_better_one_ahead() -> None:
    belief = FLAT.update(at(10, 20, reliability=0.9, source="a"), at(-40, 100, reliability=0.5, source="b"))
    # Odds r₁ε₂ : r₂ε₁ : ε₁ε₂.
    odds = np.array([0.9 * 0.5, 0.5 * 0.1, 0.1 * 0.5])
    assert belief.mass_within(10, 20, 30) == pytest.approx(odds[0] / odds.sum(), abs=0.005)
    assert belief.mass_within(-40, 100, 30) == pytest.approx(odds[1] / odds.sum(), abs=0.005)


def test_a_wrong_clue_never_kills_the_truth() -> None:
    belief = FLAT.update(at(10, 20, reliability=0.99, source="wrong"))
    for i in range(3):
        belief = belief.update(at(-40, 100, reliability=0.7, source=f"right{i}"))
    assert belief.mass_within(-40, 100, 30) > 0.99


def test_faint_hints_that_agree_on_a_small_place_find_it() -> None:
    """Of thousands of hints each is too faint for its cell to be split; where two clues agree to the kilometre is the answer."""
    rng = np.random.default_rng(4)
    many = 4000
    lists = [np.stack([rng.uniform(-60, 60, many), rng.uniform(-180, 180, many)]) for _ in range(2)]
    for one in lists:
        one[:, 0] = 41.1519, -8.6099
    belief = FLAT
    for i, (lat, lon) in enumerate(lists):
        belief = belief.update(at(lat, lon, 0.5, source=f"s{i}"))
    n = EARTH_AREA_KM2 / (4 * math.pi * 0.5**2)
    agreeing = 0.64 * n / many**2
    assert belief.mass_within(41.1519, -8.6099, 3) == pytest.approx(agreeing / (agreeing + 1.0), abs=0.08)


# -- search areas


def test_an_area_restricts() -> None:
    box = Box(-20, 170, -10, -170)
    belief = Belief.start(prior=False, area=Area(box=box)).update(at(-15, 179.9, 20.0, reliability=0.9))
    outside = ~box.contains(belief.cells.lat, belief.cells.lon) & (np.abs(belief.cells.lat + 15) > 6.5)
    assert belief.mass[outside].sum() == 0.0
    assert belief.mass_within(-15, 179.9, 80) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("box", [Box(41.1, -8.7, 41.2, -8.5), Box(41.15, -8.61, 41.1505, -8.6093), Box(89.0, -180, 90, 180),
                                 Box(-1.0, 179.9, 1.0, -179.9),
                                 Box(-90, -180, 90, 180), Box(10.0, 20.0, 30.0, 50.0)])  # fmt: skip
def test_a_box_holds_all_the_mass_evenly(box: Box) -> None:
    belief = Belief.start(prior=False, area=Area(box=box))
    width = (box.east - box.west) % 360 or 360
    area = EARTH_RADIUS_KM**2 * math.radians(width) * (math.sin(math.radians(box.north)) - math.sin(math.radians(box.south)))
    slack = float(side_km(MAX_ORDER)) ** 2 * 4
    assert belief.credible_area_km2(1.0 - 1e-9) == pytest.approx(area, rel=0.3, abs=slack)
    edge = belief.cells.side_km / 80
    south, north = box.south - edge, box.north + edge
    assert belief.mass[(belief.cells.lat < south) | (belief.cells.lat > north)].sum() == 0.0
    assert belief.entropy_bits() == pytest.approx(math.log2(max(area, float(side_km(MAX_ORDER)) ** 2)), abs=0.35)


def test_countries_restrict() -> None:
    belief = Belief.start(area=Area(frozenset({"PT"})))
    assert belief.mass_within(39.5, -8.0, 400) + belief.mass_within(38.5, -28, 400) + belief.mass_within(32.7, -17, 200) > 0.98


def test_evidence_outside_the_area_says_nothing() -> None:
    start = Belief.start(prior=False, area=Area(box=Box(-20, 170, -10, -170)))
    after = start.update(at(48.85, 2.35))
    np.testing.assert_allclose(after.mass, start.mass)
    assert after.gain_bits() == 0.0


def test_an_area_without_land_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Belief.start(prior=False, area=Area(frozenset({"ZZ"})))


# -- cells


def test_cells_are_split_until_none_is_heavy() -> None:
    belief = FLAT.update(at([41.15, -33.87], [-8.61, 151.2], [0.4, 30.0]))
    heavy = belief.mass > SPLIT_MASS
    assert (belief.cells.order[heavy] == MAX_ORDER).all()
    row = int(belief.cells.rows_at([41.15], [-8.61])[0])
    assert belief.cells.side_km[row] < 0.5
    assert belief.cells.area_km2.sum() == pytest.approx(EARTH_AREA_KM2)
    assert (np.diff(belief.cells.keys) > 0).all()
    assert belief.reference.sum() == pytest.approx(1.0)


def test_splitting_shares_the_reference_of_a_parent_out() -> None:
    start = Belief.start()
    belief = start.update(at([41.15, 10.0], [-8.61, 179.99], 3.0))
    parent = start.cells.rows_of(belief.cells.keys)
    np.testing.assert_allclose(np.bincount(parent, weights=belief.reference), start.reference, rtol=1e-12)


def test_many_clues_stay_within_the_cap() -> None:
    rng = np.random.default_rng(0)
    belief = FLAT
    for i in range(30):
        lat, lon = rng.uniform(-60, 60), rng.uniform(-180, 180)
        belief = belief.update(at([lat] * 3, [lon] * 3, [0.5, 40.0, 200.0], reliability=0.9 + 0.003 * i, source=f"s{i}"))
    assert len(belief.cells) <= MAX_CELLS
    assert belief.mass.sum() == pytest.approx(1.0)
    held = sum(
        a.nbytes for a in (belief.mass, belief.table.reference, belief.table.log_like, belief.table.origin, belief.cells.vectors)
    )
    assert held < 60e6


# -- reading


def test_entropy_and_gain_have_their_closed_forms() -> None:
    assert FLAT.entropy_bits() == pytest.approx(math.log2(EARTH_AREA_KM2), abs=1e-9)
    assert FLAT.gain_bits() == 0.0
    half = FLAT.update(clue(Function(lambda lat, lon: (lat > 0).astype(float)), reliability=0.75))
    # Two halves with masses 3/4 + 1/8 and 1/8.
    p = np.array([0.875, 0.125])
    assert half.gain_bits() == pytest.approx(float((p * np.log2(2 * p)).sum()), abs=0.005)
    assert half.bits_of(0) == pytest.approx(half.gain_bits(), abs=1e-9)
    assert half.entropy_bits() == pytest.approx(math.log2(EARTH_AREA_KM2) - half.gain_bits(), abs=1e-6)
    assert half.support_bits(0, 45, 0) == pytest.approx(math.log2(0.75 * 2 + 0.25), abs=0.01)
    assert half.support_bits(0, -45, 0) == pytest.approx(-2.0, abs=1e-9)


def test_entropy_of_one_kernel_is_that_of_a_gaussian() -> None:
    belief = FLAT.update(at(10, 20, 40.0, reliability=1 - 1e-9))
    assert belief.entropy_bits() == pytest.approx(math.log2(2 * math.pi * math.e * 40.0**2), abs=0.05)
    for share in (0.5, 0.9):
        assert belief.credible_area_km2(share) == pytest.approx(-2 * math.pi * 40.0**2 * math.log(1 - share), rel=0.05)
        assert belief.radius_km(10, 20, share) == pytest.approx(40.0 * math.sqrt(-2 * math.log(1 - share)), rel=0.02)


@pytest.mark.parametrize("sigma_km", [2.0, 60.0, 900.0])
def test_stated_radius_and_region_cover_samples(sigma_km: float) -> None:
    lat, lon, weight = np.array([10.0, 12.0, -30.0]), np.array([179.5, -179.0, 60.0]), np.array([0.45, 0.3, 0.25])
    belief = FLAT.update(at(lat, lon, sigma_km, weight, reliability=1 - 1e-9))
    rng = np.random.default_rng(1)
    kappa = (EARTH_RADIUS_KM / sigma_km) ** 2
    draws = lat_lon(
        np.concatenate(
            [sample_vmf(unit_vectors(a, o), kappa, int(6000 * w), rng) for a, o, w in zip(lat, lon, weight, strict=True)]
        )
    )
    for share in (0.5, 0.9):
        inside = belief.credible_cells(share)[belief.cells.rows_at(*draws)].mean()
        assert inside == pytest.approx(share, abs=0.03)
        for point in ((10.0, 179.5), (0.0, 100.0)):
            radius = belief.radius_km(*point, share)
            assert (haversine_km(*point, *draws) < radius).mean() == pytest.approx(share, abs=0.03)
            assert belief.mass_within(*point, radius) == pytest.approx(share, abs=0.005)


def test_a_circle_over_the_flat_earth_holds_its_area() -> None:
    for radius in (50.0, 1000.0, 8000.0, 20_015.2):
        cap = 0.5 * (1 - math.cos(radius / EARTH_RADIUS_KM))
        assert FLAT.mass_within(33, 179.9, radius) == pytest.approx(cap, rel=0.02)
    assert FLAT.mass_within(33, 179.9, 0.0) == 0.0
    assert FLAT.radius_km(0, 0, 1.0) == pytest.approx(math.pi * EARTH_RADIUS_KM, rel=0.01)


def test_the_mean_direction() -> None:
    belief = FLAT.update(at([10, 10], [175, -175], 20.0, reliability=0.999))
    assert haversine_km(*belief.centre(), 10.04, 180) < 10


# -- the best answer


def mixture(seed: int) -> Belief:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    spread = float(rng.choice([3.0, 15.0, 60.0]))
    lat, lon = np.clip(rng.normal(rng.uniform(-50, 50), spread, k), -85, 85), rng.normal(rng.uniform(-180, 180), spread, k)
    return FLAT.update(
        at(lat, (lon + 180) % 360 - 180, 10 ** rng.uniform(0, 2.8, k), rng.dirichlet(np.ones(k)), reliability=0.95)
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_best_point_beats_peak_mean_and_brute_force(seed: int) -> None:
    belief = mixture(seed)
    value = float(expected(belief, *belief.best())[0])
    top, dense = int(np.argmax(belief.mass)), int(np.argmax(belief.density()))
    rivals = [(belief.cells.lat[top], belief.cells.lon[top]), (belief.cells.lat[dense], belief.cells.lon[dense]), belief.centre()]
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(belief.cells), 60, p=belief.mass)
    every = expected(
        belief, [*(r[0] for r in rivals), *belief.cells.lat[drawn]], [*(r[1] for r in rivals), *belief.cells.lon[drawn]]
    )
    assert value >= every.max() - 2.0


def test_the_best_point_lies_between_near_peaks_and_on_the_heavier_of_far_ones() -> None:
    triangle = FLAT.update(at([0, 0, 8], [0, 8, 4], 30.0, [0.34, 0.33, 0.33], reliability=0.99))
    lat, lon = triangle.best()
    assert min(haversine_km(lat, lon, [0, 0, 8], [0, 8, 4])) > 200
    far = FLAT.update(at([60, -30], [0, 179.9], 30.0, [0.45, 0.55], reliability=0.99))
    assert haversine_km(*far.best(), -30, 179.9) < 10


def test_the_best_point_for_hits_is_where_most_lies_within_reach() -> None:
    belief = FLAT.update(at([40, 40.05, 10], [10, 10.05, 100], [3.0, 3.0, 0.5], [0.3, 0.3, 0.4], reliability=0.99))
    assert haversine_km(*belief.best(hit(25.0)), 40.02, 10.02) < 20
    assert haversine_km(*belief.best(hit(1.0)), 10, 100) < 1


def test_the_best_point_among_some_cells_lies_in_them() -> None:
    belief = FLAT.update(at([40, 10], [10, 100], [100.0, 20.0], [0.3, 0.7], reliability=0.99))
    among = np.asarray(haversine_km(40, 10, belief.cells.lat, belief.cells.lon) < 800)
    lat, lon = belief.best(among=among)
    assert among[belief.cells.rows_at([lat], [lon])[0]]
    rows = np.flatnonzero(among & (belief.mass > 1e-6))
    rows = np.random.default_rng(0).choice(rows, 60)
    assert expected(belief, lat, lon)[0] >= expected(belief, belief.cells.lat[rows], belief.cells.lon[rows]).max() - 2.0
    assert belief.best(among=np.zeros(len(belief.cells), dtype=bool)) == belief.best()


def test_gathering_keeps_mass_mean_and_spread() -> None:
    belief = mixture(3)
    vectors, weight, spread = gathered(belief.cells, belief.mass, 1 / 64)
    assert len(weight) < 2000
    assert weight.sum() == pytest.approx(1.0, abs=1e-5)
    sigma = FLAT.update(at(10, 20, 200.0, reliability=1 - 1e-9))
    _, _, whole = gathered(sigma.cells, sigma.mass, 2.0)
    assert np.hypot.reduce(whole) < 5000
    one = (vectors * (weight * np.sqrt(np.maximum(0, 1 - 2 * (spread / EARTH_RADIUS_KM) ** 2)))[:, None]).sum(axis=0)
    np.testing.assert_allclose(one, belief.mass @ belief.cells.vectors, atol=2e-3)


# -- the whole against a dense grid


def test_the_product_agrees_with_a_dense_grid() -> None:
    clues = [
        at([40, 43], [-5, -3], [60.0, 150.0], source="a"),
        clue(Ring(30.0, 10.0, 1700.0, 120.0), source="b"),
        at(42, -4, 400.0, source="c"),
    ]
    belief = FLAT.update(*clues)
    cells = base_cells().children(np.arange(len(base_cells())))
    log = np.zeros(len(cells))
    for item in clues:
        likelihood = item.likelihood
        if isinstance(likelihood, Kernels):
            cos = cells.vectors @ unit_vectors(likelihood.lat, likelihood.lon).T
            kappa = (EARTH_RADIUS_KM / np.asarray(likelihood.sigma_km)) ** 2
            value = np.exp(vmf_log_density(cos, kappa)) @ np.asarray(likelihood.weight)
        else:
            value = np.exp(-0.5 * ((haversine_km(cells.lat, cells.lon, 30.0, 10.0) - 1700.0) / 120.0) ** 2)
        log += np.log(item.reliability * value / value.mean() + 1 - item.reliability)
    mass = np.exp(log - log.max())
    mass /= mass.sum()
    found = np.bincount(cells.rows_of(belief.cells.keys), weights=belief.mass, minlength=len(cells))
    coarse = np.abs(found.reshape(-1, 16).sum(axis=1) - mass.reshape(-1, 16).sum(axis=1)).sum() / 2
    assert coarse < 0.02
