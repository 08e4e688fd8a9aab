"""One drawn ground, and an index of its summer."""

from __future__ import annotations

import numpy as np
import pytest

from evals.drawn_ground import DrawnGround, Light
from geo.area import Box
from models.aerial.calibrate import calibrate
from models.aerial.index import build_index
from models.aerial.match import Search
from models.aerial.web_mercator import moved

HEADED = Search(heading_error_deg=10.0)


@pytest.fixture(scope="session")
def drawn():
    return DrawnGround(45.0, 5.0, 16, 5, 1)


@pytest.fixture(scope="session")
def middle(drawn):
    south, west, north, east = drawn.box
    return (south + north) / 2, (west + east) / 2


@pytest.fixture(scope="session")
def summer(drawn):
    return drawn.ground()


@pytest.fixture(scope="session")
def autumn(drawn):
    return drawn.ground("autumn", Light(220.0, 12.0, 0.85, 0.1), year=1)


@pytest.fixture(scope="session")
def box(middle):
    lat, lon = moved(*middle, [-600, 600], [-600, 600])
    return Box(float(lat[0]), float(lon[0]), float(lat[1]), float(lon[1]))


@pytest.fixture(scope="session")
def index(summer, box):
    plain = build_index(summer, box, 300.0, 50.0)
    return plain.with_calibration(calibrate(plain, summer, HEADED, 30))


@pytest.fixture(scope="session")
def places(middle):
    lat, lon = moved(*middle, *np.random.default_rng(3).uniform(-550, 550, (2, 10)))
    return list(zip(lat.tolist(), lon.tolist(), strict=True))
