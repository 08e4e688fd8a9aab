"""Options of the commands that work on kept cases: chat and serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from geosleuth.policy_options import policy_options, tool_settings

if TYPE_CHECKING:
    from agent.conversation.desk import Desk

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where cases are kept; by default in your data folder."
    ),
    click.option(
        "--guard", default="questions", show_default=True, help="Who must not be located: questions, coarse:KM or MODULE:NAME."
    ),
    click.option(
        "--keep-metadata", is_flag=True, help="Keep what photo files say of place and time, and let the policy read it."
    ),
)


def desk_options(command: Command) -> Command:
    """Adds the options that `make_desk` reads."""
    for option in (*reversed(_OPTIONS), policy_options):
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

    folder = options["folder"] or cases_folder()
    try:
        settings = DeskSettings(Limits(votes=options["votes"]), tool_settings(options), options["keep_metadata"])
        return Desk(
            CaseStore(folder),
            make_policy(options["policy"], base_url=options["base_url"], box_space=options["box_space"]),
            settings,
            make_guard(options["guard"]),
        )
    except (OSError, sqlite3.Error) as error:
        raise click.UsageError(f"cases cannot be kept in {folder}: {error}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
