"""The help of every command as Markdown: `python -m geosleuth.help_page > docs/commands.md`."""

from __future__ import annotations

import sys

import click

from geosleuth.cli import app


def help_page() -> str:
    """One section a command, as `--help` prints it at a width of 100."""
    parts = [
        "# Commands",
        "",
        "Made by `python -m geosleuth.help_page > docs/commands.md`; a test holds it to what `--help` prints.",
    ]
    with click.Context(app, info_name="geosleuth", terminal_width=100, max_content_width=100, **app.context_settings) as top:
        pages = [("geosleuth", app.get_help(top))]
        for name in app.list_commands(top):
            command = app.get_command(top, name)
            assert command is not None
            context = click.Context(
                command, info_name=name, parent=top, terminal_width=100, max_content_width=100, **command.context_settings
            )
            pages.append((f"geosleuth {name}", command.get_help(context)))
    for title, text in pages:
        parts += ["", f"## {title}", "", "```", text, "```"]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(help_page())
