"""`geosleuth mcp`: the tools for clients of the Model Context Protocol."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from geosleuth import __version__
from geosleuth.plain_errors import plain_errors
from geosleuth.policy_options import policy_options, tool_settings

if TYPE_CHECKING:
    from agent.mcp_server.settings import ServerSettings


@click.command()
@click.option(
    "--allow",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder from which photos may be opened, with all below it; repeatable.  [default: the current folder]",
)
@click.option(
    "--http",
    "port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve on 127.0.0.1 instead of over stdio; 0 takes a free port.",
)
@click.option("--token", envvar="GEOSLEUTH_TOKEN", show_envvar=True, help="With --http: the bearer token that clients must send.")
@policy_options
@click.option("--use-metadata", is_flag=True, help="Serve read_metadata, and let the policy read EXIF tags.")
@click.option(
    "--guard",
    default="questions",
    show_default=True,
    help="Which photos must not be located: questions (all may), coarse:KM (none) or MODULE:NAME.",
)
@plain_errors
def mcp(**options: Any) -> None:
    """Serve the tools to clients of the Model Context Protocol, such as chat programs and coding agents.

    Over stdio a client starts this command itself; docs/mcp.md shows how.
    """
    # Settings of fastmcp must not come from a file that lies among the photos.
    os.environ.setdefault("FASTMCP_ENV_FILE", os.devnull)
    try:
        import fastmcp  # noqa: F401
    except ImportError:
        raise click.ClickException('geosleuth mcp needs fastmcp: pip install "geosleuth[mcp]"') from None
    from agent.mcp_server.serve import serve
    from agent.policies import make_policy
    from tools.toolbox import make_tools

    _check_token(options)
    settings = _settings(options)
    with contextlib.redirect_stdout(sys.stderr):  # over stdio, stdout is the protocol's alone
        policy = make_policy(options["policy"], base_url=options["base_url"], box_space=options["box_space"])
        tools = make_tools(settings.tools, metadata=settings.metadata_allowed)
    port, token = options["port"], options["token"]
    serve(
        settings,
        tools,
        policy,
        version=__version__,
        port=port,
        token=token,
        told=lambda url: click.echo(f"serving on {url}", err=True),
    )


def _check_token(options: Mapping[str, Any]) -> None:
    """An empty token would lock nothing, and one that no header can carry would let nobody in."""
    token = options["token"]
    given = click.get_current_context().get_parameter_source("token") is ParameterSource.COMMANDLINE
    if given and options["port"] is None:
        raise click.UsageError("--token needs --http")
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise click.UsageError("the token must be of printable ASCII characters without spaces, and not empty")


def _settings(options: Mapping[str, Any]) -> ServerSettings:
    from agent.conversation.guard import make_guard
    from agent.limits import Limits
    from agent.mcp_server.settings import ServerSettings

    return ServerSettings(
        folders=tuple(options["folders"]) or (Path.cwd(),),
        tools=tool_settings(options),
        metadata_allowed=options["use_metadata"],
        limits=Limits(votes=options["votes"]),
        guard=make_guard(options["guard"]),
    )
