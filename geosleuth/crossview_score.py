"""`geosleuth crossview score`: how well a model finds the pictures from above of pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosleuth.crossview_options import DATASET, JSON, PAIRS, ROOT, progress, told
from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.crossview.score import Gallery


@click.command("score")
@PAIRS
@DATASET
@ROOT
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True, help="Of the pairs."
)
@click.option(
    "--model", "name", default="crossview", show_default=True, help="A trained model, by name or path; drawn-town is packaged."
)
@click.option(
    "--fov",
    type=click.FloatRange(10, 360),
    multiple=True,
    default=(75.0,),
    show_default=True,
    help="Cut panoramas to this; repeatable.",
)
@click.option(
    "--heading-error",
    "errors",
    type=click.FloatRange(0, 180),
    multiple=True,
    default=(180.0,),
    show_default=True,
    help="180: unknown; repeatable.",
)
@click.option("--limit", type=click.IntRange(1), help="Most queries; the gallery stays whole.")
@JSON
@plain_errors
def score_command(pairs: Path | None, dataset: str | None, root: Path | None, split: str, name: str, fov: Sequence[float], errors: Sequence[float],
                  limit: int | None, as_json: bool) -> None:  # fmt: skip
    """Recall, hit rate, average precision and metres of a model on pairs, beside chance."""
    from models.crossview.model import load_crossview
    from models.crossview.packaged import crossview_folder
    from models.crossview.score import score

    model, gallery = load_crossview(crossview_folder(name)), _gallery(pairs, dataset, root, split, limit)
    report = progress("references")
    rows = [
        score(model, gallery, wide, error, told=lambda event: report(event["scored"], event["of"]))
        for wide in fov
        for error in errors
    ]
    if as_json:
        click.echo(json.dumps({"model": name, "rows": rows}))
        return
    click.echo(
        f"{rows[0]['queries']:,} queries, {rows[0]['references']:,} references; chance R@1 {100 * rows[0]['chance']['1']:.2f} %"
    )
    click.echo(f"{'fov':>5} {'heading':>9} {'R@1':>6} {'R@5':>6} {'R@10':>6} {'R@1%':>6} {'hit':>6} {'median m':>9}")
    for row in rows:
        cells = " ".join(
            f"{100 * row[key]:6.1f}" for key in ("recall_at_1", "recall_at_5", "recall_at_10", "recall_at_1%", "hit_rate")
        )
        heading = "unknown" if row["error_deg"] >= 180 else f"±{row['error_deg']:g}°"
        far = "–" if row["median_m"] is None else f"{row['median_m']:,.0f}"
        click.echo(f"{row['fov_deg']:5.0f} {heading:>9} {cells} {far:>9}")


def _gallery(pairs: Path | None, dataset: str | None, root: Path | None, split: str, limit: int | None) -> Gallery:
    from models.crossview.score import Gallery, gallery_of

    if pairs is not None and dataset is None:
        from models.crossview.pair_file import read_pairs

        whole = gallery_of([pair for pair in read_pairs(pairs) if pair.split == split and pair.kind != "drone"])
    elif dataset is not None and root is not None and pairs is None:
        from models.crossview.datasets.open import read_dataset

        found = read_dataset(dataset, root, split, told)
        whole = Gallery(found.pairs, found.gallery, found.correct, found.ignored)
    else:
        raise click.UsageError("give --pairs, or --dataset with --root")
    if not whole.pairs:
        raise ValueError(f"there are no pairs of the split {split}")
    return Gallery(whole.pairs[:limit], whole.views, whole.correct[:limit], whole.ignored[:limit])
