"""Extracts built once: drawn towns in three kinds of place, and the centre of Helsinki."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools.osm.reference import Thing, read_things
from tools.osm.build import build_store
from tools.osm.drawn_town import TownSettings, write_town
from tools.osm.store import OsmStore

HELSINKI = Path(__file__).resolve().parents[3] / "examples" / "helsinki-centre.osm.pbf"


@dataclass(frozen=True)
class Built:
    source: Path
    store: OsmStore
    things: dict[tuple[str, int], Thing]


def built(folder: Path, source: Path) -> Built:
    target = folder / f"{source.name.partition('.')[0]}.osm.sqlite"
    build_store(source, target)
    return Built(source, OsmStore(target), read_things(source))


def town(folder: Path, name: str, lat: float, lon: float, elements: int = 900) -> Built:
    source = folder / f"{name}.osm.pbf"
    write_town(source, TownSettings(elements, lat, lon, seed=7))
    return built(folder, source)


@pytest.fixture(scope="session")
def north(tmp_path_factory):
    return town(tmp_path_factory.mktemp("north"), "north", 60.0, 24.0, 3_000)


@pytest.fixture(scope="session")
def antimeridian(tmp_path_factory):
    return town(tmp_path_factory.mktemp("anti"), "anti", 0.0, 180.0)


@pytest.fixture(scope="session")
def pole(tmp_path_factory):
    return town(tmp_path_factory.mktemp("pole"), "pole", 89.999, 10.0)


@pytest.fixture(scope="session")
def helsinki(tmp_path_factory):
    return built(tmp_path_factory.mktemp("helsinki"), HELSINKI)
