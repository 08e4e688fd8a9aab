"""`geosleuth train curves`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from geosleuth.plain_errors import plain_errors


@click.command("curves")
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), help="The PNG; curves.png in the first run by default.")
@click.option("--title", default="", help="Above the picture; the names of the runs by default.")
@plain_errors
def curves_command(runs: Sequence[Path], into: Path | None, title: str) -> None:
    """Draw the curves of RUNS as a picture: reward and its parts, held-out figures, how episodes end, tools, loss.

    Several runs, such as those of several seeds, are drawn as thin lines with their mean.
    """
    from rl_training.curves import draw_curves, runs_of

    into = into or (runs[0] if runs[0].is_dir() else runs[0].parent) / "curves.png"
    draw_curves(runs_of(runs), into, title)
    click.echo(f"wrote {into}", err=True)
