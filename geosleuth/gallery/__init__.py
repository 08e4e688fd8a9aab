"""`geosleuth gallery`: photos whose place is known, found by likeness."""

from __future__ import annotations

import click

from geosleuth.lazy_group import LazyGroup

_COMMANDS = {
    name: (f"geosleuth.gallery.{module}", f"{name}_command", text)
    for name, module, text in (
        ("build", "build", "Build a gallery of photos whose place is known, or add to one."),
        ("search", "search", "Find the photos of a gallery that look like a photo."),
        ("stats", "stats", "What a gallery holds: places, sources, years, size."),
        ("list", "manage", "Galleries by name."),
        ("export", "exchange", "Write a gallery into one parquet file."),
        ("import", "exchange", "Make a gallery of a parquet file, or add it to one."),
        ("copy", "copying", "Copy a gallery into another store."),
        ("calibrate", "calibrate", "Measure how far a gallery's neighbours can be trusted."),
        ("leaks", "leaks", "Look for a benchmark's photos and places in a gallery."),
        ("drop", "manage", "Delete a gallery."),
    )
}


@click.group(name="gallery", cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def gallery() -> None:
    """Galleries: photos whose place is known, found by likeness. A gallery has a name, or is a folder (a path with a slash in it)."""
