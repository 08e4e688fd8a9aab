"""The help of every command as Markdown: `python -m geosleuth.help_page > docs/commands.md`."""

from __future__ import annotations

import sys
from typing import Any

import click

from geosleuth.cli import app


def help_page() -> str:
    """One section a command, as `--help` prints it at a width of 100."""
    parts = [
        "# Commands",
        "",
        "Made by `python -m geosleuth.help_page > docs/commands.md`; a test holds it to what `--help` prints.",
    ]
    for title, text in _pages(app, "geosleuth", None):
        parts += ["", f"## {title}", "", "```", text, "```"]
    return "\n".join(parts) + "\n"


def _pages(command: click.Command, name: str, parent: click.Context | None) -> list[tuple[str, str]]:
    """Title and help of a command and of those below it."""
    width: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100}
    with click.Context(command, info_name=name, parent=parent, **width, **command.context_settings) as context:
        pages = [(context.command_path, command.get_help(context))]
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                found = command.get_command(context, below)
                assert found is not None
                pages += _pages(found, below, context)
    return pages


if __name__ == "__main__":
    sys.stdout.write(help_page())
