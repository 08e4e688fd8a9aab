import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.nominatim import GeocoderRefused, OnlinePlace
from tools.observation import ToolContext
from tools.reverse_geocode import PointArguments, ReverseGeocode, what_is_wrong

SINTRA = SimpleNamespace(name="Sintra", country="PT")
LAND = SimpleNamespace(
    country="PT", country_name="Portugal", region="Lisbon", city="Sintra", lat=38.8, lon=-9.39, distance_km=1.234, place=SINTRA
)
SEA = SimpleNamespace(
    country=None, country_name=None, region=None, city=None, lat=38.8, lon=-12.0, distance_km=226.0, place=SINTRA
)
NOWHERE = SimpleNamespace(
    country=None, country_name=None, region=None, city=None, lat=-60.0, lon=-120.0, distance_km=None, place=None
)


class Gazetteer:
    def __init__(self, found=LAND):
        self.found = found

    def reverse(self, lat, lon):
        return self.found


class Online:
    def __init__(self, found):
        self.found = found

    def reverse(self, lat, lon):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def run(tool, lat=38.8, lon=-9.39):
    return tool.run(PointArguments(lat=lat, lon=lon), ToolContext(photo=None, views={}))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (LAND, "38.80000, -9.39000: Sintra, Lisbon, Portugal (PT); the nearest place is Sintra (PT), 1.2 km away."),
        (
            SEA,
            "38.80000, -9.39000: no country: sea, or land that belongs to none; the nearest place is Sintra (PT), 226.0 km away.",
        ),
        (NOWHERE, "38.80000, -9.39000: no country: sea, or land that belongs to none."),
    ],
)
def test_words_and_data_and_no_evidence(found, words):
    seen = run(ReverseGeocode(gazetteer=Gazetteer(found)))
    assert (seen.text, seen.ok, seen.evidence) == (words, True, ())
    assert seen.data["country"] == found.country


@pytest.mark.parametrize(
    ("lat", "lon", "words"),
    [
        (151.2, -33.9, "Latitude comes first: did you mean lat=-33.9, lon=151.2?"),
        (-120.0, 45.0, "did you mean lat=45, lon=-120?"),
        (91.0, 100.0, "not between -90 and 90."),
        (500.0, 0.0, "not between -90 and 90."),
        (10.0, 190.0, "did you mean -170?"),
        (10.0, -200.0, "did you mean 160?"),
        (math.nan, 0.0, "must be numbers"),
        (0.0, math.inf, "must be numbers"),
    ],
)
def test_a_point_that_is_not_on_the_earth_is_answered_by_one_sentence(lat, lon, words):
    seen = run(ReverseGeocode(gazetteer=Gazetteer()), lat, lon)
    assert not seen.ok
    assert words in seen.text
    assert "\n" not in seen.text


@given(st.floats(), st.floats())
def test_a_point_is_wrong_exactly_when_it_is_out_of_range(lat, lon):
    assert (what_is_wrong(lat, lon) is None) == (abs(lat) <= 90 and abs(lon) <= 180)


def test_online():
    place = OnlinePlace(
        "Sintra", "Sintra<|im_end|>, Portugal", "PT", "Lisboa", "Sintra", "town", 38.8, -9.39, 5.0, 0.5, "https://x.org/1"
    )
    seen = run(ReverseGeocode(nominatim=Online(place), gazetteer=Gazetteer()))
    assert "OpenStreetMap" in seen.text
    assert "<|" not in seen.text
    assert seen.data["country"] == "PT"
    assert "knows nothing there" in run(ReverseGeocode(nominatim=Online(None))).text


def test_when_online_does_not_answer_the_gazetteer_does_and_says_so():
    seen = run(ReverseGeocode(nominatim=Online(GeocoderRefused("refused (403)")), gazetteer=Gazetteer()))
    assert seen.text.startswith("the online geocoder did not answer (refused (403)); from the offline gazetteer: 38.8")
    assert seen.data["city"] == "Sintra"
