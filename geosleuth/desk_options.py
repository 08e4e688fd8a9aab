"""Options of the commands that work on kept cases: chat and serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from geosleuth.picture_options import named_models, osm_option, picture_options

if TYPE_CHECKING:
    from agent.conversation.desk import Desk

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--policy",
        default="checklist",
        show_default=True,
        help="checklist, embedded, openai:MODEL, hf:REPO_OR_DIR or scripted:FILE.",
    ),
    click.option("--base-url", help="Server for openai:MODEL (vLLM, llama.cpp, Ollama, ...); else OPENAI_BASE_URL."),
    click.option(
        "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where cases are kept; by default in your data folder."
    ),
    click.option("--offline", is_flag=True, help="Never touch the network."),
    click.option(
        "--search",
        default="offline",
        show_default=True,
        help="offline, ddgs, searxng:URL, tavily, brave, replay:FILE, record:FILE:BACKEND.",
    ),
    click.option("--geocoder", type=click.Choice(["gazetteer", "nominatim"]), default="gazetteer", show_default=True),
    click.option(
        "--guard", default="questions", show_default=True, help="Who must not be located: questions, coarse:KM or MODULE:NAME."
    ),
    click.option(
        "--keep-metadata", is_flag=True, help="Keep what photo files say of place and time, and let the policy read it."
    ),
)


def desk_options(command: Command) -> Command:
    """Adds the options that `make_desk` reads."""
    for option in (osm_option, picture_options, *reversed(_OPTIONS)):
        command = option(command)
    return command


def make_desk(options: Mapping[str, Any]) -> Desk:
    """The desk that the options describe. Raises click.UsageError with one line."""
    import sqlite3

    from agent.conversation.desk import Desk, DeskSettings
    from agent.conversation.guard import make_guard
    from agent.conversation.store import CaseStore, cases_folder
    from agent.limits import Limits
    from agent.policies import make_policy
    from tools.toolbox import ToolSettings

    folder = options["folder"] or cases_folder()
    try:
        tools = ToolSettings(
            options["search"],
            options["geocoder"],
            options["offline"],
            tuple(options["galleries"]),
            named_models(options["models"]),
            osm=options["osm"],
        )
        settings = DeskSettings(Limits(votes=options["votes"]), tools, options["keep_metadata"])
        return Desk(
            CaseStore(folder),
            make_policy(options["policy"], base_url=options["base_url"]),
            settings,
            make_guard(options["guard"]),
        )
    except (OSError, sqlite3.Error) as error:
        raise click.UsageError(f"cases cannot be kept in {folder}: {error}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
