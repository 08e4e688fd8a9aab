"""`geosleuth gallery export` and `geosleuth gallery import`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from geosleuth.plain_errors import plain_errors
from models.gallery.gallery import GalleryError

if TYPE_CHECKING:
    from geosleuth.gallery.opening import Whose
    from models.gallery.catalogue import NamedGallery
    from models.gallery.open import StoredGallery
    from models.gallery.transfer import About

_PICTURES = ".thumbnails.sqlite"


@dataclass(frozen=True)
class Stated:
    """The encoder that a file names, which need not be on this machine."""

    name: str
    digest: str
    dim: int


@click.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--thumbnails/--no-thumbnails", default=False, show_default=True, help=f"Also write FILE{_PICTURES}, the small pictures."
)
@plain_errors
def export_command(name: str, file: Path, thumbnails: bool) -> None:
    """Write gallery NAME into parquet FILE: its rows with their vectors, and what encoder made them."""
    from models.gallery.catalogue import open_named
    from models.gallery.transfer import export_parquet

    gallery = open_named(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        count = export_parquet(cast("StoredGallery", gallery.store), file)
        click.echo(f"wrote {file}: {count:,} photos, {file.stat().st_size / 1e6:.1f} MB", err=True)
        if thumbnails:
            path = _beside(file)
            click.echo(f"wrote {path}: {_export_pictures(gallery, path):,} small pictures", err=True)
    finally:
        gallery.store.close()


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", "name", required=True, metavar="NAME", help="Name of the gallery, or a folder (with a slash in it).")
@click.option("--encoder", "spec", metavar="SPEC", help="What made the vectors, where the file does not say.")
@click.option("--store", metavar="STORE", help="flat (default), lance or qdrant:URL.")
@click.option("--calibrate/--no-calibrate", default=True, show_default=True, help="Measure how far neighbours can be trusted.")
@plain_errors
def import_command(file: Path, name: str, spec: str | None, store: str | None, calibrate: bool) -> None:
    """Make gallery NAME of parquet FILE (columns id, lat, lon, vector and more), or add it to one of the same encoder. A row of an id that is
    there replaces the old one. Small pictures come along where FILE.thumbnails.sqlite lies beside it."""
    from geosleuth.gallery.calibrate import measure
    from geosleuth.gallery.opening import noted, written
    from models.gallery.transfer import about_parquet

    whose = _whose(about_parquet(file), spec, file)
    with written(name, whose, store) as gallery:
        before = gallery.store.count()
        read, replaced = _import_rows(gallery, file)
        gallery = noted(gallery, [str(file.absolute())])
        count = gallery.store.count()
        click.echo(
            f"gallery {gallery.name}: {read:,} photos read, {count - before:,} new, {replaced:,} replaced; {count:,} in all",
            err=True,
        )
        if calibrate:
            measure(gallery, lambda text: click.echo(text, err=True))


def _whose(about: About, spec: str | None, file: Path) -> Whose:
    """The encoder that the file names, or the one that was given for a file that names none."""
    if about.encoder_digest:
        if spec and spec != about.encoder:
            raise GalleryError(f"{file} holds vectors of {about.encoder}, not of {spec}")
        return Stated(about.encoder, about.encoder_digest, about.dim)
    if not spec:
        raise GalleryError(f"{file} does not say what encoder made its vectors: name it with --encoder")
    from geosleuth.gallery.encoders import encoder_of

    encoder = encoder_of(spec)
    if encoder.dim != about.dim:
        raise GalleryError(f"{file} holds vectors of {about.dim} numbers; those of {spec} have {encoder.dim}")
    return encoder


def _import_rows(gallery: NamedGallery, file: Path) -> tuple[int, int]:
    """Rows that were read, and how many of them replaced one."""
    from models.gallery.thumbnails import FILE, Thumbnails
    from models.gallery.transfer import import_parquet

    read = replaced = 0
    pictures, kept = Thumbnails(_beside(file), read_only=True), Thumbnails(gallery.folder / FILE)
    try:
        for rows, vectors in import_parquet(file):
            ids = [row.id for row in rows]
            replaced += len(gallery.store.known(ids))
            kept.put_many(pictures.get_many(ids).items())
            gallery.store.add(rows, vectors)
            read += len(rows)
        gallery.store.flush()
    finally:
        pictures.close()
        kept.close()
    return read, replaced


def _export_pictures(gallery: NamedGallery, path: Path) -> int:
    from models.gallery.thumbnails import FILE, Thumbnails

    path.unlink(missing_ok=True)
    pictures, written = Thumbnails(gallery.folder / FILE, read_only=True), Thumbnails(path)
    try:
        for rows, _ in gallery.store.scan():
            written.put_many(pictures.get_many([row.id for row in rows]).items())
        return len(written)
    finally:
        pictures.close()
        written.close()


def _beside(file: Path) -> Path:
    return file.with_name(file.name + _PICTURES)
