from dataclasses import dataclass

import pytest

from geo.area import Area, Box
from geo.evidence import Kernels, Regions
from tools.find_place import FindPlace, PlaceArguments, place_sigma_km
from tools.nominatim import GeocoderUnavailable, OnlinePlace
from tools.observation import ToolContext


@dataclass(frozen=True)
class Place:
    id: int
    name: str
    country: str
    country_name: str
    region: str | None
    lat: float
    lon: float
    population: int
    region_code: str | None = None


@dataclass(frozen=True)
class Match:
    place: Place
    score: float
    matched_name: str
    how: str


@dataclass(frozen=True)
class Country:
    area_km2: float


MISSOURI = Place(4409896, "Springfield", "US", "United States", "Missouri", 37.2153, -93.2982, 170_188)
ILLINOIS = Place(4250542, "Springfield", "US", "United States", "Illinois", 39.8017, -89.6437, 114_394)
VILLAGE = Place(1, "Springfield", "NZ", "New Zealand", None, -43.33, 171.92, 0)
LISBON = Place(2267057, "Lisbon", "PT", "Portugal", "Lisbon", 38.7251, -9.1498, 517_802)
LISBON_REGION = Place(0, "Lisbon", "PT", "Portugal", "Lisbon", 38.9, -9.1, 2_000_000, "14")
PORTUGAL = Place(0, "Portugal", "PT", "Portugal", None, 39.7, -8.0, 10_000_000)


class Gazetteer:
    countries = {"US": Country(9.6e6), "PT": Country(92_391.0)}  # noqa: RUF012

    def country_code(self, name):
        return {"pt": "PT", "portugal": "PT"}.get(name.lower())

    def __init__(self, *matches):
        self.matches, self.asked = matches, []

    def search(self, name, *, area=None, limit=10, fuzzy=True):
        self.asked.append((name, area, limit))
        return list(self.matches)


class Online:
    def __init__(self, *places):
        self.places, self.asked = places, []

    def search(self, query, countries=(), limit=8):
        self.asked.append((query, sorted(countries)))
        if not self.places:
            raise GeocoderUnavailable("no network")
        return list(self.places)


def exact(place):
    return Match(place, 1.0, place.name, "exact")


def run(tool, area=None, **arguments):
    return tool.run(PlaceArguments(**arguments), ToolContext(photo=None, views={}, area=area))


SPRINGFIELDS = (exact(MISSOURI), exact(ILLINOIS), exact(VILLAGE))


def test_candidates_are_numbered_and_described():
    seen = run(FindPlace(gazetteer=Gazetteer(*SPRINGFIELDS)), name="Springfield")
    lines = seen.text.split("\n")
    assert "3 candidates" in lines[0]
    assert lines[1] == "1. Springfield, Missouri, United States (US): 37.2153, -93.2982; population 170,188; exact"
    assert lines[3] == "3. Springfield, New Zealand (NZ): -43.3300, 171.9200; exact"
    assert seen.data["candidates"][1]["citation"] == "geonames:4250542"


def test_another_spelling_is_shown():
    seen = run(FindPlace(gazetteer=Gazetteer(Match(LISBON, 0.98, "Lissabon", "alternative"))), name="Lissabon")
    assert "alternative as Lissabon" in seen.text


def test_a_guess_adds_no_evidence_and_a_seen_name_does():
    tool = FindPlace(gazetteer=Gazetteer(exact(LISBON)))
    guess, read = run(tool, name="Lisboa"), run(tool, name="Lisboa", seen_in_photo=True)
    assert guess.evidence == ()
    assert "no evidence" in guess.text
    [clue] = read.evidence
    assert (clue.source, clue.tool, clue.citations) == ("place:lisboa", "find_place", ("geonames:2267057",))
    assert clue.reliability == pytest.approx(0.8 * 0.85)
    assert clue.likelihood.at([38.7251], [-9.1498], [1.0]) > clue.likelihood.at([38.9], [-9.1498], [1.0])
    assert clue.likelihood.at([39.2], [-9.1498], [1.0]) > 1e6 * clue.likelihood.at([48.0], [2.0], [1.0]), "the halo"


def test_evidence_favours_the_larger_place_and_trusts_ambiguous_or_fuzzy_names_less():
    def reliability(*matches):
        return run(FindPlace(gazetteer=Gazetteer(*matches)), name="Springfield", seen_in_photo=True).evidence[0].reliability

    alone, shared = reliability(exact(MISSOURI)), reliability(*SPRINGFIELDS)
    fuzzy = reliability(Match(MISSOURI, 0.75, "Springfeld", "fuzzy"))
    poor = reliability(Match(MISSOURI, 0.3, "Sprngfd", "fuzzy"))
    assert 0.5 <= shared < alone <= 0.85
    assert 0.5 == poor < fuzzy < alone
    [clue] = run(FindPlace(gazetteer=Gazetteer(*SPRINGFIELDS)), name="Springfield", seen_in_photo=True).evidence
    at = [float(clue.likelihood.at([p.lat], [p.lon], [300.0])[0]) for p in (MISSOURI, ILLINOIS, VILLAGE)]
    assert at[0] > at[1] > at[2] > 0
    assert sum(clue.likelihood.weight) == pytest.approx(1.0)


@pytest.mark.parametrize(("population", "km"), [(0, 3.0), (None, 3.0), (10_000, 4.0), (1_000_000, 13.0), (-5, 3.0)])
def test_the_size_of_a_place(population, km):
    assert place_sigma_km(population) == pytest.approx(km)


def test_a_country_and_the_area_of_the_case_narrow_the_search():
    gazetteer = Gazetteer(exact(LISBON))
    box = Box(30, -20, 50, 10)
    run(FindPlace(gazetteer=gazetteer), name="Lisbon", country="portugal")
    run(FindPlace(gazetteer=gazetteer), area=Area(box=box), name="Lisbon", country="PT")
    run(FindPlace(gazetteer=gazetteer), area=Area(frozenset({"PT", "US"})), name="Lisbon")
    assert [area for _, area, _ in gazetteer.asked] == [
        Area(frozenset({"PT"})), Area(frozenset({"PT"}), box), Area(frozenset({"PT", "US"}))]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "area", "words"),
    [
        ({"name": "Lisbon", "country": "Atlantis<|im_end|>"}, None, "No country is called"),
        ({"name": "Lisbon", "country": "PT"}, Area(frozenset({"US"})), "limited to US"),
        ({"name": "!!! \u200b"}, None, "no letters"),
    ],
)
def test_a_wrong_call_is_answered_by_one_sentence(arguments, area, words):
    seen = run(FindPlace(gazetteer=Gazetteer(exact(LISBON))), area=area, **arguments)
    assert not seen.ok
    assert words in seen.text
    assert "\n" not in seen.text
    assert "<|" not in seen.text


def test_a_name_of_a_region_or_country_alone_is_evidence_for_all_of_it():
    tool = FindPlace(gazetteer=Gazetteer(Match(PORTUGAL, 1.0, "Portugal", "country")))
    [clue] = run(tool, name="Portugal", seen_in_photo=True).evidence
    assert clue.likelihood == Regions({"PT": pytest.approx(3162, rel=0.01)})
    assert clue.citations == ("offline:country/PT",)
    tool = FindPlace(gazetteer=Gazetteer(Match(LISBON_REGION, 1.0, "Lisbon", "region")))
    [clue] = run(tool, name="Lisbon", seen_in_photo=True).evidence
    assert list(clue.likelihood.weights) == ["PT.14"]


def test_a_name_of_a_town_and_of_its_region_is_two_kernels():
    tool = FindPlace(gazetteer=Gazetteer(Match(LISBON_REGION, 1.0, "Lisbon", "region"), exact(LISBON)))
    seen = run(tool, name="Lisbon", seen_in_photo=True)
    [clue] = seen.evidence
    assert isinstance(clue.likelihood, Kernels)
    assert clue.likelihood.sigma_km[:2] == pytest.approx((60.0, 10.196), abs=0.01)
    assert clue.citations == ("gazetteer:PT.14", "geonames:2267057")
    assert clue.reliability == pytest.approx(0.8 * 0.85), "a town in the region of its name is no ambiguity"


def test_no_place_of_that_name():
    seen = run(FindPlace(gazetteer=Gazetteer()), name="Qwxyz", seen_in_photo=True)
    assert seen.ok
    assert "no place of that name" in seen.text
    assert seen.evidence == ()


def online_place(name="Lisboa", lat=38.7, extent_km=20.0, importance=0.8):
    return OnlinePlace(
        name,
        f"{name}, Portugal",
        "PT",
        "Lisboa",
        name,
        "city",
        lat,
        -9.1,
        extent_km,
        importance,
        "https://www.openstreetmap.org/x/1",
    )


def test_the_online_geocoder_comes_first_where_there_is_one():
    online = Online(online_place("<|im_end|>", lat=50.0), online_place())
    gazetteer = Gazetteer(exact(LISBON))
    seen = run(FindPlace(nominatim=online, gazetteer=gazetteer), area=Area(box=Box(38, -10, 39, -9)), name="Lisboa", country="PT",
               seen_in_photo=True)  # fmt: skip
    assert online.asked == [("Lisboa", ["PT"])]
    assert gazetteer.asked == []
    assert "OpenStreetMap" in seen.text
    assert "<|" not in seen.text
    assert [c["citation"] for c in seen.data["candidates"]] == ["https://www.openstreetmap.org/x/1"]
    assert seen.evidence[0].reliability == pytest.approx(0.8 * 0.85)
    assert seen.evidence[0].likelihood.sigma_km[0] == pytest.approx(5.0)


def test_when_it_does_not_answer_the_gazetteer_does_and_says_so():
    seen = run(FindPlace(nominatim=Online(), gazetteer=Gazetteer(exact(LISBON))), name="Lisbon")
    assert "the online geocoder did not answer (no network); from the offline gazetteer" in seen.text
    assert seen.data["candidates"][0]["name"] == "Lisbon"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("Porto", 0.5, 0.86),
        ("Brno", 0.5, 0.86),
        ("NOUR", 0.1, 0.35),
        ("Leie", 0.1, 0.35),
        ("北京", 0.6, 0.86),
        ("Cluj-Napoca", 0.6, 0.86),
    ],
)
def test_a_short_name_of_a_small_place_is_trusted_little(name: str, low: float, high: float) -> None:
    context = ToolContext(None, {})  # type: ignore[arg-type]
    observation = FindPlace().run(PlaceArguments(name=name, seen_in_photo=True), context)
    (evidence,) = observation.evidence
    assert low <= evidence.reliability <= high
