from __future__ import annotations

import numpy as np
import pytest

from models.flow.schedule import Clock, Sigmoid


def test_the_published_values() -> None:
    assert Sigmoid().gamma([0.0, 0.25, 0.5, 0.75, 1.0]) == pytest.approx([1.0, 0.989, 0.876, 0.347, 0.0], abs=5e-4)


def test_slope_and_inverse() -> None:
    schedule, t = Sigmoid(), np.linspace(0.02, 0.98, 25)
    assert schedule.slope(t) == pytest.approx((schedule.gamma(t + 1e-6) - schedule.gamma(t - 1e-6)) / 2e-6, rel=1e-5)
    assert schedule.time(schedule.gamma(t)) == pytest.approx(t)


def test_a_grid_goes_from_noise_to_data() -> None:
    grid = Sigmoid().grid(7)
    assert (len(grid), grid[0], grid[-1]) == (8, 0.0, 1.0)
    assert (np.diff(grid) > 0).all()
    with pytest.raises(ValueError, match="a step"):
        Sigmoid().grid(0)


def test_clocks() -> None:
    assert Clock(Sigmoid())(0.25) == 250.0
    assert Clock(Sigmoid(), 10.0)([0.0, 1.0]) == pytest.approx([10.0, 0.0])
    assert Clock(Sigmoid(), 10.0)(Sigmoid().gamma(0.3)) == pytest.approx(3.0)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="sigmoid"):
        Sigmoid(3.0, -7.0)
