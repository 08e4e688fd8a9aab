"""Votes: what can be read is one, what cannot is none, and together they are one clue of the policy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from agent.answer import Candidate, PolicyAnswer, evidence_of
from agent.votes import agreement, counts_of, evidence_of_votes, record_of, suggested_by
from geo.belief import Belief
from geo.sphere import haversine_km

LISBON, PORTO, TOKYO = (38.7223, -9.1393), (41.15, -8.61), (35.68, 139.7)


def said(text: str, number: int = 1, examples: int = 0) -> dict[str, Any]:
    return record_of(AIMessage(content=text), None, number=number, wave=1, examples=examples, seconds=0.1)


def votes(*points: tuple[float, float] | str) -> list[dict[str, Any]]:
    return [said(p if isinstance(p, str) else f"<answer>{p[0]:.5f}, {p[1]:.5f}</answer>", n) for n, p in enumerate(points, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "The tiles say Lisbon.\n<answer>38.72230, -9.13930</answer>",
        "<think>Perhaps 41.15000, -8.61000.</think><answer>38.7223, -9.1393</answer>",
        "<think>" + "so " * 20_000 + "</think>\n<answer>38.7223, -9.1393</answer>",
        "<answer>38.7, -9.1</answer>",
        "<answer>39, -9</answer>",
        "<answer>38°43'20\"N 9°08'21\"W</answer>",
        '{"latitude": 38.7223, "longitude": -9.1393}',
        'I am sure: ```json\n{"latitude": "38.7223", "longitude": "-9.1393"}\n```',
        '<answer>{"candidates": [{"lat": 38.7223, "lon": -9.1393, "probability": 0.4}]}</answer>',
        '<tool_call>{"name": "answer", "arguments": {"candidates": [{"lat": 38.7223, "lon": -9.1393}]}}</tool_call>',
        "<answer>Lisbon, Portugal</answer>",
        "It is in the south of Europe: 38.72230, -9.13930",
    ],
)
def test_forms_of_a_vote(text: str) -> None:
    record = said(text)
    assert record["outcome"] == "point"
    (point,) = record["points"]
    assert haversine_km(*LISBON, point["lat"], point["lon"]) < 40
    assert point["weight"] == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no idea",
        "<answer>0</answer>",
        "<answer>latitude, longitude</answer>",
        "<answer>123.4, 200.0</answer>",
        '{"latitude": null, "longitude": null}',
        '{"latitude": 95, "longitude": 0}',
        "<think>38.72230, -9.13930 and so on",
        '<tool_call>{"name": "answer", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "answer", "arguments": {"candidates": [{"lat": 1, "lon": 1, "probability": 0}]}}</tool_call>',
        "[" * 5000,
        "{" * 5000 + "}" * 5000,
    ],
)
def test_what_cannot_be_read_is_no_vote(text: str) -> None:
    record = said(text)
    assert (record["outcome"], record["points"]) == ("unreadable", [])
    assert agreement([record]) is None
    assert evidence_of_votes([record]) == ()
    assert list(suggested_by([record])) == []


@given(st.text(max_size=300), st.booleans())
def test_no_reply_raises_and_points_are_on_the_earth(text: str, tagged: bool) -> None:
    record = said(f"<answer>{text}</answer>" if tagged else text)
    assert record["outcome"] in {"point", "cannot_tell", "unreadable"}
    assert all(abs(p["lat"]) <= 90 and abs(p["lon"]) <= 180 for p in record["points"])


def test_an_answer_call_with_several_places_is_one_vote_divided() -> None:
    call = {"name": "answer", "id": "x", "type": "tool_call",
            "args": {"candidates": [{"lat": 38.7223, "lon": -9.1393, "probability": 0.6}, {"lat": 41.15, "lon": -8.61, "probability": 0.2}]}}  # fmt: skip
    record = record_of(AIMessage("", tool_calls=[call]), None, number=1, wave=1, examples=0, seconds=0.0)
    assert [p["weight"] for p in record["points"]] == pytest.approx([0.75, 0.25])
    found = agreement([record])
    assert found is not None
    assert found[0] == pytest.approx(0.75)


def test_agreement_is_the_share_near_the_leading_point() -> None:
    near_lisbon = (39.5, -9.0)
    found = agreement(votes(TOKYO, LISBON, near_lisbon, "junk", "<answer>I cannot tell</answer>"))
    assert found is not None
    assert found[0] == pytest.approx(2 / 4), "junk has no vote, who cannot tell agrees with nobody"
    assert found[1] == pytest.approx(LISBON)
    assert agreement(votes("junk")) is None
    across = agreement(votes((-16.8, 179.9), (-16.8, -179.9), (0.0, 0.0)))
    assert across is not None
    assert across[0] == pytest.approx(2 / 3)


def test_the_votes_are_one_clue_as_reliable_as_they_agree() -> None:
    for given_votes, reliability in (
        (votes(*[LISBON] * 10), 0.9),
        (votes(LISBON, LISBON, LISBON, TOKYO, PORTO), 0.6),
        (votes(LISBON, TOKYO, (0, 0), (-34, -58), (55, 37)), 0.3),
    ):
        (clue,) = evidence_of_votes(given_votes)
        assert (clue.source, clue.tool) == ("policy", "policy")
        assert clue.reliability == pytest.approx(reliability)
        assert "\n" not in clue.claim
    (clue,) = evidence_of_votes(votes(LISBON, LISBON, LISBON, TOKYO))
    assert clue.claim == "75% of 4 votes of the policy lie within 200 km of Lisbon, Portugal"


def test_votes_and_the_answer_are_averaged_and_not_multiplied() -> None:
    answer = evidence_of(PolicyAnswer(candidates=[Candidate(lat=LISBON[0], lon=LISBON[1], probability=0.9)]))
    start = Belief.start(prior=False)
    alone, both = start.update(*answer), start.update(*answer, *evidence_of_votes(votes(*[LISBON] * 8)))
    assert both.mass_within(*LISBON, 500) == pytest.approx(alone.mass_within(*LISBON, 500), abs=0.01)
    split = start.update(*answer, *evidence_of_votes(votes(*[TOKYO] * 8)))
    assert split.mass_within(*LISBON, 500) == pytest.approx(0.45, abs=0.02)
    assert split.mass_within(*TOKYO, 500) == pytest.approx(0.45, abs=0.02)


def test_every_vote_suggests_its_place_with_its_prompt() -> None:
    given_votes = [
        said("<answer>38.72230, -9.13930</answer>", 1),
        said("<answer>41.15000, -8.61000</answer>", 2, examples=5),
        said("?", 3, 10),
    ]
    found = {(round(c.lat, 2), *c.support) for c in suggested_by(given_votes)}
    assert found == {(38.72, "vote:zero"), (41.15, "vote:k=5")}
    assert sum(c.weight for c in suggested_by(given_votes)) == pytest.approx(1.0)
    assert counts_of(given_votes) == {"point": 2, "cannot_tell": 0, "unreadable": 1, "error": 0}


def test_a_record_is_bounded_and_can_be_saved() -> None:
    record = said("\ud800" + "x" * 100_000)
    assert len(record["text"]) <= 4000
    record["text"].encode()
