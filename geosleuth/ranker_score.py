"""`geosleuth ranker score`: what ranking loses on a finished evaluation."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.ranker_table import accuracy_table

if TYPE_CHECKING:
    from evals.run_folder import RunFolder
    from geo.sphere import Floats
    from models.ranker.lists import RankingData, RankingList
    from models.ranker.scorer import CandidateScorer


@click.command("score")
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ranker", "name", metavar="NAME", help="A trained ranker; without one, the belief's order and chance alone.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@plain_errors
def score_command(run: Path, name: str | None, as_json: bool) -> None:
    """What the candidates of RUN hold (oracle), and what each ranking makes of them."""
    from evals.ranking_lists import lists_of_run
    from evals.run_folder import RunFolder
    from models.ranker.accuracy import Chooser, accuracy, at_random, by_belief, by_scores, oracle

    folder = RunFolder(run)
    found, model = lists_of_run(folder), _loaded(name) if name else None
    lists = found.data.lists
    if not lists and not found.without:
        raise click.UsageError(f"{run} has no photo whose place is known exactly")
    choosers: dict[str, Chooser] = {"oracle": oracle, "belief": by_belief, "random": at_random}
    unseen = 0
    if model:
        scores = _scores(model, found.data, folder)
        unseen = len(lists) - len(scores)
        choosers["ranker"] = lambda one: by_scores(lambda it: scores[id(it)])(one) if id(one) in scores else by_belief(one)
    figures = {key: accuracy(lists, choose, found.without) for key, choose in choosers.items()}
    seen = model.learned_from(one.id for one in lists) if model else 0
    if unseen:
        click.echo(
            f"note: the ranker could not look at {unseen:,} of these {len(lists):,} photos: they keep the belief's order",
            err=True,
        )
    if seen:
        click.echo(f"note: the ranker learned from {seen:,} of these {len(lists):,} photos: its figures are too good", err=True)
    lacking = sorted({part for one in lists for part in model.lacking(one.candidates)}) if model else []
    if lacking:
        click.echo(f"note: the ranker learned from parts that some lists do not have: {', '.join(lacking)}", err=True)
    if as_json:
        click.echo(
            json.dumps(
                {**figures, "without": found.without, "unplaced": found.unplaced, "learned_from": seen, "not_seen": unseen}
            )
        )
        return
    click.echo(accuracy_table(figures))
    click.echo(
        f"{len(lists):,} photos with candidates, {found.without:,} without (missed), {found.unplaced:,} of unknown place (not counted)"
    )


def _scores(model: CandidateScorer, data: RankingData, run: RunFolder) -> dict[int, Floats]:
    """Scores of each list, by its identity; a list whose photo cannot be looked at has none."""
    if not model.looks:
        return {id(one): model.scores(one.candidates, one.belief) for one in data.lists}
    from geosleuth.ranker_sights import with_sights

    with tempfile.TemporaryDirectory() as pictures:
        seen = with_sights(run, data, Path(pictures)).lists
        return {id(one): scores for one, it in zip(data.lists, seen, strict=True) if (scores := _looked(model, it)) is not None}


def _looked(model: CandidateScorer, one: RankingList) -> Floats | None:
    from models.geolocator import ModelError

    try:
        return model.scores(one.candidates, one.belief, one.sights.open(_MOST_PIXELS))
    except ModelError:
        return None


_MOST_PIXELS = 1024 * 1024
"""Of a picture before the ranker scales it to its own size."""


def _loaded(name: str) -> CandidateScorer:
    from models.ranker.load import load_ranker
    from models.registry import model_folder

    return load_ranker(model_folder(name))
