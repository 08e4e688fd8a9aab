"""`geosleuth eval run`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.policy_options import limit_options, limits, policy_options, tool_settings

if TYPE_CHECKING:
    from agent.policies import Policy
    from evals.nearest import Neighbours
    from evals.record import Record
    from evals.run import Progress, RunSettings
    from evals.run_folder import RunFolder


@click.command("run")
@click.argument("benchmark")
@policy_options
@click.option("--temperature", type=click.FloatRange(0.0), default=0.0, show_default=True)
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Where the benchmark's table or parquet files are.")
@click.option(
    "--images", type=click.Path(exists=True, path_type=Path), help="Where its pictures are: a folder, a tar or a zip file."
)
@click.option("--limit", type=click.IntRange(1), help="Only so many records.")
@click.option("--sample", type=int, metavar="SEED", help="Choose and order the records by this seed.")
@click.option("--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Photos at once.")
@click.option("--price", metavar="IN,OUT", help="US dollars for a million tokens read and written.")
@click.option(
    "--budget-usd", type=click.FloatRange(0.0, min_open=True), help="Stop before more than this is spent; needs --price."
)
@limit_options
@click.option(
    "--baselines",
    default="auto",
    show_default=True,
    help="Runs beside the policy's: any of checklist,one-look,nearest; auto; none.",
)
@click.option("--no-concepts", is_flag=True, help="Leave out what the ImageNet classifier recognises.")
@click.option("--nearest-in", help="Where the baseline `nearest` looks: a benchmark such as folder:PATH; else the first gallery.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the run; a run there goes on."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finished record on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No line for each record.")
@plain_errors
def run_command(benchmark: str, policy: str, out: Path, **options: Any) -> None:
    """Run a policy over BENCHMARK: NAME, NAME:PATH, folder:PATH or practice:LEVEL[:SEED[:N]] (see `geosleuth eval list`).

    Copies of its photos in a gallery do not count.

    Exit code 0: every record was run. 1: some photos could not be opened, the policy failed on some, or the budget is used.
    """
    from agent.policies import make_policy
    from evals.benchmarks import make_benchmark, notes
    from evals.run import prepare
    from evals.run_folder import RunFolder

    settings, beside = _settings(options), _baselines(options, policy)
    records_of = make_benchmark(benchmark, data=options["data"], images=options["images"])
    driver = make_policy(
        policy, base_url=options["base_url"], box_space=options["box_space"], temperature=options["temperature"], retries=6
    )
    folder = RunFolder(out)
    records = prepare(records_of, driver.name, settings, folder)
    for note in notes(records_of):
        click.echo(f"note: {note}", err=True)
    screen = _Lines(options["as_json"], options["quiet"])
    complete = _drive(records, driver, settings, folder, screen, policy)
    for name in beside:
        complete &= _baseline(name, records_of, records, driver, settings, folder, screen, options["nearest_in"])
    click.echo(f"scores: geosleuth eval score {out}", err=True)
    if not complete:
        sys.exit(1)


def _settings(options: Mapping[str, Any]) -> RunSettings:
    from evals.run import Price, RunSettings

    price = None
    if options["price"]:
        try:
            price = Price(*(float(part) for part in options["price"].split(",")))
        except (ValueError, TypeError) as error:
            raise click.UsageError("--price wants two numbers, such as 0.25,2") from error
    return RunSettings(
        limits=limits(options),
        tools=replace(tool_settings(options), concepts=not options["no_concepts"], leave_out_copies=True),
        policy={"temperature": options["temperature"], "box_space": options["box_space"]},
        limit=options["limit"],
        seed=options["sample"],
        workers=options["workers"],
        price=price,
        budget_usd=options["budget_usd"],
    )


def _baselines(options: Mapping[str, Any], policy: str) -> list[str]:
    """Names of the runs that go beside the policy's."""
    if options["baselines"] == "none":
        return []
    if options["baselines"] == "auto":
        looks = [] if policy.startswith(("checklist", "scripted")) else ["checklist", "one-look"]
        return looks + (["nearest"] if options["nearest_in"] or options["galleries"] else [])
    names = [name.strip() for name in options["baselines"].split(",") if name.strip()]
    for name in names:
        if name not in {"checklist", "one-look", "nearest"}:
            raise click.UsageError(f"no baseline is called {name!r}; use checklist, one-look, nearest, auto or none")
    if "nearest" in names and not options["nearest_in"] and not options["galleries"]:
        raise click.UsageError("the baseline nearest needs --gallery NAME, or --nearest-in BENCHMARK such as folder:PATH")
    return names


def _drive(
    records: Sequence[Record], policy: Policy, settings: RunSettings, folder: RunFolder, screen: _Lines, title: str
) -> bool:
    """Run to the end; whether every record was."""
    progress = asyncio.run(_collect(records, policy, settings, folder, screen, title))
    return screen.close(title, progress, settings)


async def _collect(
    records: Sequence[Record], policy: Policy, settings: RunSettings, folder: RunFolder, screen: _Lines, title: str
) -> Progress:
    from evals.run import run, standing

    progress = standing(records, settings, folder)
    truths = {record.id: record.truth for record in records}
    with screen.progress(title, progress):
        async for trajectory in run(records, policy, settings, folder, progress):
            screen.record(trajectory, truths[trajectory["photo"]], progress)
    return progress


def _baseline(name: str, benchmark: Any, records: Sequence[Record], policy: Policy, settings: RunSettings, folder: RunFolder,
              screen: _Lines, nearest_in: str | None) -> bool:  # fmt: skip
    """A run of a baseline in a folder of its own."""
    from agent.policies import make_policy
    from evals.nearest import run_nearest
    from evals.run import prepare
    from evals.run_folder import RunFolder

    inner = RunFolder(folder.path / "baselines" / name)
    settings = replace(settings, thumbnails=False)
    if name == "nearest":
        click.echo("baseline nearest: reading the gallery", err=True)
        where = nearest_in or settings.tools.galleries[0]
        prepare(benchmark, f"nearest in {where}", settings, inner)
        done = run_nearest(records, _neighbours(nearest_in, where), inner)
        click.echo(f"baseline nearest: {done} of {len(records)} records", err=True)
        return done == len(records)
    if name == "one-look":
        settings = replace(settings, limits=replace(settings.limits, max_turns=1, max_calls=0, votes=0))
        prepare(benchmark, policy.name, settings, inner)
        return _drive(records, policy, settings, inner, screen, "one look")
    settings = replace(settings, price=None, budget_usd=None)
    checklist = make_policy("checklist")
    prepare(benchmark, checklist.name, settings, inner)
    return _drive(records, checklist, settings, inner, screen, "checklist")


def _neighbours(nearest_in: str | None, gallery: str) -> Neighbours:
    """A benchmark's photos, encoded now, or a gallery that was built."""
    from evals.benchmarks import make_benchmark
    from evals.nearest import InNamedGallery, PhotoGallery
    from models.encoders.make import make_encoder
    from models.gallery.catalogue import open_named

    if nearest_in:
        return PhotoGallery.of(make_benchmark(nearest_in).records(), make_encoder("embedded"))
    return InNamedGallery(open_named(gallery))


class _Lines:
    """One line a finished record, a bar on a terminal, JSON alone on stdout where asked."""

    def __init__(self, as_json: bool, quiet: bool) -> None:
        from rich.console import Console

        self.as_json, self.quiet = as_json, quiet
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar: Any = None
        self._task: Any = None

    @contextlib.contextmanager
    def progress(self, title: str, progress: Progress) -> Any:
        """A bar while a run goes on."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        if progress.done:
            self.err.print(f"{title}: {progress.done} of {progress.total} are done; going on")
        if not sys.stderr.isatty():
            yield
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=self.err, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task(title, total=progress.total, completed=progress.done)
            yield
        self._bar = None

    def record(self, trajectory: Mapping[str, Any], truth: Any, progress: Progress) -> None:
        """What one record came to."""
        from rich.markup import escape

        from agent.answer import label_of
        from geo.sphere import haversine_km

        answer = trajectory["answer"]
        distance = None
        if answer and truth.lat is not None:
            distance = float(haversine_km(truth.lat, truth.lon, answer["lat"], answer["lon"]))
        if self._bar is not None:
            self._bar.update(self._task, completed=progress.done)
        if self.as_json:
            line = {"id": trajectory["photo"], "stop": trajectory["stop"], "error": trajectory.get("error"), "answer": answer,
                    "distance_km": distance, "seconds": trajectory["seconds"], "spent_usd": round(progress.spent_usd, 6)}  # fmt: skip
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        if self.quiet:
            return
        told = (
            label_of(answer) if answer else f"{trajectory['stop']}{': ' + trajectory['error'] if trajectory.get('error') else ''}"
        )
        away = f", {distance:,.0f} km off" if distance is not None else ""
        self.err.print(
            f"{progress.done:>5}/{progress.total}  {escape(str(trajectory['photo']))}  {escape(told)}{away}  [dim]{trajectory['seconds']:.1f} s[/]"
        )

    def close(self, title: str, progress: Progress, settings: RunSettings) -> bool:
        """The last line of a run; whether every record was run."""
        left = progress.total - progress.done
        money = f", {progress.spent_usd:.4f} US dollars" if settings.price else ""
        self.err.print(
            f"{title}: {progress.done} of {progress.total} records{money}"
            + (f"; {left} left, run again to go on" if left else "")
        )
        if progress.stopped:
            self.err.print(f"[yellow]stopped:[/] {progress.stopped}")
        return left == 0
