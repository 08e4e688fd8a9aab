"""What a run is worth: its systems as rows, their summaries, and the files that come of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.trajectory import StopReason
from evals.baselines import blind_baselines
from evals.metrics.glossary import EXTRA_KM
from evals.metrics.summary import summarise
from evals.row import Row, Verdicts
from evals.rows import rows_of
from evals.run_folder import RunError, RunFolder

FORCED = "forced to guess"
_TITLES = {"checklist": "checklist", "one-look": "one look", "nearest": "nearest photo"}


def systems_of(run: RunFolder) -> dict[str, list[Row]]:
    """Rows of the run, of its best guesses where it abstained, and of every baseline beside it, by title; the run comes first.

    Raises RunError.
    """
    manifest = run.manifest()
    rows = with_judge(rows_of(run), run.path / "judge.jsonl")
    systems = {str(manifest["policy"]): rows}
    forced = rows_of(run, forced=True)
    if any(a.answer is None and b.answer is not None for a, b in zip(rows, forced, strict=True)):
        systems[f"{manifest['policy']}, {FORCED}"] = forced
    ids = [row.id for row in rows]
    for name, folder in run.baselines().items():
        title = _TITLES.get(name, name)
        systems[title if title not in systems else f"{title} (baseline)"] = _same_records(rows_of(folder), ids, name)
        if name == "checklist":
            systems[f"checklist, {FORCED}"] = _same_records(rows_of(folder, forced=True), ids, name)
    return systems | blind_baselines(rows)


def with_judge(rows: list[Row], path: Path) -> list[Row]:
    """The rows with an LLM judge's verdicts, where a judge was asked (`geosleuth eval judge`)."""
    verdicts = read_verdicts(path)
    return [replace(row, judged=verdicts.get(row.id)) for row in rows] if verdicts else rows


def read_verdicts(path: Path, settings: Mapping[str, Any] | None = None) -> dict[str, Verdicts | None]:
    """A judge's verdicts by record, the last one of each; none where there is no file. A torn last line is left out.

    Raises RunError for a damaged file, or one of a judge with other settings.
    """
    if not path.is_file():
        return {}
    found: dict[str, Verdicts | None] = {}
    try:
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            data = json.loads(line)
            if "judge" not in data:
                found[str(data["id"])] = data["verdicts"]
            elif settings is not None and data["judge"] != json.loads(json.dumps(settings)):
                raise RunError(f"{path} holds verdicts of another judge ({data['judge'].get('model')}); move it away first")
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise RunError(f"{path} cannot be read as verdicts of a judge") from error
    return found


def _same_records(rows: Sequence[Row], ids: Sequence[str], name: str) -> list[Row]:
    """Rows of a baseline for exactly the records of the run."""
    by_id = {row.id: row for row in rows}
    if missing := [key for key in ids if key not in by_id]:
        raise RunError(
            f"the baseline {name} was run over other records ({len(missing)} of the run are not among them); run it again"
        )
    return [by_id[key] for key in ids]


def notes_of(rows: Sequence[Row]) -> list[str]:
    """What a reader has to know before believing a number."""
    total, missing = len(rows), sum(row.stop == "not_run" for row in rows)
    broken = sum(row.stop == StopReason.PHOTO_ERROR.value for row in rows)
    failed = sum(row.stop == StopReason.POLICY_ERROR.value for row in rows)
    pointless = sum(row.truth.lat is None for row in rows)
    notes = [
        (missing, f"partial: {total - missing} of {total} records were run; the {missing} others count as wrong"),
        (broken, f"{broken} of {total} photos could not be opened; they count as wrong"),
        (failed, f"the policy failed on {failed} of {total} records; they count as wrong"),
        (pointless, f"{pointless} of {total} records have no coordinates and no distance"),
    ]
    return [text for count, text in notes if count]


def scores_of(run: RunFolder, systems: Mapping[str, Sequence[Row]], resamples: int = 1000) -> dict[str, Any]:
    """Everything measured, as JSON: the same on any machine for the same trajectories."""
    manifest = run.manifest()
    extra = EXTRA_KM if str(manifest.get("benchmark", "")).startswith("mapbench") else ()
    kept = ("benchmark", "checksum", "size", "n", "seed", "policy", "settings", "price", "prompts", "versions", "started")
    return {
        "run": {name: manifest.get(name) for name in kept},
        "notes": notes_of(next(iter(systems.values()))),
        "systems": {name: summarise(rows, resamples=resamples, extra_km=extra) for name, rows in systems.items()},
    }
