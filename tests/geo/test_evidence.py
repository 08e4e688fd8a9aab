"""Likelihoods: means over cells, JSON, numbers that make no sense."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.cells import Cells, base_cells, side_km
from geo.evidence import (
    Evidence,
    Function,
    Grid,
    Inside,
    Kernels,
    Likelihood,
    Regions,
    Ring,
    clue_on,
    inside,
    likelihood_from_json,
    near,
)
from geo.kernels import KernelSet
from geo.sphere import EARTH_AREA_KM2, Floats, haversine_km, kappa_of_sigma, unit_vectors, vmf_log_density

STERADIAN_KM2 = EARTH_AREA_KM2 / (4 * math.pi)
PLACES = [(0.0, 0.0), (48.85, 2.35), (-41.3, 174.8), (89.9, 10.0), (-90.0, 0.0), (0.3, 179.99), (41.8, -45.0)]


def grid_of(order: int) -> Cells:
    return Cells.of(np.full(12 * 4**order, order), np.arange(12 * 4**order))


def around(lat: float, lon: float, order: int, km: float) -> Cells:
    """The cells of an order within some distance."""
    cells = base_cells()
    rows = np.flatnonzero(haversine_km(lat, lon, cells.lat, cells.lon) < km + 150)
    for _ in range(6, order):
        cells = cells.children(rows)
        rows = np.flatnonzero(haversine_km(lat, lon, cells.lat, cells.lon) < km + 2 * side_km(cells.order))
    return Cells.joined([cells], rows)


@pytest.mark.parametrize("sigma_km", [0.3, 1.0, 5.0, 20.0, 50.0, 61.0, 70.0, 120.0, 400.0, 1500.0, 5000.0])
@pytest.mark.parametrize("place", PLACES)
def test_kernels_keep_their_mass_on_the_base_grid(place: tuple[float, float], sigma_km: float) -> None:
    cells = base_cells()
    density = near(*place, sigma_km).on(cells)
    # The four cells at a pole are kites, which a kernel of about their size on the pole itself shows.
    assert (density @ cells.area_km2) / STERADIAN_KM2 == pytest.approx(1.0, abs=0.11 if abs(place[0]) > 89 else 0.012)


@pytest.mark.parametrize("sigma_km", [0.3, 1.0, 5.0, 20.0])
@pytest.mark.parametrize("place", PLACES)
def test_a_fine_grid_holds_as_much_and_sums_to_the_coarse_one(place: tuple[float, float], sigma_km: float) -> None:
    order = min(14, int(np.ceil(np.log2(6519.6 / sigma_km))) + 1)
    fine = around(*place, order, 8 * sigma_km)
    kernel = near(*place, sigma_km)
    mass = kernel.on(fine) * fine.area_km2 / STERADIAN_KM2
    assert mass.sum() == pytest.approx(1.0, abs=0.11 if abs(place[0]) > 89 else 0.012)
    coarse_mass = kernel.on(base_cells()) * base_cells().area_km2 / STERADIAN_KM2
    summed = np.bincount(fine.ipix >> (2 * (order - 6)), weights=mass, minlength=len(coarse_mass))
    assert np.abs(summed - coarse_mass).max() < 0.05


@pytest.mark.parametrize("sigma_km", [100.0, 800.0, 5000.0])
def test_wide_kernels_are_von_mises_fisher(sigma_km: float) -> None:
    cells = base_cells()
    rng = np.random.default_rng(1)
    lat, lon, weight = np.degrees(np.arcsin(rng.uniform(-1, 1, 9))), rng.uniform(-180, 180, 9), rng.random(9)
    found = Kernels(tuple(lat), tuple(lon), (sigma_km,) * 9, tuple(weight)).on(cells)
    kappa = kappa_of_sigma(np.hypot(sigma_km, cells.side_km / math.sqrt(12)))[:, None]
    dense = np.exp(vmf_log_density(cells.vectors @ unit_vectors(lat, lon).T, kappa)) @ weight
    np.testing.assert_allclose(found, dense, rtol=1e-9, atol=1e-9 * dense.max())


def test_a_stack_answers_like_its_parts() -> None:
    rng = np.random.default_rng(2)
    sets = [near(rng.uniform(-90, 90, 12), rng.uniform(-180, 180, 12), 10 ** rng.uniform(-1, 3, 12)).kernel_set for _ in range(4)]
    mixed = base_cells().children(np.arange(0, 3000))
    for cells in (base_cells(), mixed, Cells.joined([mixed], np.arange(7))):
        stacked = KernelSet.stacked(sets).on(cells)
        assert stacked.shape == (4, len(cells))
        for one, row in zip(sets, stacked, strict=True):
            np.testing.assert_allclose(row, one.on(cells)[0], rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 14)), min_size=1, max_size=8))
def test_points_are_answered_as_their_cells(points: list[tuple[float, float, int]]) -> None:
    lat, lon, order = (np.array(column) for column in zip(*points, strict=True))
    kernels = near([10.0, -60.0], [20.0, 170.0], [3.0, 700.0])
    together = kernels.at(lat, lon, side_km(order))
    alone = [kernels.at(lat[i : i + 1], lon[i : i + 1], side_km(order[i : i + 1]))[0] for i in range(len(points))]
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("radius_km", [5.0, 30.0, 400.0, 6000.0])
@pytest.mark.parametrize("sigma_km", [2.0, 40.0, 300.0])
def test_rings_keep_their_mean_from_coarse_to_fine(radius_km: float, sigma_km: float) -> None:
    ring = Ring(33.0, 179.5, radius_km, sigma_km)
    fine = around(33.0, 179.5, 10, radius_km + 5 * sigma_km) if radius_km < 100 and sigma_km < 100 else grid_of(8)
    coarse = base_cells()
    covered = np.isin(coarse.ipix, fine.ipix >> (2 * (fine.order - 6)))
    integral = float(ring.on(fine) @ fine.area_km2)
    assert float(ring.on(coarse)[covered] @ coarse.area_km2[covered]) == pytest.approx(
        integral, rel=0.2 if radius_km < 10 else 0.05
    )


def test_maps_average_over_coarser_cells_and_keep_their_integral() -> None:
    values = np.random.default_rng(0).random(12 * 4**3)
    grid = Grid(3, tuple(values.tolist()))
    np.testing.assert_allclose(grid.on(grid_of(3)), values)
    np.testing.assert_allclose(grid.on(grid_of(1)), values.reshape(-1, 16).mean(axis=1))
    np.testing.assert_allclose(grid.on(grid_of(5)), np.repeat(values, 16))


def test_regions_and_functions_pass_through() -> None:
    north = Function(lambda lat, lon: np.maximum(lat, 0.0) + 0 * lon)
    assert clue_on(north, base_cells()).max() > 89
    share = Regions({"PT": 1.0, "ES": 0.5}).at(np.array([38.7, 40.4, 0.0]), np.array([-9.14, -3.7, -30.0]), np.full(3, 1.0))
    np.testing.assert_allclose(share, [1.0, 0.5, 0.0])


# -- inside a country alone

LISBON, PORTO = (38.72, -9.14), (41.16, -8.63)


def portugal(cells: Cells) -> Floats:
    return clue_on(Regions({"PT": 1.0}), cells)


@pytest.mark.parametrize(
    "kernels", [near(*LISBON, 15.0), near(*LISBON, 15.0, halo=0.3), near([38.72, 40.42], [-9.14, -3.7], [40.0, 9.0])]
)
@pytest.mark.parametrize("power", [0.0, 1.0, 3.0])
def test_what_is_told_inside_a_country_leaves_its_probability(kernels: Kernels, power: float) -> None:
    """Whatever was believed before, and though some of the kernels lies abroad."""
    cells = base_cells()
    reference = cells.area_km2 * np.random.default_rng(3).random(len(cells)) ** power
    reference /= reference.sum()
    told, share = inside("PT", kernels, cells, reference), portugal(cells)
    # In a cell across the border the country's part has the kernels' likelihood, what lies abroad has 1.
    assert float(reference @ (share * told.scale * kernels.on(cells))) == pytest.approx(float(reference @ share))
    assert float(reference @ told.on(cells)) == pytest.approx(1.0)
    np.testing.assert_array_equal(told.on(cells)[share == 0.0], 1.0)
    assert (
        told.on(cells)[cells.rows_at([LISBON[0]], [LISBON[1]])[0]]
        > 5.0
        > told.on(cells)[cells.rows_at([PORTO[0]], [PORTO[1]])[0]]
    )


def test_after_it_alone_its_reliability_is_the_probability_of_the_place_in_the_country() -> None:
    cells = base_cells()
    reference = cells.area_km2 / cells.area_km2.sum()
    kernels, share = near(*LISBON, 8.0), portugal(cells)
    told = inside("PT", kernels, cells, reference)
    before = reference * share
    after = before * (0.8 * told.scale * kernels.on(cells) + 0.2)
    here = haversine_km(*LISBON, cells.lat, cells.lon) < 250.0
    assert after.sum() == pytest.approx(before.sum())
    assert after[here].sum() / after.sum() == pytest.approx(0.8 + 0.2 * before[here].sum() / before.sum(), rel=1e-6)


def test_what_is_told_inside_a_country_is_answered_at_points_as_on_cells() -> None:
    cells = base_cells()
    told = inside("PT", near(*LISBON, 15.0), cells, cells.area_km2 / cells.area_km2.sum())
    rows = [int(cells.rows_at([lat], [lon])[0]) for lat, lon in (LISBON, PORTO, (48.85, 2.35), (0.0, -30.0))]
    np.testing.assert_allclose(told.at(cells.lat[rows], cells.lon[rows], cells.side_km[rows]), told.on(cells)[rows], rtol=1e-9)
    assert told.on(cells)[rows[2:]].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("country", "kernels", "where"),
    [("PT", near(0.0, 170.0, 5.0), 1.0), ("XX", near(*LISBON, 5.0), 1.0), ("PT", near(*LISBON, 5.0), 0.0)],
)
def test_where_nothing_of_it_lies_in_the_country_there_is_nothing_to_tell(country: str, kernels: Kernels, where: float) -> None:
    cells = base_cells()
    with pytest.raises(ValueError, match="nothing of these kernels"):
        inside(country, kernels, cells, np.full(len(cells), where / len(cells)))


NONSENSE = [
    Kernels((math.nan, 10.0), (0.0, math.inf), (1.0, 1.0), (1.0, 1.0)),
    Kernels((0.0, 0.0, 0.0, 95.0), (0.0,) * 4, (0.0, -1.0, math.nan, 3.0), (1.0, 1.0, 1.0, 1.0)),
    Kernels((0.0,), (0.0,), (1.0,), (0.0,)),
    Kernels((), (), (), ()),
    Function(lambda lat, lon: np.full(len(lat), np.nan)),
    Function(lambda lat, lon: np.full(len(lat), np.inf)),
    Function(lambda lat, lon: -np.ones(len(lat))),
    Function(lambda lat, lon: np.float64(math.nan)),  # type: ignore[arg-type, return-value]
    Grid(0, (math.nan,) * 12),
]


@pytest.mark.parametrize("likelihood", NONSENSE)
def test_nonsense_counts_as_nothing_and_is_saved_as_json(likelihood: Likelihood) -> None:
    np.testing.assert_array_equal(clue_on(likelihood, base_cells()), 0.0)
    saved = json.dumps(likelihood.to_json(), allow_nan=False)
    np.testing.assert_array_equal(clue_on(likelihood_from_json(json.loads(saved)), base_cells()), 0.0)


LIKELIHOODS = [
    near([10.0, -20.0], [170.0, -170.0], [0.5, 900.0], [1.0, 3.0], halo=0.2),
    Regions({"PT": 1.0, "CH.TI": 0.5}),
    Ring(10.0, 20.0, 3000.0, 50.0),
    Grid(1, tuple(float(i) for i in range(48))),
    Inside("PT", near(38.72, -9.14, 15.0, halo=0.3), 0.0123),
]


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_comes_back_from_json(likelihood: Likelihood) -> None:
    item = Evidence(likelihood, "a claim", "text:a", "read_text", 0.7, ("v1", "https://example.org"))
    assert Evidence.from_json(json.loads(json.dumps(item.to_json()))) == item


def test_a_function_is_saved_as_a_map() -> None:
    def call(lat: Floats, lon: Floats) -> Floats:
        return np.exp(-((lat - 20) ** 2) / 200) * (1 + np.cos(np.radians(lon)))

    saved = likelihood_from_json(json.loads(json.dumps(Function(call).to_json())))
    np.testing.assert_allclose(clue_on(saved, base_cells()), clue_on(Function(call), base_cells()))


KERNEL = {"kind": "kernels", "lat": [0], "lon": [0], "sigma_km": [1], "weight": [1]}


@pytest.mark.parametrize(
    "data",
    [{}, [], None, {"kind": "poem"}, {"kind": "kernels"}, {**KERNEL, "lat": [0, 1]}, {**KERNEL, "lat": ["x"]},
     {**KERNEL, "lat": [math.nan]}, {**KERNEL, "lat": 5}, {"kind": "grid", "order": 99, "values": []},
     {"kind": "grid", "order": -1, "values": []},
     {"kind": "grid", "order": 0, "values": [1]}, {"kind": "grid", "order": math.inf, "values": [1]},
     {"kind": "regions", "weights": [1]},
     {"kind": "regions", "weights": {"PT": math.inf}}, {"kind": "ring", "lat": 0, "lon": 0, "radius_km": 1},
     {"kind": "inside"}, {"kind": "inside", "country": "PT", "kernels": {"kind": "regions", "weights": {"PT": 1}}, "scale": 1},
     {"kind": "inside", "country": "PT", "kernels": KERNEL, "scale": 0}, {"kind": "inside", "country": "PT", "kernels": KERNEL, "scale": math.nan},
     {"kind": "inside", "country": "PT", "kernels": {"kind": "inside", "country": "PT", "kernels": KERNEL, "scale": 1}, "scale": 1}],
)  # fmt: skip
def test_what_is_no_likelihood_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        likelihood_from_json(data)
    with pytest.raises(ValueError):
        Evidence.from_json({"likelihood": data, "claim": "", "source": "", "tool": "", "reliability": 0.5, "citations": []})


def test_evidence_without_its_parts_is_refused() -> None:
    with pytest.raises(ValueError):
        Evidence.from_json({})


@pytest.mark.parametrize("reliability", [0.0, 1.0, -1.0, 2.0, math.nan])
def test_a_reliability_lies_between_0_and_1(reliability: float) -> None:
    with pytest.raises(ValueError, match="reliability"):
        Evidence(LIKELIHOODS[0], "c", "s", "t", reliability)


def test_near_shares_its_weight_out() -> None:
    kernels = near([1.0, 2.0], 5.0, [1.0, 100.0], [1.0, 3.0], halo=0.2, halo_km=60.0)
    assert sum(kernels.weight) == pytest.approx(1.0)
    assert kernels.weight == pytest.approx((0.2, 0.6, 0.05, 0.15))
    assert kernels.sigma_km == (1.0, 100.0, 60.0, 100.0)


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_near_needs_weight(weight: float) -> None:
    with pytest.raises(ValueError, match="weights"):
        near(0.0, 0.0, 1.0, weight)
