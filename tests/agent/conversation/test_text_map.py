"""The belief as characters."""

from __future__ import annotations

import pytest

from agent.conversation.text_map import SHADES, text_map
from geo.belief import belief_from
from geo.evidence import Evidence, near


@pytest.mark.parametrize(("lat", "lon"), [(41.15, -8.61), (-17.0, 179.9), (78.2, 15.6), (0.0, 0.0)])
def test_the_best_guess_is_marked_among_the_darkest(lat: float, lon: float) -> None:
    belief = belief_from([Evidence(near([lat], [lon], [30.0], [1.0]), "here", "a", "b", 0.99, ())], prior=False)
    head, *lines = text_map(belief, {"lat": lat, "lon": lon}, width=60)
    assert "°" in head
    assert {len(line) for line in lines} == {60}
    assert 6 <= len(lines) <= 28
    (row,) = [number for number, line in enumerate(lines) if "X" in line]
    column = lines[row].index("X")
    around = lines[row][max(0, column - 2) : column + 3].replace("X", "")
    assert set(around) & set(SHADES[-3:])


def test_a_flat_belief_is_the_whole_earth() -> None:
    head, *lines = text_map(belief_from([]), {"lat": 48.0, "lon": 11.0})
    assert "-180.00° to 180.00°" in head
    assert any("·" in line for line in lines)
