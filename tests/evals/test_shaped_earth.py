"""What the shaped Earth's pictures leave open has the shapes of real geography, and is known exactly."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from evals.shaped_earth import ShapedEarth, ShapedSettings, of_photos
from geo.cells import Cells
from geo.gazetteer import gazetteer
from geo.sphere import haversine_km, lat_lon

KINDS = ("place", "belt", "coast", "language", "road")


@cache
def earth() -> ShapedEarth:
    return ShapedEarth(ShapedSettings(seed=1))


def test_draws_are_reproducible_and_different() -> None:
    a, again, b = earth().photos(60, 1), ShapedEarth(ShapedSettings(seed=1)).photos(60, 1), earth().photos(60, 2)
    np.testing.assert_array_equal(a.vectors, again.vectors)
    np.testing.assert_array_equal(a.lat, again.lat)
    assert not np.array_equal(a.lat, b.lat)
    np.testing.assert_allclose(np.linalg.norm(a.vectors, axis=1), 1.0, rtol=1e-5)
    assert not np.array_equal(ShapedEarth(ShapedSettings(seed=2)).photos(60, 1).lat, a.lat)


def test_the_kinds_are_what_they_are_called() -> None:
    shapes = {shape.name: shape for shape in earth().shapes}
    assert tuple(shapes) == KINDS
    for shape in shapes.values():
        assert shape.weight.sum() == pytest.approx(1.0)
        assert len(shape.lat) == len(shape.lon) == len(shape.value)
    known = gazetteer()
    coast = shapes["coast"]
    inland = haversine_km(coast.lat, coast.lon, 46.95, 7.45)  # Bern
    assert inland.min() > 150.0
    countries = known.country_index_at(shapes["language"].lat, shapes["language"].lon)
    language = shapes["language"].value[:, 0]
    spoken = {known.country_codes[c] for c in countries[language == language[countries == known.country_codes.index("MX")][0]]}
    assert {"MX", "ES", "AR"} <= spoken
    assert not {"BR", "FR", "US"} & spoken
    road = shapes["road"]
    first = road.value[:, 0] == 0
    apart = haversine_km(road.lat[first][:-1], road.lon[first][:-1], road.lat[first][1:], road.lon[first][1:])
    assert apart.max() < 45.0
    assert 600.0 < apart.sum() < 4000.0


def test_what_a_picture_leaves_open_has_its_shape() -> None:
    data, shown = earth().draw(80, 3)
    samples = earth().exact_sample(shown, 200, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(samples, axis=-1), 1.0, atol=1e-12)
    for row in np.flatnonzero(shown.kind == KINDS.index("belt"))[:6]:
        lat, lon = lat_lon(samples[row])
        assert np.abs(lat - data.lat[row]).max() < 18.0
        assert np.ptp(lon) > 60.0 or abs(data.lat[row]) > 45.0
    for row in np.flatnonzero(shown.kind == KINDS.index("place"))[:6]:
        assert np.median(haversine_km(*lat_lon(samples[row]), data.lat[row], data.lon[row])) < 500.0


def test_the_exact_density_integrates_to_one_and_fits_its_samples() -> None:
    wide = ShapedEarth(ShapedSettings(seed=1, spread_km=300.0))
    _, shown = wide.draw(40, 4)
    rows = np.array([int(np.flatnonzero(shown.kind == KINDS.index(kind))[0]) for kind in ("coast", "road")])
    some, ipix = of_photos(shown, rows), np.arange(12 * 4**5)
    grid = Cells.of(np.full(len(ipix), 5), ipix).vectors
    density = np.exp(wide.exact_log_density(some, np.broadcast_to(grid, (2, *grid.shape))))
    assert density.mean(axis=1) * 4.0 * np.pi == pytest.approx([1.0, 1.0], abs=0.01)
    entropy = -(density * np.log(density + 1e-300)).mean(axis=1) * 4.0 * np.pi
    samples = wide.exact_sample(some, 300, np.random.default_rng(1))
    assert -wide.exact_log_density(some, samples).mean(axis=1) == pytest.approx(entropy, abs=0.2)


def test_pictures_of_one_kind_and_value_look_alike() -> None:
    quiet = ShapedEarth(ShapedSettings(seed=1, noise=0.0, looks_strength=0.0))
    data, shown = quiet.draw(300, 5)
    likeness = data.vectors @ data.vectors.T
    language = np.flatnonzero(shown.kind == KINDS.index("language"))
    value = np.array([shown.value[row][0] for row in language])
    same = (value[:, None] == value) & ~np.eye(len(value), dtype=bool)
    among = likeness[np.ix_(language, language)]
    assert among[same].min() > 0.999
    assert among[value[:, None] != value].max() < 0.95
    other = np.flatnonzero(shown.kind == KINDS.index("road"))
    assert np.abs(likeness[np.ix_(language, other)]).max() < 0.6
