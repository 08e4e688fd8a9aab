"""`geosleuth ranker`: rank pooled candidates: make lists, train on them, see what ranking loses on a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.ranker_score import score_command
from geosleuth.ranker_train import train_command

if TYPE_CHECKING:
    from models.ranker.lists import RankingData

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def ranker() -> None:
    """Rank pooled candidates: make lists, train, and see what ranking loses."""


@ranker.command("lists")
@click.option("--run", "runs", type=_FOLDER, multiple=True, metavar="RUN", help="Folder of an evaluation run; repeatable.")
@click.option("--gallery", metavar="GALLERY", help="Ask photos of a gallery for those most like them.")
@click.option("--photos", type=click.IntRange(2, 1_000_000), default=5000, show_default=True, help="Most photos of the gallery.")
@click.option("--k", type=click.IntRange(2, 256), default=20, show_default=True, help="Candidates for each of them.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the draw from the gallery.")
@click.option("--georanking", type=_FILE, metavar="FILE", help="Parquet file of the published GeoRanking rows.")
@click.option("--georanking-photos", type=_FOLDER, metavar="FOLDER", help="The photos of MP-16 that these rows name.")
@click.option(
    "--pictures",
    type=_FOLDER,
    metavar="FOLDER",
    help="Keep small pictures here and name them in the lists, for a ranker that looks.",
)
@click.option("--out", type=_FILE, required=True, help="File of JSON lines.")
@_JSON
@plain_errors
def lists_command(runs: Sequence[Path], gallery: str | None, photos: int, k: int, seed: int, georanking: Path | None,
                  georanking_photos: Path | None, pictures: Path | None, out: Path, as_json: bool) -> None:  # fmt: skip
    """Make lists of candidates with the truth beside them."""
    from evals.ranking_lists import joined
    from models.ranker.lists import write_lists

    parts = [_of_run(run, pictures) for run in runs]
    if gallery:
        parts.append(_of_gallery(gallery, photos, k, seed, pictures))
    if georanking:
        from models.ranker.georanking import read_georanking

        parts.append(read_georanking(georanking, photos=georanking_photos))
    if not parts:
        raise click.UsageError("give --run, --gallery or --georanking")
    made = joined(parts)
    write_lists(out, made.lists)
    found = {"lists": len(made), "candidates": sum(map(len, made.lists)), "damaged": made.damaged, "left_out": made.left_out}
    if as_json:
        click.echo(json.dumps({**found, "out": str(out)}, ensure_ascii=False))
        return
    click.echo(f"{found['lists']:,} lists with {found['candidates']:,} candidates in {out}")
    if made.damaged or made.left_out:
        click.echo(f"{made.damaged:,} rows were damaged, {made.left_out:,} had no candidate")


def _of_run(path: Path, pictures: Path | None) -> RankingData:
    from evals.ranking_lists import lists_of_run
    from evals.run_folder import RunFolder
    from geosleuth.ranker_sights import with_sights

    run = RunFolder(path)
    data = lists_of_run(run).data
    return data if pictures is None else with_sights(run, data, pictures)


def _of_gallery(name: str, photos: int, k: int, seed: int, pictures: Path | None) -> RankingData:
    from models.gallery.catalogue import open_named
    from models.ranker.from_gallery import GalleryListSettings, gallery_lists
    from models.ranker.gallery_pictures import GalleryPictures

    opened = open_named(name)
    shown = None if pictures is None else GalleryPictures(opened.folder, pictures)
    return gallery_lists(opened.store, opened.name, GalleryListSettings(photos, k, seed), pictures=shown)


ranker.add_command(train_command)
ranker.add_command(score_command)
