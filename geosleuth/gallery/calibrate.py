"""`geosleuth gallery calibrate`: how far a gallery's neighbours can be trusted, measured on the gallery itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.gallery.catalogue import NamedGallery


@click.command("calibrate")
@click.argument("name")
@click.option(
    "--keep-density/--divide-density",
    default=None,
    help="Leave the gallery's own density in: for photos that come from where the gallery's photos do. By default as before, at first divided.",
)
@plain_errors
def calibrate_command(name: str, keep_density: bool | None) -> None:
    """Measure gallery NAME anew: every photo is left out once and looked up among the others. Building and importing do so by themselves."""
    from geosleuth.gallery.opening import alone
    from models.gallery.catalogue import open_named

    with alone(name):
        gallery = open_named(name)
        try:
            measure(gallery, lambda text: click.echo(text, err=True), keep_density)
        finally:
            gallery.store.close()


def measure(gallery: NamedGallery, note: Callable[[str], None], keep_density: bool | None = None) -> None:
    """Keep a new calibration in the gallery's card and say what it is; a gallery that cannot be measured keeps none, and that is said.

    `keep_density` None stands for what was chosen before. Raises OSError.
    """
    from models.knn_calibration import calibrate
    from models.knn_evidence import calibration_of

    divide = calibration_of(gallery.card).divide_density if keep_density is None else not keep_density
    try:
        found = calibrate(gallery, divide_density=divide)
    except ValueError as error:
        gallery.with_calibration({})
        note(f"not calibrated: {error}")
        return
    gallery.with_calibration(found.to_json())
    note(f"calibrated on {found.queries:,} photos left out one at a time: a look-up tells {found.bits:.1f} bits on average")
    if divide:
        note(f"  where photos come from the same places as these: geosleuth gallery calibrate {gallery.name} --keep-density")
