"""Which places are for training and which are held out, so that nothing is learned of a place that is asked about afterwards.

A place is the city of the gazetteer that a photo lies in (its quarters and suburbs are the same place); farther than 50 km from
any, the first-order region; where there is none, such as at sea, a cell of half a degree. A hash of the place's id decides, so
that the split of a place is the same in every benchmark, on every machine and in every version.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from evals.levels.path import paths_at
from evals.levels.target import target_of
from evals.record import Benchmark, BenchmarkError, Record, Truth
from geo.gazetteer import gazetteer
from geo.naming import CITY_AREA_KM

Split = Literal["train", "held-out"]
SPLITS: tuple[Split, ...] = get_args(Split)

HELD_OUT_SHARE = 0.2
"""Of the cities."""
CELL_DEG = 0.5


def split_of_city(geonames_id: int) -> Split:
    """The split of a city, by its GeoNames id."""
    return split_of_key(f"city:{geonames_id}")


def split_of(truth: Truth) -> Split | None:
    """The split of a place; None for a truth that names no place smaller than a country."""
    key = place_keys([truth])[0]
    return split_of_key(key) if key else None


def split_of_key(key: str) -> Split:
    """The split of a key of `place_keys`: the first 8 bytes of its SHA-256, as a share of all there are, against
    HELD_OUT_SHARE."""
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    return "held-out" if share < HELD_OUT_SHARE else "train"


def place_keys(truths: Sequence[Truth]) -> list[str | None]:
    """The places [n] of truths: `city:2988507`, `region:DZ.50`, `cell:-14:301`; None where neither a point nor a region is
    known."""
    keys = [_key_of_names(truth) if truth.lat is None or truth.lon is None else None for truth in truths]
    rows = [row for row, truth in enumerate(truths) if truth.lat is not None and truth.lon is not None]
    if rows:
        lat, lon = (np.array([getattr(truths[row], axis) for row in rows], dtype=np.float64) for axis in ("lat", "lon"))
        for row, key in zip(rows, _keys_at(lat, lon), strict=True):
            keys[row] = key
    return keys


def _keys_at(lat: np.ndarray, lon: np.ndarray) -> list[str]:
    """Keys [n] of points [n] in degrees."""
    found = gazetteer().reverse_many(lat, lon)
    keys = []
    for i in range(len(found)):
        city = int(found.place_index[i])
        if city >= 0 and float(found.distance_km[i]) <= CITY_AREA_KM:
            keys.append(f"city:{gazetteer().place(city).id}")
            continue
        region = paths_at([lat[i]], [lon[i]])[0].region_key
        row, column = (math.floor(float(axis[i]) / CELL_DEG) for axis in (found.lat, found.lon))
        keys.append(f"region:{region[0]}.{region[1]}" if region else f"cell:{row}:{column}")
    return keys


def _key_of_names(truth: Truth) -> str | None:
    target = target_of(truth)
    if target.city is not None:
        return f"city:{target.city.id}"
    return "region:" + ".".join(min(target.regions)) if target.regions else None


def of_split(records: Sequence[Record], split: str) -> list[Record]:
    """The records whose place is in a split, in their order; those without a place are in neither. Raises BenchmarkError."""
    check_split(split)
    keys = place_keys([record.truth for record in records])
    return [record for record, key in zip(records, keys, strict=True) if key and split_of_key(key) == split]


def shared_places(some: Sequence[Record], others: Sequence[Record]) -> list[str]:
    """The places that records of both lists lie in, sorted; records without a place share none."""
    one, other = ({key for key in place_keys([r.truth for r in records]) if key} for records in (some, others))
    return sorted(one & other)


def check_split(split: str) -> None:
    """Raises BenchmarkError, one line, for anything but the name of a split."""
    if split not in SPLITS:
        raise BenchmarkError(f"no split is called {split[:40]!r}: there are {' and '.join(SPLITS)}")


@dataclass
class PartOf:
    """The records of another benchmark whose places are in one split."""

    whole: Benchmark
    split: str
    _records: list[Record] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_split(self.split)

    @property
    def name(self) -> str:
        return f"{self.whole.name} ({self.split})"

    def records(self) -> Sequence[Record]:
        """Raises BenchmarkError, also where no record is in the split."""
        if not self._records:
            self._records.extend(of_split(self.whole.records(), self.split))
        if not self._records:
            raise BenchmarkError(f"{self.whole.name} has no record whose place is in the split {self.split}")
        return self._records
