"""Points drawn from a belief lie where its mass is, uniform in each cell, and are the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from geo.belief import Belief, belief_from
from geo.cells import keys_at
from geo.draw import draw, sample_feature
from geo.evidence import Evidence, near


def test_cells_get_points_by_their_mass() -> None:
    belief = belief_from([Evidence(near([41.15, -8.05], [-8.61, -34.9], [5.0, 60.0]), "x", "s", "t", 0.95)])
    lat, lon = draw(belief, 20_000, seed=1)
    rows = belief.cells.rows_at(lat, lon)
    assert (rows >= 0).all()
    assert (belief.mass[rows] > 0).all()
    group = np.minimum((np.cumsum(belief.mass) * 100).astype(int), 99)
    held = np.bincount(group, weights=belief.mass, minlength=100)
    found = np.bincount(group[rows], minlength=100) / 20_000
    spread = np.sqrt(held * (1 - held) / 20_000)
    # The mean squared deviation in units of its own variance is 1 where nothing but chance is at work, give or take √(2/100).
    assert (((found - held) / spread) ** 2).mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / 100))


def test_a_cell_is_filled_evenly_to_its_edges() -> None:
    """Every sixteenth of a coarse cell gets its share: areas are equal within cells of HEALPix."""
    belief = Belief.start(prior=False)
    lat, lon = draw(belief, 200_000)
    parts = keys_at(lat, lon) >> 2 * (29 - 8) & 15
    share = np.bincount(parts, minlength=16) / 200_000
    assert share == pytest.approx(np.full(16, 1 / 16), abs=5 * np.sqrt(1 / 16 * 15 / 16 / 200_000))
    assert np.sin(np.radians(lat)).mean() == pytest.approx(0.0, abs=5 / np.sqrt(3 * 200_000))
    assert np.abs(lat).max() <= 90
    assert np.abs(lon).max() <= 180


def test_the_same_seed_gives_the_same_points() -> None:
    belief = belief_from([Evidence(near(-17.8, 179.9, 30.0), "x", "s", "t", 0.99)])
    first, again, other = draw(belief, 50), draw(belief, 50), draw(belief, 50, seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(draw(belief, 0)[0]) == 0
    with pytest.raises(ValueError, match="-1"):
        draw(belief, -1)


def test_points_as_geojson() -> None:
    feature = sample_feature("belief", np.array([41.123456, -5.0]), np.array([-8.6, 180.0]))
    assert feature["geometry"] == {"type": "MultiPoint", "coordinates": [[-8.6, 41.1235], [180.0, -5.0]]}
    assert feature["properties"] == {"role": "samples", "source": "belief"}
