"""Places for training and held-out places: no place on both sides, whatever the benchmark, on every machine."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from evals.practice.facts import cities
from evals.record import BenchmarkError, Record, Truth
from evals.splits import (
    HELD_OUT_SHARE,
    SPLITS,
    PartOf,
    of_split,
    place_keys,
    shared_places,
    split_of,
    split_of_city,
    split_of_key,
)


def record(name: str, truth: Truth) -> Record:
    return Record(name, truth, lambda: pytest.fail("nothing is opened"))


@dataclass
class Given:
    given: list[Record]
    name: str = "given"

    def records(self) -> list[Record]:
        return self.given


def test_the_split_of_a_city_never_changes() -> None:
    held_out, train = [2988507, 5128581, 1850147, 361058], [2643743, 3117735, 2267057]
    assert {split_of_city(city) for city in held_out} == {"held-out"}, "Paris, New York, Tokyo, Alexandria"
    assert {split_of_city(city) for city in train} == {"train"}, "London, Madrid, Lisbon"


def test_a_fifth_of_the_cities_is_held_out() -> None:
    held = sum(split_of_city(city) == "held-out" for city in range(1, 20_001)) / 20_000
    assert abs(held - HELD_OUT_SHARE) < 0.01
    of_world = [split_of_city(spot.id) for spots in cities().values() for spot in spots]
    assert abs(of_world.count("held-out") / len(of_world) - HELD_OUT_SHARE) < 0.03


def test_a_place_is_the_city_however_it_is_told() -> None:
    paris, montmartre, named = (
        Truth(48.8566, 2.3522),
        Truth(48.8867, 2.3431),
        Truth(country="FR", city="Paris", names={"city": "Paris"}),
    )
    assert place_keys([paris, montmartre, named]) == ["city:2988507"] * 3
    assert split_of(paris) == split_of(montmartre) == split_of(named) == split_of_city(2988507)


def test_without_a_city_the_region_counts_and_else_the_cell() -> None:
    desert, sea, region, country, nothing = place_keys(
        [Truth(26.0, 1.5), Truth(-40.2, -120.4), Truth(country="FR", region="Brittany"), Truth(country="FR"), Truth()]
    )
    assert desert is not None
    assert desert.startswith("region:DZ.")
    assert sea == "cell:-81:-241"
    assert region is not None
    assert region.startswith("region:FR.")
    assert country is None
    assert nothing is None
    assert split_of(Truth(country="FR")) is None
    assert place_keys([Truth(-40.01, -120.01), Truth(-40.49, -120.49)]) == [sea, sea]


def test_records_are_parted_without_a_rest() -> None:
    records = [record(str(spot.id), Truth(spot.lat, spot.lon)) for spots in cities().values() for spot in spots[:2]]
    parts = {split: of_split(records, split) for split in SPLITS}
    assert len(parts["train"]) + len(parts["held-out"]) == len(records)
    assert min(len(part) for part in parts.values()) > 10
    assert shared_places(parts["train"], parts["held-out"]) == []
    assert shared_places(records, parts["held-out"])
    assert of_split([record("?", Truth())], "train") == []


def test_a_part_of_a_benchmark_is_a_benchmark() -> None:
    tokyo, london = record("tokyo", Truth(35.6895, 139.6917)), record("london", Truth(51.5085, -0.1257))
    part = PartOf(Given([tokyo, london]), "held-out")
    assert part.name == "given (held-out)"
    assert part.records() == [tokyo]
    with pytest.raises(BenchmarkError, match="no split is called 'test': there are train and held-out"):
        PartOf(Given([tokyo]), "test")
    with pytest.raises(BenchmarkError, match="no record whose place is in the split train"):
        PartOf(Given([tokyo]), "train").records()


def test_keys_are_hashed_whole() -> None:
    assert {split_of_key(f"cell:{row}:0") for row in range(40)} == set(SPLITS)
