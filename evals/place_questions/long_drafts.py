"""Open questions whose answers are checked claim by claim: country, city, nearest street, nearest places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evals.place_questions.draft import Draft, drawn, metres
from evals.place_questions.gazetteer_drafts import country_names, rivals_of, surely_in_city
from evals.place_questions.kinds import STREET, PlaceKind, place_kind
from evals.place_questions.osm_drafts import nearest_of
from evals.place_questions.question import Claim
from evals.place_questions.spot import Spot
from evals.place_questions.surroundings import Surroundings
from geo.gazetteer import gazetteer
from geo.names import fold

_PLACES = 3
_FEWEST = 3


def long_drafts(
    spot: Spot, around: Surroundings | None, kinds: Sequence[PlaceKind], place: str, rng: np.random.Generator
) -> Iterator[Draft]:
    """At most one question, of three claims or more."""
    claims = [*_gazetteer_claims(spot), *(_street(around) if around else ())]
    near: list[Claim] = []
    if around is not None:
        known = [(kind, found) for kind in kinds if (found := nearest_of(around, kind))]
        near = [Claim(what=f"the nearest {kind.word}", accepted=thing.accepted, against=rivals, element_ids=ids)
                for kind, (thing, ids, rivals) in drawn(rng, known, _PLACES)]  # fmt: skip
    claims = _undisputed([*claims, *near])
    if len(claims) < _FEWEST:
        return
    wanted = [claim.what for claim in claims]
    radius = f" OpenStreetMap has within {metres(around.radius_m)}" if around and near else ""
    listed = f"{', '.join(wanted[:-1])} and {wanted[-1]}"
    question = f"Describe {place}. Name {listed}{radius}."
    kinds_asked = [kind for kind in kinds if f"the nearest {kind.word}" in wanted]
    attribute = tuple(f"{text} & name=*" for kind in kinds_asked for text in kind.texts)
    if "the nearest street" in wanted:
        attribute = (*place_kind(STREET).texts, *attribute)
    yield Draft("long", "description", "", question, claims=tuple(claims), attribute=attribute[:8],
                element_ids=tuple(dict.fromkeys(one for claim in claims for one in claim.element_ids)),
                source="osm" if attribute else "gazetteer")  # fmt: skip


def _gazetteer_claims(spot: Spot) -> Iterator[Claim]:
    here = gazetteer().reverse(spot.lat, spot.lon)
    if here.country is not None and here.city and surely_in_city(spot, here):
        country = gazetteer().countries[here.country]
        yield Claim(what="the country", accepted=country_names(country), against=rivals_of(country))
        yield Claim(what="the city", accepted=(here.city,))


def _street(around: Surroundings) -> Iterator[Claim]:
    found = nearest_of(around, place_kind(STREET))
    if found is not None:
        thing, ids, rivals = found
        yield Claim(what="the nearest street", accepted=thing.accepted, against=rivals, element_ids=ids)


def _undisputed(claims: Sequence[Claim]) -> list[Claim]:
    """The claims, without wrong names that are right ones of another claim: a tram stop is often called like a street."""
    right = [fold(name) for claim in claims for name in claim.accepted]
    return [claim.model_copy(update={"against": tuple(
        name for name in claim.against if not any(f" {fold(name)} " in f" {other} " for other in right))}) for claim in claims]  # fmt: skip
