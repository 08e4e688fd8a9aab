"""`geosleuth ranker train`: the light ranker, or one that looks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.ranker_table import accuracy_table

if TYPE_CHECKING:
    from models.ranker.lists import RankingData

_EVERY = 10
"""Of the steps of a ranker that looks, so many stand between two lines of progress."""


@click.command("train")
@click.option("--lists", "files", type=click.Path(dir_okay=False, path_type=Path), multiple=True, required=True, metavar="FILE",
              help="Lists to learn from; repeatable.")  # fmt: skip
@click.option("--name", default="ranker", show_default=True, help="What the model is called, or a path.")
@click.option(
    "--base",
    metavar="BASE",
    help="Train a ranker that looks on this vision-language model: embedded, hf:REPO, a folder, or tiny (for trials).",
)
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a setting; repeatable. An unknown one lists all."
)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@plain_errors
def train_command(files: Sequence[Path], name: str, base: str | None, changes: Sequence[str], as_json: bool) -> None:
    """Train a ranker. The light one needs neither a graphics card nor torch; with --base it looks at the photos that the lists name, and
    a training that was cut off goes on when it is started again."""
    from models.model_folder import read_card
    from models.ranker.lists import read_lists
    from models.registry import model_folder

    folder = model_folder(name)
    data = read_lists(*files)
    if data.damaged:
        click.echo(f"{data.damaged:,} lines were damaged and are left out", err=True)
    _train(data, base, changes, folder)
    figures = read_card(folder)["held_out"]
    if as_json:
        click.echo(json.dumps({"model": name, "folder": str(folder), "held_out": figures}, ensure_ascii=False))
        return
    click.echo(f"wrote {folder}; on held-out places:")
    click.echo(accuracy_table({key: value for key, value in figures.items() if isinstance(value, dict)}))
    more, error = figures["gain_over_belief@200"], figures["gain_standard_error"]
    click.echo(
        f"over the belief's order: {100 * more:+.1f} points within 200 km" + ("" if error is None else f" ± {100 * error:.1f}")
    )
    if error is None or more <= 2.0 * error:
        click.echo("that is no clear gain: keep the belief's order, or train on more lists", err=True)


def _train(data: RankingData, base: str | None, changes: Sequence[str], folder: Path) -> None:
    from models.settings_text import with_changes

    if base is None:
        from models.ranker.settings import RankerSettings
        from models.ranker.train import train

        train(data, with_changes(RankerSettings(), changes), folder, _told)
        return
    from models.ranker.vlm_settings import VlmSettings
    from models.ranker.vlm_train import train_vlm

    train_vlm(data, base, with_changes(VlmSettings(), changes), folder, _told_looking)


def _told(event: Mapping[str, Any]) -> None:
    if event["epoch"] % 10 == 1:
        click.echo(f"epoch {event['epoch']}: loss {event['loss']:.4f}, held out {event['validation']:.4f}", err=True)


def _told_looking(event: Mapping[str, Any]) -> None:
    if "held" in event:
        if event["held"] == event["of"]:
            click.echo(f"asked about {event['of']:,} held-out lists", err=True)
        return
    step, of = event["step"], event["of"]
    if step % _EVERY == 0 or step == of:
        click.echo(f"step {step:,} of {of:,}: loss {event['loss']:.4f}, {event['seconds']:,.0f} s", err=True)
