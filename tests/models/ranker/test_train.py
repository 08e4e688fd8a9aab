"""A ranker learns what tells the distance, the same way every time, and says how sure it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.geolocator import ModelError
from models.model_folder import read_card
from models.ranker.accuracy import accuracy, at_random, by_belief, by_scores, oracle
from models.ranker.calibrate import fit_temperature, fit_within, log_softmax, within
from models.ranker.lists import RankingData
from models.ranker.network import backward, first_weights, forward, scores_of
from models.ranker.ranker import Ranker
from models.ranker.scorer import CandidateScorer
from models.ranker.settings import RankerSettings
from models.ranker.train import train
from tests.models.ranker.world import data

SETTINGS = RankerSettings(hidden=8, epochs=25, lr=0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranker") / "r"


@pytest.fixture(scope="module")
def ranker(folder: Path) -> Ranker:
    return train(data(), SETTINGS, folder)


def test_it_ranks_new_lists_better_than_the_belief(ranker: Ranker) -> None:
    lists = data(200, seed=9).lists
    choosers = {"ranker": by_scores(lambda one: ranker.scores(one.candidates, one.belief)), "belief": by_belief, "random": at_random,
                "oracle": oracle}  # fmt: skip
    got = {name: accuracy(lists, choose)["accuracy@200"] for name, choose in choosers.items()}
    assert got["random"] < got["ranker"] <= got["oracle"]
    assert got["ranker"] > got["belief"] + 0.15


def test_candidates_in_another_order_get_their_own_scores_to_the_last_bit(ranker: Ranker) -> None:
    rng = np.random.default_rng(1)
    for one in data(20, seed=4).lists:
        order = rng.permutation(len(one))
        mixed = [one.candidates[i] for i in order]
        assert (ranker.scores(mixed, one.belief) == ranker.scores(one.candidates, one.belief)[order]).all()


def test_probabilities_are_honest_on_new_lists(ranker: Ranker) -> None:
    lists = data(400, seed=11).lists
    ranked = [ranker.rank(one.candidates, one.belief) for one in lists]
    assert all(r.nearest.sum() == pytest.approx(1.0) for r in ranked)
    top, right = (np.array(v) for v in zip(*[(r.nearest.max(), r.nearest.argmax() == one.distance_km.argmin()) for r, one in zip(ranked, lists, strict=True)], strict=True))  # fmt: skip
    assert top.mean() == pytest.approx(right.mean(), abs=0.08)
    p = np.concatenate([r.within25 for r in ranked])
    near = np.concatenate([one.distance_km for one in lists]) < 25.0
    assert p.mean() == pytest.approx(near.mean(), abs=0.06)
    assert ((p - near) ** 2).mean() < near.mean() * (1 - near.mean())


def test_the_temperature_divides_the_scores(ranker: Ranker) -> None:
    one = data(1, seed=5).lists[0]
    for temperature in (0.5, 4.0):
        warm = replace(ranker, temperature=temperature)
        assert warm.scores(one.candidates, one.belief) == pytest.approx(ranker.raw_scores(one.features) / temperature)


def test_margins(ranker: Ranker) -> None:
    one = data(1, seed=5).lists[0]
    ranking = ranker.rank(one.candidates, one.belief)
    first, second = np.sort(ranking.nearest)[::-1][:2]
    assert ranking.margin == pytest.approx(np.log(first / second))
    assert ranking.order[0] == ranking.nearest.argmax()
    alone = ranker.rank(one.candidates[:1], one.belief)
    assert alone.margin is None
    assert alone.nearest.tolist() == [1.0]
    with pytest.raises(ModelError, match="no candidate"):
        ranker.rank([])


def test_training_again_gives_the_same_numbers(ranker: Ranker, folder: Path, tmp_path: Path) -> None:
    again = train(data(), SETTINGS, tmp_path / "r")
    assert all((again.weights[name] == part).all() for name, part in ranker.weights.items())
    assert read_card(tmp_path / "r") == read_card(folder)


def test_the_card_says_what_it_gained(folder: Path, ranker: Ranker) -> None:
    card = read_card(folder)
    assert card["held_out"]["oracle"]["accuracy@25"] >= card["held_out"]["ranker"]["accuracy@25"]
    assert card["settings"]["weight"] == 0.7
    assert ranker.learned_from(["photo 3", "photo 299", "another"]) == 2
    assert ranker.lacking([replace(c, parts={}) for c in data(1).lists[0].candidates]) == ("belief", "learned", "policy")
    assert "300 lists" in ranker.rests_on()


def test_it_is_a_scorer(ranker: Ranker) -> None:
    scorer: CandidateScorer = ranker
    one = data(1).lists[0]
    assert scorer.scores(one.candidates, one.belief).shape == (len(one),)


def test_what_never_varied_in_training_says_nothing_later(ranker: Ranker) -> None:
    one = data(1).lists[0]
    more = [replace(c, parts={**(c.parts or {}), "similarity": float(i)}) for i, c in enumerate(one.candidates)]
    assert (ranker.scores(more, one.belief) == ranker.scores(one.candidates, one.belief)).all()


@pytest.mark.parametrize("objective", ["nearest", "distance"])
@pytest.mark.parametrize("hidden", [0, 4])
def test_other_objectives_and_a_linear_ranker(objective: str, hidden: int, tmp_path: Path) -> None:
    model = train(data(120), replace(SETTINGS, objective=objective, hidden=hidden, epochs=10), tmp_path / "r")
    lists = data(100, seed=9).lists
    chosen = accuracy(lists, by_scores(lambda one: model.scores(one.candidates, one.belief)))
    assert chosen["accuracy@750"] > accuracy(lists, at_random)["accuracy@750"]


@pytest.mark.parametrize("hidden", [0, 5])
def test_gradients_of_the_network(hidden: int) -> None:
    rng = np.random.default_rng(0)
    weights = {name: part + rng.normal(size=part.shape) * 0.1 for name, part in first_weights(hidden, 0).items()}
    x = rng.normal(size=(6, len(weights["in"] if hidden else weights["out"])))
    want = rng.normal(size=6)
    found = backward(weights, x, forward(weights, x)[1], want)
    for name, part in weights.items():
        at = tuple(rng.integers(0, size) for size in part.shape)
        values = []
        for sign in (1, -1):
            moved = {**weights, name: part.copy()}
            moved[name][at] += sign * 1e-6
            values.append(float(forward(moved, x)[0] @ want))
        assert found[name][at] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-6)
    assert scores_of(weights, x) == pytest.approx(forward(weights, x)[0])


def test_temperature_and_curve_find_what_made_the_data() -> None:
    rng = np.random.default_rng(2)
    scores = [rng.normal(0, 3, 6) for _ in range(1500)]
    far = []
    for s in scores:
        truth = rng.choice(6, p=np.exp(log_softmax(s / 2.5)))
        far.append(np.where(np.arange(6) == truth, 1.0, 900.0))
    temperature = fit_temperature(scores, far)
    assert temperature == pytest.approx(2.5, rel=0.15)
    logs = [log_softmax(s / temperature) for s in scores]
    p = within(np.concatenate(logs), *fit_within(logs, far))
    assert p.mean() == pytest.approx(1 / 6, abs=0.01)
    assert fit_within([np.array([-1.0, -2.0])] * 9, [np.array([900.0, 1.0])] * 9)[0] == 0.0, "the slope is never negative"
    assert all(np.isfinite(fit_within([np.array([-1.0, -2.0])], [np.array([9000.0, 9000.0])])))


def test_data_that_nothing_can_be_learned_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="at least 20"):
        train(data(10), SETTINGS, tmp_path)
    one = data(1).lists[0]
    with pytest.raises(ModelError, match="too few places"):
        train(RankingData([one] * 30, "one place"), SETTINGS, tmp_path)


@pytest.mark.parametrize(
    "damage",
    [{"kind": "flow"}, {"features": []}, {"temperature": 0.0}, {"within": [1.0]}, {"within": "ab"}, {"temperature": None}],
)
def test_a_damaged_card_gives_one_line(damage: dict[str, Any], ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, **damage}))
    with pytest.raises(ModelError) as error:
        Ranker.load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [np.zeros(3), np.full(8, np.nan), np.zeros(8, np.int64)])
def test_damaged_weights_give_one_line(damage: np.ndarray, ranker: Ranker, tmp_path: Path) -> None:
    replace(ranker, weights={**ranker.weights, "out": damage}).save(tmp_path)
    with pytest.raises(ModelError, match="weight_out"):
        Ranker.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"objective": "x"},
        {"k": 0},
        {"hidden": True},
        {"weight": 1.5},
        {"lr": float("nan")},
        {"validation_share": 0.9},
        {"epochs": 1.5},
    ],
)
def test_settings_are_checked(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        RankerSettings(**change)
