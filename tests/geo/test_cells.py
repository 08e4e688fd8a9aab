"""HEALPix cells: outlines, children, keys, merging."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.cells import Cells, base_cells, keys_at, merged, order_of_side, outlines, side_km
from geo.sphere import EARTH_AREA_KM2, haversine_km, lat_lon, unit_vectors, wrap_lon


def some_cells(order: int) -> np.ndarray:  # type: ignore[type-arg]
    """All cells of a coarse order; of a fine one the corners of all faces and a few hundred others."""
    n = 12 * 4**order
    if n <= 3072:
        return np.arange(n)
    ends = np.arange(12)[:, None] * (n // 12) + np.array([0, n // 36, n // 24, n // 18, n // 12 - 1])
    return np.unique(np.concatenate([ends.ravel(), np.random.default_rng(order).integers(0, n, 300)]))


@pytest.mark.parametrize("order", [0, 1, 4, 6, 9, 14])
def test_points_just_inside_the_corners_belong_to_the_cell(order: int) -> None:
    ipix = some_cells(order)
    lat, lon = outlines(np.full(len(ipix), order), ipix)
    centre = Cells.of(np.full(len(ipix), order), ipix)
    inside = 0.98 * unit_vectors(lat, lon) + 0.02 * centre.vectors[:, None]
    found = keys_at(*lat_lon(inside)) >> (2 * (29 - order))
    # A coarse cell at a pole or along the sides of a face is not convex in space.
    same = found == ipix[:, None]
    assert same.mean() > (0.9 if order < 2 else 0.99)
    if order >= 4:
        assert same.all()


@pytest.mark.parametrize("order", [1, 4, 6, 10])
def test_sides_are_shared_with_the_neighbours(order: int) -> None:
    ipix = some_cells(order)
    level = np.full(len(ipix), order)
    ring = unit_vectors(*outlines(level, ipix, points_per_side=2))
    centre = Cells.of(level, ipix).vectors
    for side in range(4):
        # A step outwards over the middle of a side leads into another cell, which has both ends of the side as corners.
        step = ring[:, 2 * side + 1] - centre
        over = keys_at(*lat_lon(ring[:, 2 * side + 1] + 1e-3 * step)) >> (2 * (29 - order))
        assert (over != ipix).all()
        theirs = unit_vectors(*outlines(level, over))
        for end in (2 * side, (2 * side + 2) % 8):
            off = np.linalg.norm(theirs - ring[:, end, None], axis=2).min(axis=1)
            assert off.max() < 1e-9


@pytest.mark.parametrize("order", [0, 2, 6, 14])
def test_area_inside_an_outline_is_the_area_of_the_cell(order: int) -> None:
    ipix = some_cells(order)
    lat, lon = outlines(np.full(len(ipix), order), ipix, points_per_side=32)
    # In (longitude, sin latitude) areas are true; the corner at a pole spans the longitudes of its neighbours.
    for one_lat, one_lon in zip(lat, lon, strict=True):
        x, z = np.radians(one_lon), np.sin(np.radians(one_lat))
        pole = np.flatnonzero(np.abs(one_lat) > 90 - 1e-9)
        if len(pole):
            row = int(pole[0])
            x = np.concatenate([x[:row], [x[row - 1], x[(row + 1) % len(x)]], x[row + 1 :]])
            z = np.concatenate([z[:row], [z[row], z[row]], z[row + 1 :]])
        x, z = x - x.mean(), z - z.mean()
        area = 0.5 * float(x @ np.roll(z, -1) - z @ np.roll(x, -1))
        assert area == pytest.approx(4 * math.pi / (12 * 4**order), rel=1e-3)


@given(st.integers(0, 13), st.data())
def test_children_partition_their_parent(order: int, data: st.DataObject) -> None:
    ipix = data.draw(st.integers(0, 12 * 4**order - 1))
    parent = Cells.of(np.array([order]), np.array([ipix]))
    kids = parent.children(np.array([0]))
    assert kids.area_km2.sum() == pytest.approx(float(parent.area_km2[0]))
    assert set(kids.ipix // 4) == {ipix}
    assert parent.rows_at(kids.lat, kids.lon).tolist() == [0, 0, 0, 0]
    assert kids.rows_at(kids.lat, kids.lon).tolist() == [0, 1, 2, 3]
    assert (haversine_km(kids.lat, kids.lon, parent.lat, parent.lon) < 2 * parent.side_km).all()


def test_the_base_grid_covers_the_earth() -> None:
    cells = base_cells()
    assert cells.area_km2.sum() == pytest.approx(EARTH_AREA_KM2)
    assert (cells.lon >= -180).all()
    assert (cells.lon < 180).all()
    assert (cells.rows_at(cells.lat, cells.lon) == np.arange(len(cells))).all()


def test_points_outside_the_cells_have_no_row() -> None:
    cells = Cells.of(np.array([9, 6]), np.array([5, 40_000]))
    assert cells.rows_at([-80.0], [10.0]).tolist() == [-1]
    assert cells.rows_at(cells.lat, cells.lon).tolist() == [0, 1]


def test_rows_are_found_in_cells_out_of_order() -> None:
    cells = Cells.of(np.array([6, 9, 4]), np.array([40_000, 5, 1000]))
    assert cells.rows_at(cells.lat, cells.lon).tolist() == [0, 1, 2]


def test_runs_cover_their_cells() -> None:
    cells = Cells.of(np.full(1000, 7), np.arange(5000, 6000))
    middle, radius = cells.runs
    run = np.arange(1000) // 64
    assert (np.arccos(np.clip((middle[run] * cells.vectors).sum(axis=1), -1, 1)) <= radius[run]).all()


@given(st.lists(st.integers(0, 12 * 16 - 1), unique=True), st.lists(st.integers(0, 12 * 64 - 1), unique=True))
def test_merged_covers_the_same_area(coarse: list[int], fine: list[int]) -> None:
    fine = [i for i in fine if i // 4 not in set(coarse)]
    order = np.array([2] * len(coarse) + [3] * len(fine), dtype=np.int64)
    ipix = np.array([*coarse, *fine], dtype=np.int64)
    new_order, new_ipix = merged(order, ipix)

    def leaves(order: np.ndarray, ipix: np.ndarray) -> list[int]:  # type: ignore[type-arg]
        return sorted(
            int(leaf) for o, i in zip(order, ipix, strict=True) for leaf in range(i << 2 * (3 - o), (i + 1) << 2 * (3 - o))
        )

    assert leaves(new_order, new_ipix) == leaves(order, ipix)
    groups = {(o, i // 4): 0 for o, i in zip(new_order.tolist(), new_ipix.tolist(), strict=True) if o > 0}
    for o, i in zip(new_order.tolist(), new_ipix.tolist(), strict=True):
        if o > 0:
            groups[o, i // 4] += 1
    assert all(count < 4 for count in groups.values())


def test_the_whole_sphere_merges_into_twelve_cells() -> None:
    cells = base_cells()
    order, ipix = merged(cells.order, cells.ipix)
    assert order.tolist() == [0] * 12
    assert sorted(ipix.tolist()) == list(range(12))


@pytest.mark.parametrize("order", [0, 6, 14, 29])
def test_order_of_side_is_the_inverse_of_side(order: int) -> None:
    assert order_of_side(side_km(order)) == order
    assert float(side_km(order)) ** 2 * 12 * 4**order == pytest.approx(EARTH_AREA_KM2)


def test_uniq_tells_orders_apart() -> None:
    cells = Cells.of(np.array([0, 1, 2]), np.array([0, 0, 0]))
    assert cells.uniq().tolist() == [4, 16, 64]


def test_outlines_run_on_over_the_antimeridian() -> None:
    cells = base_cells()
    rows = np.flatnonzero(np.abs(cells.lon) > 178)
    _, lon = outlines(cells.order[rows], cells.ipix[rows])
    assert (np.ptp(lon[np.abs(cells.lat[rows]) < 60], axis=1) < 5).all()
    assert (np.abs(wrap_lon(lon - cells.lon[rows, None])) <= 180).all()
