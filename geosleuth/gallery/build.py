"""`geosleuth gallery build`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from geosleuth.gallery.builder import Tally
    from geosleuth.gallery.left_out import LeftOut
    from geosleuth.gallery.progress import BuildScreen
    from geosleuth.gallery.sources import Source
    from geosleuth.gallery.twins import Twins
    from models.encoders.encoder import Encoder
    from models.gallery.catalogue import NamedGallery

_SHOWN = 20
_LEAST_TO_CALIBRATE = 50


@click.command("build")
@click.argument("sources", nargs=-1, required=True)
@click.option("--into", "name", required=True, metavar="NAME", help="Name of the gallery, or a folder (with a slash in it).")
@click.option("--encoder", "encoder_spec", metavar="SPEC", help="What describes the pictures; embedded by default.")
@click.option("--store", metavar="STORE", help="flat (default), lance or qdrant:URL.")
@click.option("--licence", default="", help="Licence of photos whose labels have none.")
@click.option("--source-name", metavar="S", help="What the source is called in the gallery; its own name by default.")
@click.option(
    "--images", type=click.Path(exists=True, path_type=Path), help="Where a table's pictures are: a folder, a tar or a zip."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Photos opened at once.")
@click.option("--batch", type=click.IntRange(1, 4096), default=32, show_default=True, help="Photos brought to disk together.")
@click.option("--allow-duplicates", is_flag=True, help="Keep copies of photos that are in the gallery already.")
@click.option(
    "--exclude", multiple=True, metavar="BENCHMARK", help="Leave out photos that are in this benchmark; may be repeated."
)
@click.option("--calibrate/--no-calibrate", default=True, show_default=True, help="Measure how far neighbours can be trusted.")
@plain_errors
def build_command(
    sources: Sequence[str], name: str, encoder_spec: str | None, store: str | None, licence: str, source_name: str | None,
    images: Path | None, jobs: int, batch: int, allow_duplicates: bool, exclude: Sequence[str], calibrate: bool,
) -> None:  # fmt: skip
    """Build gallery NAME of SOURCES, or add them to it.

    A SOURCE is a folder with labels.csv or with photos that say where they were taken, a table of coordinates, parquet files with
    pictures, tar shards (key.jpg with key.json), or a benchmark such as im2gps3k or practice:easy:0:50. The same command again goes on
    where it was stopped, and brings in what is new.
    """
    from geosleuth.gallery.builder import Builder, BuildSettings
    from geosleuth.gallery.calibrate import measure
    from geosleuth.gallery.describe import described_by
    from geosleuth.gallery.opening import check_target, with_sources, written
    from geosleuth.gallery.progress import BuildScreen
    from models.encoders.make import is_non_commercial
    from models.knn_calibration import FEWEST
    from models.knn_evidence import calibration_of

    screen = BuildScreen()
    encoder = _encoder(name, encoder_spec)
    if is_non_commercial(encoder.licence):
        screen.note(f"note: the licence of the encoder's weights is {encoder.licence}: not for commercial use")
    check_target(name, encoder, store)
    read = _read(sources, images, screen)
    benchmarks = _benchmarks(exclude, screen)
    with written(name, encoder, store) as gallery:
        try:
            gallery, named = with_sources(gallery, read, source_name, licence)
            with described_by(encoder) as describe, screen.progress(gallery.name):
                builder = Builder(gallery, describe, BuildSettings(jobs, batch, allow_duplicates), benchmarks)
                tally = builder.run(named, screen.told)
            _tell(gallery, tally, builder.left_out, screen)
            if not gallery.store.count():
                raise click.ClickException(f"no photo came in: gallery {gallery.name} is empty")
            if calibrate and gallery.store.count() >= FEWEST and (tally.added or not calibration_of(gallery.card).queries):
                measure(gallery, screen.note)
        except KeyboardInterrupt:
            screen.note(
                f"stopped; {gallery.store.count():,} photos are in gallery {gallery.name}: run the same command again to go on"
            )
            sys.exit(130)


def _read(sources: Sequence[str], images: Path | None, screen: BuildScreen) -> list[Source]:
    from geosleuth.gallery.sources import read_source, refuse_export

    if images is not None and len(sources) > 1:
        raise click.UsageError("--images belongs to one source: build the sources one after the other")
    for source in sources:
        refuse_export(source)
    read = [read_source(source, images) for source in sources]
    for found in read:
        for note in found.notes:
            screen.note(f"note: {found.short_name()}: {note}")
    return read


def _encoder(name: str, spec: str | None) -> Encoder:
    """The encoder that was asked for, else that of the gallery, else the embedded one. Raises EncoderError and GalleryError."""
    from geosleuth.gallery.encoders import encoder_of
    from geosleuth.gallery.opening import is_gallery
    from models.gallery.catalogue import gallery_folder, read_card

    kept = read_card(gallery_folder(name)).encoder if is_gallery(name) else "embedded"
    return encoder_of(spec or kept)


def _benchmarks(names: Sequence[str], screen: BuildScreen) -> Twins:
    """The photos of benchmarks that must not come in."""
    from evals.benchmarks import make_benchmark
    from evals.leakage import mark_records
    from geosleuth.gallery.twins import Twins

    twins = Twins()
    for name, benchmark in [(name, make_benchmark(name)) for name in names]:  # all names first: reading takes its time
        records = benchmark.records()
        found = mark_records(records)
        for item in found:
            if item.marks is not None:
                twins.add(f"{name}/{item.id}", item.marks)
        closed = sum(item.marks is None for item in found)
        screen.note(
            f"excluding {name}: {len(found) - closed:,} photos"
            + (f"; {closed:,} cannot be opened and are not excluded" if closed else "")
        )
    return twins


def _tell(gallery: NamedGallery, tally: Tally, left_out: LeftOut, screen: BuildScreen) -> None:
    """The last lines of a build: what came in, and by name what did not."""
    duplicates, excluded, unusable = (tally.left_out[kind] for kind in ("duplicate", "excluded", "unusable"))
    unusable += tally.problems
    parts = [f"{tally.added:,} photos added"]
    parts += [f"{tally.known:,} were finished before"] if tally.known else []
    parts += [f"{duplicates:,} duplicates left out"] if duplicates else []
    parts += [f"{excluded:,} of benchmarks left out"] if excluded else []
    parts += [f"{unusable:,} unusable"] if unusable else []
    speed = f" ({tally.photos_per_s:.1f} photos/s)" if tally.opened else ""
    screen.note(f"gallery {gallery.name}: {', '.join(parts)}; {gallery.store.count():,} in all{speed}")
    if tally.leaked_before:
        screen.note(
            f"note: {tally.leaked_before:,} photos from earlier builds are in the benchmarks to exclude, and stay: build the gallery anew"
        )
    listed = left_out.fresh()
    for item in listed[:_SHOWN]:
        screen.note(f"  left out: {item.id}: {item.reason}")
    if len(listed) > _SHOWN:
        screen.note(f"  {len(listed) - _SHOWN:,} more")
    if listed and gallery.store.count():  # a gallery that stays empty is removed with its list
        screen.note(f"  all of them: {left_out.path}")
