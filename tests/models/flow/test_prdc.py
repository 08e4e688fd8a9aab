from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import haversine_km, lat_lon
from models.flow.prdc import Prdc, chunked_prdc, prdc
from models.flow.tangent import uniform_points

RNG = np.random.default_rng(0)
TRUE = lat_lon(uniform_points((120,), RNG))
MADE = lat_lon(uniform_points((100,), RNG))


def test_against_the_definitions_one_by_one() -> None:
    def kth(lat: np.ndarray, lon: np.ndarray, row: int) -> float:
        return float(np.sort(haversine_km(lat[row], lon[row], lat, lon))[3])

    true_radius = [kth(*TRUE, i) for i in range(120)]
    radius = [kth(*MADE, j) for j in range(100)]
    apart = [[float(haversine_km(TRUE[0][i], TRUE[1][i], MADE[0][j], MADE[1][j])) for j in range(100)] for i in range(120)]
    expected = Prdc(
        precision=np.mean([any(apart[i][j] < true_radius[i] for i in range(120)) for j in range(100)]),
        recall=np.mean([any(apart[i][j] < radius[j] for j in range(100)) for i in range(120)]),
        density=np.mean([sum(apart[i][j] < true_radius[i] for i in range(120)) / 3 for j in range(100)]),
        coverage=np.mean([min(apart[i]) < true_radius[i] for i in range(120)]),
    )
    found = prdc(*TRUE, *MADE)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))


def test_the_same_places_are_perfect_and_others_are_not() -> None:
    same = prdc(*TRUE, *TRUE)
    assert (same.precision, same.recall, same.coverage) == (1.0, 1.0, 1.0)
    lat, lon = 60.0 + RNG.random(80), RNG.random(80)
    assert prdc(lat, lon, -lat, lon) == Prdc(0.0, 0.0, 0.0, 0.0)


def test_the_antimeridian_is_no_border() -> None:
    lat, lon = RNG.normal(0.0, 3.0, 200), RNG.normal(0.0, 3.0, 200)
    made_lat, made_lon = RNG.normal(0.0, 3.0, 200), RNG.normal(0.0, 3.0, 200)
    here = prdc(lat, lon, made_lat, made_lon)
    there = prdc(lat, (lon + 360.0) % 360.0 - 180.0, made_lat, made_lon + 180.0)
    assert there.precision == pytest.approx(here.precision)
    assert there.coverage == pytest.approx(here.coverage)


def test_in_parts() -> None:
    whole = prdc(TRUE[0][:100], TRUE[1][:100], *MADE)
    assert chunked_prdc(TRUE[0][:100], TRUE[1][:100], *MADE, parts=1) == whole
    with pytest.raises(ValueError, match="more than 3"):
        chunked_prdc(TRUE[0][:100], TRUE[1][:100], *MADE, parts=40)
