from __future__ import annotations

import math
import re

import numpy as np
import pytest

from geo.belief import Belief
from geo.evidence import Evidence, Regions
from geo.gazetteer import gazetteer
from models.concepts import table
from models.concepts.table import prior_share, regional_classes


def known_keys() -> set[str]:
    earth = gazetteer()
    return set(earth.countries) | {f"{country}.{code}" for country, code in earth._region_number}


def test_rows_are_of_imagenet_classes_in_order():
    classes = list(regional_classes().values())
    assert len(classes) > 150
    assert all(0 <= row.index < 1000 for row in classes)
    assert [row.index for row in classes] == sorted({row.index for row in classes})
    # ImageNet's classes stand in the order of their WordNet ids.
    ids = [row.wordnet for row in classes]
    assert all(re.fullmatch(r"n\d{8}", wordnet) for wordnet in ids)
    assert ids == sorted(set(ids))
    assert len({row.name for row in classes}) == len(classes)


def test_rows_name_known_regions_and_a_source():
    known = known_keys()
    for row in regional_classes().values():
        assert set(row.weights) <= known, row.name
        assert all(0.0 < weight <= 1.0 for weight in row.weights.values())
        assert row.lift in {3.0, 10.0, 30.0, 100.0, 1000.0}
        assert row.source.startswith("Wikipedia: ")
        assert row.shown.strip() == row.shown != ""


def test_groups_are_used_known_and_sourced():
    rows = table._rows("regions")
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names)
    used = {item.partition(":")[0] for row in table._rows("concepts") for item in row["regions"].split()}
    assert set(names) <= used
    known = known_keys()
    for row in rows:
        keys = [item.partition(":")[0] for item in row["keys"].split()]
        assert set(keys) <= known, row["name"]
        assert len(set(keys)) == len(keys), row["name"]
        assert row["source"]


def test_dogs_are_no_evidence():
    assert not any(151 <= index <= 268 for index in regional_classes())


@pytest.mark.parametrize(("index", "name", "wordnet", "home", "abroad"), [
    (104, "wallaby", "n01877812", "AU", "BR"),
    (345, "ox", "n02403003", "IN", "SE"),
    (537, "dogsled", "n03218198", "FI", "BR"),
    (576, "gondola", "n03447447", "IT.20", "IT"),
    (668, "mosque", "n03788195", "TR", "NO"),
    (832, "stupa", "n04346328", "LK", "US"),
    (853, "thatch", "n04417672", "TZ", "CA"),
    (915, "yurt", "n04613696", "MN", "BR"),
    (973, "coral reef", "n09256479", "MV", "MN"),
])  # fmt: skip
def test_well_known_classes(index: int, name: str, wordnet: str, home: str, abroad: str):
    row = regional_classes()[index]
    assert (row.name, row.wordnet) == (name, wordnet)
    assert row.weights[home] == 1.0
    assert abroad not in row.weights


def test_groups_and_keys_are_joined_by_the_larger_weight():
    groups = {"a": {"PT": 0.5, "ES": 1.0}, "b": {"PT": 0.4}}
    assert table._weights("a:0.5 b FR", groups) == {"PT": 0.4, "ES": 0.5, "FR": 1.0}


@pytest.mark.parametrize("text", ["", "PT:2", "PT:-1", "PT:nan"])
def test_impossible_weights_are_refused(text: str):
    with pytest.raises(ValueError, match="weight"):
        table._weights(text, {})


@pytest.mark.parametrize("index", [915, 576, 970])
def test_prior_share_is_the_mean_that_a_belief_takes(index: int):
    evidence = Evidence(Regions(regional_classes()[index].weights), "", "s", "estimate", 0.5)
    mean = Belief.start().update(evidence).clues.means[0]
    assert math.isclose(prior_share(index), mean, rel_tol=0.05)


def test_prior_shares_leave_room_on_both_sides():
    shares = np.array([prior_share(index) for index in (9, 103, 145, 497, 915, 973)])
    assert (shares > 1e-4).all()
    assert (shares < 0.7).all()
