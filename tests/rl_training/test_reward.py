"""The reward of whole investigations, made by the loop that answers users: what is rewarded is what the evaluation reports."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from agent.limits import Limits
from agent.trajectory import StopReason
from evals.metrics.values import mean_values
from evals.record import Record, Truth
from evals.rows import rows_of
from evals.run_folder import RunFolder
from rl_training.episode import WORLD_FAULTS
from rl_training.reward import DEFAULT_WEIGHTS, PARTS, RewardError, bounds_of, checked_weights, score
from rl_training.reward_parts import share_of_bits
from tests.rl_training.reward_cases import LISBON, TOKYO, Broken, Reads, answers, call, investigate, placed, reply, stated

RIGHT, WRONG = answers(38.72, -9.14), answers(*TOKYO)
READ = reply(call("read_text"))


def total(trajectory: dict[str, Any], **options: Any) -> float:
    found = score(trajectory, LISBON, **options).total
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """A sign was read, its name looked up, and the answer is right."""
    look_up = reply(call("find_place", name="Lisboa", seen_in_photo=True))
    return investigate(READ, look_up, reply(RIGHT), tools=[Reads("Rua Augusta", "Lisboa")])


def test_it_is_what_the_evaluation_says(found: dict[str, Any], tmp_path: Path) -> None:
    def never() -> Any:
        raise AssertionError("scoring opens no photo")

    folder = RunFolder(tmp_path)
    folder.begin({"benchmark": "some", "policy": "test", "settings": {}}, [Record(found["photo"], LISBON, never)])
    folder.append(found)
    rows = rows_of(folder)
    metrics = {name: float(values[0]) for name, values in mean_values(rows).items()}
    parts = score(found, LISBON).parts
    assert parts["distance"] == metrics["geoscore"] / 5000.0
    assert parts["levels"] == 4.0 * metrics["city"]
    assert parts["levels_flat"] == metrics["city"]
    assert rows[0].bits_prior is not None
    assert parts["calibration"] == share_of_bits(rows[0].bits_prior)
    assert parts["calls"] == -metrics["calls"] / found["limits"]["max_calls"]


def test_a_good_investigation_earns_nearly_all(found: dict[str, Any]) -> None:
    reward = score(found, LISBON)
    assert reward.parts["format"] == 1.0
    assert reward.parts["evidence"] == pytest.approx(1.0, abs=0.01)
    assert reward.total == pytest.approx(math.fsum(w * (reward.parts[name] or 0.0) for name, w in DEFAULT_WEIGHTS.items()))
    assert 0.9 < total(found) < 1.0
    assert bounds_of() == pytest.approx((0.0, 1.0))


def test_better_investigations_earn_more(found: dict[str, Any]) -> None:
    guessed = total(investigate(reply(RIGHT)))
    country = total(investigate(reply(answers(41.15, -8.61))))
    nothing = total(investigate(reply(call("answer", cannot_tell=True))))
    wrong = total(investigate(reply(WRONG)))
    lost = total(investigate("hm"))
    assert total(found) > guessed > country > nothing > wrong > lost == 0.0


def test_the_weights_do_what_they_say() -> None:
    right, wrong = (total(stated(*point, 25.0, 0.95)) for point in ((38.7223, -9.1393), TOKYO))
    nothing = total(investigate(reply(call("answer", cannot_tell=True))))
    assert nothing == pytest.approx(0.16, abs=0.005)
    assert wrong == pytest.approx(0.12, abs=0.005)
    assert 0.1 * right + 0.9 * wrong > nothing


@pytest.mark.parametrize("words", ["It is <answer>38.72, -9.14</answer>.", "<think>35.6895, 139.6917?</think> 38.7223, -9.1393"])
def test_an_answer_in_words_is_an_answer(words: str) -> None:
    parts = score(investigate(words), LISBON).parts
    assert (parts["levels"], parts["format"]) == (4.0, 1.0)


def test_of_two_answers_the_first_counts() -> None:
    for first, second, right in ((TOKYO, (38.7223, -9.1393), 0.0), ((38.7223, -9.1393), TOKYO, 4.0)):
        both = "<answer>{:.4f}, {:.4f} or {:.4f}, {:.4f}</answer>".format(*first, *second)
        assert score(investigate(both), LISBON).parts["levels"] == right
    calls = investigate(reply(WRONG, RIGHT))
    assert score(calls, LISBON).parts["levels"] == (4.0 if calls["answer"]["country"] == "PT" else 0.0), (
        "the one that the loop took"
    )


def test_an_answer_in_a_broken_call_is_what_the_loop_makes_of_it() -> None:
    cut = '<tool_call>{"name": "answer", "arguments": {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 5'
    assert score(investigate(cut), LISBON).parts["levels"] == 4.0, "repaired, as for users"
    other = investigate('<tool_call>{"name": "zoom", "arguments": "38.7223, -9.1393"</tool_call>', reply(WRONG))
    parts = score(other, LISBON).parts
    assert parts["levels"] == 0.0, "coordinates in a call of another tool are no answer"
    assert parts["format"] == pytest.approx(2 / 3)
    assert score(investigate("<tool_call>38.7223, -9.1393", reply(WRONG)), LISBON).parts["levels"] == 0.0


@pytest.mark.parametrize(("lat", "lon"), [(math.nan, -9.14), (38.72, math.inf), (91.0, -9.14), (38.72, 181.0)])
def test_an_answer_off_the_earth_is_refused_and_costs_form(lat: float, lon: float) -> None:
    parts = score(investigate(reply(answers(lat, lon)), reply(RIGHT)), LISBON).parts
    assert parts["levels"] == 4.0
    assert parts["format"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("bad", "expected"), [
    (reply(call("teleport")), 2 / 3), (reply(call("find_place")), 2 / 3), (reply(call("find_place", name="Porto", colour="red")), 2 / 3),
    ("Let me think.", 2 / 3), (reply(call("estimate")), 1.0), (reply(call("read_text"), call("teleport")), 2 / 3),
])  # fmt: skip
def test_form_is_the_share_of_good_replies(bad: Any, expected: float) -> None:
    trajectory = investigate(bad, reply(RIGHT), tools=[Broken(), Reads()])
    assert score(trajectory, LISBON).parts["format"] == pytest.approx(expected), "a fault of the world is none of the policy's"


def test_a_run_that_a_cap_ended_has_no_answer() -> None:
    trajectory = investigate(READ, tools=[Reads("Lisboa")], limits=Limits(max_turns=3))
    assert (trajectory["stop"], trajectory["answer"]["country"]) == ("max_turns", "PT"), "the belief has an answer of its own"
    parts = score(trajectory, LISBON).parts
    assert [parts[name] for name in ("levels", "distance", "distance_steps", "calibration", "evidence")] == [0.0] * 5
    assert parts["format"] == 0.5, "two good replies, one that asks instead of answering, and no answer"
    assert total(trajectory) == pytest.approx(0.05)
    counted = score(trajectory, LISBON, unfinished_counts=True)
    assert counted.parts["levels"] in {1.0, 2.0, 4.0}
    assert counted.parts["format"] == 0.5


def test_a_guess_counts_only_where_that_is_asked_for() -> None:
    trajectory = {**stated(38.72, -9.14, 20.0, 0.9), "answer": None, "stop": "cannot_tell"}
    assert score(trajectory, LISBON).parts["levels"] == 0.0
    forced = score(trajectory, LISBON, guess_counts=True).parts
    assert forced["levels"] == 4.0
    assert (forced["calibration"] or 0.0) > 0.5


@pytest.mark.parametrize("stop", [reason.value for reason in StopReason if reason.failed])
def test_a_world_that_failed_gives_no_verdict(stop: str) -> None:
    assert stop in WORLD_FAULTS
    for trajectory in ({"version": 1, "stop": stop, "error": "gone", "answer": None}, placed((38.72, -9.14), stop)):
        reward = score(trajectory, LISBON)
        assert reward.total is None
        assert dict(reward.parts) == dict.fromkeys(PARTS)


def test_the_rollout_may_know_better_how_it_ended(found: dict[str, Any]) -> None:
    assert score(found, LISBON, end="world_error").total is None
    assert score(found, LISBON, end="answered") == score(found, LISBON)
    assert score(found, LISBON, end="no_eos").parts["levels"] == 0.0


def test_a_part_without_a_verdict_takes_the_total_with_it() -> None:
    unreadable = {**placed((38.72, -9.14)), "ledger": [{"call": "answer"}]}
    assert score(unreadable, LISBON).parts["calibration"] is None
    assert score(unreadable, LISBON).total is None
    assert score(unreadable, LISBON, {"distance": 1.0}).total == pytest.approx(1.0, abs=1e-3)


def test_a_part_that_does_not_apply_is_left_out() -> None:
    nameless, nowhere = Truth(38.7223, -9.1393), Truth(None, None, "PT", "Lisbon", "Lisbon")
    trajectory = stated(38.7223, -9.1393, 20.0, 0.9)
    assert score(trajectory, nameless).parts["levels"] is None
    assert score(trajectory, nameless, {"levels": 1.0, "distance": 1.0}).total == pytest.approx(1.0, abs=1e-2)
    assert [score(trajectory, nowhere).parts[name] for name in ("distance", "distance_steps", "calibration")] == [None] * 3
    assert score(trajectory, nowhere, {"levels": 1.0, "distance": 1.0}).total == 4.0
    assert score(trajectory, nowhere, {"distance": 1.0}).total is None


def test_the_same_trajectory_has_the_same_reward(found: dict[str, Any]) -> None:
    assert score(found, LISBON) == score(found, LISBON)


@pytest.mark.parametrize(("weights", "says"), [
    ({"levles": 1.0}, "no part of the reward is called 'levles'; the parts are levels, levels_flat, distance"),
    ({"levels": math.nan}, "finite"), ({"levels": "1"}, "finite"), ({"levels": True}, "finite"), ({"levels": 0.0}, "teaches nothing"),
])  # fmt: skip
def test_weights_that_mean_nothing_get_one_line(weights: dict[str, Any], says: str) -> None:
    with pytest.raises(RewardError, match=says) as raised:
        score(placed(None), LISBON, weights)
    assert "\n" not in str(raised.value)


def test_weights_replace_the_defaults_and_none_are_the_defaults() -> None:
    assert checked_weights({}) == checked_weights(None) == dict(DEFAULT_WEIGHTS)
    assert score(placed((38.72, -9.14)), LISBON, {"levels": 0.5, "calls": 0}).total == 2.0
    assert bounds_of({"levels": 0.5, "calls": 2.0}) == (-2.0, 2.0)
    assert bounds_of({"levels": -1.0}) == (-4.0, 0.0)


@pytest.mark.parametrize(
    "damaged", [{}, [], {"stop": "answered"}, {**placed(None), "answer": 7}, {**placed(None), "answer": {"lat": "x"}}]
)
def test_what_is_no_trajectory_gets_one_line(damaged: Any) -> None:
    with pytest.raises(RewardError, match="not a finished trajectory"):
        score(damaged, LISBON)


@pytest.mark.parametrize("point", [(math.nan, 0.0), (0.0, math.inf), (95.0, 0.0), (None, 3.0)])
def test_a_truth_off_the_earth_is_refused(point: tuple[Any, Any]) -> None:
    with pytest.raises(RewardError, match="nowhere on the Earth"):
        score(placed(None), Truth(*point))


def test_every_part_is_described() -> None:
    assert all(part.description.endswith(".") and part.bounds[0] < part.bounds[1] for part in PARTS.values())
    assert set(DEFAULT_WEIGHTS) <= set(PARTS)
