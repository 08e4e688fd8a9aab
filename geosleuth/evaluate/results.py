"""`geosleuth eval score`, `compare` and `report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from evals.report import Case
    from evals.run_folder import RunFolder

_RUN = click.Path(exists=True, file_okay=False, path_type=Path)
_resamples = click.option(
    "--resamples", type=click.IntRange(100, 100_000), default=1000, show_default=True, help="Bootstrap resamples."
)


@click.command("score")
@click.argument("run", type=_RUN)
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object instead of tables.")
@click.option("--rows", "rows_path", type=click.Path(dir_okay=False, path_type=Path), help="Also write one JSON line a record.")
@_resamples
@plain_errors
def score_command(run: Path, as_json: bool, rows_path: Path | None, resamples: int) -> None:
    """Score RUN from its trajectories alone; no model is asked. Writes RUN/scores.json."""
    from evals.metrics.table import markdown
    from evals.results import scores_of, systems_of
    from evals.run_folder import RunFolder

    folder = RunFolder(run)
    systems = systems_of(folder)
    scores = scores_of(folder, systems, resamples)
    text = json.dumps(scores, ensure_ascii=False, indent=1, allow_nan=False)
    (run / "scores.json").write_text(text + "\n", encoding="utf-8")
    if rows_path:
        rows = next(iter(systems.values()))
        rows_path.write_text("".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    if as_json:
        click.echo(text)
        return
    for note in scores["notes"]:
        click.echo(f"note: {note}", err=True)
    click.echo(markdown(scores["systems"]))
    click.echo(f"wrote {run / 'scores.json'}", err=True)


@click.command("report")
@click.argument("run", type=_RUN)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.html, report.md and scores.json; the run's own by default.",
)
@click.option(
    "--beliefs",
    type=click.IntRange(0, 5000),
    default=30,
    show_default=True,
    help="Belief maps of so many best and so many worst records.",
)
@_resamples
@plain_errors
def report_command(run: Path, out: Path | None, beliefs: int, resamples: int) -> None:
    """Write one self-contained HTML page, a Markdown table and JSON of RUN."""
    from evals.report import report_html, report_markdown
    from evals.results import scores_of, systems_of
    from evals.run_folder import RunFolder

    folder, out = RunFolder(run), out or run
    systems = systems_of(folder)
    scores = scores_of(folder, systems, resamples)
    manifest = {**folder.manifest(), "notes": scores["notes"]}
    out.mkdir(parents=True, exist_ok=True)
    pages = {
        "report.html": report_html(manifest, systems, scores["systems"], case_of(folder), beliefs),
        "report.md": report_markdown(manifest, scores["systems"]),
        "scores.json": json.dumps(scores, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
    }
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {out / name} ({len(text.encode()) / 1e6:.1f} MB)", err=True)


@click.command("compare")
@click.argument("first", type=_RUN)
@click.argument("second", type=_RUN)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write one HTML page with what got better and worse."
)
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object instead of tables.")
@_resamples
@plain_errors
def compare_command(first: Path, second: Path, report: Path | None, as_json: bool, resamples: int) -> None:
    """Compare run FIRST with run SECOND over the records that both have: paired differences, second minus first."""
    from evals.metrics.compare import compare
    from evals.metrics.table import comparison_markdown
    from evals.rows import rows_of
    from evals.run_folder import RunFolder

    folders = RunFolder(first), RunFolder(second)
    manifests = [folder.manifest() for folder in folders]
    rows_a, rows_b = (rows_of(folder) for folder in folders)
    if manifests[0]["checksum"] != manifests[1]["checksum"]:
        click.echo("note: the two runs were made on different versions of the benchmark (their checksums differ)", err=True)
    comparison = compare(rows_a, rows_b, resamples=resamples)
    names = _names(first, second, manifests)
    if report:
        from evals.report import compare_html

        report.write_text(
            compare_html(names, rows_a, rows_b, comparison, case_of(folders[0]), case_of(folders[1])), encoding="utf-8"
        )
        click.echo(f"wrote {report}", err=True)
    click.echo(json.dumps(comparison, ensure_ascii=False, indent=1) if as_json else comparison_markdown(names, comparison))


def _names(first: Path, second: Path, manifests: list[dict[str, Any]]) -> tuple[str, str]:
    """What the two runs are called: their policies, or their folders where these are equal."""
    a, b = (str(manifest["policy"]) for manifest in manifests)
    return (a, b) if a != b else (f"{a} ({first})", f"{b} ({second})")


def case_of(folder: RunFolder) -> Callable[[str], Case]:
    """What the page shows of a record beside its row."""
    from evals.report import Case

    records = {record["id"]: record for record in folder.records()}
    trajectories = folder.trajectories()

    def case(record_id: str) -> Case:
        record = records[record_id]
        return Case(
            folder.thumbnail(record_id), trajectories.get(record_id), record["licence"], record["attribution"], record["clues"]
        )

    return case
