"""Baselines: a constant against brute force, priors, and the most similar photo."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.photo import PhotoError, PhotoFile
from evals.baselines import CONSTANT, PHOTO_PRIOR, POPULATION, best_constant, blind_baselines
from evals.metrics import summarise
from evals.nearest import PhotoGallery, run_nearest
from evals.record import Record, Truth
from evals.row import Row
from evals.run_folder import RunFolder
from geo.score import geoscore
from geo.sphere import haversine_km
from models.encoders.tiny import Tiny


def rows(points: np.ndarray) -> list[Row]:
    return [Row(f"r{i}", "photo", Truth(float(a), float(b), "PT")) for i, (a, b) in enumerate(points)]


def points(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)], axis=1)


def test_the_best_constant_is_the_best_of_all() -> None:
    some = np.concatenate([points(30), np.repeat([[40.0, 10.0]], 5, axis=0) + points(5, 1) / 50])
    lat, lon = best_constant(some[:, 0], some[:, 1])
    totals = [float(geoscore(haversine_km(a, b, some[:, 0], some[:, 1])).sum()) for a, b in some]
    assert (lat, lon) == tuple(some[int(np.argmax(totals))])


def test_every_record_is_answered_and_scored() -> None:
    found = blind_baselines(rows(points(40)))
    assert list(found) == [CONSTANT, POPULATION, PHOTO_PRIOR]
    for system in found.values():
        assert [row.id for row in system] == [f"r{i}" for i in range(40)]
        assert all(row.answer and row.distance_km is not None for row in system)
    scores = {name: summarise(system, resamples=50)["metrics"]["geoscore"]["value"] for name, system in found.items()}
    assert scores[CONSTANT] == max(scores.values())
    assert all(row.bits_prior == 0.0 for row in found[PHOTO_PRIOR])
    assert all(
        row.answer and row.answer.radius50_km and row.answer.radius50_km < row.answer.radius90_km for row in found[POPULATION]
    )


def test_records_without_coordinates() -> None:
    assert blind_baselines([Row("a", "photo", Truth(country="PT"))]) == {}
    found = blind_baselines([*rows(points(3)), Row("a", "photo", Truth(country="PT"), levels={"country": False})])
    assert found[CONSTANT][-1].distance_km is None
    assert found[CONSTANT][-1].answer is not None


def record(
    name: str, colours: tuple[tuple[int, int, int], tuple[int, int, int]], lat: float | None, size: int = 64, ending: str = "PNG"
) -> Record:
    """A photo whose left and right halves have these colours."""

    def opened() -> PhotoFile:
        picture = Image.new("RGB", (size, size), colours[0])
        picture.paste(colours[1], (size // 2, 0, size, size))
        buffer = io.BytesIO()
        picture.save(buffer, ending)
        return PhotoFile(Path(f"{name}.png"), buffer.getvalue())

    return Record(name, Truth(lat, None if lat is None else 10.0), opened)


SKY, SAND, SEA = (120, 180, 240), (220, 190, 120), (10, 60, 120)
GALLERY = [record("beach", (SKY, SAND), 20.0), record("coast", (SKY, SEA), 50.0), record("nowhere", (SAND, SEA), None)]


def test_the_most_similar_photo_is_found_and_the_same_file_is_not() -> None:
    gallery = PhotoGallery.of(GALLERY, Tiny())
    assert gallery.ids == ["beach", "coast"]
    lat, _, name, similarity = gallery.nearest(record("q", (SKY, (225, 185, 125)), None, size=50, ending="JPEG").open())
    assert (lat, name) == (20.0, "beach")
    assert similarity > 0.97
    assert gallery.nearest(GALLERY[0].open())[2] == "coast", "a photo is not its own neighbour"
    with pytest.raises(ValueError, match="no other photo"):
        PhotoGallery.of(GALLERY[:1], Tiny()).nearest(GALLERY[0].open())
    with pytest.raises(ValueError, match="no photo"):
        PhotoGallery.of(GALLERY[2:], Tiny())


def test_a_run_of_the_baseline_goes_on(tmp_path: Path) -> None:
    def broken() -> PhotoFile:
        raise PhotoError("q2.png is not there")

    folder = RunFolder(tmp_path)
    queries = [record("q1", (SKY, SAND), 21.0, size=40), replace(record("q2", (SKY, SEA), 51.0), open=broken)]
    assert run_nearest(queries, PhotoGallery.of(GALLERY, Tiny()), folder) == 1
    lines = folder.trajectories()
    assert lines["q1"]["answer"]["lat"] == 20.0
    assert lines["q2"]["error"] == "q2.png is not there"
    assert lines["q2"]["answer"] is None
    assert run_nearest([queries[0], record("q2", (SKY, SEA), 51.0, size=48)], PhotoGallery.of(GALLERY, Tiny()), folder) == 2
    assert len(list(folder.every_trajectory())) == 3
