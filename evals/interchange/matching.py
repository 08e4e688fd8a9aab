"""Which prediction belongs to which record: leniently, but never by a guess between two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.benchmarks.loaded import listed
from evals.interchange.prediction import Prediction
from geo.sphere import haversine_km

_SAME_PLACE_KM = 1.0
"""A prediction whose line says that the photo was taken farther away than this from the record's truth is of another photo."""
_DECIMALS = 5
_ENDINGS = frozenset({"jpg", "jpeg", "png", "webp", "tif", "tiff", "gif", "bmp", "heic", "avif"})


@dataclass(frozen=True)
class Matching:
    predictions: Mapping[str, Prediction]
    """By the record's id."""
    missing: tuple[str, ...]
    """Records without a prediction: no answer."""
    unmatched: tuple[Prediction, ...]
    """Predictions for no record, or for one of several that cannot be told apart."""
    repeated: tuple[str, ...]
    """Records with several predictions under one id; the last that holds an answer counts."""
    how: Mapping[str, int] = field(default_factory=dict)
    """How many were recognised by what: `id`, `file name`, `capitals`, `coordinates`."""

    def lines(self) -> list[str]:
        """What a person has to know, a sentence each; empty where everything fits."""
        by_other = {name: count for name, count in self.how.items() if name != "id" and count}
        return [
            *([f"recognised by {name}: {count:,}" for name, count in by_other.items()]),
            *listed("records have no prediction and count as no answer", self.missing),
            *listed("predictions belong to no record and were left out", [p.id or p.error or "" for p in self.unmatched]),
            *listed("records have several predictions, of which the last answer counts", self.repeated),
        ]


def match_predictions(predictions: Sequence[Prediction], records: Sequence[Mapping[str, Any]]) -> Matching:
    """Predictions by record (`Record.to_json`): by exact id, by the file name without folder and ending, by that without regard to
    capitals, and by the true coordinates that the line repeats. A way that fits two records or two photos is not taken."""
    left = {str(record["id"]): record for record in records}
    waiting = _by_photo(predictions)
    found: dict[str, list[Prediction]] = {}
    how: dict[str, int] = {}
    for way, of_record, of_prediction in _WAYS:
        pairs = _pairs(left, waiting, of_record, of_prediction)
        how[way] = len(pairs)
        for record_id, photo in pairs.items():
            found[record_id] = waiting.pop(photo)
            left.pop(record_id)
    chosen = {key: _last_answer(several) for key, several in found.items()}
    rest = tuple(prediction for several in waiting.values() for prediction in several)
    repeated = tuple(key for key, several in found.items() if len(several) > 1)
    return Matching(chosen, tuple(left), rest, repeated, how)


def _by_photo(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    """Predictions by the id in the file; every line without one stands alone."""
    photos: dict[str, list[Prediction]] = defaultdict(list)
    for number, prediction in enumerate(predictions):
        photos[prediction.id or f"\0{number}"].append(prediction)
    return dict(photos)


def _last_answer(several: Sequence[Prediction]) -> Prediction:
    return next((prediction for prediction in reversed(several) if prediction.answered), several[-1])


_Keys = Callable[[Any], Iterable[Any]]


def _pairs(
    left: Mapping[str, Any], waiting: Mapping[str, list[Prediction]], of_record: _Keys, of_prediction: _Keys
) -> dict[str, str]:
    """Record and photo ids that one key joins, where it joins no others."""
    records: dict[Any, set[str]] = defaultdict(set)
    photos: dict[Any, set[str]] = defaultdict(set)
    for record_id, record in left.items():
        for key in of_record(record):
            records[key].add(record_id)
    for photo, several in waiting.items():
        for key in of_prediction(several[0]):
            photos[key].add(photo)
    joined = {(next(iter(records[key])), next(iter(photos[key]))) for key in records.keys() & photos.keys()
              if len(records[key]) == len(photos[key]) == 1}  # fmt: skip
    joined = {(r, p) for r, p in joined if _may_be(left[r], waiting[p][0])}
    of_r, of_p = Counter(r for r, _ in joined), Counter(p for _, p in joined)
    return {r: p for r, p in joined if of_r[r] == of_p[p] == 1}


def _may_be(record: Mapping[str, Any], prediction: Prediction) -> bool:
    """Whether the truth that the prediction's line repeats is not that of another photo."""
    lat, lon = record["truth"]["lat"], record["truth"]["lon"]
    if prediction.truth is None or lat is None or "point" in record["truth"]["derived"]:
        return True
    return float(haversine_km(lat, lon, *prediction.truth)) <= _SAME_PLACE_KM


def _names(prediction: Prediction) -> list[str]:
    return [name for name in (prediction.id, *prediction.aliases) if name]


def _names_of_record(record: Mapping[str, Any]) -> list[str]:
    return [name for name in (str(record["id"]), str(record.get("file", ""))) if name]


def _stem(name: str) -> str:
    """The file name without its folder and, where it is a picture's, its ending."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    base, dot, ending = last.rpartition(".")
    return base if dot and base and ending.casefold() in _ENDINGS else last


def _point_of_record(record: Mapping[str, Any]) -> list[tuple[float, float]]:
    truth = record["truth"]
    known = truth["lat"] is not None and "point" not in truth["derived"]
    return [(round(truth["lat"], _DECIMALS), round(truth["lon"], _DECIMALS))] if known else []


def _point_of_prediction(prediction: Prediction) -> list[tuple[float, float]]:
    return [(round(prediction.truth[0], _DECIMALS), round(prediction.truth[1], _DECIMALS))] if prediction.truth else []


_WAYS: tuple[tuple[str, _Keys, _Keys], ...] = (
    ("id", lambda record: [str(record["id"])], lambda p: [p.id] if p.id else []),
    ("another id", lambda record: [str(record["id"])], _names),
    ("file name", lambda record: {_stem(name) for name in _names_of_record(record)}, lambda p: {_stem(name) for name in _names(p)}),
    ("capitals", lambda record: {_stem(name).casefold() for name in _names_of_record(record)}, lambda p: {_stem(name).casefold() for name in _names(p)}),
    ("coordinates", _point_of_record, _point_of_prediction),
)  # fmt: skip
