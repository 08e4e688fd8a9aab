"""`geosleuth ranker`: rank pooled candidates: make lists, train on them, see what ranking loses on a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.ranker.lists import RankingData
    from models.ranker.ranker import Ranker

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
@click.option("--out", type=_FILE, required=True, help="File of JSON lines.")
@_JSON
@plain_errors
def lists_command(runs: Sequence[Path], gallery: str | None, photos: int, k: int, seed: int, georanking: Path | None, out: Path,
                  as_json: bool) -> None:  # fmt: skip
    """Make lists of candidates with the truth beside them."""
    from evals.ranking_lists import joined, lists_of_run
    from evals.run_folder import RunFolder
    from models.ranker.lists import write_lists

    parts: list[RankingData] = [lists_of_run(RunFolder(run)).data for run in runs]
    if gallery:
        parts.append(_of_gallery(gallery, photos, k, seed))
    if georanking:
        from models.ranker.georanking import read_georanking

        parts.append(read_georanking(georanking))
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


def _of_gallery(name: str, photos: int, k: int, seed: int) -> RankingData:
    from models.gallery.catalogue import open_named
    from models.ranker.from_gallery import GalleryListSettings, gallery_lists

    opened = open_named(name)
    return gallery_lists(opened.store, opened.name, GalleryListSettings(photos, k, seed))


@ranker.command("train")
@click.option(
    "--lists", "files", type=_FILE, multiple=True, required=True, metavar="FILE", help="Lists to learn from; repeatable."
)
@click.option("--name", default="ranker", show_default=True, help="What the model is called, or a path.")
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a setting; repeatable. An unknown one lists all."
)
@_JSON
@plain_errors
def train_command(files: Sequence[Path], name: str, changes: Sequence[str], as_json: bool) -> None:
    """Train the light ranker; needs neither a graphics card nor torch."""
    from models.model_folder import read_card
    from models.ranker.lists import read_lists
    from models.ranker.settings import RankerSettings
    from models.ranker.train import train
    from models.registry import model_folder
    from models.settings_text import with_changes

    settings, folder = with_changes(RankerSettings(), changes), model_folder(name)
    data = read_lists(*files)
    if data.damaged:
        click.echo(f"{data.damaged:,} lines were damaged and are left out", err=True)
    train(data, settings, folder, _told)
    figures = read_card(folder)["held_out"]
    if as_json:
        click.echo(json.dumps({"model": name, "folder": str(folder), "held_out": figures}, ensure_ascii=False))
        return
    click.echo(f"wrote {folder}; on held-out places:")
    click.echo(_table({key: value for key, value in figures.items() if isinstance(value, dict)}))
    more, error = figures["gain_over_belief@200"], figures["gain_standard_error"]
    click.echo(
        f"over the belief's order: {100 * more:+.1f} points within 200 km" + ("" if error is None else f" ± {100 * error:.1f}")
    )
    if error is None or more <= 2.0 * error:
        click.echo("that is no clear gain: keep the belief's order, or train on more lists", err=True)


def _told(event: Mapping[str, Any]) -> None:
    if event["epoch"] % 10 == 1:
        click.echo(f"epoch {event['epoch']}: loss {event['loss']:.4f}, held out {event['validation']:.4f}", err=True)


@ranker.command("score")
@click.argument("run", type=_FOLDER)
@click.option("--ranker", "name", metavar="NAME", help="A trained ranker; without one, the belief's order and chance alone.")
@_JSON
@plain_errors
def score_command(run: Path, name: str | None, as_json: bool) -> None:
    """What the candidates of RUN hold (oracle), and what each ranking makes of them."""
    from evals.ranking_lists import lists_of_run
    from evals.run_folder import RunFolder
    from models.ranker.accuracy import Chooser, accuracy, at_random, by_belief, by_scores, oracle

    found, model = lists_of_run(RunFolder(run)), _loaded(name) if name else None
    lists = found.data.lists
    if not lists and not found.without:
        raise click.UsageError(f"{run} has no photo whose place is known exactly")
    choosers: dict[str, Chooser] = {"oracle": oracle, "belief": by_belief, "random": at_random}
    if model:
        choosers["ranker"] = by_scores(lambda one: model.scores(one.candidates, one.belief))
    figures = {key: accuracy(lists, choose, found.without) for key, choose in choosers.items()}
    seen = model.learned_from(one.id for one in lists) if model else 0
    if seen:
        click.echo(f"note: the ranker learned from {seen:,} of these {len(lists):,} photos: its figures are too good", err=True)
    lacking = sorted({part for one in lists for part in model.lacking(one.candidates)}) if model else []
    if lacking:
        click.echo(f"note: the ranker learned from parts that some lists do not have: {', '.join(lacking)}", err=True)
    if as_json:
        click.echo(json.dumps({**figures, "without": found.without, "unplaced": found.unplaced, "learned_from": seen}))
        return
    click.echo(_table(figures))
    click.echo(
        f"{len(lists):,} photos with candidates, {found.without:,} without (missed), {found.unplaced:,} of unknown place (not counted)"
    )


def _loaded(name: str) -> Ranker:
    from models.ranker.ranker import Ranker
    from models.registry import model_folder

    return Ranker.load(model_folder(name))


def _table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Accuracies in per cent."""
    lines = [f"{'':<8} {'<25 km':>8} {'<200 km':>8} {'<750 km':>8} {'mean km':>9}"]
    for name, row in figures.items():
        cells = [f"{100 * row[f'accuracy@{km}']:.1f} %" for km in (25, 200, 750)]
        far = "–" if row["mean_km"] is None else f"{row['mean_km']:,.0f}"
        lines.append(f"{name:<8} {cells[0]:>8} {cells[1]:>8} {cells[2]:>8} {far:>9}")
    return "\n".join(lines)
