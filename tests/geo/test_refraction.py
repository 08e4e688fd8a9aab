"""The sun and the air against NREL's SPA: 200 places and times computed by pvlib (`spa_positions.csv`)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from geo.moment import read_moment
from geo.refraction import apparent_altitude, true_altitude
from geo.sphere import unit_vectors
from geo.sun import days_since_j2000, sun_at, sun_vectors


@pytest.fixture(scope="module")
def spa():
    lines = (Path(__file__).parent / "spa_positions.csv").read_text().splitlines()[1:]
    rows = list(csv.DictReader(lines))
    numbers = {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key != "time"}
    return {**numbers, "days": np.array([days_since_j2000(read_moment(row["time"])) for row in rows])}


def test_altitude_with_refraction_and_azimuth_are_those_of_the_spa(spa):
    here = sun_at(spa["days"], spa["lat"], spa["lon"])
    assert len(spa["lat"]) == 200
    assert np.abs(here.altitude_deg - spa["altitude_deg"]).max() < 0.02
    seen = spa["altitude_deg"] > 0
    assert np.abs(apparent_altitude(here.altitude_deg) - spa["apparent_altitude_deg"])[seen].max() < 0.02
    off = (here.azimuth_deg - spa["azimuth_deg"] + 180) % 360 - 180
    assert np.abs(off * np.cos(np.radians(here.altitude_deg))).max() < 0.02


def test_the_air_lifts_the_sun_by_what_the_almanac_says():
    # 34.5' at the horizon by Bennett's own table, 1.0' at 45°.
    assert float(0.0 - true_altitude(0.0)) * 60 == pytest.approx(34.5, abs=0.6)
    assert float(apparent_altitude(45.0) - 45.0) * 60 == pytest.approx(1.0, abs=0.05)
    assert float(apparent_altitude(90.0)) == pytest.approx(90.0, abs=1e-4)
    low = np.linspace(-0.5, 90, 400)
    assert np.abs(true_altitude(apparent_altitude(low)) - low).max() < 0.01
    assert (np.diff(apparent_altitude(np.linspace(-30, 90, 2000))) > 0).all()


def test_sun_vectors_point_to_the_place_under_the_sun():
    days = np.array([0.0, 9000.3])
    here = sun_at(days, [12.0, -70.0], [30.0, -179.0])
    dots = np.einsum("ij,ij->i", sun_vectors(days), unit_vectors([12.0, -70.0], [30.0, -179.0]))
    assert np.degrees(np.arcsin(dots)) == pytest.approx(here.altitude_deg, abs=1e-9)
