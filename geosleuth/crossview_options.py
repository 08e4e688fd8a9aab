"""What the commands of `geosleuth crossview` share: options, and how they show progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PAIRS = click.option("--pairs", type=FILE, metavar="FILE", help="JSON lines of pairs.")
DATASET = click.option(
    "--dataset", metavar="NAME", help="A published data set (cvusa, cvact, vigor:same, vigor:cross …) in --root."
)
ROOT = click.option("--root", type=FOLDER, help="The folder of that data set.")


def told(event: Mapping[str, Any]) -> None:
    click.echo(
        ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in event.items()),
        err=True,
    )


def progress(noun: str) -> Callable[[int, int], None]:
    """A line on stderr every two seconds, and at the end."""
    said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        if done == total or time.monotonic() - said > 2:
            said = time.monotonic()
            click.echo(f"{done:,} of {total:,} {noun}", err=True)

    return report
