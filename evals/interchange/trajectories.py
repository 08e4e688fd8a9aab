"""Predictions as trajectories: as much of one as scores and reports need, and nothing that was not said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from agent.answer import label_of
from agent.trajectory import VERSION, StopReason
from evals.interchange.prediction import Prediction, RankedGuess
from evals.levels import resolve
from evals.levels.path import Path, paths_at
from geo.gazetteer import gazetteer
from tools.quote import clean

UNSTATED = "unstated"
"""The kind of a ranked place without a stated probability: calibration must not count it, distances may."""
_TOGETHER = 512


def to_trajectory(prediction: Prediction, record: Mapping[str, Any], policy: str) -> dict[str, Any]:
    """The trajectory of one record (`Record.to_json`) out of what another system said about it.

    `policy` names the system, `import:NAME`. An answer in words alone gets the point and the place that `evals.levels.resolve` reads in
    it; what names no place is no answer. `said` holds the words that were answered, `said_point` whether coordinates stood beside
    them. Radii and probabilities that were not stated are absent.
    """
    return next(to_trajectories([(record, prediction)], policy))


def to_trajectories(pairs: Iterable[tuple[Mapping[str, Any], Prediction | None]], policy: str) -> Iterator[dict[str, Any]]:
    """The same for many records with their predictions (None: there is none), hundreds of points at a time."""
    batch: list[tuple[str, Prediction]] = []
    for record, prediction in pairs:
        batch.append((str(record["id"]), prediction or Prediction(str(record["id"]))))
        if len(batch) == _TOGETHER:
            yield from _made(batch, policy)
            batch = []
    yield from _made(batch, policy)


def _made(batch: Sequence[tuple[str, Prediction]], policy: str) -> Iterator[dict[str, Any]]:
    guesses = [_guesses(prediction) for _, prediction in batch]
    places = iter(_places([guess for several in guesses for guess in several]))
    for (record_id, prediction), several in zip(batch, guesses, strict=True):
        answer, *ranked = [next(places) for _ in several]
        yield _trajectory(record_id, prediction, answer, list(zip(several[1:], ranked, strict=True)), policy)


def _guesses(prediction: Prediction) -> list[RankedGuess]:
    """The answer and then the ranked places."""
    return [RankedGuess(prediction.lat, prediction.lon, prediction.place), *prediction.candidates]


def _places(guesses: Sequence[RankedGuess]) -> list[Path | None]:
    """Where each lies: its coordinates, or else what its words name; None for nothing."""
    points = [i for i, guess in enumerate(guesses) if guess.lat is not None and guess.lon is not None]
    found: list[Path | None] = [None if guess.lat is not None or not guess.place else resolve(guess.place) for guess in guesses]
    coordinates = np.array([(guesses[i].lat, guesses[i].lon) for i in points], dtype=np.float64).reshape(-1, 2)
    for i, path in zip(points, paths_at(coordinates[:, 0], coordinates[:, 1]), strict=True):
        found[i] = path
    return found


def _trajectory(
    record_id: str, prediction: Prediction, answer: Path | None, ranked: Sequence[tuple[RankedGuess, Path | None]], policy: str
) -> dict[str, Any]:
    stop, error = _end(prediction, answer)
    place = {**_place(answer), **_stated(prediction)} if answer else None
    said = {"said": prediction.place, "said_point": prediction.lat is not None} if prediction.place else {}
    text = prediction.message or prediction.place
    return {
        "version": VERSION, "photo": record_id, "path": None, "sha256": None, "size": None, "policy": policy, "started": None, "seconds": 0.0,
        "stop": stop.value, "error": error, "turns": 0, "calls": 0, "usage": {"input_tokens": 0, "output_tokens": 0},
        "answer": place, "best_guess": place, "alternatives": [_alternative(guess, path) for guess, path in ranked if path],
        "label": label_of(place) if place else None, "reason": clean(prediction.place, 600), **said,
        "views": {}, "regions": {}, "sources": {}, "ledger": [], "normalisers": [], "steps": [],
        "messages": [{"role": "assistant", "content": text, "tool_calls": []}] if text else [],
    }  # fmt: skip


def _end(prediction: Prediction, answer: Path | None) -> tuple[StopReason, str | None]:
    if answer is not None:
        return StopReason.ANSWERED, None
    if prediction.error and not prediction.message and not prediction.place:
        return StopReason.POLICY_ERROR, prediction.error
    if prediction.place:
        return StopReason.NO_ANSWER, f"the answer names no place that could be found: {clean(prediction.place, 200)}"
    return StopReason.NO_ANSWER, prediction.error or "no prediction for this record"


def _place(path: Path) -> dict[str, Any]:
    country = gazetteer().countries.get(path.country or "")
    return {"lat": round(path.lat, 6), "lon": round(path.lon, 6), "country": path.country,
            "country_name": country.name if country else None, "region": path.region, "city": path.city}  # fmt: skip


def _stated(prediction: Prediction) -> dict[str, float]:
    values = {"probability": prediction.probability, "radius50_km": prediction.radius50_km, "radius90_km": prediction.radius_km}
    return {name: value for name, value in values.items() if value is not None}


def _alternative(guess: RankedGuess, path: Path) -> dict[str, Any]:
    kind = "city" if path.by_point or path.city else "region" if path.region else "country"
    radius = {"radius90_km": guess.radius_km} if guess.radius_km is not None else {}
    known = guess.probability is not None
    return {"kind": kind if known else UNSTATED, **_place(path), "probability": guess.probability if known else 0.0, **radius}
