"""A drawn town with what is in it, and the centre of Helsinki, built once; questions made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.place_questions.make import make_questions
from evals.place_questions.question import PlaceQuestion
from evals.place_questions.spot import random_spots
from tools.osm.build import build_store
from tools.osm.drawn_town import TownSettings, write_town
from tools.osm.store import OsmStore

HELSINKI = Path(__file__).resolve().parents[3] / "examples" / "helsinki-centre.osm.pbf"
RADIUS_M = 200.0


@pytest.fixture(scope="session")
def town(tmp_path_factory) -> OsmStore:
    folder = tmp_path_factory.mktemp("town")
    write_town(folder / "town.osm.pbf", TownSettings(1_800, seed=7))
    build_store(folder / "town.osm.pbf", folder / "town.osm.sqlite")
    return OsmStore(folder / "town.osm.sqlite")


@pytest.fixture(scope="session")
def helsinki(tmp_path_factory) -> OsmStore:
    target = tmp_path_factory.mktemp("helsinki") / "helsinki.osm.sqlite"
    build_store(HELSINKI, target)
    return OsmStore(target)


@pytest.fixture(scope="session")
def of_town(town) -> tuple[PlaceQuestion, ...]:
    spots = random_spots(town, 20, 1.1 * RADIUS_M, 3).spots
    return make_questions(spots, 120, town, radius_m=RADIUS_M, seed=3).questions


@pytest.fixture(scope="session")
def of_helsinki(helsinki) -> tuple[PlaceQuestion, ...]:
    spots = random_spots(helsinki, 12, 1.1 * RADIUS_M, 3).spots
    return make_questions(spots, 140, helsinki, radius_m=RADIUS_M, seed=3).questions
