"""`geosleuth gallery`: photos whose place is known, found by likeness."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

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


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Wrong galleries, encoders, benchmarks and photos end with one line and exit code 2, a disk that refuses with 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from agent.photo import PhotoError

        try:
            return command(*args, **kwargs)
        except (ValueError, PhotoError) as error:  # GalleryError, EncoderError, BenchmarkError, wrong areas
            raise click.UsageError(str(error)) from error
        except BrokenPipeError:  # a reader that went away is no fault of the disk
            raise
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'the disk'}: {error.strerror or error}") from error

    return wrapped
