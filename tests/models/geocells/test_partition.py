from __future__ import annotations

import numpy as np
import pytest

from geo.gazetteer import gazetteer
from geo.sphere import haversine_km, unit_vectors
from models.geocells.areas import SEA, areas_of, merged, merged_areas
from models.geocells.clusters import nearest
from models.geocells.partition import LEAST_SPREAD_KM, Partition, build_partition
from models.geocells.split import split_area
from models.geolocator import ModelError
from tests.models.geocells.world import places

LEAST, MOST = 30, 60


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray]:
    """Photos of nine countries, some across the antimeridian, and a few far out at sea."""
    lat, lon = places(3000)
    rng = np.random.default_rng(5)
    chukotka = rng.uniform([64.8, 170.0], [68.0, 188.0], size=(80, 2))
    extra_lat = np.concatenate([chukotka[:, 0], [-16.8, -16.7, -43.9, -40.0, 30.0]])
    extra_lon = np.concatenate([(chukotka[:, 1] + 180) % 360 - 180, [179.9, -179.9, -176.5, -120.0, -40.0]])
    return np.concatenate([lat, extra_lat]), np.concatenate([lon, extra_lon])


@pytest.fixture(scope="module")
def partition(points: tuple[np.ndarray, np.ndarray]) -> Partition:
    return build_partition(*points, LEAST, MOST)


def test_every_photo_has_a_cell_and_cells_have_their_photos(partition: Partition, points: tuple[np.ndarray, np.ndarray]) -> None:
    cell = partition.assign(*points)
    assert (np.bincount(cell, minlength=len(partition)) == partition.count).all()
    assert partition.count.sum() == len(points[0])
    assert partition.count.min() > 0
    assert set(partition.generator_cell) == set(range(len(partition)))
    assert np.linalg.norm(partition.generators, axis=1) == pytest.approx(np.ones(len(partition.generators)))


def test_only_a_country_with_few_photos_has_a_small_cell(partition: Partition) -> None:
    countries = [country for country, _ in partition.key]
    small = [country for country, count in zip(countries, partition.count, strict=True) if count < LEAST]
    assert small
    assert all(countries.count(country) == 1 for country in small)


def test_few_cells_are_too_large_and_none_by_much(partition: Partition) -> None:
    assert (partition.count > MOST).mean() < 0.25
    assert partition.count.max() < MOST + 2 * LEAST


def test_cells_never_span_countries(partition: Partition, points: tuple[np.ndarray, np.ndarray]) -> None:
    areas, of = areas_of(*points)
    for row, cell in enumerate(partition.assign(*points)):
        if areas[of[row]] != SEA:
            assert areas[of[row]][0] == partition.key[cell][0]


def test_photos_elsewhere_stay_in_their_country_or_fall_into_the_nearest_cell(partition: Partition) -> None:
    atlas = gazetteer()
    lat, lon = np.array([49.0, 38.7, 35.7, 0.0]), np.array([2.0, -9.1, 139.7, -30.0])  # Paris, Lisbon, Tokyo, open sea
    cell = partition.assign(lat, lon)
    assert partition.key[cell[0]][0] == "FR"
    everywhere = partition.generator_cell[nearest(unit_vectors(lat, lon), partition.generators)]
    assert (cell[1:] == everywhere[1:]).all()
    some = atlas.search("Vaduz")[0].place
    assert partition.key[partition.assign(np.array([some.lat]), np.array([some.lon]))[0]][0] == "LI"


def test_areas_across_the_antimeridian_are_whole(partition: Partition) -> None:
    lat, lon = np.array([-16.8, -16.7]), np.array([179.9, -179.9])
    cells = partition.assign(lat, lon)
    assert {partition.key[cell][0] for cell in cells} == {"FJ"}
    chukotka = [i for i, key in enumerate(partition.key) if key[0] == "RU"]
    for cell in chukotka:  # the mean of longitudes 179 and -179 is not 0
        assert 64 < partition.lat[cell] < 69
        assert partition.lon[cell] > 169 or partition.lon[cell] < -171
        assert partition.spread_km[cell] < 500


def test_centres_are_the_means_of_photos_and_spreads_their_distance(
    partition: Partition, points: tuple[np.ndarray, np.ndarray]
) -> None:
    cell = partition.assign(*points)
    for number in range(0, len(partition), 7):
        rows = cell == number
        total = unit_vectors(points[0][rows], points[1][rows]).sum(axis=0)
        centre = unit_vectors(partition.lat[number], partition.lon[number])
        assert centre == pytest.approx(total / np.linalg.norm(total), abs=1e-9)
        distance = haversine_km(points[0][rows], points[1][rows], partition.lat[number], partition.lon[number])
        assert partition.spread_km[number] == pytest.approx(max(np.sqrt((distance**2).mean()), LEAST_SPREAD_KM))


def test_names_are_those_of_areas_and_differ_inside_one(partition: Partition) -> None:
    assert any(name.startswith("Bavaria, Germany (") for name in partition.name)
    assert "Liechtenstein" in partition.name[[country for country, _ in partition.key].index("LI")]
    assert len(set(partition.name)) == len(partition)


def test_the_same_photos_and_seed_give_the_same_cells(partition: Partition, points: tuple[np.ndarray, np.ndarray]) -> None:
    again = build_partition(*points, LEAST, MOST)
    assert (again.generators == partition.generators).all()
    assert (again.generator_cell == partition.generator_cell).all()
    assert again.name == partition.name


def test_photos_at_sea_alone_are_cells_too() -> None:
    lat, lon = np.linspace(-40, -39, 50), np.linspace(-125, -120, 50)
    partition = build_partition(lat, lon, 10, 20)
    assert len(partition) > 1
    assert (np.bincount(partition.assign(lat, lon)) == partition.count).all()
    assert partition.assign(np.array([48.0]), np.array([2.0]))[0] in range(len(partition))


def test_a_single_photo_and_many_at_one_point_are_one_cell() -> None:
    assert len(build_partition(np.array([48.0]), np.array([11.0]), LEAST, MOST)) == 1
    alike = build_partition(np.full(200, 48.0), np.full(200, 11.0), LEAST, MOST)
    assert (len(alike), alike.count[0], alike.spread_km[0]) == (1, 200, LEAST_SPREAD_KM)


@pytest.mark.parametrize(("lat", "lon"), [([], []), ([91.0], [0.0]), ([float("nan")], [0.0])])
def test_what_is_no_place_is_refused(lat: list[float], lon: list[float]) -> None:
    with pytest.raises(ModelError):
        build_partition(np.array(lat), np.array(lon), LEAST, MOST)


def test_the_smallest_part_goes_first_and_prefers_a_small_one_that_is_not_much_farther() -> None:
    centres = unit_vectors(np.zeros(4), np.array([0.0, 1.0, -1.5, 40.0]))
    count = np.array([5, 100, 9, 80])
    assert merged(count, centres, 13).tolist() == [2, 1, 2, 3]  # the small one at 1.5 degrees, before the large one at 1
    far = unit_vectors(np.zeros(4), np.array([0.0, 1.0, -2.5, 40.0]))
    assert merged(count, far, 13).tolist() == [1, 1, 1, 3]  # at 2.5 degrees it is too far; then it joins as well
    assert merged(np.array([3, 4]), centres[:2], 100).tolist() == [1, 1]
    assert merged(np.array([3]), centres[:1], 100).tolist() == [0]


def test_areas_merge_inside_their_country_alone() -> None:
    areas = [("AT", "Tyrol"), ("DE", "Bavaria"), ("DE", "Berlin"), ("DE", "Saxony")]
    vectors = unit_vectors(np.array([47.2, 48.1, 52.5, 51.0]), np.array([11.4, 11.6, 13.4, 13.7]))
    group = merged_areas(areas, np.array([5, 5, 50, 50]), vectors, 30)
    assert group[0] not in group[1:]
    assert group[1] == group[3] != group[2]


def test_a_cell_that_shows_no_clusters_is_split_by_kmeans() -> None:
    lon = np.linspace(0, 20, 400)  # evenly along the equator: no density to find
    pieces = split_area(unit_vectors(np.zeros(400), lon), 30, 60, np.random.default_rng(0))
    count = np.bincount(pieces.assign(unit_vectors(np.zeros(400), lon)))
    assert len(count) >= 5
    assert count.min() >= 30


def test_a_very_large_area_is_split_from_a_sample() -> None:
    rng = np.random.default_rng(0)
    middle = rng.uniform([0, 0], [20, 20], size=(12, 2))
    points = middle[rng.integers(0, 12, 12_000)] + rng.normal(scale=0.1, size=(12_000, 2))
    unit = unit_vectors(points[:, 0], points[:, 1])
    pieces = split_area(unit, 600, 1200, np.random.default_rng(0))
    count = np.bincount(pieces.assign(unit))
    assert count.min() >= 600
    assert count.max() <= 2400
    assert len(count) >= 8
