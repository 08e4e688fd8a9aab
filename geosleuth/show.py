"""`geosleuth show`: print a saved trajectory."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("trajectory", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The summary that `locate --json` prints.")
@click.option("--full", is_flag=True, help="Whole observations instead of their first line.")
def show(trajectory: Path, as_json: bool, full: bool) -> None:
    """Print saved trajectories: a file, or a folder of them."""
    from rich.console import Console
    from rich.markup import escape

    from agent.trajectory import TrajectoryError, load, summary
    from geosleuth.screen import print_answer, step_line

    console = Console(highlight=False, soft_wrap=True)
    files = sorted(trajectory.glob("*.json")) if trajectory.is_dir() else [trajectory]
    if not files:
        raise click.UsageError(f"{trajectory} holds no trajectory")
    try:
        for file in files:
            for data in load(file):
                if as_json:
                    click.echo(json.dumps({**summary(data), "trajectory": str(file)}, ensure_ascii=False))
                    continue
                width, height = data["size"]
                console.print(
                    f"[bold]{escape(data['photo'])}[/] {width} × {height}, {data['policy']}, {data['started']}, {data['seconds']} s"
                )
                for step in data["steps"]:
                    console.print(step_line(step) if not full else step_line({**step, "text": ""}) + "\n" + escape(step["text"]))
                print_answer(console, {**data, "trajectory": str(file)})
    except TrajectoryError as error:
        raise click.ClickException(str(error)) from error
