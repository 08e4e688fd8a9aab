"""`geosleuth eval list`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from geosleuth.plain_errors import plain_errors


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@plain_errors
def list_command(as_json: bool) -> None:
    """Benchmarks that are known: size, licence, where they come from, whether they are here."""
    from evals.benchmarks import known_benchmarks

    for info in known_benchmarks():
        if as_json:
            click.echo(json.dumps(asdict(info), ensure_ascii=False))
            continue
        mark = click.style("here    ", fg="green") if info.present else click.style("not here", dim=True)
        click.echo(f"{mark}  {click.style(info.name, bold=True):<12} {info.title}; {info.size}; licence: {info.licence}")
        click.echo(f"          {info.where if info.present else f'from {info.source}; looked for in {info.where}'}")
