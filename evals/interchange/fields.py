"""One row of a table or JSON file as a prediction, whatever its columns are called."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.answer import final_words
from evals.benchmarks.coordinates import point
from evals.interchange.answer_text import answer_objects
from evals.interchange.prediction import LatLon, Prediction, RankedGuess

MAX_MESSAGE, MAX_PLACE, MAX_ID = 200_000, 4_000, 300
_MOST_CANDIDATES, _MOST_FIELDS, _DEEPEST = 20, 300, 3

_IDS = ("id", "uid", "uuid", "image_id", "img_id", "photo_id", "sample_id", "record_id", "question_id", "image", "photo", "image_path", "img",
        "img_path", "raw_image_path", "filename", "file_name", "file", "file_path", "path")  # fmt: skip
_NUMBERS = ("name", "key", "index")
_FIELDS = {
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "point": ("latlon", "lat_lon", "latlng", "lat_lng"),
    "place": ("place", "place_name", "address", "location", "coordinates", "coords", "gps"),
    "country": ("country", "country_name", "country_code"),
    "region": ("region", "state", "province", "province_or_state", "admin1"),
    "city": ("city", "town", "city_name"),
    "message": ("message", "response", "raw_response", "model_response", "output", "raw_output", "model_output", "completion", "text",
                "generated_text", "prediction_text"),
    "probability": ("probability", "prob", "confidence"),
    "radius_km": ("radius_km", "radius90_km", "radius_90_km", "radius", "error_km", "uncertainty_km"),
    "radius50_km": ("radius50_km", "radius_50_km"),
    "candidates": ("candidates", "alternatives", "predictions", "guesses", "top_k", "topk", "ranked"),
    "error": ("error",),
}  # fmt: skip
_FIELD_OF = {name: field for field, names in _FIELDS.items() for name in names}
_WHERE = frozenset({"lat", "lon", "point", "place", "country", "region", "city"})
_OWNERS = {
    "guess": ("predicted", "prediction", "pred", "guessed", "guess", "estimated", "est", "answer", "final"),
    "truth": ("ground_truth", "truth", "true", "target", "actual", "gold", "gt", "label", "real", "metadata", "reference"),
}
_ANSWERS = frozenset({*_OWNERS["guess"], "final_answer"})
"""Columns called so hold the whole answer."""
_OWNER_OF = {name: owner for owner, names in _OWNERS.items() for name in names}

Fields = dict[tuple[str, str], Any]
"""Values by owner (`guess`, `truth`, or "" where the name does not say whose) and field; None for a column that is empty here."""


def plain(name: str) -> str:
    """A column's name in lower case with underscores: `predLat`, `Pred-Lat` and `pred lat` are `pred_lat`."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:80])
    return re.sub(r"[^a-z0-9]+", "_", split.casefold()).strip("_")


def fields_of(row: Mapping[str, Any]) -> Fields:
    """What a row says, by owner and field; of several names for one thing the first that is not empty."""
    found: Fields = {}
    for owner, field, value in _told(row, "", 0):
        if found.get((owner, field)) is None:
            found[owner, field] = None if value == "" else value
    return found


def _told(row: Mapping[str, Any], owner: str, depth: int) -> Iterator[tuple[str, str, Any]]:
    for key, value in list(row.items())[:_MOST_FIELDS]:
        name = plain(str(key))
        said, field = _split(name)
        if isinstance(value, Mapping):
            if depth < _DEEPEST and (name in _OWNER_OF or name in {"location", "multi_level_loc_dict", "output", "result"}):
                yield from _told(value, owner or _OWNER_OF.get(name, ""), depth + 1)
        elif field:
            yield owner or said, field, value


def _split(name: str) -> tuple[str, str]:
    """Owner and field of a plain name: `pred_lat` and `lat_pred` belong to the guess, `gt_lat` to the truth, `lat` to nobody."""
    if name in _ANSWERS:
        return "guess", "place"
    if name in _FIELD_OF:
        return "", _FIELD_OF[name]
    for word, owner in _OWNER_OF.items():
        for base in (name.removeprefix(f"{word}_"), name.removesuffix(f"_{word}")):
            if base != name and base in _FIELD_OF:
                return owner, _FIELD_OF[base]
    return "", ""


def has_answer_column(names: list[str]) -> bool:
    """Whether any of these columns may hold an answer."""
    return any(_split(plain(name))[1] for name in names)


def ids_of(row: Mapping[str, Any]) -> list[str]:
    """What the row calls its photo, the best name first; a number of its own counts only where there is no other."""
    named = {plain(str(key)): value for key, value in list(row.items())[:_MOST_FIELDS]}
    found = [text(named[name], MAX_ID) for name in _IDS if isinstance(named.get(name), str | int) and named.get(name) is not True]
    return list(dict.fromkeys(name for name in found if name)) or [
        text(named[n], MAX_ID) for n in _NUMBERS if isinstance(named.get(n), str | int)
    ]


def read_row(row: Mapping[str, Any]) -> Prediction:
    """The prediction in one row. What is no answer has an `error` that says why, without naming the row."""
    ids, fields = ids_of(row), fields_of(row)
    truth, guess = _sides(fields)
    message = text(guess.get("message", ""), MAX_MESSAGE)
    said = text(guess.get("place", ""), MAX_PLACE)
    if not _has_point(guess) and (objects := answer_objects(said) or answer_objects(message)):
        guess = {**guess, **{field: value for (_, field), value in fields_of(objects[-1]).items() if value is not None}}
        said = text(guess.get("place", ""), MAX_PLACE)
        said = "" if said.lstrip().startswith(("{", "[", "```")) else said
    place = said or address(guess) or (final_words(message).strip()[:MAX_PLACE] if not _has_point(guess) else "")
    lat, lon, error = _point(guess)
    candidates = _candidates(guess.get("candidates"))
    if lat is None and not place and candidates:
        lat, lon, place = candidates[0].lat, candidates[0].lon, candidates[0].place
        error = None if lat is not None or place else error
    error = error or text(guess.get("error", ""), 300) or None
    if lat is None and not place and not error:
        error = "no answer"
    return Prediction(
        ids[0] if ids else "", lat, lon, place, message, candidates, number(guess.get("radius_km"), 0.0, 25_000.0),
        number(guess.get("probability"), 0.0, 1.0), error if lat is None else None, number(guess.get("radius50_km"), 0.0, 25_000.0),
        tuple(ids[1:]), truth,
    )  # fmt: skip


def _sides(fields: Fields) -> tuple[LatLon | None, dict[str, Any]]:
    """The true point, where the row gives one, and what is said of the answer.

    Where a column is called the guess's, even an empty one, those that are nobody's and say where the photo is are the truth's: to
    take a truth for an answer would go unnoticed.
    """
    told = {key: value for key, value in fields.items() if value is not None}
    nobodys_is_truth = any(owner == "guess" and field in _WHERE for owner, field in fields)
    is_true = [
        (owner, field) for owner, field in told if owner == "truth" or (nobodys_is_truth and not owner and field in _WHERE)
    ]
    guess = {field: value for (owner, field), value in told.items() if owner == "" and (owner, field) not in is_true}
    guess |= {field: value for (owner, field), value in told.items() if owner == "guess"}
    lat, lon, _ = _point({field: told[owner, field] for owner, field in sorted(is_true)})
    return (lat, lon) if lat is not None and lon is not None else None, guess


def _has_point(values: Mapping[str, Any]) -> bool:
    return values.get("point") is not None or (values.get("lat") is not None and values.get("lon") is not None)


def _point(values: Mapping[str, Any]) -> tuple[float | None, float | None, str | None]:
    """lat, lon and what is wrong with them; all None where none are given."""
    lat, lon = values.get("lat"), values.get("lon")
    pair = values.get("point")
    if lat is None and lon is None and isinstance(pair, list | tuple) and len(pair) == 2:
        lat, lon = pair
    if lat is None and lon is None:
        return None, None, None
    try:
        return *point(text(lat, 40), text(lon, 40)), None
    except ValueError as error:
        return None, None, str(error)


def _candidates(value: Any) -> tuple[RankedGuess, ...]:
    """Ranked places out of a list, or out of a list written as JSON; what cannot be read is left out."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value[:MAX_MESSAGE])
        except (ValueError, RecursionError):
            return ()
    if not isinstance(value, list):
        return ()
    return tuple(guess for item in value[:_MOST_CANDIDATES] if (guess := _candidate(item)))


def _candidate(item: Any) -> RankedGuess | None:
    if isinstance(item, str):
        return RankedGuess(place=item[:MAX_PLACE]) if item.strip() else None
    if isinstance(item, list) and 2 <= len(item) <= 3:
        item = dict(zip(("lat", "lon", "probability"), item, strict=False))
    if not isinstance(item, Mapping):
        return None
    values = {field: value for (_, field), value in fields_of(item).items() if value is not None}
    lat, lon, _ = _point(values)
    place = text(values.get("place", ""), MAX_PLACE) or address(values)
    if lat is None and not place:
        return None
    return RankedGuess(
        lat, lon, place, number(values.get("probability"), 0.0, 1.0), number(values.get("radius_km"), 0.0, 25_000.0)
    )


def address(values: Mapping[str, Any]) -> str:
    """`city, region, country` of the values."""
    parts = [text(values.get(level, ""), 200) for level in ("city", "region", "country")]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def number(value: Any, least: float, most: float) -> float | None:
    """A number within bounds; None for anything else."""
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if least <= found <= most else None


def text(value: Any, longest: int) -> str:
    """A value as text that can be written anywhere: lone surrogates replaced, cut to `longest` characters; "" for None and lists."""
    if value is None or isinstance(value, list | dict | bool):
        return ""
    return str(value)[:longest].encode("utf-8", "replace").decode("utf-8").replace("\0", "").strip()
