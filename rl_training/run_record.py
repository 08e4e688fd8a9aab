"""The folder of a training run, and what it says of how the run was made.

settings.toml   what was told, whole: `geosleuth train grpo RUN` takes the folder for a configuration
run.json        stage, digests of settings and prompts, versions of packages, when it began
metrics.jsonl   one line a step (`rl_training/metrics_log.py`)
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import prompts
from models.model_folder import replaced, write_json
from rl_training.config import TrainSettings
from rl_training.config_file import SETTINGS_FILE, ConfigError, load_settings
from rl_training.config_text import differences, settings_digest, settings_text

VERSION = 1
RUN_FILE = "run.json"
_PACKAGES = ("geosleuth", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "numpy", "pillow")
_MAY_CHANGE = (
    "title", "needs", "sft.steps", "grpo.steps", "sft.optimiser.micro_batch", "grpo.optimiser.micro_batch", "world.at_once",
    "world.held_out", "run.save_every", "run.keep", "run.eval_every", "run.tensorboard", "run.threads", "run.out",
)  # fmt: skip
"""What a run that goes on may be told anew: how long, how fast, how often it is looked at; never what is learned."""


class RunRecordError(ConfigError):
    """A folder that is not the run that was meant; one line."""


def run_folder(settings: TrainSettings, stage: str) -> Path:
    """Where a stage (`sft`, `grpo`) of these settings is kept: `OUT/sft`, `OUT/grpo`."""
    return Path(settings.run.out).expanduser() / stage


def begin(settings: TrainSettings, stage: str, *, resume: bool = False) -> Path:
    """Make the run's folder and write down what it was told; returns the folder.

    With `resume` a run of the same settings may be there already. Raises RunRecordError where there is one without it, or one of other
    settings, and OSError where the disk refuses.
    """
    folder = run_folder(settings, stage)
    if (folder / SETTINGS_FILE).is_file():
        _may_go_on(folder, settings, stage, resume)
    record = _known(folder) if (folder / RUN_FILE).is_file() else {}
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / SETTINGS_FILE) as path:
        path.write_text(settings_text(settings), encoding="utf-8")
    began = record.get("began") or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(folder / RUN_FILE, {**made_with(settings, stage), "began": began})
    return folder


def made_with(settings: TrainSettings, stage: str) -> dict[str, Any]:
    """What a run's results depend on, as JSON."""
    return {
        "version": VERSION,
        "stage": stage,
        "settings": settings_digest(settings),
        "seed": settings.run.seed,
        "prompts": prompts.digests(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
    }


def read_settings(folder: Path) -> TrainSettings:
    """What a run was told. Raises RunRecordError where the folder holds no run, and ConfigError for settings that make no sense."""
    return read_record(folder)[0]


def read_record(folder: Path) -> tuple[TrainSettings, dict[str, Any]]:
    """The settings and the record of a run. Raises RunRecordError where the folder holds none that can be read."""
    if not (folder / SETTINGS_FILE).is_file():
        raise RunRecordError(f"{folder} is no training run: {SETTINGS_FILE} is missing")
    return load_settings(folder), _known(folder)


def _known(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunRecordError(f"{folder} is no training run: its {RUN_FILE} cannot be read") from error
    if not isinstance(record, Mapping) or record.get("version") != VERSION:
        raise RunRecordError(f"{folder} is a run of another version; this program reads version {VERSION}")
    return dict(record)


def _may_go_on(folder: Path, settings: TrainSettings, stage: str, resume: bool) -> None:
    before, record = read_record(folder)
    if not resume:
        raise RunRecordError(f"{folder} holds a run already: --resume goes on with it, --set run.out=DIR begins another")
    if record.get("stage") != stage:
        raise RunRecordError(f"{folder} holds a run of {record.get('stage')}, not of {stage}")
    other = {path: pair for path, pair in differences(before, settings).items() if path not in _MAY_CHANGE}
    if other:
        told = ", ".join(f"{path} ({_short(a)} before, {_short(b)} now)" for path, (a, b) in list(other.items())[:3])
        raise RunRecordError(f"{folder} holds a run of other settings: {told}; --set run.out=DIR begins another")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:39] + "…"
