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
from geo.prior import photo_density
from geo.sphere import destination, haversine_km
from models.encoders.encoder import Vectors, unit_rows
from models.gallery.catalogue import GalleryCard, NamedGallery, write_card
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from models.gallery.own_density import OwnDensity, own_density
from models.knn_calibration import WIDTHS_KM, Calibration, _others, calibrate, neighbour_evidence, published
from models.knn_density import neighbour_weights

TOWNS = np.array(
    [(48.2, 16.4), (41.1, -8.6), (-33.9, 151.2), (35.7, 139.7), (-17.7, 178.0), (64.1, -21.9), (19.4, -99.1), (-1.3, 36.8)]
)


def gallery(folder: Path, n: int, telling: bool, spread_km: float = 10.0, weights: list[float] | None = None) -> NamedGallery:
    """Photos around towns; their vectors tell the town, or nothing."""
    rng = np.random.default_rng(0)
    town = rng.choice(len(TOWNS), n, p=weights)
    lat, lon = destination(TOWNS[town, 0], TOWNS[town, 1], rng.uniform(0, 360, n), spread_km * rng.rayleigh(1.0, n))
    looks = np.random.default_rng(1).normal(size=(len(TOWNS), 32))
    vectors: Vectors = unit_rows((looks[town] if telling else 0.0) + 0.5 * rng.normal(size=(n, 32)))
    store = FlatGallery(folder / "store", dim=32, encoder_digest="e" * 16, create=True)
    store.add([Row(str(i), float(lat[i]), float(lon[i])) for i in range(n)], vectors)
    store.flush()
    card = GalleryCard("fake", "e" * 16, 32, "flat:store")
    write_card(folder, card)
    return NamedGallery("towns", folder, card, store)


def gain_bits(towns: NamedGallery, calibration: Calibration) -> float:
    """What the evidence of a photo of the gallery tells beyond the prior."""
    hits = towns.store.search(next(iter(towns.store.scan(1)))[1], 101)[0][1:]
    found = neighbour_evidence(hits, calibration, own_density(towns), "towns", "claim")
    assert found is not None
    return Belief.start().update(found).gain_bits()


def test_vectors_that_tell_the_place_are_worth_something_and_others_are_not(tmp_path: Path) -> None:
    telling, silent = gallery(tmp_path / "a", 400, True), gallery(tmp_path / "b", 400, False)
    assert calibrate(telling).trust(0.8) > 0.9
    assert calibrate(telling).bits > 2.0
    assert calibrate(silent).bits < 0.5
    assert gain_bits(silent, calibrate(silent)) < 0.2
    assert calibrate(telling).queries == 400


def test_a_gallery_of_few_places_cannot_speak_against_all_others(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 400, True)
    assert own_density(towns).coverage < 0.2
    assert gain_bits(towns, calibrate(towns)) < 3.5
    lat, lon = np.meshgrid(np.arange(-60, 75, 1.5), np.arange(-180, 180, 1.5))
    assert OwnDensity.of_points(lat.ravel(), lon.ravel()).coverage > 0.95


def test_the_width_follows_how_far_neighbours_lie(tmp_path: Path) -> None:
    def mean_width(spread_km: float) -> float:
        found = calibrate(gallery(tmp_path / str(spread_km), 400, True, spread_km))
        return float(np.exp(np.dot(found.shares, np.log(WIDTHS_KM))))

    assert mean_width(4.0) < 50.0 < mean_width(300.0)


def test_the_same_calibration_comes_out_again_and_survives_json(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 200, True)
    found = calibrate(towns)
    assert calibrate(towns) == found
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert sum(found.shares) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "change",
    [{"shares": [1.0]}, {"k": 0}, {"offset": float("nan")}, {"shares": [2.0, -1.0, 0, 0, 0]}, {"power": "x"}, {"slope": None}],
)
def test_damaged_calibrations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not a calibration|could not convert"):
        Calibration.from_json({**published().to_json(), **change})


def test_few_photos_tell_nothing_about_themselves(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than 50"):
        calibrate(gallery(tmp_path, 49, True))


def test_evidence_is_the_stated_mixture(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 300, True)
    scan = next(iter(towns.store.scan(300)))
    hits = towns.store.search(scan[1][:1], 6)[0][1:]
    shares = (0.0, 0.5, 0.5, 0.0, 0.0)
    calibration = replace(published(divide_density=False), k=5, shares=shares)
    found = neighbour_evidence(hits, calibration, None, "towns", "claim")
    assert found is not None
    assert found.source == "picture"
    assert found.reliability == pytest.approx(0.3)
    assert found.tool == "find_similar"
    assert found.citations == tuple(f"towns/{hit.row.id}" for hit in hits)
    weights = neighbour_weights(np.array([hit.similarity for hit in hits]), 10.0)
    lat, lon = np.array([(hit.row.lat, hit.row.lon) for hit in hits]).T
    expected = np.concatenate(
        [0.5 * weights / (weights @ photo_density(lat, lon, np.full(5, 3.0 * width))) for width in (25.0, 100.0)]
    )
    kernels = found.likelihood.kernel_set  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.sort(kernels.weight), np.sort(expected / expected.sum()), rtol=1e-9)
    assert set(kernels.sigma_km) == {25.0, 100.0}
    assert clue_on(found.likelihood, base_cells()).mean() * 4 * np.pi == pytest.approx(1.0, abs=0.02)
    assert neighbour_evidence([], calibration, None, "towns", "claim") is None


def test_dividing_the_density_out_favours_the_place_with_few_photos(tmp_path: Path) -> None:
    towns = gallery(tmp_path, 2000, False, weights=[0.65, *[0.05] * 7])
    hits = towns.store.search(next(iter(towns.store.scan(1)))[1], 101)[0][1:]
    calibration = replace(published(), shares=(0.0, 0.0, 1.0, 0.0, 0.0))
    in_crowd = []
    for own in (None, own_density(towns)):
        found = neighbour_evidence(hits, calibration, own, "towns", "claim")
        assert found is not None
        in_crowd.append(Belief.start(prior=False).update(found).mass_within(*TOWNS[0], 300.0))
    assert in_crowd[1] < 0.5 * in_crowd[0]


def test_a_burst_does_not_explain_itself() -> None:
    row = Row("a", 48.2, 16.4, time="2020-05-01T12:00:00")
    near = Row("b", 48.2001, 16.4, time="2020-05-01T12:03:00")
    later = replace(near, id="c", time="2020-05-02T12:03:00")
    from models.gallery.gallery import Hit

    assert [hit.row.id for hit in _others(row, [Hit(row, 1.0), Hit(near, 0.9), Hit(later, 0.9)])] == ["c"]


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
