"""A drawn flight with a gap ends near the truth."""

from __future__ import annotations

import numpy as np
import pytest

from models.aerial.ground import image_at
from models.aerial.match import locate
from models.aerial.track import Motion, Track, likelihood
from models.aerial.web_mercator import east_north_m, moved
from tests.models.aerial.conftest import HEADED

SPEED, EVERY, GAP = 20.0, 3.0, range(7, 12)


@pytest.fixture(scope="module")
def flight(middle):
    """Points every 60 m on a bent course through the area."""
    course = np.radians(np.linspace(40, 75, 18))
    east, north = np.cumsum(np.sin(course)) * SPEED * EVERY - 450, np.cumsum(np.cos(course)) * SPEED * EVERY - 350
    lat, lon = moved(*middle, east, north)
    return list(zip(lat.tolist(), lon.tolist(), strict=True))


def test_a_flight_with_a_gap_ends_near_the_truth(index, autumn, flight):
    track = Track(index, Motion(SPEED, 2.0))
    fixes = []
    for n, place in enumerate(flight):
        found = None if n in GAP else locate(image_at(autumn, *place, 390.0, 200, 3.0).rgb, 390.0, index, HEADED)
        fixes.append(track.step(EVERY if n else 0.0, found))
    error = [float(np.hypot(*east_north_m(*place, fix.lat, fix.lon))) for place, fix in zip(flight, fixes, strict=True)]
    assert max(error[6:7] + error[13:]) <= 60.0
    assert max(e for e, fix in zip(error, fixes, strict=True) if fix.confidence > 0.75) <= 60.0
    assert fixes[11].covariance_m2[0] + fixes[11].covariance_m2[2] > 1.5 * (fixes[6].covariance_m2[0] + fixes[6].covariance_m2[2])
    assert [fix.seen for fix in fixes] == [n not in GAP for n in range(len(flight))]
    assert fixes[-1].confidence > 0.8
    east, both, north = fixes[-1].covariance_m2
    assert east * north > both**2


def test_without_frames_nothing_is_known(index):
    fix = Track(index, Motion(10.0)).step(0.0, None)
    assert fix.confidence < 0.3
    assert not fix.seen


def test_a_flight_is_the_same_for_the_same_seed(index):
    one, other = (Track(index, Motion(10.0), seed=4).step(5.0, None) for _ in range(2))
    assert one == other


def test_a_flat_map_says_nothing_and_the_true_place_is_never_killed(index):
    flat = likelihood(np.full(index.shape, 0.1, np.float32), index)
    np.testing.assert_allclose(flat, flat[0])
    likeness = np.full(index.shape, 0.1, np.float32)
    likeness[3, 3] = 0.9
    weights = likelihood(likeness, index)
    assert weights.argmax() == 3 * index.shape[1] + 3
    assert weights.min() >= index.card["calibration"]["wrong"]
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda i: Track(i, Motion(-1.0)),
        lambda i: Track(i, Motion(1.0), particles=1),
        lambda i: Track(i, Motion(1.0)).step(-1.0, None),
    ],
)
def test_flights_that_are_refused(index, wrong):
    with pytest.raises(ValueError, match=r"speed|follow"):
        wrong(index)
