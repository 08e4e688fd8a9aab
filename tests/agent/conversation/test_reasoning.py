"""Replies about the reasoning say what ledger and belief hold."""

from __future__ import annotations

import pytest

from agent.conversation import about_place, reasoning
from agent.conversation.reply import factor, km, percent, times
from geo.belief import belief_from
from geo.named_areas import named_area
from tests.agent.conversation.made import LISBON, PORTO, case_file, evidence, whole


def test_where() -> None:
    reply = reasoning.where(whole())
    assert "Porto, Portugal (41.1" in reply.text
    assert reply.data["answer"]["country"] == "PT"


def test_why_names_the_clues_with_their_bits() -> None:
    case, belief = whole(), belief_from(evidence())
    reply, guess = reasoning.why(case), case.result()["best_guess"]
    for row, entry in enumerate(evidence()):
        told = next(one for one in reply.data["for"] if one["claim"] == entry.claim)
        assert told["for_answer_bits"] == pytest.approx(belief.support_bits(row, guess["lat"], guess["lon"]), abs=0.01)
        assert f"{entry.claim}: {told['for_answer_bits']:+.1f} bits" in reply.text
    assert [entry["claim"] for entry in reply.data["for"]] == ["“Porto” is Porto (PT)", "the domain is .pt"]


def test_why_not_gives_share_and_what_counts_against() -> None:
    case, belief = whole(), belief_from(evidence())
    reply = reasoning.why_not(case, "Lisbon")
    area = named_area("Lisbon")
    assert area is not None
    assert reply.data["share"] == pytest.approx(float(area.bounds.on(belief.cells) @ belief.mass), abs=1e-3)
    (clue,) = reply.data["clues"]
    expected = belief.support_bits(
        1, case.result()["best_guess"]["lat"], case.result()["best_guess"]["lon"]
    ) - belief.support_bits(1, *LISBON)
    assert clue["guess_bits"] - clue["here_bits"] == pytest.approx(expected, abs=0.3)
    assert "bits against Lisbon" in reply.text


def test_why_not_of_the_answer_itself_and_of_no_place() -> None:
    assert "lies in it" in reasoning.why_not(whole(), "Portugal").text
    assert "no place called" in reasoning.why_not(whole(), "qqzzxx").text


def test_what_would_change_leaves_clues_out() -> None:
    reply = reasoning.what_would_change(whole())
    (change,) = reply.data["changes"]
    assert change["claim"] == "“Porto” is Porto (PT)"
    assert change["km"] > 50
    assert "without “Porto” is Porto (PT)" in reply.text


def test_without_evidence() -> None:
    empty = whole([])
    assert "no evidence" in reasoning.why(empty).text
    assert "there is none yet" in reasoning.what_would_change(empty).text
    assert "cannot tell" in reasoning.where(empty).text


def test_how_sure_says_the_radii_of_the_belief() -> None:
    case = whole()
    guess = case.result()["best_guess"]
    reply = reasoning.how_sure(case)
    assert reply.data["best_guess"]["radius90_km"] == pytest.approx(
        belief_from(evidence()).radius_km(guess["lat"], guess["lon"], 0.9), abs=0.01
    )


def test_facts_of_the_place_are_weighed_by_country() -> None:
    case = whole()
    assert about_place.languages(case).data["languages"]["pt"] > 0.8
    assert next(iter(about_place.money(case).data["currencies"])) == "EUR"
    assert about_place.driving(case).data["driving"]["right"] > 0.9
    assert next(iter(about_place.telephone(case).data["calling_codes"])) == "+351"


def test_the_sun_of_a_stated_day() -> None:
    reply = about_place.sun(whole(), "", "--06-20", about_place.utc_today().replace(year=2024, month=1, day=1))
    # Porto, 2024-06-20: sunset 21:10 local time (UTC+1), by timeanddate.com.
    assert reply.data["day"] == "2024-06-20"
    assert reply.data["set"][:15] == "2024-06-20T20:1"
    assert "June 2024" in reply.text


def test_statements_count_and_go() -> None:
    from agent.beliefs import Beliefs
    from agent.conversation.answering import retracted, stated
    from agent.conversation.statements import read_statements
    from agent.conversation.whole import Whole

    file, beliefs = case_file(), Beliefs()
    before = Whole(file, beliefs).belief().mass_within(*PORTO, 20.0)
    reply = stated(file, read_statements("not Porto", 1), lambda kept: Whole(kept, beliefs))
    assert "Noted as s1: not Porto" in reply.text
    assert Whole(file, beliefs).belief().mass_within(*PORTO, 10.0) < 0.5 * before
    assert "Taken back" in retracted(file, "1", lambda kept: Whole(kept, beliefs)).text
    assert Whole(file, beliefs).belief().mass_within(*PORTO, 20.0) == pytest.approx(before)
    assert "taken back already" in retracted(file, "s1", lambda kept: Whole(kept, beliefs)).text
    assert "no statement" in retracted(file, "7", lambda kept: Whole(kept, beliefs)).text


def test_words_for_numbers() -> None:
    assert [percent(x) for x in (0.0, 0.004, 0.834, 0.999, 1.0)] == ["0 %", "< 1 %", "83 %", "> 99 %", "100 %"]
    assert [km(x) for x in (0.34, 4.2, 1234.0)] == ["0.3 km", "4.2 km", "1,230 km"]
    assert (factor(3), factor(-13.03), times(0.1), times(-2)) == (
        "8",
        "8,364",
        "about as likely as elsewhere",
        "4 times less likely",
    )
