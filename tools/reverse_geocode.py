"""`reverse_geocode`: from coordinates to country, region and city."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Protocol

from pydantic import Field

from tools.nominatim import GeocoderError, Nominatim, OnlinePlace, to_json
from tools.observation import Arguments, Observation, Tool, ToolContext, refusal
from tools.quote import clean


class ReverseSearch(Protocol):
    """The part of `geo.gazetteer` that is used here."""

    def reverse(self, lat: float, lon: float) -> Any: ...


class PointArguments(Arguments):
    """Arguments of `reverse_geocode`."""

    lat: float = Field(description="latitude in degrees, north positive, -90 to 90")
    lon: float = Field(description="longitude in degrees, east positive, -180 to 180")


class ReverseGeocode(Tool):
    """Words and data, no evidence: what lies at a point says nothing about where the photo was taken."""

    name = "reverse_geocode"
    description = "Say what lies at coordinates: country, region, the nearest place and how far it is."
    arguments = PointArguments
    timeout_s: ClassVar[float] = 30.0

    def __init__(self, nominatim: Nominatim | None = None, gazetteer: ReverseSearch | None = None) -> None:
        self._nominatim, self._given = nominatim, gazetteer

    def run(self, arguments: PointArguments, context: ToolContext) -> Observation:
        lat, lon = arguments.lat, arguments.lon
        wrong = what_is_wrong(lat, lon)
        if wrong:
            return refusal(wrong)
        apology = ""
        if self._nominatim is not None:
            try:
                return _online(lat, lon, self._nominatim.reverse(lat, lon))
            except GeocoderError as error:
                apology = f"the online geocoder did not answer ({clean(str(error), 120)}); from the offline gazetteer: "
        return _offline(lat, lon, (self._given or _gazetteer()).reverse(lat, lon), apology)


def what_is_wrong(lat: float, lon: float) -> str | None:
    """One sentence where a point is not on the Earth, or None."""
    if not (math.isfinite(lat) and math.isfinite(lon)):
        return "Latitude and longitude must be numbers."
    if abs(lat) > 90:
        swapped = f" Latitude comes first: did you mean lat={lon:g}, lon={lat:g}?" if abs(lon) <= 90 and abs(lat) <= 180 else ""
        return f"The latitude {lat:g} is not between -90 and 90.{swapped}"
    if abs(lon) > 180:
        return f"The longitude {lon:g} is not between -180 and 180; did you mean {(lon + 180) % 360 - 180:g}?"
    return None


def _gazetteer() -> ReverseSearch:
    from geo.gazetteer import gazetteer

    return gazetteer()


def _online(lat: float, lon: float, place: OnlinePlace | None) -> Observation:
    point = f"{lat:.5f}, {lon:.5f}"
    if place is None:
        return Observation(f"{point}: OpenStreetMap knows nothing there (sea or unmapped land).",
                           data={"lat": lat, "lon": lon, "country": None})  # fmt: skip
    return Observation(f"{point}: {clean(place.label, 240)} ({place.country or '?'}), from OpenStreetMap (Nominatim).",
                       data={"asked": [lat, lon], **to_json(place)})  # fmt: skip


def _offline(lat: float, lon: float, found: Any, apology: str) -> Observation:
    data = {"lat": lat, "lon": lon, "country": found.country, "country_name": found.country_name, "region": found.region,
            "city": found.city, "distance_km": found.distance_km}  # fmt: skip
    where = ", ".join(clean(part, 80) for part in (found.city, found.region, found.country_name) if part)
    inside = f"{where} ({found.country})" if found.country else "no country: sea, or land that belongs to none"
    nearest = getattr(found, "place", None)
    away = ""
    if nearest is not None and found.distance_km is not None:
        away = f"; the nearest place is {clean(nearest.name, 80)} ({nearest.country}), {found.distance_km:.1f} km away"
    return Observation(f"{apology}{lat:.5f}, {lon:.5f}: {inside}{away}.", data=data)
