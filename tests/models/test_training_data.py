from __future__ import annotations

import numpy as np

from geo.sphere import haversine_km
from models.encoders.encoder import unit_rows
from models.training_data import TrainingData


def test_near_copies_go_to_the_same_side_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(-60, 60, 300), rng.uniform(-180, 180, 300)
    lat, lon = np.repeat(lat, 3), np.repeat(lon, 3)
    data = TrainingData(unit_rows(rng.normal(size=(900, 4))), lat, lon, "e", "d", "s", country=[str(i) for i in range(900)])
    train, held = data.split(0.2, seed=4)
    assert len(train) + len(held) == 900
    assert 60 < len(held) < 320
    assert {*train.country, *held.country} == {str(i) for i in range(900)}
    apart = haversine_km(train.lat[:, None], train.lon[:, None], held.lat, held.lon)
    assert float(apart.min()) > 0.0
    again = data.split(0.2, seed=4)[1]
    np.testing.assert_array_equal(again.lat, held.lat)


def test_other_rows_are_held_out_by_another_seed() -> None:
    rng = np.random.default_rng(0)
    data = TrainingData(
        unit_rows(rng.normal(size=(200, 4))), rng.uniform(-60, 60, 200), rng.uniform(-180, 180, 200), "e", "d", "s"
    )
    assert not np.array_equal(data.split(0.3, seed=1)[1].lat, data.split(0.3, seed=2)[1].lat)


def test_rows_of_zeros_stay_zeros_and_others_get_length_one() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]])
    assert rows.dtype == np.float32
