"""`geosleuth gallery copy`: a gallery into another store, such as a Qdrant cluster."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from geosleuth.plain_errors import plain_errors


@click.command("copy")
@click.argument("name")
@click.option(
    "--into", "target", required=True, metavar="NAME", help="Name of the new gallery, or a folder (with a slash in it)."
)
@click.option("--store", metavar="STORE", help="flat (default), lance or qdrant:URL.")
@plain_errors
def copy_command(name: str, target: str, store: str | None) -> None:
    """Copy gallery NAME with its vectors, small pictures and calibration; a copy that was stopped goes on when the command is run again."""
    from geosleuth.gallery.exchange import Stated
    from geosleuth.gallery.opening import written
    from models.gallery.catalogue import open_named, write_card
    from models.gallery.thumbnails import FILE
    from models.gallery.transfer import copy_gallery

    source = open_named(name)
    whose = Stated(source.card.encoder, source.card.encoder_digest, source.card.dim)
    try:
        with written(target, whose, store) as gallery:
            count = copy_gallery(source.store, gallery.store, _told)
            if (source.folder / FILE).is_file():
                shutil.copyfile(source.folder / FILE, gallery.folder / FILE)
            write_card(gallery.folder, replace(source.card, store=gallery.card.store))
            click.echo(f"copied {count:,} photos of gallery {source.name} to {gallery.name} ({gallery.card.store})", err=True)
    finally:
        source.store.close()


def _told(event: Mapping[str, Any]) -> None:
    """Progress on a terminal, one line that is written over."""
    if sys.stderr.isatty():
        end = "\n" if event["step"] == event["of"] else ""
        click.echo(f"\r{event['step']:,} of {event['of']:,} photos{end}", err=True, nl=False)
