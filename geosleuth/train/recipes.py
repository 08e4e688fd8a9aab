"""`geosleuth train recipes`."""

from __future__ import annotations

import json
import textwrap

import click

from geosleuth.plain_errors import plain_errors


@click.command("recipes")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout, with the files' places.")
@plain_errors
def recipes_command(name: str | None, as_json: bool) -> None:
    """List the built-in recipes and what each needs; with NAME print that file, to begin one of your own with."""
    from rl_training.config_file import find, load_settings, recipes

    if name:
        click.echo(find(name).read_text(encoding="utf-8"), nl=False)
        return
    known = {recipe: (path, load_settings(recipe)) for recipe, path in recipes().items()}
    if as_json:
        told = [
            {"name": recipe, "title": settings.title, "needs": settings.needs, "file": str(path),
             "beside": [str(other) for other in sorted(path.parent.glob(f"{recipe}.*.yaml"))]}
            for recipe, (path, settings) in known.items()
        ]  # fmt: skip
        click.echo(json.dumps({"recipes": told}, ensure_ascii=False))
        return
    for recipe, (_, settings) in known.items():
        click.echo(f"{click.style(recipe, bold=True)}  {settings.title}")
        click.echo(textwrap.fill(settings.needs, 100, initial_indent="    ", subsequent_indent="    "))
