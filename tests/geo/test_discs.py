"""The share of a disc inside a circle, against points thrown at it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.discs import disc_share


@given(st.floats(0, 30), st.floats(0.1, 10), st.floats(0.1, 20))
def test_the_lens_is_what_thrown_points_say(distance: float, disc: float, radius: float) -> None:
    rng = np.random.default_rng(0)
    angle, away = rng.uniform(0, 2 * np.pi, 20_000), disc * np.sqrt(rng.uniform(0, 1, 20_000))
    inside = np.hypot(distance + away * np.cos(angle), away * np.sin(angle)) <= radius
    assert float(disc_share(np.array([distance]), np.array([disc]), radius)[0]) == pytest.approx(float(inside.mean()), abs=0.02)


def test_the_ends_are_exact() -> None:
    distance, disc = np.array([0.0, 5.0, 0.0]), np.array([1.0, 1.0, 4.0])
    assert disc_share(distance, disc, 2.0).tolist() == pytest.approx([1.0, 0.0, 0.25])
    assert disc_share(distance, disc, 0.0).tolist() == [0.0, 0.0, 0.0]
