"""Which place an address means: names that stand together, in any order, choose among each other's homonyms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evals.levels.mentions import Mention, is_small
from evals.levels.path import city_state, may_lie_in, reach_km
from geo.gazetteer import gazetteer
from geo.names import fold
from geo.place import Match, Place
from geo.sphere import haversine_km

_OF_REGION = 0.05
"""A place of its region's name with this share of its people is meant rather than the region: Lisboa."""
_SPELLING = 5.0
"""Written with the accents of its own name, a place is meant before one up to this many times as large."""
_LARGE = 100_000
"""A place with this many people goes before a country that is called so in some other language: Granada before Grenada."""
_MOST = 12
"""More names than this are no address."""
_PART = 10.0
"""In `Gion, Kyoto` the unknown part belongs to the second when that is this many times as large as any place of the first name."""


@dataclass(frozen=True)
class Address:
    """What a run of names means."""

    place: Place
    """A place, or a region or country as a whole (id 0)."""
    head: Mention
    used: frozenset[int]
    """Starts of the mentions that agree with it, itself included."""
    equals: tuple[Place, ...] = ()
    """Places of that name with which as many names agree, the likeliest first."""


@dataclass(frozen=True)
class _Choice:
    """One name taken for the head of the address, as its best match."""

    match: Match
    mention: Mention
    agreeing: frozenset[int]
    equals: tuple[Place, ...]

    @property
    def is_place(self) -> bool:
        return self.match.how in {"exact", "alternative"}


def address_of(mentions: Sequence[Mention], helpers: Sequence[Mention] = (), listed: bool = False) -> Address | None:
    """The place that names standing together mean; None where none can be trusted to be a place's.

    The match wins with which most others agree: `Paris, Texas`, `France, Paris`, `Shinjuku, Tokyo`. `helpers` agree too but are no
    answers themselves (`Valencia or Madrid, Spain`). Where a country is named in which the place cannot lie, the country is what
    was said. With `listed` the names are candidates of which the first counts.
    """
    mentions = mentions[:_MOST]
    choices = [choice for mention in mentions if (choice := _best(mention, mentions, helpers))]
    choices = [c for c in choices if c.agreeing or c.mention.alone or not is_small(c.match)]
    if not choices:
        return None
    best = max(choices, key=lambda c: _weight(c, only=len(choices) == 1))
    if not listed:
        best = _larger(best, choices)
    if other := _contradicting(best, mentions):
        country = next(m for m in other.matches if m.how == "country")
        return Address(country.place, other, frozenset(m.start for m in mentions))
    city = city_state(best.match.place.country) if best.match.how == "country" and best.match.place.country else None
    return Address(city or best.match.place, best.mention, best.agreeing | {best.mention.start}, best.equals)


def _weight(choice: _Choice, only: bool) -> tuple[int, bool, bool, bool, int]:
    """What makes a name the head of its address, the weightiest first; of equals the first one."""
    trusted = only or not is_small(choice.match) or bool(choice.agreeing)
    return len(choice.agreeing), not choice.mention.embedded, trusted, choice.is_place, -choice.mention.start


def _best(mention: Mention, mentions: Sequence[Mention], helpers: Sequence[Mention]) -> _Choice | None:
    """The match of one name with which most others agree, the likeliest of equals."""
    if mention.code and mention is not mentions[0] and not mention.countries:
        return None  # an abbreviation behind a name (`Sydney NSW`) is none itself
    matches = mention.matches or tuple(_country(code) for code in sorted(mention.countries))
    if not matches:
        return None
    others = [m for m in (*mentions, *helpers) if m is not mention]
    agreeing = [frozenset(m.start for m in others if _agrees(match, m)) for match in matches]
    most = max(len(found) for found in agreeing)
    left = [(match, found) for match, found in zip(matches, agreeing, strict=True) if len(found) == most]
    match = _likeliest([match for match, _ in left], mention)
    return _Choice(
        match, mention, next(found for other, found in left if other is match), tuple(m.place for m, _ in left if m.place.id)
    )


@lru_cache(maxsize=512)
def _country(code: str) -> Match:
    land = gazetteer().countries[code]
    return Match(Place(0, land.name, code, land.name, None, None, land.lat, land.lon, land.population), 1.0, land.name, "country")


def _agrees(match: Match, other: Mention) -> bool:
    """Whether the other name may be that of something that contains the match."""
    place = match.place
    if match.how != "country":
        if any(may_lie_in(place, code) for code in other.countries):
            return True
        if match.how != "region" and place.region_code and _names_region(place, other):
            return True
    return match.how in {"exact", "alternative"} and any(_contains(m, place) for m in other.matches[:5])


def _names_region(place: Place, other: Mention) -> bool:
    return (place.country, place.region_code) in other.regions or bool(other.code and other.code == place.region_code)


def _contains(outer: Match, place: Place) -> bool:
    """Whether a larger place near by has the smaller one as its part."""
    city = outer.place
    if outer.how not in {"exact", "alternative"} or city.id == place.id or city.country != place.country:
        return False
    if city.population <= place.population:
        return False
    away = float(haversine_km(city.lat, city.lon, place.lat, place.lon))
    return away < max(10.0, 2.0 * float(reach_km(city.population)))


def _likeliest(matches: Sequence[Match], mention: Mention) -> Match:
    """Of equal matches in the gazetteer's order the one that a reader takes."""
    first = matches[0]
    if first.how == "country":
        if fold(mention.text) == fold(first.place.name):
            return first
        # England stands among the names of the United Kingdom in some languages.
        inside = [m for m in matches if m.how == "region" and m.place.country == first.place.country]
        large = [m for m in matches if m.how == "exact" and m.place.population >= _LARGE]
        return (inside or large or [first])[0]
    if first.how == "region":
        inside = [m for m in matches if m.place.id and _key(m.place) == _key(first.place)]
        return inside[0] if inside and inside[0].place.population >= _OF_REGION * first.place.population else first
    if not mention.text.isascii():
        spelled = [m for m in matches if m.how == "exact" and m.matched_name.casefold() == mention.text.casefold()]
        if spelled and spelled[0].place.population * _SPELLING >= first.place.population:
            return spelled[0]
    return first


def _key(place: Place) -> tuple[str | None, str | None]:
    return place.country, place.region_code


def _larger(best: _Choice, choices: Sequence[_Choice]) -> _Choice:
    """`Gion, Kyoto`: a place that the second does not contain is an unknown part of the second, if that is much larger."""
    if not best.is_place:
        return best
    for other in choices:
        after = other.mention.start > best.mention.start and other.mention.start not in best.agreeing
        larger = other.match.place.population >= _PART * best.match.place.population
        if after and other.is_place and larger and len(other.agreeing) == len(best.agreeing):
            return other
    return best


def _contradicting(best: _Choice, mentions: Sequence[Mention]) -> Mention | None:
    """A country named together with a place that cannot lie in it; the last."""
    if best.match.how == "country":
        return None
    said = [m for m in mentions if m is not best.mention and m.matches and m.matches[0].how == "country"]
    if not said or any(may_lie_in(best.match.place, code) for m in said for code in m.countries):
        return None
    # `Atlanta, Georgia` names the state; a country that is also a region's name agrees as such.
    return None if any(m.start in best.agreeing for m in said) else said[-1]
