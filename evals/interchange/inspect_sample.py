"""One record of a run as a sample of an Inspect log: input, target, messages, scores, usage and how it ended."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from agent.answer import label_of
from agent.trajectory import StopReason
from evals.interchange.inspect_messages import Json, content_of, messages_of
from evals.row import LEVELS, Row
from geo.gazetteer import gazetteer
from geo.score import geoscore

QUESTION = "Where was this photo taken?"
_MAX_EVIDENCE = 40
_LIMITS = {StopReason.MAX_TURNS: ("turn", "max_turns"), StopReason.MAX_CALLS: ("custom", "max_calls"), StopReason.MAX_SECONDS: ("time", "max_seconds")}  # fmt: skip


def sample_of(
    record: Mapping[str, Any], trajectory: Mapping[str, Any] | None, row: Row, model: str, thumbnail: bytes | None
) -> Json:
    """An `EvalSample`. A record that was not run is a sample with an error. The picture is an attachment that messages point to."""
    key = f"attachment://{hashlib.sha256(thumbnail).hexdigest()[:32]}" if thumbnail else None
    trajectory = trajectory or {"stop": "not_run", "error": "this record was not run"}
    messages = messages_of(trajectory, model, key)
    asked = next((message for message in messages if message["role"] == "user"), None)
    if asked is None:
        asked = {"id": "asked", "role": "user", "content": content_of([{"type": "view", "view": "photo"}, QUESTION], {}, key)}
        messages = [asked, *messages]
    usage = {model: usage_of(row)}
    answer = _answer_text(row)
    picture = {key.removeprefix("attachment://"): _data_uri(thumbnail)} if key and thumbnail else {}
    return {
        "id": str(record["id"]), "epoch": 1, "input": [{**asked, "source": "input"}], "target": target_of(row), "messages": messages,
        "output": {"model": model, "choices": [{"message": _last_assistant(messages) or {"role": "assistant", "content": answer}, "stop_reason": "stop"}],
                   "completion": answer, "usage": usage[model]},
        "scores": scores_of(row), "metadata": metadata_of(record, trajectory, row), "store": {}, "events": [], "model_usage": usage,
        **_timing(trajectory, row), "turn_count": row.turns, "attachments": picture, **_end(trajectory),
    }  # fmt: skip


def summary_of(sample: Mapping[str, Any]) -> Json:
    """An `EvalSampleSummary`: what a list of samples shows, without messages, pictures and long values."""
    kept = (
        "id",
        "epoch",
        "target",
        "scores",
        "model_usage",
        "started_at",
        "completed_at",
        "total_time",
        "working_time",
        "turn_count",
    )
    asked = [{**message, "content": _without_pictures(message["content"])} for message in sample["input"]]
    metadata = {key: value for key, value in sample["metadata"].items() if len(json.dumps(value)) < 1000}
    limit = sample.get("limit")
    return {
        **{key: sample[key] for key in kept if key in sample}, "input": asked, "metadata": metadata, "completed": True,
        "message_count": len(sample["messages"]), "error": (sample.get("error") or {}).get("message"), "limit": limit["type"] if limit else None,
    }  # fmt: skip


def usage_of(row: Row) -> Json:
    """A `ModelUsage`: tokens, and money where a price is known."""
    cost = {"total_cost": row.usd} if row.usd is not None else {}
    return {
        "input_tokens": row.tokens_in,
        "output_tokens": row.tokens_out,
        "total_tokens": row.tokens_in + row.tokens_out,
        **cost,
    }


def target_of(row: Row) -> str:
    """The truth in words and coordinates."""
    truth = row.truth
    country = gazetteer().countries.get(truth.country or "")
    levels = (truth.names.get("city") or truth.city, truth.names.get("region") or truth.region)
    names = (*levels, country.name if country else truth.names.get("country"))
    words = ", ".join(dict.fromkeys(name for name in names if name))
    point = f"({truth.lat:.5f}, {truth.lon:.5f})" if truth.lat is not None and truth.lon is not None else ""
    return " ".join(part for part in (words, point) if part)


def _answer_text(row: Row) -> str:
    return f"{row.answer.label} ({row.answer.lat:.5f}, {row.answer.lon:.5f})" if row.answer else "no answer"


# -- scores


def scores_of(row: Row) -> dict[str, Json]:
    """A `Score` for each level, for the distance and for the geoscore; what has no verdict is left out rather than 0."""
    answer = _answer_text(row)
    far = f"{row.distance_km:,.1f} km from {target_of(row)}" if row.distance_km is not None else f"the truth is {target_of(row)}"
    scores: dict[str, Json] = {
        level: {"value": "C" if row.levels[level] else "I", "answer": answer, "explanation": far}
        for level in LEVELS
        if row.levels.get(level) is not None
    }
    if row.truth.lat is not None:
        points = float(geoscore(row.distance_km)) if row.distance_km is not None else 0.0
        scores["geoscore"] = {"value": round(points, 2), "answer": answer, "explanation": far}
    if row.distance_km is not None:
        scores["distance_km"] = {"value": row.distance_km, "answer": answer, "explanation": far}
    return scores


def metadata_of(record: Mapping[str, Any], trajectory: Mapping[str, Any], row: Row) -> Json:
    """How it ended, the belief in one line, the evidence, and what the record says of itself."""
    found = {
        "stop": row.stop, "answer": _answer_text(row), "belief": _belief_line(trajectory), "kind": row.kind, "columns": dict(row.columns),
        "evidence": [_evidence(entry) for entry in (trajectory.get("ledger") or [])[:_MAX_EVIDENCE]],
        "bits_over_prior": row.bits_prior, "probability": row.answer.probability if row.answer else None,
        "radius50_km": row.answer.radius50_km if row.answer else None, "radius90_km": row.answer.radius90_km if row.answer else None,
        "tool_calls": [f"{call.tool}{'' if call.ok else ' (failed)'}" for call in row.calls], "derived_truth": list(row.truth.derived),
        "licence": record.get("licence") or None, "attribution": record.get("attribution") or None, "sha256": trajectory.get("sha256"),
    }  # fmt: skip
    return {key: value for key, value in found.items() if value not in (None, [], {})}


def _belief_line(trajectory: Mapping[str, Any]) -> str | None:
    places = [
        f"{label_of(place) if place.get('kind') != 'country' else place.get('country_name')} {100 * float(place.get('probability') or 0):.0f} %"
        for place in (trajectory.get("alternatives") or [])[:5]
    ]
    gain = (trajectory.get("belief") or {}).get("gain_bits")
    told = [f"{gain:.1f} bits told"] if isinstance(gain, int | float) else []
    return "; ".join([*places, *told]) or None


def _evidence(entry: Mapping[str, Any]) -> str:
    bits = entry.get("for_answer_bits")
    told = f" ({bits:+.1f} bits for the answer)" if isinstance(bits, int | float) else ""
    claim = str(entry.get("claim") or "")[:400]
    return f"{entry.get('tool') or 'unknown'}: {claim}{told}"


# -- how it ended


def _end(trajectory: Mapping[str, Any]) -> Json:
    """`error` where the world failed or the record was not run, `limit` where one was reached."""
    stop = str(trajectory.get("stop"))
    if stop == "not_run" or stop in {reason.value for reason in StopReason if reason.failed}:
        message = str(trajectory.get("error") or stop)[:2000]
        return {"error": {"message": message, "traceback": message, "traceback_ansi": message}}
    for reason, (kind, setting) in _LIMITS.items():
        if stop == reason.value:
            return {
                "limit": {
                    "type": kind,
                    "limit": float((trajectory.get("limits") or {}).get(setting) or 0.0),
                    "reason": stop.replace("_", " "),
                }
            }
    return {}


def _timing(trajectory: Mapping[str, Any], row: Row) -> Json:
    times = {}
    if began := trajectory.get("started"):
        times = {"started_at": began, "completed_at": ended(trajectory).isoformat(timespec="seconds")}
    return {**times, "total_time": row.seconds, "working_time": row.seconds}


def ended(trajectory: Mapping[str, Any]) -> datetime:
    """When an investigation that says when it began ended, as far as its working time tells."""
    return datetime.fromisoformat(str(trajectory["started"])) + timedelta(seconds=float(trajectory.get("seconds") or 0.0))


def _without_pictures(content: str | list[Json]) -> str | list[Json]:
    if isinstance(content, str):
        return content[:1000]
    return [{"type": "text", "text": block["text"][:1000] if block["type"] == "text" else "(Image)"} for block in content]


def _last_assistant(messages: Sequence[Json]) -> Json | None:
    return next((message for message in reversed(messages) if message["role"] == "assistant"), None)


def _data_uri(picture: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
