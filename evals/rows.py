"""From a run's trajectories to rows: every verdict on every record, without asking a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agent.answer import ANSWER_TOOL, label_of
from agent.candidates import MAX_CANDIDATES
from evals.bits import TruthBits, truth_bits
from evals.geovista_matcher import published_verdicts
from evals.judge import names_of
from evals.levels import levels_of_points, levels_of_text
from evals.record import Truth
from evals.row import LEVELS, Guess, RankedPlace, Row, ToolCall, Verdicts
from evals.run import Price
from evals.run_folder import RunFolder
from geo.gazetteer import gazetteer
from geo.sphere import haversine_km

CONTINENTS = {"AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania",
              "SA": "South America"}  # fmt: skip
CITY_KM = 50.0
"""The truth lies in a ranked city area within this distance of its middle (`geo.naming.CITY_AREA_KM`)."""


def rows_of(run: RunFolder, forced: bool = False) -> list[Row]:
    """A row for every record that was asked, in the order of the run; what was not run or failed has no answer.

    With `forced` the best guess counts where the policy would not tell: what the answers would be worth without abstaining.
    Raises RunError.
    """
    manifest, records, trajectories = run.manifest(), run.records(), run.trajectories()
    price = Price(*manifest["price"]) if manifest.get("price") else None
    rows = [_row(record, trajectories.get(record["id"]), price, forced) for record in records]
    verdicts = levels_of_points([row.truth for row in rows], *_points(rows))
    worded = [_worded(trajectories.get(row.id), row.truth) for row in rows]
    return [replace(row, levels=said or seen) for row, seen, said in zip(rows, verdicts, worded, strict=True)]


def final_texts(run: RunFolder) -> dict[str, str]:
    """The final answer of each record in words, "" where there is none: what a judge is asked about."""
    found = {}
    for key, trajectory in run.trajectories().items():
        place = trajectory.get("answer")
        found[key] = _final_text(trajectory, _guess(place) if place else None)
    return found


def _points(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Latitudes and longitudes [n] of the answers, NaN where there is none."""
    points = [(row.answer.lat, row.answer.lon) if row.answer else (np.nan, np.nan) for row in rows]
    lat, lon = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return lat, lon


def _row(record: Mapping[str, Any], trajectory: Mapping[str, Any] | None, price: Price | None, forced: bool) -> Row:
    truth = Truth.from_json(record["truth"])
    row = Row(record["id"], record["kind"], truth, columns=_columns(record, truth), levels=dict.fromkeys(LEVELS))
    if trajectory is None:
        return replace(row, published=_published(truth, "", ""))
    place = trajectory.get("best_guess" if forced else "answer")
    answer = _guess(place) if place else None
    bits = truth_bits(trajectory, truth.lat, truth.lon) if truth.lat is not None and truth.lon is not None else None
    usage = trajectory.get("usage") or {}
    return replace(
        row,
        answer=answer,
        distance_km=_km(truth, answer.lat, answer.lon) if answer else None,
        published=_published(truth, *_texts(trajectory, answer)),
        ranked=tuple(_ranked(place, truth) for place in trajectory.get("alternatives", [])),
        candidates_km=_candidates_km(trajectory, truth),
        bits_uniform=round(bits.uniform, 4) if bits else None,
        bits_prior=round(bits.prior, 4) if bits else None,
        stop=str(trajectory["stop"]),
        error=trajectory.get("error"),
        turns=int(trajectory.get("turns", 0)),
        calls=_calls(trajectory, bits),
        tokens_in=int(usage.get("input_tokens", 0)),
        tokens_out=int(usage.get("output_tokens", 0)),
        usd=price.of(trajectory) if price else None,
        seconds=float(trajectory.get("seconds", 0.0)),
    )


def _columns(record: Mapping[str, Any], truth: Truth) -> dict[str, str]:
    country = gazetteer().countries.get(truth.country or "")
    continent = {"continent": CONTINENTS[country.continent]} if country and country.continent in CONTINENTS else {}
    return {**continent, **{str(key): str(value) for key, value in record["columns"].items()}}


def _guess(place: Mapping[str, Any]) -> Guess:
    return Guess(float(place["lat"]), float(place["lon"]), label_of(place), place.get("country"), place.get("region"), place.get("city"),
                 place.get("probability"), place.get("radius50_km"), place.get("radius90_km"))  # fmt: skip


def _km(truth: Truth, lat: float, lon: float) -> float | None:
    """Distance to the truth; None where that has no coordinates."""
    if truth.lat is None or truth.lon is None:
        return None
    return round(float(haversine_km(truth.lat, truth.lon, lat, lon)), 4)


def _ranked(place: Mapping[str, Any], truth: Truth) -> RankedPlace:
    distance = _km(truth, place["lat"], place["lon"])
    label = label_of(place) if place.get("kind") != "country" else str(place.get("country_name"))
    return RankedPlace(float(place["lat"]), float(place["lon"]), label, float(place["probability"]),
                       distance, _holds(place, truth, distance))  # fmt: skip


def _candidates_km(trajectory: Mapping[str, Any], truth: Truth) -> tuple[float, ...] | None:
    """Distances of the pooled candidates, in the order in which they were kept; what is no point is left out."""
    pooled = trajectory.get("candidates")
    if not isinstance(pooled, list) or truth.lat is None:
        return None
    found = []
    for candidate in pooled[:MAX_CANDIDATES]:
        try:
            lat, lon = float(candidate["lat"]), float(candidate["lon"])
        except (KeyError, TypeError, ValueError):
            continue
        if abs(lat) <= 90.0 and abs(lon) <= 180.0:
            found.append(_km(truth, lat, lon))
    return tuple(km for km in found if km is not None)


def _holds(place: Mapping[str, Any], truth: Truth, distance: float | None) -> bool | None:
    """Whether the truth lies in a ranked place; None where its kind is not one that can be checked."""
    kind = place.get("kind", "city")
    if kind == "city":
        return None if distance is None else bool(distance < CITY_KM)
    if truth.country is None or kind not in {"region", "country"}:
        return None
    if kind == "country" or place.get("country") != truth.country:
        return bool(place.get("country") == truth.country)
    return gazetteer().same_region(str(place["region"]), truth.region, truth.country) if truth.region else None


def _calls(trajectory: Mapping[str, Any], bits: TruthBits | None) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(step["tool"], bool(step["ok"]), float(step["seconds"]), round(bits.of_calls.get(step["id"], 0.0), 4) if bits else None)
        for step in trajectory.get("steps", [])
        if step["tool"] != ANSWER_TOOL
    )  # fmt: skip


def _published(truth: Truth, final: str, whole: str) -> dict[str, Verdicts]:
    names = names_of(truth)
    country = gazetteer().countries.get(names["country"])  # a code is no word to look for
    names["country"] = country.name if country else names["country"]
    return {"final": published_verdicts(names, final), "original": published_verdicts(names, whole)}


def _final_text(trajectory: Mapping[str, Any], answer: Guess | None) -> str:
    """The final answer in words: the imported text, or the place that was answered."""
    return str(trajectory["said"]) if trajectory.get("said") else answer.label if answer else ""


def _texts(trajectory: Mapping[str, Any], answer: Guess | None) -> tuple[str, str]:
    """The final answer, and the whole last message with the answer that was made of it."""
    final, last = _final_text(trajectory, answer), last_message(trajectory)
    return final, last if trajectory.get("said") else f"{last}\n{final}"


def _worded(trajectory: Mapping[str, Any] | None, truth: Truth) -> Verdicts | None:
    """Verdicts on an imported answer that was given in words alone; None for answers in coordinates."""
    if trajectory is None or not trajectory.get("said") or trajectory.get("said_point"):
        return None
    return levels_of_text(truth, str(trajectory["said"]))


def last_message(trajectory: Mapping[str, Any]) -> str:
    """The text of the policy's last message, calls included as it wrote them."""
    import json

    for message in reversed(trajectory.get("messages", [])):
        if message.get("role", message.get("type")) in {"assistant", "ai"}:
            content = message.get("content", "")
            text = (
                content if isinstance(content, str) else " ".join(str(b.get("text", "")) for b in content if isinstance(b, dict))
            )
            calls = message.get("tool_calls") or []
            return text + "".join("\n" + json.dumps(call.get("args", {}), ensure_ascii=False) for call in calls)
    return ""
