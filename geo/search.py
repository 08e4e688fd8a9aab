"""Names to matches: places, regions and countries ranked together; qualifiers (`Paris, Texas`); equality of names."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from geo.area import Area
from geo.name_index import MAX_NAME, NameIndex
from geo.names import fold
from geo.place import Match, Place

Named = tuple[Place, dict[str, str]]
_SCORE = {"exact": 1.0, "country": 1.0, "region": 0.98, "alternative": 0.97}
# Added to the decimal logarithm of the population: a place whose proper name is meant beats one ten times as large that only also
# has it; New York is the city and not the state, Georgia is the country.
_PRIORITY = {"exact": 1.0, "country": 1.5, "region": -0.7, "alternative": 0.0}
_FUZZY = 0.9
_WRONG_QUALIFIER = 0.6
_MOST_NAMES = 2000
_KIND_OF_REGION = re.compile(
    r"\b(province|provincia|provincie|district|distrito|state|estado|oblast|oblysy|region|regiao|county|canton|prefecture|voivodeship|"
    r"governorate|department|departement|departamento|kraj|krai|republic|autonomous|community|comunidad|land|of|de|the|del|da|do|kanton|"
    r"municipality|metropolitan|city)\b"
)


class NameSearch:
    """Search over an index of places and lists of countries and regions with their names by folded form."""

    def __init__(self, index: NameIndex, place: Callable[[int], Place], country_code: Callable[[str], str | None],
                 countries: Sequence[Named], regions: Sequence[Named]) -> None:  # fmt: skip
        self._index, self._place, self._country_code = index, place, country_code
        self._wholes: dict[str, dict[tuple[str, str | None, str | None], Match]] = defaultdict(dict)
        self._region_names: dict[tuple[str | None, str | None], set[str]] = {}
        for how, wholes in (("country", countries), ("region", regions)):
            for whole, folded_names in wholes:
                if how == "region":
                    self._region_names[whole.country, whole.region_code] = set(folded_names)
                for folded, name in folded_names.items():
                    if len(folded) > 3 or not folded.isascii() or folded in {"usa", "uk", "uae"}:
                        self._wholes[folded][how, whole.country, whole.region_code] = Match(whole, _SCORE[how], name, how)

    def search(self, name: str, area: Area | None, limit: int, fuzzy: bool) -> list[Match]:
        """See `Gazetteer.search`."""
        if len(name) > 2 * MAX_NAME:
            return []
        matches = self._within(self._exact([fold(name)], _MOST_NAMES)[0], area)
        head, *qualifiers = [part.strip() for part in name.split(",") if part.strip()] or [""]
        if not matches and qualifiers:
            matches = self._within(self._exact([fold(head)], _MOST_NAMES)[0], area)
        if not matches and fuzzy:
            matches = self._within(self._fuzzy(fold(head), 10 * limit), area)
        if qualifiers and matches and fold(matches[0].matched_name) != fold(name):
            matches = self._qualified(matches, qualifiers)
        return matches[:limit]

    def lookup_many(self, names: Sequence[str], limit: int) -> list[list[Match]]:
        """See `Gazetteer.lookup_many`."""
        folded = [fold(name) if len(name) <= 2 * MAX_NAME else "" for name in names]
        distinct = list(dict.fromkeys(folded))
        found = dict(zip(distinct, self._exact(distinct, limit), strict=True))
        return [found[name] for name in folded]

    def same_place(self, a: str, b: str) -> bool:
        """See `Gazetteer.same_place`."""
        if fold(a) == fold(b):
            return bool(fold(a))
        first, second = (self._meant(name) for name in (a, b))
        return first is not None and second is not None and first.id == second.id

    def same_region(self, a: str, b: str, country: str | None) -> bool:
        """See `Gazetteer.same_region`."""
        first, second = (_plain_region(name) for name in (a, b))
        if not first or not second:
            return False
        if first == second:
            return True
        one, other = (self._regions_called(name, country) for name in (a, b))
        if one or other:
            return bool(one & other) or (bool(one) != bool(other) and self._same_in(a, b, country))
        return self._same_in(a, b, country)

    def _same_in(self, a: str, b: str, country: str | None) -> bool:
        """Whether two names of regions are names of one city, as Genf and Geneva are."""
        area = Area(frozenset({country})) if country else None
        tops = [self._cities(self._within(self._exact([_plain_region(name)], _MOST_NAMES)[0], area)) for name in (a, b)]
        return bool(tops[0] and tops[1]) and tops[0][0].place.id == tops[1][0].place.id

    def _regions_called(self, name: str, country: str | None) -> set[str | None]:
        wanted = {fold(name), _plain_region(name)}
        found = {place.region_code for folded in wanted for (how, code, _), match in self._wholes.get(folded, {}).items()
                 for place in [match.place] if how == "region" and code == country}  # fmt: skip
        return found | {code for (land, code) in self._region_names if land == country and code and code.lower() == fold(name)}

    def _meant(self, name: str) -> Place | None:
        """The one place that a name without context means."""
        matches = self._cities(self.search(name, None, 20, fuzzy=False))
        return matches[0].place if matches and matches[0].score > _WRONG_QUALIFIER else None

    @staticmethod
    def _cities(matches: list[Match]) -> list[Match]:
        return [match for match in matches if match.how in {"exact", "alternative"}]

    def _exact(self, folded: list[str], limit: int) -> list[list[Match]]:
        """Everything that has each folded name, best first."""
        results = []
        for name, entries in zip(folded, self._index.exact_many(folded), strict=True):
            best: dict[int, tuple[str, bool]] = {}
            for place, written, proper in entries:
                if proper or place not in best:
                    best[place] = (written, proper)
            matches = list(self._wholes.get(name, {}).values())
            for place, (written, proper) in best.items():
                how = "exact" if proper else "alternative"
                matches.append(Match(self._place(place), _SCORE[how], written, how))
            results.append(sorted(matches, key=_rank, reverse=True)[:limit])
        return results

    def _fuzzy(self, folded: str, limit: int) -> list[Match]:
        return [Match(self._place(place), round(_FUZZY * like, 4), name, "fuzzy")
                for place, name, like in self._index.fuzzy(folded, max(limit, 50))]  # fmt: skip

    def _qualified(self, matches: list[Match], qualifiers: list[str]) -> list[Match]:
        """Those that agree with the most qualifiers; all of them, at a lower score, where none agrees with any."""
        agreed = [sum(self._agrees(match.place, qualifier) for qualifier in qualifiers) for match in matches]
        if not max(agreed):
            return [replace(match, score=_WRONG_QUALIFIER * match.score) for match in matches]
        return [match for match, count in zip(matches, agreed, strict=True) if count == max(agreed)]

    def _agrees(self, place: Place, qualifier: str) -> bool:
        code = self._country_code(qualifier)
        if code is not None and code == place.country:
            return True
        wanted = {fold(qualifier), _plain_region(qualifier)} - {""}
        known = self._region_names.get((place.country, place.region_code), set())
        plain = {_plain_region(name) for name in known}
        return bool(wanted & (known | plain)) or (place.region_code or "").lower() == fold(qualifier)

    @staticmethod
    def _within(matches: list[Match], area: Area | None) -> list[Match]:
        if not area:
            return matches
        return [match for match in matches if (not area.countries or match.place.country in area.countries)
                and (area.box is None or bool(area.box.contains(match.place.lat, match.place.lon)))]  # fmt: skip


def _rank(match: Match) -> tuple[float, float]:
    return math.log10(match.place.population + 10.0) + _PRIORITY[match.how], match.score


def _plain_region(name: str) -> str:
    """A folded region name without the word for its kind."""
    folded = fold(name)
    return " ".join(_KIND_OF_REGION.sub(" ", folded).split()) or folded
