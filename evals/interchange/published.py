"""Rows of files that other projects publish or write.

GeoVista (github.com/ekonwang/GeoVista): `eval/inference_agent_tool_mode.py` writes a line a photo with `uid`, `image_path`, `pred_output` (the
chat) and `metadata`, or `error` and `traceback`; `eval/eval_infer_geolocation.py` writes `uid`, `image_path`, three verdicts and, with
distances, `extract_address`, `geocode_result` and `accurate_km_dist`, or `error`.
Thinking-with-Map (github.com/AMAP-ML/Thinking-with-Map): `api_evaluation/api_results/*.jsonl` hold `index`, `data_source`, `ground_truth`
(with `image`, `lat`, `lon`, `city`, `country`) and `solution_str`, a text that ends with a JSON object of lat, lon, city, country.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.answer import final_words
from evals.interchange.answer_text import answer_objects, last_assistant, strict_answer
from evals.interchange.fields import MAX_ID, MAX_MESSAGE, MAX_PLACE, address, ids_of, read_row, text
from evals.interchange.prediction import LatLon, Prediction

_VERDICTS = frozenset({"country_correct", "state_correct", "city_correct"})
_STAND_IN = (-9.4306698, 159.9526758)
_STAND_IN_ADDRESS = "honiara, guadalcanal, solomon islands"


def prediction_of(row: Mapping[str, Any], strict: bool = False) -> Prediction:
    """The prediction in a row of any kind. `strict` reads Thinking-with-Map's answers as its authors do: faulty JSON is no answer."""
    if "solution_str" in row and isinstance(row.get("ground_truth"), Mapping):
        return _thinking_with_map(row, strict)
    if "pred_output" in row or ("traceback" in row and "error" in row):
        return _geovista_chat(row)
    if row.keys() >= _VERDICTS or ("uid" in row and row.get("success") is False):
        return _geovista_verdict(row)
    return read_row(row)


def only_verdicts(row: Mapping[str, Any]) -> bool:
    """Whether a row says that an answer was right or wrong, but not what it was."""
    return row.keys() >= _VERDICTS and not row.get("extract_address")


def _thinking_with_map(row: Mapping[str, Any], strict: bool) -> Prediction:
    said = text(row["solution_str"], MAX_MESSAGE)
    truth = row["ground_truth"]
    names = [text(truth.get("image"), MAX_ID), text(row.get("index"), MAX_ID)]
    names = [name for name in names if name] or [""]
    found = strict_answer(said) if strict else next(iter(answer_objects(said)), None)
    if found is None:
        return Prediction(
            names[0], message=said, error="no JSON with lat and lon in the answer", aliases=tuple(names[1:]), truth=_true(row)
        )
    answer = read_row(found)
    return Prediction(
        names[0], answer.lat, answer.lon, address(found), said, error=answer.error, aliases=tuple(names[1:]), truth=_true(row)
    )


def _geovista_chat(row: Mapping[str, Any]) -> Prediction:
    name, aliases = _names(row)
    message = last_assistant(row.get("pred_output"))
    if message is None:
        return Prediction(
            name, error=text(row.get("error"), 300) or "no message of the assistant", aliases=aliases, truth=_true(row)
        )
    message = text(message, MAX_MESSAGE)
    said = re.sub(r"<tool_call>.*?(</tool_call>|$)", " ", final_words(message), flags=re.S).strip()
    error = None if said else "the last message calls a tool and gives no answer"
    return Prediction(name, place=said[:MAX_PLACE], message=message, error=error, aliases=aliases, truth=_true(row))


def _geovista_verdict(row: Mapping[str, Any]) -> Prediction:
    name, aliases = _names(row)
    said = text(row.get("extract_address"), MAX_PLACE)
    debug = row.get("debug")
    message = text(debug.get("response_text"), MAX_MESSAGE) if isinstance(debug, Mapping) else ""
    located = row.get("geocode_result")
    found = read_row(located) if isinstance(located, Mapping) else Prediction("")
    stand_in = said.casefold() == _STAND_IN_ADDRESS or (found.lat, found.lon) == _STAND_IN
    if stand_in:
        return Prediction(
            name, message=message or said, error="GeoVista's stand-in for an unreadable answer (Honiara)", aliases=aliases
        )
    if not said and found.lat is None and not final_words(message).strip():
        error = text(row.get("error"), 300) or "the file holds GeoVista's verdict and no answer"
        return Prediction(name, error=error, aliases=aliases)
    return Prediction(
        name, found.lat, found.lon, said or final_words(message).strip()[:MAX_PLACE], message or said, aliases=aliases
    )


def _names(row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    names = ids_of(row) or [""]
    metadata = row.get("metadata")
    more = ids_of(metadata) if isinstance(metadata, Mapping) else []
    return names[0], tuple(name for name in dict.fromkeys([*names[1:], *more]) if name != names[0])


def _true(row: Mapping[str, Any]) -> LatLon | None:
    return read_row({key: row[key] for key in ("ground_truth", "metadata") if key in row}).truth
