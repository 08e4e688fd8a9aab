"""Which gallery photo suggested a candidate: the likest one, whatever the trajectory holds."""

from __future__ import annotations

from typing import Any

import pytest

from models.ranker.of_trajectory import names, photo_rows, pictures

STEPS = [
    {"tool": "find_similar", "data": {"hits": [{"id": "a", "similarity": 0.5}, {"id": "b", "similarity": 0.9}]}},
    {"tool": "find_similar_2", "data": {"hits": [{"id": "a", "similarity": 0.7}]}},
    {"tool": "zoom", "data": {"hits": [{"id": "z", "similarity": 1.0}]}},
]
CANDIDATES = [
    {"provenance": ["belief", "retrieval:a", "retrieval:b"], "name": "", "label": "Porto"},
    {"provenance": ["retrieval:a"], "name": "harbour", "label": "Porto"},
    {"provenance": ["policy", "retrieval:z", "retrieval:mode"]},
]


def test_the_likest_photo_stands_for_a_candidate() -> None:
    rows = photo_rows(CANDIDATES, STEPS)
    assert rows == [("find_similar", "b"), ("find_similar_2", "a"), None]
    assert pictures(rows, lambda tool, ids: {row: f"{tool}/{row}" for row in ids}) == ("find_similar/b", "find_similar_2/a", None)
    assert names(CANDIDATES) == ("Porto", "harbour", "")


@pytest.mark.parametrize(
    "step", [{}, {"tool": 5}, {"tool": "find_similar", "data": None}, {"tool": "find_similar", "data": {"hits": 3}},
             {"tool": "find_similar", "data": {"hits": [None, {"id": 5, "similarity": 1}, {"id": "a", "similarity": "x"}]}}],
)  # fmt: skip
def test_damage_suggests_nothing(step: dict[str, Any]) -> None:
    assert photo_rows([*CANDIDATES, {"provenance": 5}, {"name": 3}], [step]) == [None] * 5
