from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geo.cells import base_cells
from geo.evidence import Kernels
from geo.sphere import EARTH_AREA_KM2, destination, haversine_km, unit_vectors
from models.alignment import gallery_embeddings
from models.alignment.condense import condensed
from models.alignment.gallery_embeddings import cache_folder, candidates_of
from models.alignment.local_density import NEIGHBOURS, local_density
from models.alignment.location_encoder import LocationEncoder, LocationShape, arrays_of, location_module
from models.geolocator import ModelError


@pytest.fixture(scope="module")
def encoder() -> LocationEncoder:
    import torch

    torch.manual_seed(0)
    return LocationEncoder.of("unit_sphere", arrays_of(location_module(LocationShape("unit_sphere", (0.3, 5.0), 8, 16, 2, 12))))


def uniform(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def test_density_equals_the_slow_sum() -> None:
    lat, lon = uniform(300)
    town = destination(np.full(60, 70.0), np.full(60, 179.9), np.arange(60) * 7.0, np.linspace(0.1, 30, 60))
    lat, lon = np.concatenate([lat, town[0], [90.0]]), np.concatenate([lat, town[1], [0.0]])
    chord_km = np.linalg.norm(unit_vectors(lat, lon)[:, None] - unit_vectors(lat, lon)[None], axis=2) * 6371.0088
    slow = np.empty(len(lat))
    for i, row in enumerate(chord_km):
        radius = 10.0
        while (row < radius).sum() < NEIGHBOURS:
            radius *= 2.0
        slow[i] = (2 / (np.pi * radius**2) * (1 - (row[row < radius] / radius) ** 2)).sum()
    assert local_density(lat, lon) == pytest.approx(slow, rel=1e-9)


def test_density_is_that_of_the_points_everywhere() -> None:
    lat, lon = uniform(20_000)
    density = local_density(lat, lon) * EARTH_AREA_KM2 / 20_000
    for part in (np.abs(lat) > 75, np.abs(lon) > 175, np.abs(lat) < 20):
        assert np.median(density[part]) == pytest.approx(1.1, abs=0.2)
    assert local_density(np.array([5.0]), np.array([5.0])) == pytest.approx([1 / EARTH_AREA_KM2])


def test_area_weights_undo_a_biased_sample(encoder: LocationEncoder, tmp_path: Path) -> None:
    lat, lon = uniform(20_000)
    north = lat > 0
    keep = north | (np.random.default_rng(1).random(20_000) < 0.1)
    some = candidates_of(encoder, lat[keep], lon[keep], tmp_path)
    assert north[keep].mean() > 0.85
    assert some.area[some.lat > 0].sum() == pytest.approx(0.5, abs=0.06)
    assert some.sigma_km[some.lat < 0].mean() > 2 * some.sigma_km[some.lat > 0].mean()


def test_candidates_are_encoded_once(encoder: LocationEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lat, lon = uniform(9000)
    heard: list[object] = []
    first = candidates_of(encoder, lat, lon, tmp_path, heard.append)
    assert heard == [{"step": step, "of": 9000, "what": "candidates"} for step in (4096, 8192, 9000)]
    assert isinstance(first.embeddings, np.memmap)
    assert first.embeddings.dtype == np.float16
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == ["candidates", "density"]
    monkeypatch.setattr(gallery_embeddings, "_encoded", None)
    again = candidates_of(encoder, lat, lon, tmp_path)
    assert np.array_equal(again.embeddings, first.embeddings)
    assert np.array_equal(again.density, first.density)
    query = encoder([10.0], [20.0])[0]
    exact = encoder(lat, lon).astype(np.float64) @ query
    assert again.cosines(query) == pytest.approx(exact, abs=1e-3)


def test_large_galleries_are_asked_in_parts(encoder: LocationEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = candidates_of(encoder, *uniform(9000), tmp_path)
    query = encoder([10.0], [20.0])[0]
    whole = some.cosines(query)
    monkeypatch.setattr(gallery_embeddings, "_IN_MEMORY", 0)
    assert some.cosines(query) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00rubbish", b"x" * 5000])
def test_a_broken_cache_is_made_anew(encoder: LocationEncoder, tmp_path: Path, content: bytes) -> None:
    lat, lon = uniform(50)
    first = np.array(candidates_of(encoder, lat, lon, tmp_path).embeddings)
    for path in tmp_path.iterdir():
        path.write_bytes(content)
    assert np.array_equal(candidates_of(encoder, lat, lon, tmp_path).embeddings, first)
    np.save(next(tmp_path.glob("candidates-*")), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert np.array_equal(candidates_of(encoder, lat, lon, tmp_path).embeddings, first)


def test_without_a_folder_that_can_be_written_they_stay_in_memory(encoder: LocationEncoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    some = candidates_of(encoder, *uniform(50), tmp_path / "file" / "below")
    assert not isinstance(some.embeddings, np.memmap)
    assert len(some) == 50


def test_the_cache_lies_where_the_data_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    assert cache_folder() == tmp_path / "cache" / "alignment"


@pytest.mark.parametrize(("lat", "lon"), [([], []), ([91.0], [0.0]), ([np.nan], [0.0]), ([0.0], [np.inf]), ([0.0, 1.0], [0.0])])
def test_senseless_places_are_refused(encoder: LocationEncoder, tmp_path: Path, lat: list[float], lon: list[float]) -> None:
    with pytest.raises(ModelError):
        candidates_of(encoder, np.array(lat), np.array(lon), tmp_path)


def test_a_few_kernels_stay_as_they_are() -> None:
    kernels = condensed(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]), np.full(3, 10.0), np.array([0.0005, 2.0, 1.0]))
    assert kernels == Kernels((2.0, 3.0), (5.0, 6.0), (10.0, 10.0), (2 / 3, 1 / 3))
    with pytest.raises(ValueError, match="no kernel"):
        condensed(np.zeros(2), np.zeros(2), np.ones(2), np.array([0.0, np.nan]))


def test_many_kernels_become_few_of_the_same_density() -> None:
    lat, lon = uniform(8000)
    weight = np.exp(-haversine_km(lat, lon, 40.0, 179.0) / 1500.0)
    sigma = np.full(8000, 170.0)
    few = condensed(lat, lon, sigma, weight)
    assert len(few.lat) <= 512
    assert sum(few.weight) == pytest.approx(1.0)
    all_of_them = Kernels(*(tuple(column.tolist()) for column in (lat, lon, sigma, weight / weight.sum())))
    cells = base_cells()
    exact, short = all_of_them.on(cells), few.on(cells)
    assert 0.5 * np.abs(exact - short).sum() / exact.sum() < 0.15
    assert (
        haversine_km(
            *(cells.lat[np.argmax(exact)], cells.lon[np.argmax(exact)]), cells.lat[np.argmax(short)], cells.lon[np.argmax(short)]
        )
        < 300
    )
