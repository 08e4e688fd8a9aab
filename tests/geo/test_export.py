"""GeoJSON and FITS of a belief, read back by other programs."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pytest

from geo.belief import Belief
from geo.cells import Cells
from geo.evidence import Evidence, near
from geo.export import polygons, to_fits, to_geojson
from geo.sphere import EARTH_RADIUS_KM


def belief_at(lat: Any, lon: Any, sigma_km: Any) -> Belief:
    return Belief.start(prior=False).update(Evidence(near(lat, lon, sigma_km), "a claim", "a", "test", 0.95))


CASES = {
    "inland": ([41.15], [-8.61], [3.0]),
    "antimeridian": ([0.2, -16.5], [179.99, -179.8], [0.5, 80.0]),
    "north pole": ([89.99], [0.0], [40.0]),
    "south pole": ([-90.0], [77.0], [2.0]),
    "wide": ([10.0], [170.0], [2500.0]),
}


def true_area_km2(ring: list[list[float]]) -> float:
    """Signed area in (longitude, sin latitude), where areas are true and counter-clockwise is positive."""
    x, z = np.radians([p[0] for p in ring]), np.sin(np.radians([p[1] for p in ring]))
    x, z = x - x.mean(), z - z.mean()
    return 0.5 * float(x[:-1] @ z[1:] - x[1:] @ z[:-1]) * EARTH_RADIUS_KM**2


@pytest.mark.parametrize("name", CASES)
def test_regions_are_closed_counter_clockwise_and_of_the_right_area(name: str) -> None:
    belief = belief_at(*CASES[name])
    collection = json.loads(json.dumps(to_geojson(belief), allow_nan=False))
    assert [f["properties"]["share"] for f in collection["features"]] == [0.9, 0.5]
    for feature in collection["features"]:
        rings = [polygon[0] for polygon in feature["geometry"]["coordinates"]]
        assert all(len(polygon) == 1 for polygon in feature["geometry"]["coordinates"])
        assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in rings)
        points = np.concatenate([np.array(ring) for ring in rings])
        assert np.abs(points[:, 0]).max() <= 180.0
        assert np.abs(points[:, 1]).max() <= 90.0
        areas = [true_area_km2(ring) for ring in rings]
        assert min(areas) > 0
        inside = belief.credible_cells(feature["properties"]["share"])
        assert sum(areas) == pytest.approx(belief.cells.area_km2[inside].sum(), rel=5e-3)
        assert feature["properties"]["area_km2"] == pytest.approx(sum(areas), rel=0.05)


@pytest.mark.parametrize("name", CASES)
def test_polygons_are_valid_for_shapely_and_do_not_overlap(name: str) -> None:
    shapely = pytest.importorskip("shapely")
    belief = belief_at(*CASES[name])
    feature = to_geojson(belief)["features"][1]
    parts = [shapely.Polygon(polygon[0]) for polygon in feature["geometry"]["coordinates"]]
    assert all(part.is_valid and part.exterior.is_ccw for part in parts)
    united = shapely.union_all(parts)
    assert united.area == pytest.approx(sum(part.area for part in parts), rel=2e-3)
    peak = int(np.argmax(belief.density()))
    assert united.buffer(1e-6).contains(shapely.Point(belief.cells.lon[peak], belief.cells.lat[peak]))


@pytest.mark.parametrize("order", [0, 1, 3, 6, 10, 14])
def test_cells_at_the_poles_and_the_antimeridian_keep_their_area(order: int) -> None:
    n = 12 * 4**order
    face = n // 12
    some = np.unique(
        np.clip(
            [0, face - 1, 4 * face - 1, 3 * face - 1, 8 * face, 11 * face, n - face, n - 1, 6 * face, 2 * face - 1, 5], 0, n - 1
        )
    )
    for ipix in some:
        areas = [true_area_km2(p[0]) for p in polygons(np.array([order]), np.array([ipix]))]
        assert sum(areas) == pytest.approx(4 * math.pi * EARTH_RADIUS_KM**2 / n, rel=5e-3)


def test_the_whole_earth_is_covered() -> None:
    cells = Cells.of(np.full(3072, 4), np.arange(3072))
    rings = [p[0] for p in polygons(cells.order, cells.ipix)]
    assert sum(map(true_area_km2, rings)) == pytest.approx(4 * math.pi * EARTH_RADIUS_KM**2, rel=1e-3)
    assert polygons(cells.order[:0], cells.ipix[:0]) == []


def test_candidates_and_answer_become_points() -> None:
    place = {"lat": 41.15, "lon": -8.61, "city": "Porto"}
    features = to_geojson(belief_at([41.15], [-8.61], [3.0]), [place, place], place)["features"][2:]
    assert [f["geometry"] for f in features] == [{"type": "Point", "coordinates": [-8.61, 41.15]}] * 3
    assert [f["properties"] for f in features] == [
        {"role": "candidate", "rank": 1, "city": "Porto"},
        {"role": "candidate", "rank": 2, "city": "Porto"},
        {"role": "answer", "city": "Porto"},
    ]


def test_fits_is_read_back_by_astropy() -> None:
    fits = pytest.importorskip("astropy.io.fits")
    belief = belief_at([10.0], [179.99], [5.0])
    data = to_fits(belief)
    assert len(data) % 2880 == 0
    with fits.open(io.BytesIO(data)) as file:
        file.verify("exception")
        header, table = file[1].header, file[1].data
        assert (header["ORDERING"], header["PIXTYPE"], header["MOCORDER"]) == ("NUNIQ", "HEALPIX", int(belief.cells.order.max()))
        uniq, density = np.asarray(table["UNIQ"], dtype=np.int64), np.asarray(table["PROBDENSITY"], dtype=np.float64)
    order = (np.log2(uniq // 4) // 2).astype(np.int64)
    assert (density * 4 * math.pi / (12 * 4.0**order)).sum() == pytest.approx(1.0)
    assert (np.diff(uniq) > 0).all()
    by_uniq = np.argsort(belief.cells.uniq())
    np.testing.assert_array_equal(uniq, belief.cells.uniq()[by_uniq])


def test_fits_is_a_multi_order_map_for_mocpy() -> None:
    mocpy = pytest.importorskip("mocpy")
    table_of = pytest.importorskip("astropy.table").Table
    belief = belief_at([10.0], [179.99], [5.0])
    table = table_of.read(io.BytesIO(to_fits(belief)), format="fits")
    inside = belief.credible_cells(0.9)
    moc = mocpy.MOC.from_healpix_cells(
        belief.cells.ipix[inside].astype(np.uint64), belief.cells.order[inside].astype(np.uint8), 14
    )
    held = mocpy.MOC.probabilities_in_multiordermap([moc], table)[0]
    assert held == pytest.approx(belief.mass[inside].sum(), abs=1e-6)
