from __future__ import annotations

import math

import numpy as np
import pytest

from geo.sphere import haversine_km, unit_vectors
from models.encoders.encoder import unit_rows
from models.geocells.clusters import optics
from models.geocells.refine import Clusters, build_clusters, candidates

CELLS = 3


def photos() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, places and cells: cell 0 has two towns that look different, cell 1 one, cell 2 two photos far apart."""
    rng = np.random.default_rng(0)
    towns = np.array([[0.0, 0.0], [0.0, 2.0], [10.0, 179.99]])
    of = np.repeat([0, 1, 2], 12)
    place = towns[of] + rng.normal(scale=0.01, size=(36, 2))
    look = np.eye(6)[of] + 0.05 * rng.normal(size=(36, 6))
    vectors = unit_rows(np.vstack([look, np.eye(6)[3:5]]))
    lat, lon = np.append(place[:, 0], [40.0, 41.0]), np.append(place[:, 1], [50.0, 51.0])
    return vectors, lat, (lon + 180) % 360 - 180, np.append(np.array([0, 0, 1])[of], [2, 2])


@pytest.fixture(scope="module")
def clusters() -> Clusters:
    return build_clusters(*photos(), n_cells=CELLS, most=60, exemplars=4)


def test_clusters_are_those_of_optics_without_noise(clusters: Clusters) -> None:
    vectors, lat, lon, cell = photos()
    expected = []
    for number in range(CELLS):
        rows = np.flatnonzero(cell == number)
        label = optics(lat[rows], lon[rows], 3, 0.15)
        groups = [rows[label == k] for k in range(label.max() + 1)] or [rows]  # nothing left: the cell is one cluster
        expected += [(number, group) for group in groups]
    assert clusters.cell.tolist() == [number for number, _ in expected]
    for k, (_, rows) in enumerate(expected):
        mean = vectors[rows].sum(axis=0)
        assert clusters.prototypes[k] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-3)
        middle = unit_vectors(lat[rows], lon[rows]).sum(axis=0)
        assert unit_vectors(clusters.lat[k], clusters.lon[k]) == pytest.approx(middle / np.linalg.norm(middle), abs=1e-9)
        distance = haversine_km(lat[rows], lon[rows], clusters.lat[k], clusters.lon[k])
        assert clusters.spread_km[k] == pytest.approx(float(np.sqrt((distance**2).mean())), abs=1e-6)


def test_every_cell_lists_its_clusters(clusters: Clusters) -> None:
    assert clusters.of_cell.shape[0] == CELLS
    for number in range(CELLS):
        row = clusters.of_cell[number]
        assert row[row >= 0].tolist() == np.flatnonzero(clusters.cell == number).tolist()


def test_exemplars_are_photos_of_the_cluster_and_the_nearest_is_chosen(clusters: Clusters) -> None:
    vectors, lat, lon, _ = photos()
    assert np.bincount(clusters.exemplar_cluster).max() <= 4
    for number in range(len(clusters)):
        rows = np.flatnonzero(clusters.exemplar_cluster == number)
        query = clusters.exemplar[rows[-1]].astype(np.float32)
        at = clusters.nearest_photo(number, query)
        similarity = clusters.exemplar[rows].astype(np.float32) @ query
        best = rows[np.argmax(similarity)]  # not argmin: that is the published mistake
        assert at == (clusters.exemplar_lat[best], clusters.exemplar_lon[best])
    assert {(a, b) for a, b in zip(clusters.exemplar_lat, clusters.exemplar_lon, strict=True)} <= set(zip(lat, lon, strict=True))
    bare = build_clusters(*photos(), n_cells=CELLS, most=60)
    assert bare.nearest_photo(0, vectors[0]) == (bare.lat[0], bare.lon[0])


def test_refinement_is_the_product_of_cell_and_nearest_prototype(clusters: Clusters) -> None:
    probability = np.array([[0.5, 0.3, 0.2]])
    query = photos()[0][:1]
    centre = np.array([0.0, 10.0, 40.0]), np.array([1.0, 179.99, 50.0])
    found = candidates(clusters, probability, query, *centre, k=2, max_km=0)
    assert found.cell.tolist() == [[0, 1]]
    temperature = 0.3
    mass, share = found.refined(temperature)
    gap = np.linalg.norm(query[0] - clusters.prototypes, axis=1)
    nearest = [min(gap[clusters.cell == number]) for number in (0, 1)]
    pull = [p * math.exp(-d / temperature) for p, d in zip((0.5, 0.3), nearest, strict=True)]
    assert mass[0] == pytest.approx([0.8 * part / sum(pull) for part in pull], rel=1e-4)
    own = np.exp(-gap[clusters.cell == 0] / temperature)
    assert share[0, 0, : len(own)] == pytest.approx(own / own.sum(), rel=1e-4)
    assert (share[found.cluster < 0] == 0).all()


def test_cells_too_far_from_the_best_are_no_rivals(clusters: Clusters) -> None:
    probability = np.array([[0.5, 0.3, 0.2]])
    centre = np.array([0.0, 10.0, 40.0]), np.array([1.0, 179.99, 50.0])
    looks_like_1 = photos()[0][30:31]
    free = candidates(clusters, probability, looks_like_1, *centre, k=3, max_km=0)
    assert np.argmax(free.refined(0.05)[0][0]) == 1
    near = candidates(clusters, probability, looks_like_1, *centre, k=3, max_km=1000.0)
    assert near.rival.tolist() == [[True, False, False]]
    assert near.refined(0.05)[0][0] == pytest.approx(probability[0])
    assert free.refined(1e6)[0][0] == pytest.approx(probability[0], rel=1e-4)
    assert np.isfinite(free.refined(1e-6)[0]).all()
