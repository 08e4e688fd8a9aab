from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.belief import belief_from
from geo.evidence import Evidence, Regions, clue_on
from models.concepts import concepts as module
from models.concepts.concepts import (
    LEAST_RELIABLE,
    MOST,
    MOST_RELIABLE,
    SOURCE,
    SURE,
    TEMPERATURE,
    concepts_of,
    evidence_for,
    evidence_of,
    probabilities,
)
from models.concepts.table import prior_share, regional_classes
from models.geolocator import ModelError

YURT, MOSQUE, PALACE, BEAGLE = 915, 668, 698, 162
ULAANBAATAR, BRASILIA = (47.92, 106.92), (-15.79, -47.88)


def logits_with(shares: dict[int, float]) -> np.ndarray:
    """Logits whose calibrated probabilities are these, the rest spread evenly over the other classes."""
    rest = (1.0 - sum(shares.values())) / (1000 - len(shares))
    p = np.full(1000, rest)
    for index, share in shares.items():
        p[index] = share
    return np.log(p) * TEMPERATURE


def support(item: Evidence, place: tuple[float, float]) -> float:
    """Density at a place over the prior's after one piece of evidence."""
    return float(2.0 ** belief_from([item]).support_bits(0, *place))


def test_probabilities_are_a_softmax_with_the_temperature():
    logits = np.linspace(-3.0, 5.0, 1000)
    slow = [math.exp(v / TEMPERATURE) for v in logits]
    np.testing.assert_allclose(probabilities(logits), np.array(slow) / sum(slow), rtol=1e-12)
    np.testing.assert_allclose(probabilities(logits + 1e4), probabilities(logits), rtol=1e-9)
    assert probabilities(np.where(np.arange(1000) == 7, 1e308, -1e308))[7] == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_no_numbers_are_refused(bad: float):
    logits = np.zeros(1000)
    logits[3] = bad
    with pytest.raises(ModelError, match="finite"):
        evidence_of(logits)


@pytest.mark.parametrize("shape", [(0,), (999,), (1001,), (1, 1000), (1000, 1)])
def test_another_number_of_classes_is_refused(shape: tuple[int, ...]):
    with pytest.raises(ModelError, match="1000 classes"):
        concepts_of(np.zeros(shape))


def test_a_yurt_speaks_for_mongolia():
    (item,) = evidence_of(logits_with({YURT: 0.82}), view="v2")
    assert item.claim.startswith("the picture shows a yurt (82 %): Kazakhstan, Kyrgyzstan, Mongolia")
    assert item.claim.endswith(" and parts of China, Russia")
    assert (item.source, item.tool) == (SOURCE, "estimate")
    assert item.citations == ("ImageNet classifier", "Wikipedia: Yurt", "v2")
    assert support(item, ULAANBAATAR) > 5.0
    assert 0.4 < support(item, BRASILIA) < 1.0


def test_a_concept_of_one_region_names_its_country_in_part():
    (item,) = evidence_of(logits_with({576: 0.9}))
    assert item.claim == "the picture shows a gondola (90 %): parts of Italy"


def test_the_reliability_gives_back_the_lift():
    # A concept seen for certain: how much likelier Mongolia (weight 1) gets than Brazil (weight 0) is the lift, formula of the module.
    (concept,) = concepts_of(logits_with({YURT: 0.9}))
    r, mean = concept.regional, prior_share(YURT)
    assert math.isclose((r / mean + 1.0 - r) / (1.0 - r), concept.lift, rel_tol=1e-9)
    (item,) = evidence_for([replace(concept, probability=1.0)])
    assert math.isclose(item.reliability, r, rel_tol=1e-12)
    assert math.isclose(support(item, ULAANBAATAR) / support(item, BRASILIA), concept.lift, rel_tol=0.05)


def test_two_concepts_are_the_mixture_of_both_and_none():
    shares = {MOSQUE: 0.4, PALACE: 0.25}
    items = evidence_of(logits_with(shares))
    assert [item.claim.split(" (")[0] for item in items] == ["the picture shows a mosque", "the picture shows a palace"]
    assert {item.source for item in items} == {SOURCE}
    belief = belief_from(items)
    cells = belief.cells
    slow = np.full(len(cells), 1.0 - sum(shares.values()))
    for index, share in shares.items():
        row, mean = regional_classes()[index], prior_share(index)
        w = clue_on(Regions(row.weights), cells)
        slow += share * (1.0 + (row.lift - 1.0) * w) / (1.0 + (row.lift - 1.0) * mean)
    np.testing.assert_allclose(belief.mass, belief.reference * slow / (belief.reference @ slow), rtol=0.03)


def test_no_evidence_where_nothing_regional_is_sure():
    assert evidence_of(np.zeros(1000)) == ()
    assert evidence_of(logits_with({BEAGLE: 0.95})) == ()
    assert evidence_of(logits_with({YURT: 0.9 * SURE})) == ()
    assert evidence_for([]) == ()


def test_at_most_three_the_likeliest_first():
    shares = {YURT: 0.21, MOSQUE: 0.24, PALACE: 0.23, 832: 0.22}
    found = concepts_of(logits_with(shares))
    assert [concept.index for concept in found] == [MOSQUE, PALACE, 832]
    assert len(found) == MOST
    np.testing.assert_allclose([concept.probability for concept in found], [0.24, 0.23, 0.22], rtol=1e-9)
    assert [concept.index for concept in concepts_of(logits_with(shares), most=1)] == [MOSQUE]


def test_a_clue_that_says_too_little_does_not_count_among_the_averaged():
    yurt, mosque = concepts_of(logits_with({YURT: 0.5, MOSQUE: 0.3}))
    weak = replace(mosque, lift=1.001)
    assert mosque.regional > LEAST_RELIABLE > weak.probability * weak.regional
    assert evidence_for([yurt, weak]) == evidence_for([yurt])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-30.0, 30.0), min_size=3, max_size=3), st.lists(st.sampled_from(sorted(regional_classes())), min_size=3, max_size=3))  # fmt: skip
def test_any_logits_give_weak_evidence_that_can_be_saved(heights: list[float], indices: list[int]):
    logits = np.zeros(1000)
    logits[indices] = heights
    items = evidence_of(logits)
    assert len(items) <= MOST
    for item in items:
        assert 0.0 < item.reliability <= MOST_RELIABLE
        assert "\n" not in item.claim
        assert Evidence.from_json(json.loads(json.dumps(item.to_json()))) == item


def test_float32_logits_of_a_network_are_read():
    logits = logits_with({YURT: 0.7}).astype(np.float32)
    assert math.isclose(concepts_of(logits)[0].probability, 0.7, rel_tol=1e-4)
    assert module.evidence_of(logits)
