"""Options of every command that lets a policy look pictures up, ask learned models, ask OpenStreetMap and look from above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_gallery = click.option(
    "--gallery",
    "galleries",
    multiple=True,
    metavar="NAME",
    help="Look for similar photos here (geosleuth gallery build); repeatable.",
)
_model = click.option(
    "--model",
    "models",
    multiple=True,
    default=("auto",),
    metavar="NAME",
    help="Trained models to ask (geosleuth models list); repeatable. By default those trained on the galleries; none for none.",
)
_votes = click.option(
    "--votes",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="Ask a policy that sees N times more about the photo alone, with and without similar photos, and count the replies as votes.",
)


def picture_options(command: Command) -> Command:
    """Adds `--gallery`, `--model` and `--votes`."""
    return _gallery(_model(_votes(command)))


osm_option = click.option(
    "--osm",
    default="",
    metavar="NAME",
    help="OpenStreetMap: an extract (geosleuth osm build) by name or path, or overpass:URL; adds nearby and search_scene.",
)

aerial_option = click.option(
    "--aerial",
    default="",
    metavar="INDEX",
    help="Pictures of an area from above (a file of geosleuth crossview index); adds match_aerial.",
)


def named_models(models: Sequence[str]) -> tuple[str, ...]:
    """What `--model` names; `none` names none."""
    return tuple(name for name in models if name != "none")
