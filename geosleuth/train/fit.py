"""`geosleuth train sft` and `geosleuth train grpo`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.train.trainers import Work, trainers

if TYPE_CHECKING:
    from rl_training.config import TrainSettings


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both stages are told."""
    for option in reversed((
        click.argument("config"),
        click.option("--set", "changes", multiple=True, metavar="TABLE.FIELD=VALUE",
                     help="Change a setting, such as model.lora_rank=8; repeatable. Lists are written with commas."),
        click.option("--resume", is_flag=True, help="Go on with the run that is in the folder; begin it where there is none."),
        click.option("--check", is_flag=True, help="Only check the settings, and print them as TOML."),
        click.option("--json", "as_json", is_flag=True, help="At the end, one JSON object on stdout."),
        click.option("-q", "--quiet", is_flag=True, help="No progress."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command("sft")
@_options
@click.pass_context
@plain_errors
def sft_command(context: click.Context, config: str, **options: Any) -> None:
    """Teach a policy to do as the teacher did (SFT) by CONFIG: a recipe's name, a TOML file, or the folder of a run.

    Traces come from `geosleuth train collect`. The run is OUT/sft of `run.out`: settings.toml, metrics.jsonl, checkpoints.
    """
    _fit("sft", trainers(context).sft, config, **options)


@click.command("grpo")
@_options
@click.pass_context
@plain_errors
def grpo_command(context: click.Context, config: str, **options: Any) -> None:
    """Reinforce a policy on its own investigations (GRPO) by CONFIG: a recipe's name, a TOML file, or the folder of a run.

    It begins from `model.adapter`, such as the folder of an SFT run. The run is OUT/grpo of `run.out`: settings.toml, metrics.jsonl,
    checkpoints.
    """
    _fit("grpo", trainers(context).grpo, config, **options)


def _fit(
    stage: str, work: Work, config: str, changes: Sequence[str], resume: bool, check: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Read the settings, keep them, train, and say what came of it."""
    from rl_training.config_file import load_settings
    from rl_training.config_text import settings_text
    from rl_training.run_record import run_folder

    settings = load_settings(config, changes)
    if check:
        click.echo(settings_text(settings), nl=False)
        return
    _needs_packages(settings)
    if os.environ.get("RANK", "0") != "0":  # set by accelerate and torchrun: the first of several processes writes for all
        work(settings, run_folder(settings, stage), _silent)
        return
    summary = _first_process(stage, work, settings, resume, quiet)
    click.echo(json.dumps(summary, ensure_ascii=False) if as_json else _words(summary))


def _first_process(stage: str, work: Work, settings: TrainSettings, resume: bool, quiet: bool) -> dict[str, Any]:
    from geosleuth.train.screen import Screen
    from rl_training.metrics_log import MetricsLog, summary
    from rl_training.run_record import begin

    folder = begin(settings, stage, resume=resume)
    with Screen(stage, quiet=quiet) as screen:
        if not quiet:
            screen.note(f"{settings.title or stage}: {folder}")
        with MetricsLog(folder, resume=resume, tensorboard=settings.run.tensorboard, show=screen, note=screen.note) as log:
            work(settings, folder, log)
    return {"stage": stage, "run": str(folder), **summary(log.rows), "facts": log.facts}


def _silent(event: Mapping[str, Any]) -> None:
    """Another process writes."""


def _needs_packages(settings: TrainSettings) -> None:
    """Raises ValueError with one line where these settings cannot be trained here."""
    import importlib.util

    needed = ["torch", "transformers", "accelerate"]
    needed += ["trl", "datasets"] if settings.run.backend == "trl" else []
    needed += ["peft"] if settings.model.train == "lora" else []
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise ValueError(f"training needs {', '.join(missing)}: pip install 'geosleuth[train]'")


def _words(summary: Mapping[str, Any]) -> str:
    from geosleuth.train.screen import SHOWN, numbers

    step = summary["step"]
    lines = [
        f"{summary['run']}: {'no step' if step is None else f'step {step}'}, {numbers(summary['last'], SHOWN) or 'nothing measured'}"
    ]
    if best := summary.get("best"):
        lines.append(f"best held-out reward: {best['value']:.4g} after step {best['step']}")
    lines.append(f"curves: geosleuth train curves {summary['run']}; export: geosleuth train export {summary['run']} --into DIR")
    return "\n".join(lines)


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The folder of a run."""
    return click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))(command)
