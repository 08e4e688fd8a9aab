"""`geosleuth gallery leaks`, and the rows of a gallery as `evals.leakage` compares them."""

from __future__ import annotations

from pathlib import Path

import click

from evals.photo_marks import Marked
from geosleuth.plain_errors import plain_errors
from models.gallery.catalogue import NamedGallery


def marked_rows(gallery: NamedGallery) -> list[Marked]:
    """Every row with its hashes and place, from what the gallery keeps; no picture is opened."""
    from geosleuth.gallery.row_marks import marks_of

    return [Marked(row.id, marks_of(row), row.lat, row.lon) for rows, _ in gallery.store.scan() for row in rows]


def marked_gallery(name: str) -> list[Marked] | None:
    """The rows of the gallery of this name or path; None where there is none. Raises GalleryError for one that cannot be opened."""
    from geosleuth.gallery.opening import is_gallery
    from models.gallery.catalogue import open_named

    if not is_gallery(name):
        return None
    gallery = open_named(name)
    try:
        return marked_rows(gallery)
    finally:
        gallery.store.close()


@click.command("leaks")
@click.argument("name")
@click.argument("benchmark")
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Where the benchmark's table or parquet files are.")
@click.option("--images", type=click.Path(exists=True, path_type=Path), help="Where its pictures are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the report and every leak.")
@click.pass_context
@plain_errors
def leaks_command(
    context: click.Context, name: str, benchmark: str, data: Path | None, images: Path | None, as_json: bool
) -> None:
    """Look for BENCHMARK's photos and places in gallery NAME: what `geosleuth eval leaks BENCHMARK NAME` does."""
    from geosleuth.evaluate.leaks import leaks_command as of_evaluations
    from models.gallery.catalogue import gallery_folder, read_card

    read_card(gallery_folder(name))  # so that a wrong name is not taken for another benchmark
    context.invoke(of_evaluations, benchmark=benchmark, gallery=name, data=data, images=images, marks=None, as_json=as_json)
