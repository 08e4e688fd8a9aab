from __future__ import annotations

from typing import Any

import pytest

from models.geocells.settings import GeocellSettings
from models.geolocator import ModelError


def test_cells_keep_their_number_as_data_grow() -> None:
    assert GeocellSettings().cell_size(5_000) == (30, 60)
    assert GeocellSettings().cell_size(100_000) == (30, 60)
    assert GeocellSettings().cell_size(4_200_000) == (1260, 2520)
    assert GeocellSettings(min_points=10).cell_size(5_000) == (10, 20)
    assert GeocellSettings(max_points=40).cell_size(5_000) == (20, 40)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0}, {"batch": -1}, {"lr": float("nan")}, {"tau_km": 0.0}, {"hidden": 1.5}, {"validation_share": 0.9},
        {"min_points": 50, "max_points": 60}, {"top_k": 0},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        GeocellSettings(**wrong)
