"""Reading answers: only what is answered counts, in the forms policies use; and what the belief makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.answer import PolicyAnswer, answer_from, evidence_of, place_named, read_call, read_text
from geo.belief import Belief, belief_from
from geo.evidence import Evidence, near
from geo.sphere import haversine_km


def point(answer: PolicyAnswer | str | None) -> tuple[float | None, float | None]:
    assert isinstance(answer, PolicyAnswer)
    return answer.candidates[0].lat, answer.candidates[0].lon


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>41.15, -8.61</answer>", (41.15, -8.61)),
        ("<think>Not 1.0, 2.0.</think><answer>41°09'00\"N 8°36'36\"W</answer>", (41.15, -8.61)),
        ("<answer>Porto, Portugal</answer>", (41.15, -8.61)),
        ("<think>Kunming?</think><answer>Hanoi, Vietnam</answer>", (21.03, 105.85)),
        ("<answer>Paris, Texas, USA</answer>", (33.66, -95.56)),
        ("<answer>München, Deutschland</answer>", (48.14, 11.58)),
        ("<answer>北京</answer>", (39.91, 116.40)),
        ("It is clearly Lisbon.\nLisbon, Portugal", (38.73, -9.15)),
        ("<answer>Portugal</answer>", (39.5, -8.0)),
    ],
)
def test_answers_in_text(text: str, expected: tuple[float, float]) -> None:
    lat, lon = point(read_text(text))
    assert haversine_km(lat or 0, lon or 0, *expected) < (150 if text == "<answer>Portugal</answer>" else 6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<think>Lisbon, Portugal</think>",
        "<answer></answer>",
        "<answer>   </answer>",
        "Let me zoom in.",
        "<answer>xqzzt wvk</answer>",
        "<think>Porto",
    ],
)
def test_what_names_no_place_is_no_answer(text: str) -> None:
    assert read_text(text) is None


def test_names_outside_answer_tags_count_in_the_last_turn_only() -> None:
    assert read_text("Lisbon, Portugal", final=False) is None
    assert read_text("Lisbon, Portugal", final=True) is not None


@pytest.mark.parametrize("text", ["<answer>I cannot determine the location.</answer>", "Sorry, it is impossible to tell."])
def test_cannot_tell_in_words(text: str) -> None:
    answer = read_text(text)
    assert answer is not None
    assert answer.cannot_tell


@given(st.text(max_size=400), st.booleans())
def test_no_text_raises(text: str, final: bool) -> None:
    for wrapped in (text, f"<answer>{text}</answer>"):
        answer = read_text(wrapped, final)
        assert answer is None or answer.cannot_tell or answer.candidates[0].lat is not None


@pytest.mark.parametrize(
    "arguments",
    [
        {"candidates": [{"lat": 91, "lon": 0}]},
        {"candidates": [{"lat": "north", "lon": 0}]},
        {"candidates": "Lisbon"},
        {"candidates": [{"place": "xqzzt wvk"}]},
        {"candidates": [3]},
        {"candidates": [{"lat": float("nan"), "lon": 0}]},
    ],
)
def test_a_wrong_call_gets_one_sentence(arguments: dict[str, object]) -> None:
    problem = read_call(arguments)
    assert isinstance(problem, str)
    assert "\n" not in problem
    assert len(problem) < 300


@pytest.mark.parametrize(
    "arguments",
    [
        {"candidates": [{"place": "Porto, Portugal"}]},
        {"lat": 41.15, "lon": -8.61},
        {"place": "Porto"},
        {"candidates": [{"lat": "41.15", "lon": "-8.61"}]},
    ],
)
def test_forms_of_a_call(arguments: dict[str, object]) -> None:
    lat, lon = point(read_call(arguments))
    assert haversine_km(lat or 0, lon or 0, 41.15, -8.61) < 6


def test_an_empty_call_means_the_belief() -> None:
    answer = read_call({})
    assert isinstance(answer, PolicyAnswer)
    assert (answer.candidates, answer.cannot_tell, evidence_of(answer)) == ([], False, ())


def test_a_place_is_chosen_by_the_country_that_follows_it() -> None:
    for name, expected in (("Valencia, Venezuela", (10.16, -68.0)), ("Valencia, Spain", (39.47, -0.38))):
        found = place_named(name)
        assert found is not None
        assert haversine_km(*found[:2], *expected) < 10


def test_the_stated_probability_is_what_the_belief_holds() -> None:
    answer = read_call({"candidates": [{"lat": 41.15, "lon": -8.61, "radius_km": 5, "probability": 0.9}]})
    assert isinstance(answer, PolicyAnswer)
    belief = belief_from(evidence_of(answer))
    assert belief.mass_within(41.15, -8.61, 500) == pytest.approx(0.9, abs=0.06)


def test_nothing_told_is_cannot_tell_with_what_is_possible() -> None:
    result = answer_from(Belief.start())
    assert result["answer"] is None
    assert result["best_guess"]["radius90_km"] > 3000
    assert result["alternatives"]
    assert sum(a["probability"] for a in result["alternatives"]) <= 1.0 + 1e-9


def test_a_clear_belief_is_an_answer() -> None:
    result = answer_from(belief_from([Evidence(near(41.15, -8.61, 5.0), "Porto", "s", "t", 0.95)]))
    answer = result["answer"]
    assert (answer["country"], answer["city"]) == ("PT", "Porto")
    assert answer["radius50_km"] < 15
    assert answer["probability"] == pytest.approx(0.95, abs=0.02)
    assert result["alternatives"][0]["city"] == "Porto"
    assert (
        answer_from(belief_from([Evidence(near(41.15, -8.61, 5.0), "Porto", "s", "t", 0.95)]), cannot_tell=True)["answer"] is None
    )


def test_a_strong_clue_at_sea_is_an_answer() -> None:
    shore = Evidence(near(59.98, -152.66, 0.5), "the same picture", "copy:g", "find_similar", 0.95)
    told = answer_from(Belief.start().update(shore))
    assert told["answer"] is not None
    assert told["answer"]["lat"] == pytest.approx(59.98, abs=0.05)
