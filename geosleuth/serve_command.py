"""`geosleuth serve`: an HTTP API and a web page for talking about where photos were taken."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from geosleuth.desk_options import desk_options, make_desk
from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from agent.serve.settings import ServeSettings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen. Anything but this machine needs --token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8040, show_default=True, help="0 takes a free one.")
@click.option(
    "--token",
    "tokens",
    multiple=True,
    envvar="GEOSLEUTH_TOKEN",
    show_envvar=True,
    metavar="[NAME:]TOKEN",
    help="Let in only who has this token; repeatable, one for each user. The variable holds several with spaces between.",
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="A further name of this server, such as a proxy's; repeatable."
)
@desk_options
@click.option("--allow-urls", is_flag=True, help="Let users give photos as addresses, which this server then fetches.")
@click.option(
    "--tiles",
    default="",
    metavar="URL",
    help="Map tiles under the belief: https://…/{z}/{x}/{y}.png; the page then asks that host.",
)
@click.option("--tiles-credit", default="", metavar="WORDS", help="Whose tiles they are, as their licence asks.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Investigations at once; others wait.")
@click.option("--open", "in_browser", is_flag=True, help="Open the page in the browser.")
@plain_errors
def serve(**options: Any) -> None:
    """Serve a page and an HTTP API for talking about where photos were taken.

    They are reached from this machine alone unless --host says otherwise. docs/conversation.md shows how to use them.
    """
    try:
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise click.ClickException('geosleuth serve needs fastapi: pip install "geosleuth[web]"') from None
    from agent.serve import server
    from agent.serve.app import make_app
    from tools.toolbox import make_tools

    settings = _settings(options)
    desk = make_desk(options)
    desk.settings = replace(desk.settings, at_once=options["jobs"])
    with contextlib.closing(desk.store):
        make_tools(
            desk.settings.tools, metadata=desk.settings.keep_metadata
        )  # what is wrong with them is told before anything listens
        with server.listen(settings) as listening:
            server.serve(make_app(desk, settings), listening, lambda url: _told(url, options["in_browser"]))


def _told(url: str, in_browser: bool) -> None:
    click.echo(f"serving on {url} (Ctrl-C ends it)", err=True)
    if in_browser:
        import webbrowser

        webbrowser.open(url)


def _settings(options: Mapping[str, Any]) -> ServeSettings:
    from agent.serve.settings import ServeSettings

    return ServeSettings(
        host=options["host"],
        port=options["port"],
        tokens=named_tokens(options["tokens"]),
        allowed_hosts=tuple(options["hosts"]),
        allow_urls=options["allow_urls"] and not options["offline"],
        tiles=options["tiles"],
        tiles_credit=options["tiles_credit"],
    )


def named_tokens(given: Sequence[str]) -> dict[str, str]:
    """`NAME:TOKEN` and bare tokens as tokens by name. Raises ValueError where two have one name."""
    tokens: dict[str, str] = {}
    for text in given:
        name, colon, token = text.partition(":")
        name, token = (name, token) if colon else ("owner", text)
        if not name or name in tokens:
            raise ValueError("each token needs a name of its own: --token NAME:TOKEN")
        tokens[name] = token
    return tokens
