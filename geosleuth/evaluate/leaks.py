"""`geosleuth eval leaks`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from evals.leakage import MarksCache
    from evals.photo_marks import Marked


@click.command("leaks")
@click.argument("benchmark")
@click.argument("gallery")
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Where the benchmark's table or parquet files are.")
@click.option("--images", type=click.Path(exists=True, path_type=Path), help="Where its pictures are.")
@click.option(
    "--marks",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps hashes, so that a large gallery is hashed once.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the report and every leak.")
@plain_errors
def leaks_command(
    benchmark: str, gallery: str, data: Path | None, images: Path | None, marks: Path | None, as_json: bool
) -> None:
    """Look for BENCHMARK's photos and places in GALLERY: a gallery's name, a folder of photos, a table of coordinates, or another benchmark.

    Tells the same file, the same picture (also re-encoded, scaled or cut a little), and places within 1 and 25 km.
    """
    from evals.benchmarks import make_benchmark, missing
    from evals.leakage import MarksCache, find_leaks, leakage_report, mark_records

    known = make_benchmark(benchmark, data=data, images=images)
    cache = MarksCache(marks)
    held_photos = _holder(gallery, cache)
    records = known.records()
    if absent := missing(known):
        click.echo(f"note: {len(absent)} of {len(records)} pictures are not here; their places are still compared", err=True)
    queries = mark_records(records, cache, _telling("benchmark"))
    held = held_photos()
    leaks = find_leaks(queries, held)
    report = leakage_report(leaks, len(queries), len(held))
    if as_json:
        click.echo(json.dumps({**report, "leaks": [leak.to_json() for leak in leaks]}, ensure_ascii=False))
        return
    for leak in leaks:
        if leak.kind != "same place":
            away = "" if leak.distance_km is None else f", labelled {leak.distance_km:,.1f} km apart"
            click.echo(
                f"{leak.kind:<12} {leak.query_id}  {leak.gallery_id}"
                + (f"  {leak.bits} of 128 bits" if leak.bits is not None else "")
                + away
            )
    click.echo(
        f"{report['leaked']} of {report['queries']} photos are in the gallery of {report['gallery']} (same file {report['same file']}, same picture "
        f"{report['same picture']}); to be looked at: {report['near picture']}; a gallery photo within 1 km: {report['within_1km']}, 25 km: {report['within_25km']}"
    )


def _holder(text: str, cache: MarksCache) -> Callable[[], list[Marked]]:
    """What hashes the photos of a gallery, a folder, a table or a benchmark. Raises UsageError and BenchmarkError for none of these,
    before a picture is opened."""
    from evals.benchmarks import make_benchmark
    from evals.benchmarks.known import KNOWN
    from evals.leakage import mark_records, read_gallery
    from geosleuth.gallery.leaks import marked_gallery

    rows = marked_gallery(text)
    if rows is not None:
        return lambda: rows
    if Path(text).exists():
        return lambda: read_gallery(Path(text), cache, _telling("gallery"))
    if text.partition(":")[0] not in {*KNOWN, "folder", "practice"}:
        raise click.UsageError(f"there is no gallery, folder, table or benchmark called {text[:60]!r}")
    benchmark = make_benchmark(text)
    return lambda: mark_records(benchmark.records(), cache, _telling("gallery"))


def _telling(what: str) -> Callable[[int, int], None]:
    """Progress on a terminal, one line that is written over."""

    def told(done: int, of: int) -> None:
        if sys.stderr.isatty() and (done == of or done % 50 == 0):
            click.echo(f"\r{what}: {done} of {of} photos hashed" + ("\n" if done == of else ""), err=True, nl=False)

    return told
