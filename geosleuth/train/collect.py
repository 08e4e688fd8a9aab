"""`geosleuth train collect`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from evals.run import RunSettings
    from rl_training.collect import Summary


@click.command("collect")
@click.option(
    "--policy",
    required=True,
    help="The teacher: informed, informed:names, novice (drawn scenes alone), checklist, openai:MODEL, hf:REPO_OR_DIR.",
)
@click.option("--bench", required=True, help="Benchmark to run it over, such as practice:easy:1:500:train or folder:PATH.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the traces; a collection there goes on.",
)
@click.option("--n", "limit", type=click.IntRange(1), help="Only so many records.")
@click.option(
    "--keep", default="right", show_default=True, help="What is kept: right, all, within:KM, level:country (region, city)."
)
@click.option("--split", help="Only places of this split: train, held-out.")
@click.option("--workers", type=click.IntRange(1, 256), default=4, show_default=True, help="Photos at once.")
@click.option("--seed", type=int, help="Choose and order the records by this seed.")
@click.option("--config", help="Take turns and calls from a recipe or a TOML file.")
@click.option("--max-turns", type=click.IntRange(1), help="[default: 8]")
@click.option("--max-calls", type=click.IntRange(0), help="[default: 16]")
@click.option("--base-url", help="Server for openai:MODEL (vLLM, llama.cpp, Ollama, ...); else OPENAI_BASE_URL.")
@click.option("--temperature", type=click.FloatRange(0.0), default=0.0, show_default=True)
@click.option("--online", is_flag=True, help="Let tools use the network; the search is then --search.")
@click.option(
    "--search",
    default="offline",
    show_default=True,
    help="offline, ddgs, searxng:URL, tavily, brave, replay:FILE, record:FILE:BACKEND.",
)
@click.option("--json", "as_json", is_flag=True, help="At the end, one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@plain_errors
def collect_command(
    policy: str, bench: str, out: Path, keep: str, split: str | None, as_json: bool, quiet: bool, **options: Any
) -> None:
    """Run a teacher over a benchmark on the loop that answers users, and keep what is worth learning from.

    Killed, it goes on where it was when the same command is given again. Exit code 1: some records were not run.
    """
    from evals.benchmarks import make_benchmark
    from rl_training.collect import Teacher, collect
    from rl_training.teachers import knows, make_teacher

    settings = _settings(options)
    spec = (
        {}
        if policy.startswith("informed") or policy == "novice"
        else {"base_url": options["base_url"], "temperature": options["temperature"], "retries": 6}
    )
    teacher = make_teacher(policy, **spec)
    screen = _Lines(quiet)
    found = asyncio.run(collect(make_benchmark(bench), teacher, settings, out, keep=keep, split=split,
                                teacher=Teacher(policy, knows(policy)), tell=screen))  # fmt: skip
    screen.close()
    click.echo(json.dumps(_as_json(found), ensure_ascii=False) if as_json else _words(found))
    if found.missing or found.stopped:
        sys.exit(1)


def _settings(options: Mapping[str, Any]) -> RunSettings:
    from agent.limits import Limits
    from evals.run import RunSettings
    from rl_training.config import TrainSettings
    from rl_training.config_file import load_settings
    from tools.toolbox import ToolSettings

    world = (load_settings(options["config"]) if options["config"] else TrainSettings()).world
    if options["search"] != "offline" and not options["online"]:
        raise ValueError(f"--search {options['search']} uses the network: say --online, too")
    limits = Limits(
        options["max_turns"] or world.max_turns,
        world.max_calls if options["max_calls"] is None else options["max_calls"],
        world.max_seconds,
        world.think_seconds,
    )
    return RunSettings(
        limits=limits,
        tools=ToolSettings(options["search"], offline=not options["online"], leave_out_copies=True),
        policy={"temperature": options["temperature"]},
        limit=options["limit"],
        seed=options["seed"],
        workers=options["workers"],
    )


def _as_json(found: Summary) -> dict[str, Any]:
    return {"folder": str(found.folder), "records": found.records, "kept": found.kept, "dropped": dict(found.dropped),
            "missing": found.missing, "stopped": found.stopped}  # fmt: skip


def _words(found: Summary) -> str:
    dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(found.dropped.items(), key=lambda pair: -pair[1]))
    lines = [f"{found.folder}: {found.kept} of {found.records} kept" + (f"; dropped: {dropped}" if dropped else "")]
    if found.missing:
        lines.append(
            f"{found.missing} were not run{': ' + found.stopped if found.stopped else ''}; give the same command to go on"
        )
    return "\n".join(lines)


class _Lines:
    """One line that is written over on a terminal, a line now and then elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self._shown, self._open = quiet, 0, False

    def __call__(self, record: str, event: Mapping[str, Any]) -> None:
        if self.quiet or event.get("event") != "finished":
            return
        done, total = event["done"], event["total"]
        text = f"{done} of {total}  {record[:60]}  {event['stop']}"
        if sys.stderr.isatty():
            click.echo(f"\r{text}\x1b[K", err=True, nl=False)
            self._open = True
        elif self._shown % 50 == 0 or done == total:
            click.echo(text, err=True)
        self._shown += 1

    def close(self) -> None:
        if self._open:
            click.echo("", err=True)
