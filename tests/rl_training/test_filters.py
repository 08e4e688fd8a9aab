"""Each filter lets a sound trajectory pass and names what is wrong with another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evals.record import Truth
from rl_training.filters import (
    Duplicates,
    FilterError,
    answer_filter,
    citations_hold,
    ended_by_an_answer,
    kind_of,
    messages_digest,
    no_dead_turns,
    reason_against,
    right_answer,
    standard_filters,
    within_tokens,
)
from rl_training.leaks import no_leak
from tests.rl_training.traces_made import PORTO, record, trajectory

LISBON = {"lat": 38.7169, "lon": -9.1399, "country": "PT", "country_name": "Portugal", "region": "Lisbon", "city": "Lisbon"}


def test_a_sound_trajectory_passes_all() -> None:
    assert reason_against(trajectory(), record(), standard_filters("right", lambda t, r: 100, 200)) is None


# -- the end and the answer


@pytest.mark.parametrize(
    ("stop", "reason"),
    [("answered", None), ("cannot_tell", None), ("max_turns", "no answer: max_turns"), ("no_answer", "no answer: no_answer"),
     ("policy_error", "failed: policy_error"), ("photo_error", "failed: photo_error")],
)  # fmt: skip
def test_it_must_end_by_an_answer(stop: str, reason: str | None) -> None:
    assert ended_by_an_answer(trajectory(stop=stop), record()) == reason


@pytest.mark.parametrize(
    ("keep", "answer", "reason"),
    [
        ("right", None, "wrong: the city"),
        ("right", LISBON, "wrong: the city"),
        ("all", None, None),
        ("level:country", LISBON, None),
        ("level:region", LISBON, "wrong: the region"),
        ("within:300", LISBON, None),
        ("within:100", LISBON, "wrong: 275 km away"),
        ("within:100", None, "wrong: no answer"),
    ],
)
def test_the_answer_must_be_as_asked(keep: str, answer: dict[str, Any] | None, reason: str | None) -> None:
    assert answer_filter(keep)(trajectory(answer=answer), record()) == reason
    assert answer_filter(keep)(trajectory(), record()) is None


def test_right_is_what_the_photo_can_tell() -> None:
    told = record(columns={"finest": "country"})
    assert right_answer(trajectory(answer=LISBON), told) is None
    spain = {**LISBON, "lat": 40.4168, "lon": -3.7038, "country": "ES"}
    assert right_answer(trajectory(answer=spain), told) == "wrong: the country"
    only_country = record(truth=Truth(country="PT", names={"country": "Portugal"}))
    assert right_answer(trajectory(answer=LISBON), only_country) is None
    only_point = record(truth=Truth(41.15794, -8.62911))
    assert right_answer(trajectory(), only_point) is None
    assert right_answer(trajectory(answer=LISBON), only_point) == "wrong: 275 km away"


def test_without_a_truth_there_is_no_verdict() -> None:
    unknown = record(truth=Truth())
    assert right_answer(trajectory(), unknown) == "no verdict: the truth has no coordinates"
    assert answer_filter("level:city")(trajectory(), unknown) == "no verdict: the truth does not say the city"


@pytest.mark.parametrize("keep", ["", "wrong", "right:25", "within", "within:-1", "within:nan", "within:inf", "level:street"])
def test_what_cannot_be_kept_is_named(keep: str) -> None:
    with pytest.raises(FilterError, match="there are right, all, within:KM, level:LEVEL"):
        answer_filter(keep)


# -- how it came about


def silent(t: dict[str, Any]) -> None:
    t["messages"].insert(2, {"role": "assistant", "content": "Hm.", "tool_calls": []})


def refused(t: dict[str, Any]) -> None:
    t["steps"][1]["ok"] = False


def repeated(t: dict[str, Any]) -> None:
    t["messages"][4]["tool_calls"].append({"id": "t2c2", "name": "zoom", "args": {"region": 1}})


def open_call(t: dict[str, Any]) -> None:
    t["messages"][6]["tool_calls"].append({"id": "t3c2", "name": "zoom", "args": {"region": 2}})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (silent, "a reply without a call"),
        (refused, "find_place was refused or failed"),
        (repeated, "zoom was called twice in the same words"),
        (open_call, "zoom was not carried out"),
    ],
)
def test_dead_turns_are_named(spoil: Callable[[dict[str, Any]], None], reason: str) -> None:
    spoilt = trajectory()
    spoil(spoilt)
    assert no_dead_turns(spoilt, record()) == f"dead turn: {reason}"
    assert no_dead_turns(trajectory(), record()) is None


def test_an_answer_in_words_is_no_dead_turn() -> None:
    spoken = trajectory()
    spoken["messages"][6:] = [{"role": "assistant", "content": "<answer>Porto</answer>", "tool_calls": []}]
    assert no_dead_turns(spoken, record()) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"call": "t9c1"}, "unfounded: no call claimed '“Porto” is a place'"),
        ({"claim": "“Faro” is a place"}, "unfounded: no call claimed '“Faro” is a place'"),
        ({"citations": ["v7"]}, "unfounded: there is no v7"),
        ({"citations": ["GeoNames", "w2"]}, "unfounded: there is no w2"),
        ({"citations": ["Wikipedia: Porto", "https://example.org/v7"]}, None),
        ({"call": "votes"}, None),
    ],
)
def test_citations_must_hold(change: dict[str, Any], reason: str | None) -> None:
    changed = trajectory()
    changed["ledger"][0].update(change)
    assert citations_hold(changed, record()) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [("see v1 and w1.", None), ("as w3 says", "unfounded: the answer names w3, which there is not"), ("www.w3.org, a V8", None), (None, None)],
)  # fmt: skip
def test_the_reason_may_only_name_what_there_is(said: str | None, reason: str | None) -> None:
    assert citations_hold(trajectory(reason=said), record()) == reason


def test_long_ones_are_left_out() -> None:
    assert within_tokens(lambda t, r: len(t["messages"]), 8)(trajectory(), record()) is None
    assert within_tokens(lambda t, r: len(t["messages"]), 7)(trajectory(), record()) == "too long: 8 tokens"
    assert (
        len(standard_filters())
        == len(standard_filters("all", lambda t, r: 1))
        == len(standard_filters("all", lambda t, r: 1, 9)) - 1
    )


# -- leaks


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("It is at 41.158, -8.629.", "leak: the true coordinates (assistant)"),
        ('{"lat": 41.15794, "lon": -8.62911}', "leak: the true coordinates (assistant)"),
        ("41.157° N, 8.629° W", "leak: the true coordinates (assistant)"),
        ("41°09'28.6\"N 8°37'44.8\"W", "leak: the true coordinates (assistant)"),
        ("near 41.15, -8.61", None),
        ("at 41.158, 2.629", None),
        ("The file is called img_20240703.", "leak: 'img_20240703' (assistant)"),
        ("IMG_20240703.jpg shows", "leak: 'img_20240703' (assistant)"),
        ("IMG_202407031 shows", None),
    ],
)
def test_what_only_a_label_tells_may_not_be_said(said: str, reason: str | None) -> None:
    leaking = trajectory()
    leaking["messages"][2]["content"] = said
    assert no_leak(leaking, record()) == reason


def test_arguments_and_questions_may_not_tell_either() -> None:
    in_call = trajectory()
    in_call["messages"][4]["tool_calls"][0]["args"] = {"lat": 41.1579, "lon": -8.6291}
    assert no_leak(in_call, record()) == "leak: the true coordinates (assistant)"
    in_question = trajectory()
    in_question["messages"][1]["content"][1]["text"] = "Where was IMG_20240703.jpg taken?"
    assert no_leak(in_question, record()) == "leak: 'img_20240703' (user)"
    credited = record(attribution="Ana Silva, CC BY")
    named = trajectory()
    named["messages"][2]["content"] = "A photo by Ana Silva, CC BY"
    assert no_leak(named, credited) == "leak: 'ana silva, cc by' (assistant)"


def test_what_a_tool_has_told_may_be_said_afterwards() -> None:
    told = trajectory()
    told["messages"][5]["content"] = "Porto (41.1579, -8.6291), from IMG_20240703.jpg"
    told["messages"][6]["content"] = "IMG_20240703 is at 41.158, -8.629"
    assert no_leak(told, record()) is None


def test_words_that_are_names_of_places_are_no_leak() -> None:
    porto = replace(record(id="porto"), file="7")
    assert no_leak(trajectory(path="porto"), porto) is None
    assert PORTO.city == "Porto"


# -- duplicates


def test_the_same_photo_or_the_same_words_are_kept_once() -> None:
    kept = Duplicates()
    assert kept.reason(trajectory()) is None
    kept.add(trajectory())
    other_words = trajectory(photo="b")
    other_words["messages"][2]["content"] = "I read the sign."
    assert kept.reason(other_words) == "duplicate: the photo of IMG_20240703.jpg"
    assert kept.reason(trajectory(photo="c", sha256="cd" * 32)) == "duplicate: the messages of IMG_20240703.jpg"
    assert kept.reason({**other_words, "sha256": "cd" * 32}) is None


def test_ids_and_token_counts_are_no_difference() -> None:
    other = trajectory()
    other["messages"][2]["tool_calls"][0]["id"], other["messages"][2]["usage"] = "t8c8", {"input_tokens": 5, "output_tokens": 1}
    assert messages_digest(other) == messages_digest(trajectory())
    other["messages"][2]["tool_calls"][0]["args"] = {"region": 2}
    assert messages_digest(other) != messages_digest(trajectory())


def test_reasons_are_counted_by_kind() -> None:
    assert kind_of("wrong: 275 km away") == "wrong"
    assert kind_of("dead turn: zoom was refused or failed") == "dead turn"
