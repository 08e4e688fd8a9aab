"""`geosleuth eval import` and `geosleuth eval export`."""

from __future__ import annotations

from pathlib import Path

import click

from geosleuth.plain_errors import plain_errors

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("predictions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--benchmark", required=True, help="What was predicted: NAME, NAME:PATH, folder:PATH ...")
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Where the benchmark's table or parquet files are.")
@click.option("--images", type=click.Path(exists=True, path_type=Path), help="Where its pictures are.")
@click.option("--name", help="What the system is called; the file's name by default.")
@click.option("--limit", type=click.IntRange(1), help="Only so many records.")
@click.option("--sample", type=int, metavar="SEED", help="Choose and order the records by this seed.")
@click.option("--strict", is_flag=True, help="Read Thinking-with-Map's answers exactly as its authors do.")
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Keep small pictures for the report.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the run.")
@plain_errors
def import_command(
    predictions: Path, benchmark: str, data: Path | None, images: Path | None, name: str | None, limit: int | None, sample: int | None,
    strict: bool, pictures: bool, out: Path,
) -> None:  # fmt: skip
    """Make a run of another system's PREDICTIONS: CSV, TSV or JSON lines of id and lat, lon or place; GeoVista's output files;
    Thinking-with-Map's. A record without a prediction is wrong."""
    from evals.benchmarks import make_benchmark, notes
    from evals.interchange.predictions import match_predictions, read_predictions, to_trajectories
    from evals.run import RunSettings, keep_thumbnails, prepare
    from evals.run_folder import RunFolder

    found = read_predictions(predictions, strict)
    known = make_benchmark(benchmark, data=data, images=images)
    policy = f"import:{name or predictions.stem}"
    folder = RunFolder(out)
    records = prepare(known, policy, RunSettings(limit=limit, seed=sample), folder)
    lines = [record.to_json() for record in records]
    matching = match_predictions(found, lines)
    for note in [*notes(known), *matching.lines()]:
        click.echo(f"note: {note}", err=True)
    pairs = [(line, matching.predictions.get(line["id"])) for line in lines]
    folder.replace_trajectories(to_trajectories(pairs, policy))
    if pictures:
        keep_thumbnails(records, folder)
    click.echo(
        f"{len(matching.predictions)} predictions for {len(records)} records; scores: geosleuth eval score {out}", err=True
    )


@click.command("export")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--inspect", type=_FILE, help="Write a log (.eval or .json) that `inspect view` opens.")
@click.option("--predictions", type=_FILE, help="Write id, lat, lon, place and radii as .csv, .tsv or .jsonl.")
@click.option("--forced", is_flag=True, help="In predictions, the best guess where the policy would not tell.")
@plain_errors
def export_command(run: Path, inspect: Path | None, predictions: Path | None, forced: bool) -> None:
    """Write RUN for other programs."""
    from evals.interchange.inspect_log import write_inspect_log
    from evals.interchange.predictions import write_predictions
    from evals.metrics import summarise
    from evals.rows import rows_of
    from evals.run_folder import RunFolder

    if not inspect and not predictions:
        raise click.UsageError("say what to write: --inspect FILE or --predictions FILE")
    folder = RunFolder(run)
    if predictions:
        answered = write_predictions(rows_of(folder, forced), predictions)
        click.echo(f"wrote {predictions} ({answered} answers)", err=True)
    if inspect:
        rows = rows_of(folder)
        by_id = {row.id: row for row in rows}
        metrics = summarise(rows, columns=[])["metrics"]
        count = write_inspect_log(
            inspect, folder.manifest(), folder.records(), folder.trajectories(), by_id, metrics, folder.thumbnail
        )
        click.echo(f"wrote {inspect} ({count} samples)", err=True)
