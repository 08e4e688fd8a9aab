"""Plans that several tests look at, thought up once."""

from __future__ import annotations

import pytest

from evals.practice import LEVELS, ScenePlan, plan_scene
from evals.sign_painting import fonts_of

SCENES = 50


@pytest.fixture(scope="session")
def plans() -> list[ScenePlan]:
    """The first scenes of each level."""
    if not fonts_of("Latin"):
        pytest.skip("no fonts are installed")
    return [plan_scene(level, 11, index) for level in LEVELS for index in range(SCENES)]
