"""The table of regional ImageNet classes: which countries a picture of a yurt, a stupa or a wallaby speaks for, and how much.

`concepts.csv` names classes, `regions.csv` the groups of countries that it refers to. `lift` is how many times more often a
photo shows the concept where its weight is 1 than where it is 0; `README.md` says how both were chosen.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from geo.evidence import Regions, clue_on
from geo.reference import start_of

CLASSES = 1000
"""ImageNet's classes of 2012, in the order of their WordNet ids."""


@dataclass(frozen=True, eq=False)
class RegionalClass:
    """One row of the table."""

    index: int
    """Of the class, 0 to 999."""
    wordnet: str
    """Its WordNet 3.0 id: `n04613696`."""
    name: str
    """ImageNet's first name for it: `yurt`."""
    shown: str
    """The same in a sentence: `a yurt`, `skis`."""
    weights: Mapping[str, float]
    """How common the concept is, in (0, 1], by country (`MN`) or region (`CN.20`); what is not named has the weight 0."""
    lift: float
    """How many times likelier a photo shows it where the weight is 1 than where it is 0."""
    source: str
    """The article that gives the range."""
    note: str
    """What is taken for it, and where else it is found."""


@cache
def regional_classes() -> Mapping[int, RegionalClass]:
    """The table by class index. Raises ValueError with the row where it is not well formed."""
    groups = {row["name"]: _pairs(row["keys"]) for row in _rows("regions")}
    table: dict[int, RegionalClass] = {}
    for row in _rows("concepts"):
        index, lift = int(row["index"]), float(row["lift"])
        if index in table or not 0 <= index < CLASSES or not lift > 1.0:
            raise ValueError(f"concepts.csv: the row of class {index} is there twice, or its index or lift is not possible")
        weights = _weights(row["regions"], groups)
        table[index] = RegionalClass(index, row["wordnet"], row["name"], row["shown"], weights, lift, row["source"], row["note"])
    return table


@cache
def prior_share(index: int) -> float:
    """Mean weight of a class under the photo prior: the share of photos taken where the concept is at home."""
    cells, reference = start_of(True, None)
    return float(reference @ clue_on(Regions(regional_classes()[index].weights), cells))


def _rows(name: str) -> list[dict[str, str]]:
    """The rows of `<name>.csv`, by the names of its first line that is no comment."""
    text = files("models.concepts").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("# ")]
    return list(csv.DictReader(lines, strict=True))


def _pairs(text: str) -> dict[str, float]:
    """`MN KZ:0.6` as weights; what has no number weighs 1."""
    return {key: float(value or 1.0) for key, _, value in (item.partition(":") for item in text.split())}


def _weights(text: str, groups: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Weights by country and region of groups and keys, each times its own weight; the larger one counts."""
    weights: dict[str, float] = {}
    for name, scale in _pairs(text).items():
        for key, weight in groups.get(name, {name: 1.0}).items():
            weights[key] = max(weights.get(key, 0.0), weight * scale)
    if not weights or not all(np.isfinite(w) and 0.0 < w <= 1.0 for w in weights.values()):
        raise ValueError(f"concepts.csv: {text!r} holds a weight that is not in (0, 1]")
    return weights
