"""Questions that the gazetteer and the clue tables answer: country, region, city, driving side, currency, language, calling code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from evals.place_questions.draft import WRONG_OPTIONS, Draft, drawn, one_of
from evals.place_questions.spot import Spot
from geo.clues import drives_on_left
from geo.clues.tables import countries as driving_countries
from geo.gazetteer import Country, Location, Place, gazetteer
from geo.names import fold
from geo.sphere import destination

LICENCE = "GeoNames, CC BY 4.0; Natural Earth, public domain; CLDR, Unicode licence"
_BORDER_KM, _CITY_KM, _CITY_EDGE_KM = 5.0, 15.0, 1.0
_BEARINGS = np.arange(0.0, 360.0, 45.0)
_MOST_NAMES = 60
_RIVALS = 12
_CITIES = 40
_PLACES = 30_000


def gazetteer_drafts(spot: Spot, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    """Questions about a spot; none of a country, region or city near whose border it lies."""
    here = gazetteer().reverse(spot.lat, spot.lon)
    if here.country is None:
        return
    country = gazetteer().countries[here.country]
    around = _around(spot, _BORDER_KM)
    if all(other.country == here.country for other in around):
        yield from _country_drafts(country, place, rng)
        if here.region and all(other.region == here.region for other in around):
            yield from _region_drafts(here, country, place, rng)
    if surely_in_city(spot, here):
        yield from _city_drafts(here, country, place, rng)


def surely_in_city(spot: Spot, here: Location) -> bool:
    """Whether the city is near, and that of all points around."""
    return (
        bool(here.city)
        and here.distance_km <= _CITY_KM
        and all(other.city == here.city for other in _around(spot, _CITY_EDGE_KM))
    )


def country_names(country: Country) -> tuple[str, ...]:
    """Names of a country, English first."""
    return tuple(dict.fromkeys(filter(fold, (country.name, *gazetteer().country_names(country.code)))))[:_MOST_NAMES]


def rivals_of(country: Country) -> tuple[str, ...]:
    """Countries that it may be taken for: its neighbours, then the largest of its continent."""
    known = gazetteer().countries
    near = [known[code] for code in country.neighbours if code in known]
    rest = sorted(
        (other for other in known.values() if other.continent == country.continent), key=lambda other: -other.population
    )
    return tuple(dict.fromkeys(other.name for other in (*near, *rest) if other.code != country.code))[:_RIVALS]


def _around(spot: Spot, km: float) -> list[Location]:
    lat, lon = destination(spot.lat, spot.lon, _BEARINGS, km)
    found = gazetteer().reverse_many(lat, lon)
    return [found.location(i) for i in range(len(found))]


def _country_drafts(country: Country, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    rivals = rivals_of(country)
    yield _short("country", f"In which country is {place}?", country_names(country), rivals)
    yield from _choice("country", f"In which of these countries is {place}?", country.name, rivals, rng)
    yield from _statements("country", place, "is in {}", country.name, rivals, rng)
    if country.code in driving_countries():
        left = country.code in drives_on_left()
        for side in ("left", "right"):
            says = f"Traffic keeps to the {side} side of the road at {place}."
            yield Draft(
                "true_false", "driving side", "", says, str((side == "left") == left).lower(), source="gazetteer", general=True
            )
    question = f"Which of these is the currency of the country that {place} is in?"
    if own := currency_name(country.currency):
        others = {
            currency_name(other.currency) for other in gazetteer().countries.values() if other.continent == country.continent
        }
        yield from _choice("currency", question, own, sorted(other for other in others if other and other != own), rng)
    yield from _language_drafts(country, place, rng)
    if country.phone.isdigit():
        question = f"Which calling code do telephone numbers have in the country that {place} is in?"
        yield _short("calling code", question, (f"+{country.phone}",))


def _language_drafts(country: Country, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    own = [language_name(tag) for tag in country.languages]
    if not own or not own[0]:
        return
    others = {
        language_name(tag)
        for other in gazetteer().countries.values()
        for tag in other.languages[:1]
        if other.continent == country.continent
    }
    question = f"Which of these languages is the most spoken in the country that {place} is in?"
    yield from _choice("language", question, own[0], sorted(other for other in others if other and other not in own), rng)


def _region_drafts(here: Location, country: Country, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    region = here.region or ""
    others = [name for name in _regions(country.code) if fold(name) != fold(region)]
    rivals = tuple(drawn(rng, others, _RIVALS))
    yield _short("region", f"In which region (state, province) is {place}?", (region,), rivals)
    yield from _choice("region", f"In which of these regions is {place}?", region, rivals, rng)
    yield from _statements("region", place, "is in the region {}", region, rivals, rng)


def _city_drafts(here: Location, country: Country, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    city = here.city or ""
    others = [name for name in _cities(country.code) if fold(name) != fold(city)]
    rivals = tuple(drawn(rng, others, _RIVALS))
    yield _short("city", f"In which city or town is {place}?", (city,), rivals)
    yield from _choice("city", f"In which of these cities is {place}?", city, rivals, rng)
    yield from _statements("city", place, "is in the city of {}", city, rivals, rng)


def _short(topic: str, question: str, accepted: tuple[str, ...], against: tuple[str, ...] = ()) -> Draft:
    return Draft("short", topic, "", question, accepted=accepted, against=against, source="gazetteer", general=True)


def _choice(topic: str, question: str, right: str, others: Sequence[str], rng: np.random.Generator) -> Iterator[Draft]:
    if len(others) >= WRONG_OPTIONS:
        yield Draft(
            "choice", topic, "", question, right, tuple(drawn(rng, others, WRONG_OPTIONS)), source="gazetteer", general=True
        )


def _statements(
    topic: str, place: str, says: str, right: str, others: Sequence[str], rng: np.random.Generator
) -> Iterator[Draft]:
    for name, key in ((right, "true"), *(((one_of(rng, others), "false"),) if others else ())):
        text = f"{place[0].upper()}{place[1:]} {says.format(name)}."
        yield Draft("true_false", topic, "", text, key, source="gazetteer", general=True)


def currency_name(code: str) -> str:
    """`Euro` for EUR; "" for an unknown code."""
    from babel import Locale

    return str(Locale("en").currencies.get(code, ""))


def language_name(tag: str) -> str:
    """`Finnish` for `fi-FI`; "" for an unknown one."""
    from babel import Locale

    return str(Locale("en").languages.get(tag.partition("-")[0], ""))


def _regions(code: str) -> tuple[str, ...]:
    """Regions of a country that have larger places, sorted."""
    return tuple(sorted({place.region for place in _large_places().get(code, []) if place.region}))


def _cities(code: str) -> tuple[str, ...]:
    """Names of the largest places of a country."""
    return tuple(dict.fromkeys(place.name for place in _large_places().get(code, [])[:_CITIES]))


@cache
def _large_places() -> dict[str, list[Place]]:
    """The largest places of the Earth by country, the largest first."""
    known = gazetteer()
    found: dict[str, list[Place]] = {}
    for index in np.argsort(-known.population.astype(np.int64), kind="stable")[:_PLACES].tolist():
        place = known.place(index)
        found.setdefault(place.country or "", []).append(place)
    return found
