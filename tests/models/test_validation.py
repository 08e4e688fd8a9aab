from __future__ import annotations

import numpy as np
import pytest

from geo.evidence import Evidence, near
from models.validation import validate


def clue(lat: float, lon: float, reliability: float = 0.9) -> Evidence:
    return Evidence(near(lat, lon, 20.0), "here", "picture", "estimate", reliability)


def test_right_clues_win_bits_and_wrong_ones_lose_them() -> None:
    right = validate([[clue(48.2, 16.4)], [clue(-33.9, 151.2)]], np.array([48.21, -33.87]), np.array([16.37, 151.21]))
    wrong = validate([[clue(48.2, 16.4)], [clue(-33.9, 151.2)]], np.array([-33.87, 48.21]), np.array([151.21, 16.37]))
    assert right.to_json()["median_km"] < 30.0
    assert right.bits.min() > 3.0
    assert wrong.bits.max() == pytest.approx(np.log2(0.1), abs=0.05)
    assert right.to_json()["hit@200"] == 1.0
    assert wrong.to_json()["hit@2500"] == 0.0
    assert (right.held90, wrong.held90) == (1.0, 0.0)


def test_no_evidence_says_nothing() -> None:
    told = validate([[]], np.array([10.0]), np.array([10.0]))
    assert told.bits[0] == pytest.approx(0.0, abs=1e-9)


def test_no_photos_no_figures() -> None:
    with pytest.raises(ValueError, match="no photos"):
        validate([], np.zeros(0), np.zeros(0))
