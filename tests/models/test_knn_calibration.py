"""Neighbours as evidence: what a gallery says of its own neighbours, one photo left out at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geo.belief import Belief
from geo.cells import base_cells
from geo.evidence import clue_on
from geo.sphere import Floats, destination, haversine_km, kappa_of_sigma, unit_vectors, vmf_log_density
from models.encoders.encoder import Vectors, unit_rows
from models.gallery.catalogue import GalleryCard, NamedGallery, write_card
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from models.gallery.own_density import OwnDensity, own_density
from models.knn_calibration import calibrate
from models.knn_density import neighbour_weights
from models.knn_evidence import WIDTHS_KM, Calibration, calibration_of, neighbour_evidence, published

TOWNS = np.array(
    [(48.2, 16.4), (41.1, -8.6), (-33.9, 151.2), (35.7, 139.7), (-17.7, 178.0), (64.1, -21.9), (19.4, -99.1), (-1.3, 36.8)]
)


def made(folder: Path, lat: Floats, lon: Floats, vectors: Vectors, source: str = "") -> NamedGallery:
    """A gallery of rows; each a collection of its own unless `source` is given."""
    store = FlatGallery(folder / "store", dim=vectors.shape[1], encoder_digest="e" * 16, create=True)
    store.add([Row(str(i), float(lat[i]), float(lon[i]), source=source or str(i)) for i in range(len(lat))], vectors)
    store.flush()
    card = GalleryCard("fake", "e" * 16, vectors.shape[1], "flat:store")
    write_card(folder, card)
    return NamedGallery("towns", folder, card, store)


def gallery(folder: Path, n: int, telling: bool, spread_km: float = 10.0, weights: list[float] | None = None) -> NamedGallery:
    """Photos around towns; their vectors tell the town, or nothing."""
    rng = np.random.default_rng(0)
    town = rng.choice(len(TOWNS), n, p=weights)
    lat, lon = destination(TOWNS[town, 0], TOWNS[town, 1], rng.uniform(0, 360, n), spread_km * rng.rayleigh(1.0, n))
    looks = np.random.default_rng(1).normal(size=(len(TOWNS), 32))
    return made(folder, lat, lon, unit_rows((looks[town] if telling else 0.0) + 0.5 * rng.normal(size=(n, 32))))


def gain_bits(towns: NamedGallery, calibration: Calibration, query: Vectors | None = None) -> float:
    """What the evidence of a vector, or of a photo of the gallery, tells beyond the prior."""
    vectors = next(iter(towns.store.scan(1)))[1] if query is None else query
    hits = towns.store.search(vectors, 101)[0]
    hits = hits[1:] if query is None else hits
    found = neighbour_evidence(hits, calibration, own_density(towns), "towns", "claim")
    return Belief.start().update(found).gain_bits() if found else 0.0


def test_vectors_that_tell_the_place_are_worth_something_and_others_are_not(tmp_path: Path) -> None:
    telling, silent = gallery(tmp_path / "a", 400, True), gallery(tmp_path / "b", 400, False)
    measured = calibrate(telling)
    assert measured.trust(0.9) > 0.9
    assert measured.bits > 2.0
    assert calibrate(silent).bits < 0.2
    assert gain_bits(silent, calibrate(silent)) < 0.2
    assert measured.queries == 400


def test_more_alike_neighbours_are_trusted_more(tmp_path: Path) -> None:
    measured = calibrate(gallery(tmp_path, 400, True))
    assert list(measured.limits) == sorted(measured.limits)
    assert measured.trust(-1.0) <= measured.trust(0.99)
    assert measured.outside[0] == 1.0
    assert measured.outside[-1] < 0.2, "photos from elsewhere hardly ever have neighbours as alike"


def test_a_gallery_of_few_places_cannot_speak_against_all_others(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 400, True)
    assert own_density(towns).coverage < 0.2
    assert gain_bits(towns, calibrate(towns), unit_rows(np.random.default_rng(9).normal(size=(1, 32)))) < 0.5
    lat, lon = np.meshgrid(np.arange(-60, 75, 1.5), np.arange(-180, 180, 1.5))
    everywhere = np.tile([lat.ravel(), lon.ravel()], 9)
    assert OwnDensity.of_points(*everywhere).coverage > 0.9


def test_the_width_follows_how_far_look_alikes_lie(tmp_path: Path) -> None:
    def mean_width(scale_km: float, noise: float) -> float:
        rng = np.random.default_rng(0)
        lat, lon = rng.uniform(36.0, 60.0, 1500), rng.uniform(-5.0, 30.0, 1500)
        waves, phases = rng.normal(0.0, 6371.0 / scale_km, (3, 64)), rng.uniform(0.0, 2 * np.pi, 64)
        vectors = unit_rows(np.cos(unit_vectors(lat, lon) @ waves + phases) + noise * rng.normal(size=(1500, 64)))
        found = calibrate(made(tmp_path / str(scale_km), lat, lon, vectors))
        shares = np.array(found.shares).sum(axis=0)
        return float(np.exp(np.dot(shares / shares.sum(), np.log(WIDTHS_KM))))

    assert 1.5 * mean_width(150.0, 0.1) < mean_width(3000.0, 1.0)


@pytest.mark.parametrize("places", [1, 3, 30])
def test_vectors_drawn_at_random_tell_nothing_however_the_photos_lie(tmp_path: Path, places: int) -> None:
    rng = np.random.default_rng(places)
    at, town = np.stack([rng.uniform(-40, 60, places), rng.uniform(-180, 180, places)], axis=1), rng.choice(places, 300)
    towns = made(tmp_path, at[town, 0], at[town, 1], unit_rows(rng.normal(size=(300, 32))))
    assert abs(calibrate(towns).bits) < 0.05
    assert gain_bits(towns, calibrate(towns)) < 0.02


def test_frames_of_one_ride_vouch_for_frames_as_alike_and_for_no_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(-40, 60, 100), rng.uniform(-180, 180, 100)
    scenes = rng.normal(size=(100, 32))
    looks = np.repeat(scenes, 4, axis=0) + 0.05 * rng.normal(size=(400, 32))
    rides = made(tmp_path, np.repeat(lat, 4), np.repeat(lon, 4), unit_rows(looks))
    measured = calibrate(rides)
    frame, stranger = unit_rows(scenes[:1] + 0.05 * rng.normal(size=(1, 32))), unit_rows(rng.normal(size=(1, 32)))
    assert measured.bits > 4.0
    found = neighbour_evidence(rides.store.search(frame, 101)[0], measured, own_density(rides), "rides", "claim")
    assert found is not None
    assert Belief.start().update(found).support_bits(0, lat[0], lon[0]) > 8.0
    assert gain_bits(rides, measured, stranger) < 0.1


def test_the_same_calibration_comes_out_again_and_survives_json(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 200, True)
    found = calibrate(towns)
    assert calibrate(towns) == found
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert all(sum(of) <= 1.0 for of in found.shares)
    assert calibration_of(towns.card) == published()
    assert calibration_of(replace(towns.card, calibration=found.to_json())) == found
    assert calibration_of(replace(towns.card, calibration={"k": 3})) == published()


@pytest.mark.parametrize(
    "change",
    [
        {"shares": [1.0]},
        {"k": 0},
        {"outside": [float("nan")]},
        {"shares": [[2.0, -1.0, 0, 0, 0]]},
        {"power": "x"},
        {"limits": None},
        {"limits": [0.5, 0.1]},
        {"means": [0.0] * 5},
    ],
)
def test_damaged_calibrations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not a calibration|could not convert"):
        Calibration.from_json({**published().to_json(), **change})


def test_few_photos_tell_nothing_about_themselves(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than 50"):
        calibrate(gallery(tmp_path, 49, True))


def test_the_belief_is_multiplied_by_the_stated_mixture(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 300, True)
    hits = towns.store.search(next(iter(towns.store.scan(300)))[1][:1], 6)[0][1:]
    shares, means = (0.0, 0.0, 0.4, 0.5, 0.0), (1.0, 1.0, 1.2, 1.3, 1.0)
    calibration = replace(published(), k=5, shares=(shares,), means=means, outside=(0.3,))
    own = own_density(towns)
    found = neighbour_evidence(hits, calibration, own, "towns", "claim")
    assert found is not None
    assert (found.source, found.tool) == ("picture", "find_similar")
    assert found.citations == tuple(f"towns/{hit.row.id}" for hit in hits)
    weights = neighbour_weights(np.array([hit.similarity for hit in hits]), 10.0)
    lat, lon = np.array([(hit.row.lat, hit.row.lon) for hit in hits]).T
    belief = Belief.start().update(found)
    assert calibration.trust(hits[0].similarity) == pytest.approx(0.9)
    nothing = own.coverage * 0.1 + (1.0 - own.coverage) * 0.3
    for point in ((lat[0] + 1.0, lon[0]), (lat[0] - 0.5, lon[0] + 2.0), (lat[0], lon[0])):
        cosine = unit_vectors(*point) @ unit_vectors(lat, lon).T
        slow = sum(
            share
            / mean
            * 4
            * np.pi
            * float(weights @ (np.exp(vmf_log_density(cosine, kappa_of_sigma(width))) / own.at(lat, lon, width)))
            for share, mean, width in zip(shares, means, WIDTHS_KM, strict=True)
        )
        far = belief.support_bits(0, -70.0, -120.0)
        assert belief.support_bits(0, *point) - far == pytest.approx(np.log2((slow + nothing) / nothing), abs=0.15)
    assert clue_on(found.likelihood, base_cells()).mean() * 4 * np.pi == pytest.approx(1.0, abs=0.02)
    assert neighbour_evidence([], calibration, own, "towns", "claim") is None
    half = neighbour_evidence(hits, calibration, own, "towns", "claim", scale=0.5)
    assert half is not None
    assert half.reliability < found.reliability
    silent = replace(calibration, shares=((0.0, 0.0, 0.01, 0.0, 0.0),))
    assert neighbour_evidence(hits, silent, own, "towns", "claim") is None, "a clue that says nothing would thin the others"


def test_dividing_the_density_out_favours_the_place_with_few_photos(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 2000, False, weights=[0.65, *[0.05] * 7])
    hits = towns.store.search(next(iter(towns.store.scan(1)))[1], 101)[0][1:]
    calibration = replace(published(), shares=((0.0, 0.0, 1.0, 0.0, 0.0),))
    in_crowd = []
    for own in (None, own_density(towns)):
        found = neighbour_evidence(hits, calibration, own, "towns", "claim")
        assert found is not None
        in_crowd.append(Belief.start(prior=False).update(found).mass_within(*TOWNS[0], 300.0))
    assert in_crowd[1] < 0.5 * in_crowd[0]


def test_own_density_counts_photos_and_leans_on_the_prior_where_there_are_none(tmp_path: Path) -> None:
    lat, lon = np.full(1000, 48.2), np.full(1000, 16.4)
    own = OwnDensity.of_points(lat, lon)
    assert own.total == 1000
    at_home, far, sea = own.at(np.array([48.2, -33.9, -45.0]), np.array([16.4, 151.2, -120.0]), 100.0)
    assert at_home > 100.0 * far > 100.0 * sea > 0.0
    cells = base_cells()
    assert own.at(cells.lat, cells.lon, 400.0).mean() == pytest.approx(1.0, abs=0.05)


def test_own_density_is_kept_until_the_gallery_changes(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 100, True)
    first = own_density(towns)
    assert (tmp_path / "density.npz").is_file()
    assert own_density(towns).total == first.total == 100
    (tmp_path / "density.npz").write_bytes(b"rubbish")
    assert own_density(towns).total == 100
    towns.store.add([Row("new", 10.0, 10.0)], unit_rows(np.ones((1, 32))))
    towns.store.flush()
    assert own_density(towns).total == 101
    assert float(haversine_km(*TOWNS[0], *TOWNS[1])) > 1000


def test_photos_that_all_look_the_same_tell_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    town = rng.choice(3, 300)
    same = unit_rows(np.repeat(rng.normal(size=(1, 32)), 300, axis=0))
    towns = made(tmp_path, TOWNS[town, 0], TOWNS[town, 1], same)
    measured = calibrate(towns)
    assert measured.outside[-1] == pytest.approx(1.0, abs=0.1), "a likeness that far photos have, too, rules nothing out"
    assert gain_bits(towns, measured) < 0.05
