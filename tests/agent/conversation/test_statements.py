"""What people state, as evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.conversation.dates import date_in
from agent.conversation.statements import CERTAIN, LIKELY, MAYBE, PLAIN, Statement, read_statements
from geo.evidence import Evidence
from geo.stated import Bounds

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def read(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.claim.removeprefix("you say: ")) for one in read_statements(text, 1, now=NOW)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I know it is in South America", [("place", "in South America")]),
        ("not Lisbon", [("not", "not Lisbon, PT")]),
        ("It's definitely not Porto", [("not", "not Porto, PT")]),
        ("it isn't in Brazil", [("not", "not Brazil")]),
        ("It can't be Germany", [("not", "not Germany")]),
        ("Not in Spain, not Portugal", [("not", "not Spain"), ("not", "not Portugal")]),
        ("in Spain but not Madrid", [("place", "in Spain"), ("not", "not Madrid, ES")]),
        ("maybe in Porto, Portugal", [("place", "in Porto, PT")]),
        ("it was taken in March 2023 in Spain", [("date", "taken in March 2023"), ("place", "in Spain")]),
        ("it was taken in March", [("date", "taken in March")]),
        ("in summer", [("date", "taken in summer")]),
        ("cars drive on the left", [("side", "traffic keeps to the left")]),
        ("it is within 50 km of Vienna", [("place", "in 50 km around Vienna, AT")]),
        ("the photo was taken at 41.15, -8.61", [("place", "in 5 km around 41.1500, -8.6100")]),
        ("I think it's in the Balkans", [("place", "in the Balkans")]),
        ("It is Spain", [("place", "in Spain")]),
        ("it's in the US", [("place", "in the United States")]),
        ("It's in northern Italy", [("place", "in Italy")]),
        ("It's in Bali", [("place", "in Bali")]),
        ("It's in Spain or Portugal", [("place", "in Spain or Portugal")]),
        ("It's not in Africa or Asia", [("not", "not Africa or Asia")]),
        ("I don't think it's in Brazil", [("not", "not Brazil")]),
        ("I might have been wrong. It was in Ghana", [("place", "in Ghana")]),
        ("it was taken on a beach in Greece", [("place", "in Greece")]),
        ("It's in Spain, the sun was setting", [("place", "in Spain")]),
        ("it is not within 5 km of 41.15, -8.61", [("not", "not 5 km around 41.1500, -8.6100")]),
    ],
)
def test_statements_are_understood(text: str, found: list[tuple[str, str]]) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "why not Porto?",
        "is it in France?",
        "hello",
        "thank you",
        "It is a nice photo",
        "",
        "   ",
        "look at the sign",
        "It's in a park",
        "It's near a river",
        "It's at home",
        "Nobody spoke English",
        "They don't drive on the left",
        "The house was built in 1985",
        "My brother visited in March",
        "If you are right, it is in Spain",
        "It's not far from Vienna",
        "The car is on the left",
    ],
)
def test_what_states_nothing_gives_nothing(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("I know it is in Peru", CERTAIN),
        ("it is in Peru", PLAIN),
        ("I think it is in Peru", LIKELY),
        ("maybe it is in Peru", MAYBE),
    ],
)
def test_a_statement_is_believed_as_far_as_it_is_said(text: str, sure: float) -> None:
    (statement,) = read_statements(text, 3, now=NOW)
    assert statement.id == "s3"
    assert statement.evidence is not None
    evidence = Evidence.from_json(statement.evidence)
    assert (evidence.reliability, evidence.source, evidence.tool) == (sure, "user:Peru", "user")
    assert evidence.likelihood == Bounds(("PE",))


def test_languages_spoken_count_the_countries() -> None:
    (statement,) = read_statements("they spoke Croatian", 1)
    assert statement.evidence is not None
    assert statement.evidence["likelihood"]["weights"]["HR"] > 0.5


def test_a_statement_is_read_back_and_can_be_taken_back() -> None:
    (statement,) = read_statements("in May 2020", 1)
    assert (statement.date, statement.evidence) == ("2020-05", None)
    assert Statement.from_json(statement.to_json()) == statement
    assert statement.taken_back().retracted


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    for statement in read_statements(text, 1):
        assert statement.claim
        assert len(statement.text) <= 170


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("on 5 March 2024", "2024-03-05", date(2024, 3, 5)),
        ("March 5th", "--03-05", date(2026, 3, 5)),
        ("2024-06", "2024-06", date(2024, 6, 15)),
        ("in winter 2019", "winter 2019", None),
        ("in 2019", "2019", None),
    ],
)
def test_dates(text: str, form: str, day: date | None) -> None:
    found = date_in(text, 2026)
    assert found is not None
    assert (found.text, found.day(2026)) == (form, day)


@pytest.mark.parametrize("text", ["on 31 February", "2024-13", "May I ask", "marching"])
def test_days_that_are_none(text: str) -> None:
    assert date_in(text, 2026) is None
