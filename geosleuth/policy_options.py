"""Options of every command in which a policy investigates: who it is, and what its tools may ask. What they say is read here, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from geosleuth.picture_options import aerial_option, named_models, osm_option, picture_options

if TYPE_CHECKING:
    from agent.limits import Limits
    from tools.toolbox import ToolSettings

Command = TypeVar("Command", bound=Callable[..., Any])

_policy = click.option(
    "--policy",
    default="checklist",
    show_default=True,
    help="Who investigates: checklist, embedded, openai:MODEL, hf:REPO_OR_DIR or scripted:FILE.",
)
_base_url = click.option("--base-url", help="Server for openai:MODEL (vLLM, llama.cpp, Ollama, ...); else OPENAI_BASE_URL.")
_box_space = click.option(
    "--box-space",
    type=click.Choice(["unit", "pixel", "norm1000"]),
    default="unit",
    show_default=True,
    help="How the policy's model writes boxes.",
)
_offline = click.option("--offline", is_flag=True, help="Never touch the network.")
_search = click.option(
    "--search",
    default="offline",
    show_default=True,
    help="offline, ddgs, searxng:URL, tavily, brave, replay:FILE, record:FILE:BACKEND.",
)
_geocoder = click.option("--geocoder", type=click.Choice(["gazetteer", "nominatim"]), default="gazetteer", show_default=True)


def policy_options(command: Command) -> Command:
    """Adds `--policy`, `--base-url`, `--box-space`, and all that `tool_settings` reads."""
    for option in (aerial_option, osm_option, picture_options, _geocoder, _search, _offline, _box_space, _base_url, _policy):
        command = option(command)
    return command


_LIMITS = (
    click.option("--max-turns", type=click.IntRange(1), default=12, show_default=True),
    click.option("--max-calls", type=click.IntRange(0), default=24, show_default=True),
    click.option("--max-seconds", type=click.FloatRange(1), default=600, show_default=True, help="Working time for one photo."),
    click.option(
        "--least-gain-bits",
        type=click.FloatRange(0, 32),
        default=0.0,
        show_default=True,
        metavar="BITS",
        help="Ask for the answer when another turn is expected to tell less than this; 0 never does.",
    ),
)


def limit_options(command: Command) -> Command:
    """Adds what `limits` reads; `--votes` comes with `policy_options`."""
    for option in reversed(_LIMITS):
        command = option(command)
    return command


def limits(options: Mapping[str, Any]) -> Limits:
    """What one investigation may spend."""
    from agent.limits import Limits

    return Limits(
        options["max_turns"], options["max_calls"], options["max_seconds"], votes=options["votes"], least_gain_bits=options["least_gain_bits"],
        samples=options.get("samples", 0),
    )  # fmt: skip


def tool_settings(options: Mapping[str, Any]) -> ToolSettings:
    """The tools that the options describe."""
    from tools.toolbox import ToolSettings

    return ToolSettings(
        search=options["search"], geocoder=options["geocoder"], offline=options["offline"], galleries=tuple(options["galleries"]),
        models=named_models(options["models"]), osm=options["osm"], aerial=options["aerial"],
    )  # fmt: skip
