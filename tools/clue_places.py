"""The places that clues name, as evidence: the city of an area code, also of one that is read under a supposed country."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from geo.area import Area
from geo.belief import Belief
from geo.evidence import Evidence, Kernels, Likelihood, Regions, inside, near
from tools.quote import quoted

if TYPE_CHECKING:
    from geo.clues import Clue
    from geo.place import Match

_RELIABILITY = 0.75
_MOST_PLACES = 6


def place_of(clue: Clue, tool: str) -> Evidence | None:
    """The place that a clue names. It is another reading of the same observation, so it keeps the clue's source."""
    found = _found(clue)
    if not found:
        return None
    claim = f"{clue.kind} {quoted(clue.text, 40)} belongs to {_labels(found)}"
    return Evidence(_likelihood(found), claim, clue.evidence.source, tool, _RELIABILITY, clue.evidence.citations)


def places_if(
    country: str, texts: Sequence[str], known: Sequence[Clue], tool: str, citation: str, area: Area | None
) -> list[Evidence]:
    """Where the telephone numbers on `texts` belong if this is `country`; `known` are the clues of the texts read without it.

    What is supposed is no clue to the country: the evidence tells where in it (`geo.evidence.Inside`) and leaves its probability alone.
    `known` already says in which countries the number has the right form, so this is a source of its own, one per number and country.
    A number whose place is `known` without the country is left out.
    """
    from geo.clues import clues_in

    placed = {clue.evidence.source for clue in known if clue.place_country == country}
    found = []
    for clue in clues_in(texts, tool=tool, citation=citation, area=Area(frozenset({country}))):
        source, matches = clue.evidence.source, _found(clue) if clue.kind == "phone" else []
        if not matches or clue.place_country != country or source in placed:
            continue
        claim = f"if this is {matches[0].place.country_name}, phone {quoted(clue.text, 40)} belongs to {_labels(matches)}"
        if likelihood := _inside(country, matches, area):
            found.append(Evidence(likelihood, claim, f"{source} in {country}", tool, _RELIABILITY, clue.evidence.citations))
    return found


def _inside(country: str, matches: Sequence[Match], area: Area | None) -> Likelihood | None:
    """Where in the country; None where nothing of it lies there."""
    kernels = _kernels(matches)
    try:
        fine = Belief.start(area=area).update(
            Evidence(kernels, "", "", "", _RELIABILITY)
        )  # its cells are small where the kernels are high
        return inside(country, kernels, fine.cells, fine.reference)
    except ValueError:
        return None


def _found(clue: Clue) -> list[Match]:
    """The gazetteer's best match for each place of the hint: some area codes are of several, `Athens/Piraeus/Salamina`."""
    from geo.gazetteer import gazetteer

    area = Area(frozenset({clue.place_country})) if clue.place_country else None
    matches = (gazetteer().search(name, area=area, limit=1, fuzzy=False) for name in clue.place_hint.split("/")[:_MOST_PLACES])
    return [match for best in matches for match in best]


def _likelihood(found: Sequence[Match]) -> Likelihood:
    """Near one of the places; inside the region where that is what the hint names."""
    regions = {f"{match.place.country}.{match.place.region_code}": 1.0 for match in found if match.how == "region"}
    if len(regions) == len(found):
        return Regions(regions)
    return _kernels(found)


def _kernels(found: Sequence[Match]) -> Kernels:
    """Around the places: as far as their people live, 60 km around a region."""
    places = [match.place for match in found]
    sigma_km = [60.0 if match.how == "region" else min(max(10.0 + 5.0 * math.log10(max(match.place.population, 1) / 1e5), 10.0), 25.0)
                for match in found]  # fmt: skip
    return near([place.lat for place in places], [place.lon for place in places], sigma_km, halo=0.3)


def _labels(found: Sequence[Match]) -> str:
    return " or ".join(dict.fromkeys(match.place.label() for match in found))
