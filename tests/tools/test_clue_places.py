"""Area codes that are read under a supposed country: they say where in it, and nothing of whether it is it."""

from __future__ import annotations

import pytest

from geo.area import Area
from geo.belief import Belief
from geo.clues import Clue, clues_in
from geo.evidence import Evidence, Inside, Regions, clue_on
from tools.clue_places import place_of, places_if

NUMBER = ["Tel. (0352) 544 66 73"]
"""Kayseri, if it is Türkiye; it has the form of other countries' numbers, too."""
KAYSERI, ANKARA = (38.72, 35.48), (39.93, 32.86)


def supposed(country: str, texts: list[str] = NUMBER, area: Area | None = None) -> list[Evidence]:
    return places_if(country, texts, clues_in(texts, area=area), "read_text", "photo", area)


AREAS = [None, Area(frozenset({"TR", "GR", "FR"}))]


def told(area: Area | None) -> list[Evidence]:
    """What the number tells if it is Türkiye, in a search area that does not decide it."""
    return places_if("TR", NUMBER, clues_in(NUMBER), "read_text", "photo", area)


def density(belief: Belief, point: tuple[float, float]) -> float:
    return float(belief.density()[belief.cells.rows_at([point[0]], [point[1]])[0]])


def mass_of(belief: Belief, country: str) -> float:
    return float(belief.mass @ clue_on(Regions({country: 1.0}), belief.cells))


def test_the_area_code_names_its_city() -> None:
    assert not any(clue.place_hint for clue in clues_in(NUMBER)), "without the country it names none"
    (clue,) = supposed("TR")
    assert clue.claim.startswith("if this is Turkey, phone “(0352) 544 66 73” belongs to Kayseri")
    assert clue.citations == ("photo",)
    assert Evidence.from_json(clue.to_json()).source == clue.source == "phone:03525446673 in TR"


@pytest.mark.parametrize("area", AREAS)
def test_a_supposed_country_is_neither_proven_nor_doubted(area: Area | None) -> None:
    start = Belief.start(area=area)
    after = start.update(*told(area))
    assert density(after, (48.85, 2.35)) == pytest.approx(density(start, (48.85, 2.35)), rel=1e-3)
    assert density(after, (37.98, 23.73)) == pytest.approx(density(start, (37.98, 23.73)), rel=1e-3)
    # What lies abroad keeps its mass to the last, so the country keeps its own; cells across the border are shared out by area here.
    assert mass_of(after, "TR") == pytest.approx(mass_of(start, "TR"), rel=0.1)


@pytest.mark.parametrize("area", AREAS)
def test_inside_the_country_the_city_has_the_probability_that_the_number_is_read_right(area: Area | None) -> None:
    known = Belief.start(area=area).update(Evidence(Regions({"TR": 1.0}), "an address", "domain:tr", "read_text", 0.99))
    after = known.update(*told(area))
    before = known.mass_within(*KAYSERI, 150.0) / mass_of(known, "TR")
    assert after.mass_within(*KAYSERI, 150.0) / mass_of(after, "TR") == pytest.approx(0.75 + 0.25 * before, abs=0.02)
    assert density(after, ANKARA) == pytest.approx(0.25 * density(known, ANKARA), rel=0.02)
    assert density(after, KAYSERI) > 30.0 * density(known, KAYSERI)


def test_it_tells_where_in_the_country_alone() -> None:
    (clue,) = supposed("TR")
    assert isinstance(clue.likelihood, Inside)
    assert (clue.likelihood.country, clue.reliability) == ("TR", 0.75)
    assert supposed("TR", area=Area(frozenset({"PT"}))) == [], "nothing of it lies in the search area"


def test_the_same_number_does_not_count_twice() -> None:
    (clue,) = supposed("TR")
    once, twice = Belief.start().update(clue), Belief.start().update(clue, *supposed("TR"))
    assert density(twice, KAYSERI) == pytest.approx(density(once, KAYSERI), rel=1e-6)


def test_a_number_that_was_placed_without_the_country_is_left_out() -> None:
    texts = ["Tel. 01244 964375"]
    (clue,) = [clue for clue in clues_in(texts) if clue.kind == "phone"]
    assert (clue.place_hint, clue.place_country) == ("Chester", "GB")
    assert supposed("GB", texts) == []
    found = place_of(clue, "read_text")
    assert found is not None
    assert found.source == clue.evidence.source
    assert supposed("TR", ["Tel. +44 1244 964375"]) == [], "an international number has its own country"
    assert supposed("NO") == [], "no number of Norway"
    assert supposed("TR", []) == []


@pytest.mark.parametrize(
    ("hint", "country", "kind", "label"),
    [
        ("Florence", "IT", "kernels", "Florence, Tuscany, IT"),
        ("Bavaria", "DE", "regions", "Bavaria, DE"),
        ("Athens/Piraeus", "GR", "kernels", "Athens, Attica, GR or Piraeus, Attica, GR"),
    ],
)
def test_a_hint_may_be_a_city_a_region_or_several(hint: str, country: str, kind: str, label: str) -> None:
    own = Evidence(Regions({country: 1.0}), "a number", "phone:1", "read_text", 0.8, ("v1",))
    found = place_of(Clue("phone", "1", own, hint, country), "read_text")
    assert found is not None
    assert found.claim == f"phone “1” belongs to {label}"
    assert found.likelihood.to_json()["kind"] == kind
    assert (found.source, found.reliability, found.citations) == ("phone:1", 0.75, ("v1",))
    assert place_of(Clue("phone", "1", own, "Nowhereatall", country), "read_text") is None
    assert place_of(Clue("phone", "1", own), "read_text") is None
