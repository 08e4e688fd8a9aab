"""`geosleuth gallery stats`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geosleuth.plain_errors import plain_errors

_MOST = 12


@click.command("stats")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@plain_errors
def stats_command(name: str, as_json: bool) -> None:
    """What gallery NAME holds: countries, sources, years, size, encoder, what was left out, calibration."""
    from geosleuth.gallery.summary import gallery_summary
    from models.gallery.catalogue import open_named

    gallery = open_named(name)
    try:
        summary = gallery_summary(gallery)
    finally:
        gallery.store.close()
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, indent=1))
    else:
        _print(summary)


def _print(summary: Mapping[str, Any]) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"gallery {summary['name']}: {summary['rows']:,} photos in {summary['folder']}")
    console.print(f"  encoder      {summary['encoder']} ({summary['encoder_digest']}), vectors of {summary['dim']} numbers")
    pictures = "thumbnails that cannot be read" if summary["thumbnails"] is None else f"{summary['thumbnails']:,} thumbnails"
    console.print(f"  store        {summary['store']}, {summary['disk_bytes'] / 1e6:,.1f} MB on disk, {pictures}")
    console.print(f"  created      {summary['created'] or 'not known'}")
    left_out = ", ".join(f"{count:,} {kind}" for kind, count in summary["left_out"].items() if count)
    console.print(f"  left out     {left_out or 'nothing'}")
    console.print(f"  calibration  {summary['calibration_problem'] or _calibration(summary['calibration'])}")
    console.print(_table(summary))
    licences = sorted(summary["licences"].items(), key=lambda item: -item[1])
    for name, count in licences[:_MOST]:
        console.print(f"  {count:>9,}  licence {name[:100] or 'not stated'}")
    if len(licences) > _MOST:
        console.print(f"             and {len(licences) - _MOST:,} other licences")


def _table(summary: Mapping[str, Any]) -> Table:
    """Countries, sources and years side by side, the most frequent ones."""
    table = Table(box=None, padding=(0, 2))
    columns = []
    for title, key in (("country", "countries"), ("source", "sources"), ("year", "years")):
        counts = sorted(summary[key].items(), key=lambda item: (-item[1], item[0]))
        rows = [(name[:40] or "not known", f"{count:,}") for name, count in counts[:_MOST]]
        columns.append(rows + ([(f"{len(counts) - _MOST:,} more", "")] if len(counts) > _MOST else []))
        table.add_column(title)
        table.add_column("photos", justify="right")
    for cells in itertools.zip_longest(*columns, fillvalue=("", "")):
        table.add_row(*(escape(text) for pair in cells for text in pair))
    return table


def _calibration(measured: Mapping[str, Any]) -> str:
    if not measured:
        return "none: neighbours are trusted as published, with caution"
    return f"measured on {measured['queries']:,} photos: a look-up tells {measured['bits']:.1f} bits on average (k = {measured['k']}, m = {measured['power']:g})"
