"""GeoVista's word matcher as published, with its quirks."""

from __future__ import annotations

import pytest

from evals.geovista_matcher import MAX_MESSAGE, normalised, published_verdicts

PARIS = {"country": "France", "region": "Île-de-France", "city": "Paris"}


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (PARIS, "Paris, France", (True, True, True)),
        (PARIS, "Lyon, France", (True, False, False)),
        (PARIS, "ile de france", (True, True, False)),
        (PARIS, "Paris, Texas, USA", (True, True, True)),  # a homonym gets credit
        (PARIS, "Parisian café", (False, False, False)),
        (PARIS, "not PARIS!", (True, True, True)),  # so does a denied name
        (PARIS, "巴黎", (False, False, False)),
        (
            {"country": "中国", "region": "Beijing", "city": "北京"},
            "北京, 中国",
            (False, False, False),
        ),  # nothing is left of the gold names
        ({"country": "Germany", "region": "Bavaria", "city": "Munich"}, "München, Deutschland", (False, False, False)),
        ({"country": "Poland", "region": "Łódź", "city": "Łódź"}, "Lodz, Poland", (True, False, False)),  # Ł has no ASCII form
        ({"country": "US", "region": "St. Mary's (county)", "city": "a+b"}, "in st mary s county", (True, True, False)),
    ],
)
def test_verdicts(names: dict[str, str], text: str, expected: tuple[bool, bool, bool]) -> None:
    verdicts = published_verdicts(names, text)
    assert (verdicts["country"], verdicts["region"], verdicts["city"]) == expected


def test_a_level_without_a_gold_name_has_no_verdict() -> None:
    assert published_verdicts({"country": "France", "region": ""}, "Paris") == {"country": False, "region": None, "city": None}


def test_only_the_first_characters_count() -> None:
    assert published_verdicts(PARIS, "x" * (MAX_MESSAGE - 6) + " Paris")["city"]
    assert not published_verdicts(PARIS, "x" * MAX_MESSAGE + " Paris")["city"]


def test_normalised() -> None:
    assert normalised("  São-Paulo,\n№ 5 Łódź  ") == "sao paulo no 5 odz"
