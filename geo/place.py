"""What the gazetteer answers with: countries, places, matches of names, and what lies at a point."""

from __future__ import annotations

from dataclasses import dataclass

from geo.names import fold


@dataclass(frozen=True)
class Country:
    """Facts from GeoNames; texts are "" and numbers 0 where it has none."""

    code: str
    """ISO 3166 alpha-2; XK for Kosovo."""
    iso3: str
    name: str
    continent: str
    """AF, AN, AS, EU, NA, OC or SA."""
    capital: str
    languages: tuple[str, ...]
    """BCP 47 tags, the most spoken first."""
    currency: str
    tld: str
    phone: str
    """Calling code without the plus; `1-340` with an area code."""
    postal_code_regex: str
    area_km2: float
    population: int
    lat: float
    lon: float
    """A point inside, near the middle, in degrees."""
    neighbours: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A populated place; also stands for a whole region or country, with the id 0 and a point in its middle."""

    id: int
    """GeoNames id."""
    name: str
    country: str | None
    country_name: str | None
    region: str | None
    region_code: str | None
    """GeoNames admin-1 code."""
    lat: float
    lon: float
    population: int

    def label(self) -> str:
        """`Porto, Porto District, PT`; a region of the same name is not repeated."""
        parts = [self.name]
        if self.region and fold(self.region) != fold(self.name):
            parts.append(self.region)
        if self.country and not (self.country_name == self.name and not self.region):
            parts.append(self.country)
        return ", ".join(parts)


@dataclass(frozen=True)
class Match:
    """A place found by name."""

    place: Place
    score: float
    """1 for the proper name, 0.97 for another name, at most 0.9 for a likely misspelling; less where a qualifier fails."""
    matched_name: str
    how: str
    """`exact`, `alternative`, `region`, `country` or `fuzzy`."""


@dataclass(frozen=True)
class Location:
    """What lies at a point."""

    country: str | None
    """ISO 3166 alpha-2; None at sea more than 50 km from any place."""
    country_name: str | None
    region: str | None
    city: str | None
    """The city that the nearest place belongs to, or the nearest place itself."""
    lat: float
    lon: float
    distance_km: float
    """To the middle of the city; NaN where there is none."""
    place: Place | None
    """The city."""
    nearest: Place | None
    """The nearest place, often a quarter or suburb of the city."""
