"""A run as a log of Inspect (inspect.aisi.org.uk), which `inspect view` opens; written without Inspect.

`.eval` is a zip of one JSON file a sample beside `header.json`, `summaries.json` and `_journal/start.json`; `.json` is one JSON value. Both hold what
`inspect_ai.log.EvalLog` (version 2) describes. Checked with inspect-ai 0.3.285: `read_eval_log` validates both, `inspect view` shows them.
Samples are written one by one, so that memory does not grow with the run.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from evals.interchange.inspect_messages import Json
from evals.interchange.inspect_sample import ended, sample_of, summary_of
from evals.row import LEVELS, Row

_VERSION = 2
_SCORERS = {
    **{level: {"accuracy": level} for level in LEVELS},
    "geoscore": {"mean": "geoscore"},
    "distance_km": {"median": "median_km", "within_1km": "within_1km", "within_25km": "within_25km", "within_200km": "within_200km",
                    "within_750km": "within_750km", "within_2500km": "within_2500km"},
}  # fmt: skip
"""Scores of a sample, each with the metrics over all samples and the names these have in our summaries."""


def write_inspect_log(
    path: Path,
    manifest: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    trajectories: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, Row],
    metrics: Mapping[str, Mapping[str, Any]],
    thumbnail: Callable[[str], bytes | None] = lambda record_id: None,
) -> int:
    """Write `path` (`.eval` or `.json`), whole or not at all; how many samples it holds.

    `manifest` and `records` are those of a run folder, `trajectories` and `rows` go by record id, `thumbnail` gives the small JPEG of a
    record. `metrics` are those of `evals.metrics.summarise` over the rows ({name: {value, low, high, n}}). Raises ValueError for another ending, OSError.
    """
    if path.suffix not in {".eval", ".json"}:
        raise ValueError(f"an Inspect log ends in .eval or .json, not {path.name!r}")
    ordered = [rows[str(record["id"])] for record in records]
    header = _header(manifest, ordered, metrics, trajectories)
    model = str(manifest["policy"])
    samples = (
        sample_of(record, trajectories.get(row.id), row, model, thumbnail(row.id))
        for record, row in zip(records, ordered, strict=True)
    )
    temporary = path.with_name(f".{path.name}.part")
    (_write_zip if path.suffix == ".eval" else _write_json)(temporary, header, samples)
    temporary.replace(path)
    return len(ordered)


def _write_zip(path: Path, header: Json, samples: Iterator[Json]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as log:
        log.writestr("_journal/start.json", _dump({key: header[key] for key in ("version", "eval", "plan")}))
        summaries = []
        for sample in samples:
            log.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", _dump(sample))
            summaries.append(summary_of(sample))
        log.writestr("summaries.json", _dump(summaries))
        log.writestr("header.json", _dump(header))


def _write_json(path: Path, header: Json, samples: Iterator[Json]) -> None:
    with path.open("wb") as file:
        file.write(_dump(header)[:-1] + b',"samples":[')
        _joined(file, samples)
        file.write(b"]}\n")


def _joined(file: IO[bytes], samples: Iterator[Json]) -> None:
    for number, sample in enumerate(samples):
        file.write((b"," if number else b"") + _dump(sample))


def _dump(data: Any) -> bytes:
    """JSON in UTF-8; lone surrogates, which some models write, become question marks."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


# -- what stands before the samples


def _header(
    manifest: Mapping[str, Any], rows: Sequence[Row], metrics: Mapping[str, Any], trajectories: Mapping[str, Mapping[str, Any]]
) -> Json:
    run = sum(row.stop != "not_run" for row in rows)
    spec = _spec(manifest, rows)
    return {
        "version": _VERSION, "status": "success" if run == len(rows) else "cancelled", "eval": spec,
        "plan": {"name": "plan", "steps": [{"solver": "geosleuth", "params": {}}], "config": {}},
        "results": {"total_samples": len(rows), "completed_samples": run, "scores": [_score(name, rows, metrics) for name in _SCORERS]},
        "stats": {"started_at": spec["created"], "completed_at": _ended(spec["created"], trajectories), "model_usage": {spec["model"]: _usage(rows)}},
    }  # fmt: skip


def _spec(manifest: Mapping[str, Any], rows: Sequence[Row]) -> Json:
    """The `EvalSpec`; its ids come from the manifest, so that the same run gives the same log."""
    digest = hashlib.sha256(json.dumps(dict(manifest), sort_keys=True, default=str).encode()).hexdigest()
    kept = ("checksum", "size", "seed", "settings", "prompts", "price")
    settings = manifest.get("settings") or {}
    limits = settings.get("limits") or {}
    policy = {
        key: value
        for key, value in (settings.get("policy") or {}).items()
        if key == "temperature" and isinstance(value, int | float)
    }
    return {
        "eval_id": digest[:22], "run_id": digest[22:44], "task_id": digest[42:64], "created": _created(manifest),
        "task": f"geosleuth/{manifest['benchmark']}", "task_display_name": str(manifest["benchmark"]), "task_version": 0, "solver": "geosleuth",
        "dataset": {"name": str(manifest["benchmark"]), "samples": len(rows), "sample_ids": [row.id for row in rows],
                    "shuffled": manifest.get("seed") is not None},
        "model": str(manifest["policy"]), "model_generate_config": policy,
        "config": {"limit": len(rows), "epochs": 1, "turn_limit": limits.get("max_turns"), "working_limit": _whole(limits.get("max_seconds"))},
        "packages": {str(name): str(version) for name, version in (manifest.get("versions") or {}).items()},
        "metadata": {name: manifest[name] for name in kept if manifest.get(name) is not None},
        "scorers": [{"name": name, "metrics": [{"name": metric} for metric in metrics]} for name, metrics in _SCORERS.items()],
    }  # fmt: skip


def _whole(value: Any) -> int | None:
    return round(value) if isinstance(value, int | float) else None


def _created(manifest: Mapping[str, Any]) -> str:
    """When the run began; the beginning of time for a run that does not say."""
    return str(manifest.get("started") or datetime.fromtimestamp(0, UTC).isoformat(timespec="seconds"))


def _ended(created: str, trajectories: Mapping[str, Mapping[str, Any]]) -> str:
    """When the last investigation ended, as far as its working time tells."""
    ends = [datetime.fromisoformat(created)]
    ends += [ended(trajectory) for trajectory in trajectories.values() if trajectory.get("started")]
    return max(ends).isoformat(timespec="seconds")


def _usage(rows: Sequence[Row]) -> Json:
    read, wrote = sum(row.tokens_in for row in rows), sum(row.tokens_out for row in rows)
    costs = [row.usd for row in rows if row.usd is not None]
    return {
        "input_tokens": read,
        "output_tokens": wrote,
        "total_tokens": read + wrote,
        **({"total_cost": sum(costs)} if costs else {}),
    }


def _score(name: str, rows: Sequence[Row], metrics: Mapping[str, Any]) -> Json:
    """An `EvalScore`: metrics that have a value, with their interval and denominator beside them."""
    found = {}
    for metric, key in _SCORERS[name].items():
        value = metrics.get(key)
        if value and value["value"] is not None:
            about = {"low95": value["low"], "high95": value["high"], "n": value["n"]}
            found[metric] = {"name": metric, "value": value["value"], "metadata": about}
    scored = sum(_has(name, row) for row in rows)
    return {"name": name, "scorer": name, "scored_samples": scored, "unscored_samples": len(rows) - scored, "metrics": found}


def _has(name: str, row: Row) -> bool:
    if name in LEVELS:
        return row.levels.get(name) is not None
    return row.truth.lat is not None if name == "geoscore" else row.distance_km is not None
