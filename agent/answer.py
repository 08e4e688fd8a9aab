"""Answers: what a policy may say, the only reader of it, and what the belief makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from geo.belief import Belief
from geo.coordinates import find_coordinates
from geo.evidence import Evidence, near
from geo.gazetteer import gazetteer
from geo.naming import NamedPlace, cells_of_country, country_mass, top_places
from tools.observation import parameters_of
from tools.quote import clean

MIN_GAIN_BITS = 1.0
"""With less than this told by the evidence, the honest answer is that one cannot tell."""

MIN_COUNTRY_SHARE = 0.35
"""The same when neither a country nor the sea holds this much of the belief."""

ANSWER_TOOL = "answer"

MAX_TEXT = 20_000
"""Characters of a message that are read."""


class Candidate(BaseModel):
    """One place the photo may have been taken at."""

    model_config = ConfigDict(extra="ignore")

    lat: float | None = Field(None, ge=-90, le=90, description="latitude in degrees")
    lon: float | None = Field(None, ge=-180, le=180, description="longitude in degrees")
    place: str = Field("", description="name: city, region, country")
    radius_km: float = Field(25.0, ge=0.0, description="radius within which you expect the truth")
    probability: float = Field(0.5, ge=0.0, le=1.0)

    @field_validator("place", mode="before")
    @classmethod
    def _short(cls, value: object) -> str:
        return clean(str(value or ""), 120)


class PolicyAnswer(BaseModel):
    """A policy's answer. No candidates and no `cannot_tell` means: the belief as it stands is the answer."""

    model_config = ConfigDict(extra="ignore")

    candidates: list[Candidate] = Field(default_factory=list, description="best first, at most five")
    cannot_tell: bool = Field(False, description="nothing points anywhere")
    reason: str = Field("", description="one sentence: what decided")

    @field_validator("reason", mode="before")
    @classmethod
    def _short(cls, value: object) -> str:
        return clean(str(value or ""), 600)


def answer_schema() -> dict[str, Any]:
    """The `answer` tool in the OpenAI function-calling form."""
    description = "Give your answer and end the investigation."
    return {
        "type": "function",
        "function": {"name": ANSWER_TOOL, "description": description, "parameters": parameters_of(PolicyAnswer)},
    }


def read_call(arguments: Mapping[str, Any]) -> PolicyAnswer | str:
    """The answer in an `answer` call, or one sentence that says what is wrong with it."""
    data = dict(arguments)
    if "candidates" not in data and ({"lat", "lon"} <= set(data) or data.get("place")):
        data = {"candidates": [data], "reason": data.get("reason", "")}
    data["candidates"] = (
        list(data.get("candidates") or [])[:5] if isinstance(data.get("candidates"), (list, type(None))) else data["candidates"]
    )
    try:
        answer = PolicyAnswer.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"the answer was not accepted: {where}: {first['msg']}; coordinates are lat -90..90 and lon -180..180"
    located = [found for c in answer.candidates if (found := _located(c)) is not None]
    if answer.candidates and not located and not answer.cannot_tell:
        return "the answer names no place that could be found; give lat and lon for each candidate"
    return answer.model_copy(update={"candidates": located})


def read_text(text: str, final: bool = True) -> PolicyAnswer | None:
    """The answer in free text: what stands in `<answer>` (or after the reasoning), read as coordinates or place names.

    Reasoning in `<think>` is never read. Outside `<answer>`, place names count only in a `final` reply. None where nothing that
    names a place can be found.
    """
    text, tagged = _spoken(text)
    reason = clean(text, 600)
    if points := find_coordinates(text):
        return PolicyAnswer(candidates=[Candidate(lat=lat, lon=lon, probability=0.6) for lat, lon in points[:1]], reason=reason)
    if re.search(
        r"\b(cannot|can't|can not|unable to|impossible to) (tell|determine|say|know|identify|locate)\b", text, flags=re.I
    ):
        return PolicyAnswer(cannot_tell=True, reason=reason)
    if not tagged and not final:
        return None
    last = text.strip().splitlines()[-1] if not tagged and text.strip() else text
    parts = [part.strip(" .*`\"'") for part in re.split(r"[,;\n]", last)][:4]
    for name in (", ".join(p for p in parts if p), *parts):
        located = _located(Candidate(place=name, probability=0.6)) if 2 <= len(name) <= 80 else None
        if located:
            return PolicyAnswer(candidates=[located], reason=reason)
    return None


def final_words(message: str) -> str:
    """A message without its reasoning: what stands in `<answer>`, or all but `<think>`. Reads the first 20,000 characters."""
    return _spoken(message)[0]


def _spoken(message: str) -> tuple[str, bool]:
    """The final words, and whether they stood in `<answer>`."""
    text = re.sub(r"<think>.*?(</think>|$)", " ", message[:MAX_TEXT], flags=re.S | re.I)
    match = re.search(r"<answer>(.*?)(?:</answer>|$)", text, flags=re.S | re.I)
    return (match[1], True) if match else (text, False)


def _located(candidate: Candidate) -> Candidate | None:
    """The candidate with coordinates: its own, or those of the place it names."""
    if candidate.lat is not None and candidate.lon is not None:
        return candidate
    if not candidate.place:
        return None
    found = place_named(candidate.place)
    if found is None:
        return None
    lat, lon, radius_km = found
    return candidate.model_copy(update={"lat": lat, "lon": lon, "radius_km": max(candidate.radius_km, radius_km)})


def place_named(name: str) -> tuple[float, float, float] | None:
    """Coordinates and a radius for `city, region, country` in words; the later parts choose among places of one name."""
    from geo.area import Area

    parts = [part.strip() for part in name.split(",") if part.strip()]
    if not parts:
        return None
    country = next((code for part in reversed(parts) if (code := gazetteer().country_code(part))), None)
    area = Area(frozenset({country})) if country else None
    for match in gazetteer().search(parts[0], area=area, limit=5, fuzzy=False):
        radius = {"country": 400.0, "region": 100.0}.get(match.how, 15.0)
        return match.place.lat, match.place.lon, radius
    return None


def evidence_of(answer: PolicyAnswer) -> tuple[Evidence, ...]:
    """What the policy's own judgement says about the Earth: kernels around its candidates, trusted as it states, within bounds."""
    candidates = [c for c in answer.candidates if c.lat is not None and c.lon is not None and c.probability > 0]
    if answer.cannot_tell or not candidates:
        return ()
    total = sum(c.probability for c in candidates)
    # A radius that is meant to hold the truth is read as 90 %: 2.15 standard deviations of a Gaussian in the plane.
    sigma = [max(c.radius_km, 0.5) / 2.146 for c in candidates]
    kernels = near([c.lat or 0.0 for c in candidates], [c.lon or 0.0 for c in candidates], sigma, [c.probability for c in candidates], halo=0.2,
                   halo_km=150.0)  # fmt: skip
    names = ", ".join(c.place or f"{c.lat:.3f}, {c.lon:.3f}" for c in candidates)
    claim = f"the policy's judgement: {names}" + (f" ({answer.reason[:160]})" if answer.reason else "")
    return (Evidence(kernels, claim, "policy", "policy", float(np.clip(total, 0.3, 0.95)), ()),)


def answer_from(belief: Belief, cannot_tell: bool = False) -> dict[str, Any]:
    """`answer` (None for "cannot tell"), `best_guess`, `alternatives` and the numbers of the belief.

    The point is the one of highest expected geoscore, inside the leading country when one holds most of the belief.
    """
    places = top_places(belief, 6)
    guess = _best_guess(belief)
    gain = belief.gain_bits()
    masses = country_mass(belief)
    leading = max(*masses.values(), 1.0 - sum(masses.values()))  # the last is the sea: photos are taken on ships and shores
    told = gain >= MIN_GAIN_BITS and leading >= MIN_COUNTRY_SHARE and not cannot_tell
    alternatives = [_described(belief, p) for p in places]
    numbers = {"gain_bits": round(gain, 3), "entropy_bits": round(belief.entropy_bits(), 3),
               "credible50_km2": round(belief.credible_area_km2(0.5), 2), "credible90_km2": round(belief.credible_area_km2(0.9), 2)}  # fmt: skip
    return {"answer": guess if told else None, "best_guess": guess, "alternatives": alternatives, "belief": numbers}


def _best_guess(belief: Belief) -> dict[str, Any]:
    masses = country_mass(belief)
    leader = next(iter(masses), None)
    among = cells_of_country(belief, leader) if leader and masses[leader] > 0.5 else None
    lat, lon = belief.best(among=among)
    here = gazetteer().reverse(lat, lon)
    return {
        "lat": round(lat, 5), "lon": round(lon, 5), "country": here.country, "country_name": here.country_name,
        "region": here.region, "city": here.city, "probability": round(_probability_at(belief, lat, lon, masses.get(here.country or "", 0.0)), 4),
        "radius50_km": round(belief.radius_km(lat, lon, 0.5), 2), "radius90_km": round(belief.radius_km(lat, lon, 0.9), 2),
    }  # fmt: skip


def _probability_at(belief: Belief, lat: float, lon: float, country_share: float) -> float:
    """Probability of the named city's area, or of the country when the city is not what the belief rests on."""
    return float(belief.mass_within(lat, lon, 50.0)) or country_share


def _described(belief: Belief, place: NamedPlace) -> dict[str, Any]:
    radii = {f"radius{share}_km": round(belief.radius_km(place.lat, place.lon, share / 100), 2) for share in (50, 90)}
    return {**place.to_json(), **radii}


def label_of(place: Mapping[str, Any]) -> str:
    """`Porto, Porto District, Portugal` from a JSON place."""
    parts: Sequence[str | None] = (place.get("city"), place.get("region"), place.get("country_name"))
    return ", ".join(dict.fromkeys(p for p in parts if p)) or "at sea"
