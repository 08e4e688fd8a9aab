"""Votes: single replies of the policy about the photo. How one is read, and what several say together.

They are one piece of evidence, of the source `policy`: the belief averages it with the policy's own answer, since both come from one
model and the same pixels, and multiplying them would count them twice. Its reliability is how far the votes agree.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from langchain_core.messages import AIMessage

from agent.answer import ANSWER_TOOL, MAX_TEXT, Candidate, PolicyAnswer, evidence_of, final_words, label_of, read_call, read_text
from agent.candidates import PooledCandidate
from agent.reply import regular
from geo.coordinates import parse_coordinates
from geo.evidence import Evidence
from geo.gazetteer import gazetteer
from geo.sphere import haversine_km

AGREE_KM = 200.0
"""Votes agree when they are this near: the field's threshold for one region."""

LEAST_RELIABLE, MOST_RELIABLE = 0.3, 0.9
"""Bounds of the reliability: votes that scatter still say something, and a model that is sure may be wrong every time."""

OUTCOMES = ("point", "cannot_tell", "unreadable", "error")
"""How a vote ends: it names places, says that nothing can be told, cannot be read (no vote), or never came (no vote)."""

Outcome = Literal["point", "cannot_tell", "unreadable", "error"]
Vote = Mapping[str, Any]
"""A vote as `record_of` makes it and the graph's state keeps it."""

_MAX_STORED = 4000
_NAMES = {"latitude": "lat", "longitude": "lon", "lng": "lon", "long": "lon"}


# -- reading one


def read_vote(reply: AIMessage) -> PolicyAnswer | None:
    """The answer in an `answer` call or in the final words: coordinates in any notation, a JSON object, or a place name.

    None where nothing that can be read names a place or says that there is none: such a reply is no vote.
    """
    answers = [read_call(call["args"]) for call in regular(reply, 0, (1, 1)).tool_calls if call["name"] == ANSWER_TOOL]
    if answers:
        return _telling(answers[0])
    text = _text_of(reply).rpartition("</think>")[2][-MAX_TEXT:]
    words = final_words(text).strip()
    if point := parse_coordinates(words):
        return PolicyAnswer(candidates=[Candidate(lat=point[0], lon=point[1], probability=0.6)])
    if (said := _json_in(words)) is not None:
        return _telling(read_call(said))
    return _telling(read_text(text))


def record_of(
    reply: AIMessage, error: str | None, *, number: int, wave: int, examples: int, seconds: float
) -> dict[str, Any]:  # fmt: skip
    """A vote as plain data: its outcome, its `points` with weights that sum to 1, the end of its text, and what it cost."""
    answer = None if error else read_vote(reply)
    points = _weighted(answer) if answer else []
    outcome: Outcome = "error" if error else "point" if points else "cannot_tell" if answer else "unreadable"
    usage = reply.usage_metadata
    return {
        "number": number, "wave": wave, "examples": examples, "outcome": outcome, "points": points,
        "text": _text_of(reply)[-_MAX_STORED:], "error": error, "seconds": round(seconds, 3),
        "usage": {key: usage[key] for key in ("input_tokens", "output_tokens")} if usage else None,
    }  # fmt: skip


def _telling(answer: PolicyAnswer | str | None) -> PolicyAnswer | None:
    """An answer that holds something; an empty one, which in an investigation means the belief, is no vote."""
    if not isinstance(answer, PolicyAnswer):
        return None
    return answer if answer.cannot_tell or _weighted(answer) else None


def _weighted(answer: PolicyAnswer) -> list[dict[str, Any]]:
    """The places of one answer with weights that sum to 1; none where it cannot tell."""
    places = [c for c in answer.candidates if c.lat is not None and c.lon is not None and c.probability > 0]
    total = math.fsum(c.probability for c in places)
    return [
        {"lat": c.lat, "lon": c.lon, "radius_km": c.radius_km, "place": c.place, "weight": c.probability / total}
        for c in (() if answer.cannot_tell else places)
    ]


def _text_of(reply: AIMessage) -> str:
    """The text of a reply as it can be stored."""
    return str(reply.text).encode("utf-8", "replace").decode()


def _json_in(text: str) -> Mapping[str, Any] | None:
    """The JSON object in a text, with `latitude` and `longitude` called `lat` and `lon`; None where there is none with a place."""
    match = re.search(r"\{.*\}", text, flags=re.S)
    try:
        data = json.loads(match[0]) if match else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    data = {_NAMES.get(str(key).casefold(), str(key).casefold()): value for key, value in data.items()}
    return data if {"lat", "lon"} <= set(data) or "candidates" in data else None


# -- what they say together


def agreement(votes: Sequence[Vote]) -> tuple[float, tuple[float, float]] | None:
    """The share of the votes within 200 km of the point that has most of them so near, and that point; None without a point.

    A vote that names several places is divided among them. Who cannot tell agrees with nobody; what cannot be read has no vote.
    """
    points, share = _points(votes)
    if not points:
        return None
    lat, lon, weight = (np.array([point[key] for point in points]) for key in ("lat", "lon", "weight"))
    near = (haversine_km(lat[:, None], lon[:, None], lat, lon) < AGREE_KM) @ (weight * share)
    top = int(np.argmax(near))
    return min(float(near[top]), 1.0), (float(lat[top]), float(lon[top]))


def evidence_of_votes(votes: Sequence[Vote]) -> tuple[Evidence, ...]:
    """The votes as one clue of the source `policy`: kernels around the places they name, of the widths that those of an answer have.

    The reliability is the agreement, at least 0.3 and at most 0.9. No clue where no vote names a place.
    """
    agreed = agreement(votes)
    if agreed is None:
        return ()
    near, (lat, lon) = agreed
    points, share = _points(votes)
    places = [
        Candidate(lat=p["lat"], lon=p["lon"], place=p["place"], radius_km=p["radius_km"], probability=p["weight"] * share)
        for p in points
    ]
    here = gazetteer().reverse(lat, lon)
    name = label_of({"city": here.city, "region": here.region, "country_name": here.country_name})
    claim = f"{near:.0%} of {round(1 / share)} votes of the policy lie within {AGREE_KM:.0f} km of {name}"
    reliability = float(np.clip(near, LEAST_RELIABLE, MOST_RELIABLE))
    return tuple(replace(clue, claim=claim, reliability=reliability) for clue in evidence_of(PolicyAnswer(candidates=places)))


def suggested_by(votes: Sequence[Vote]) -> Iterator[PooledCandidate]:
    """The places that the votes name, each with its share of all votes."""
    points, share = _points(votes)
    for point in points:
        source = f"vote:k={point['examples']}" if point["examples"] else "vote:zero"
        yield PooledCandidate(point["lat"], point["lon"], point["place"], {source: point["weight"] * share})


def counts_of(votes: Sequence[Vote]) -> dict[str, int]:
    """How many votes ended how."""
    outcomes = [vote["outcome"] for vote in votes]
    return {name: outcomes.count(name) for name in OUTCOMES}


def _points(votes: Sequence[Vote]) -> tuple[list[dict[str, Any]], float]:
    """Every place that was named, in the order of the votes, and the share of one vote among those that could be read."""
    readable = sorted(
        (vote for vote in votes if vote["outcome"] in {"point", "cannot_tell"}), key=lambda vote: int(vote["number"])
    )
    points = [{**point, "examples": vote["examples"]} for vote in readable for point in vote["points"]]
    return points, 1.0 / max(len(readable), 1)
