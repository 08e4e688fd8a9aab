"""What the gazetteer adds to a truth, and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given as anything
from hypothesis import settings
from hypothesis import strategies as st

from evals.record import Truth
from evals.truth import complete, conflicts, given
from geo.sphere import haversine_km


def one(lat: float | None = None, lon: float | None = None, **names: str) -> Truth:
    return complete([given(lat, lon, **names)])[0]


def test_coordinates_give_country_region_and_city() -> None:
    truth = one(48.8584, 2.2945)
    assert (truth.country, truth.region, truth.city) == ("FR", "Île-de-France", "Paris")
    assert truth.derived == ("country", "region", "city")
    assert truth.names == {}


@pytest.mark.parametrize(
    ("names", "near"),
    [
        ({"city": "青岛", "country": "中国"}, (36.07, 120.38)),
        ({"city": "Paris", "region": "Texas", "country": "United States"}, (33.66, -95.56)),
        ({"city": "Paris"}, (48.85, 2.35)),
        ({"city": "Munich", "region": "Bayern", "country": "Deutschland"}, (48.14, 11.58)),
        ({"city": "Springfield", "region": "Illinois", "country": "USA"}, (39.80, -89.64)),
        ({"city": "Singapore", "country": "Singapore"}, (1.29, 103.85)),
        ({"city": "London", "region": "Middlesex County", "country": "GB"}, (51.51, -0.13)),
    ],
)
def test_a_city_gives_its_point_and_the_names_above_it(names: dict[str, str], near: tuple[float, float]) -> None:
    truth = one(**names)
    assert truth.lat is not None
    assert truth.lon is not None
    assert haversine_km(truth.lat, truth.lon, *near) < 10
    assert "point" in truth.derived
    assert truth.country
    assert truth.names == names
    assert not conflicts([truth])


@pytest.mark.parametrize(
    "names",
    [
        {"city": "Springfield", "country": "US"},  # several of a size
        {"city": "Hyderabad"},  # India's and Pakistan's
        {"city": "Portland", "region": "California", "country": "US"},  # a region that has none of that name
        {"city": "Paris", "country": "Atlantis"},
        {"city": "Nowhere in particular", "country": "FR"},
        {"region": "Bavaria", "country": "DE"},
        {"country": "France"},
    ],
)
def test_no_point_is_made_up(names: dict[str, str]) -> None:
    truth = one(**names)
    assert (truth.lat, truth.lon, truth.derived) == (None, None, ())


def test_what_was_given_stays() -> None:
    truth = one(48.8584, 2.2945, city="Lutetia", country="Frankreich")
    assert (truth.country, truth.city, truth.derived) == ("FR", "Lutetia", ("region",))
    assert truth.names == {"country": "Frankreich", "city": "Lutetia"}


def test_a_country_that_contradicts_the_coordinates_is_kept_and_told() -> None:
    truth = one(51.5, -0.12, country="France")
    assert (truth.country, truth.region, truth.city, truth.derived) == ("FR", None, None, ())
    assert conflicts([one(51.5, -0.12), truth]) == [(1, "the country is given as FR, but 51.5, -0.12 lies in GB")]


def test_a_few_kilometres_over_a_simplified_border_are_no_contradiction() -> None:
    truth = one(47.5602, 7.5880, country="DE")  # in Basel
    assert (truth.country, truth.region) == ("DE", "Baden-Wuerttemberg")
    assert truth.city
    assert not conflicts([truth])


def test_an_unknown_country_is_taken_from_the_coordinates_and_told() -> None:
    truth = one(48.8584, 2.2945, country="Atlantis")
    assert (truth.country, truth.derived[0]) == ("FR", "country")
    assert conflicts([truth]) == [(0, "the country 'Atlantis' is not known")]


def test_a_city_is_not_derived_out_of_another_region() -> None:
    truth = one(48.14, 11.58, country="DE", region="Saxony")
    assert (truth.region, truth.city) == ("Saxony", None)


def test_far_from_everything_there_is_no_city() -> None:
    assert one(23.5, 10.0).city is None
    assert one(0.0, -30.0) == given(0.0, -30.0)
    assert one(-80.0, 0.0).country == "AQ"


def test_countries_written_by_hand_are_normalised() -> None:
    assert complete([Truth(country="Deutschland")])[0] == Truth(country="DE", names={"country": "Deutschland"})
    assert given(1.0, None) == given(None, 1.0) == Truth()


@settings(deadline=None, max_examples=60)
@anything(
    st.one_of(st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180))),
    st.sampled_from(["", "FR", "Kongo", "United States"]),
    st.sampled_from(["", "Texas", "x" * 500]),
    st.sampled_from(["", "Paris", "Victoria", "\0", "San José"]),
)
def test_nothing_given_is_ever_lost(point: tuple[float, float] | None, country: str, region: str, city: str) -> None:
    before = given(*(point or (None, None)), country=country, region=region, city=city)
    after = complete([before])[0]
    for part in ("lat", "lon", "country", "region", "city"):
        known = getattr(before, part)
        if known is not None:
            assert getattr(after, part) == known
        elif getattr(after, part) is not None:
            assert ("point" if part in {"lat", "lon"} else part) in after.derived
    assert complete([after])[0] == after
