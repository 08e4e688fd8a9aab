"""`geosleuth gallery search`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from agent.photo import PhotoFile
    from geosleuth.gallery.find import Found
    from models.gallery.catalogue import NamedGallery


@click.command("search")
@click.argument("name")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("-k", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many photos to find.")
@click.option("--area", default="", help="Only photos from here: country codes (FR,DE) or south,west,north,east.")
@click.option("--near", default="", metavar="LAT,LON,KM", help="Only photos within so many km of a point.")
@click.option("--taken", default="", metavar="FROM..TO", help="Only photos taken then: 2015..2019, 2019-06.., 2018.")
@click.option("--from-source", "sources", multiple=True, metavar="S", help="Only photos of this source; may be repeated.")
@click.option("--with-itself", is_flag=True, help="The same file may be found too.")
@click.option(
    "--map", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write one HTML page with pictures and a map."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a photo.")
@plain_errors
def search_command(
    name: str, photo: Path, k: int, area: str, near: str, taken: str, sources: Sequence[str], with_itself: bool, page: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Find the photos of gallery NAME that look like PHOTO. The same file is left out of the results."""
    from agent.photo import open_photo
    from geosleuth.gallery.encoders import encoder_of
    from geosleuth.gallery.find import hits_json, look_up, where_of
    from geosleuth.gallery.found_table import print_table
    from models.gallery.catalogue import open_named
    from models.gallery.gallery import Where

    where = where_of(area, near, taken, sources)
    opened = open_photo(photo)
    gallery = open_named(name)
    try:
        if not gallery.store.count():
            raise click.ClickException(f"gallery {gallery.name} is empty: geosleuth gallery build SOURCE --into {name}")
        if page is not None:
            page.parent.mkdir(parents=True, exist_ok=True)
        found = look_up(gallery, encoder_of(gallery.card.encoder), opened, k, where, with_itself)
        if found.left_out:
            click.echo(f"left out: {', '.join(found.left_out)}, this very photo (--with-itself to keep it)", err=True)
        if page is not None:
            _write_page(page, gallery, opened, found, _filters(area, near, taken, sources))
    finally:
        gallery.store.close()
    if as_json:
        for line in hits_json(found.hits):
            click.echo(json.dumps(line, ensure_ascii=False))
    elif found.hits:
        print_table(found.hits)
    else:
        click.echo(
            "no photo of the gallery passes the filters" if where != Where() else "the gallery has no other photo", err=True
        )


def _write_page(page: Path, gallery: NamedGallery, photo: PhotoFile, found: Found, filters: Sequence[str]) -> None:
    from geosleuth.gallery.page import search_html
    from models.gallery.thumbnails import read_thumbnails

    pictures, problem = read_thumbnails(gallery.folder, [hit.row.id for hit in found.hits])
    if problem:
        click.echo(f"note: the page has no small pictures: {problem}", err=True)
    page.write_text(search_html(gallery, photo, found, filters, pictures), encoding="utf-8")
    click.echo(f"wrote {page} ({page.stat().st_size / 1e6:.1f} MB)", err=True)


def _filters(area: str, near: str, taken: str, sources: Sequence[str]) -> list[str]:
    """The filters in words, for the page."""
    words = [f"in {area}"] if area else []
    words += [f"within {near.split(',')[-1]} km of {','.join(near.split(',')[:-1])}"] if near else []
    words += [f"taken {taken}"] if taken else []
    return words + ([f"of {', '.join(sources)}"] if sources else [])
