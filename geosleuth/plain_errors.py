"""Errors as people read them: one line, no traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Wrong names, files, settings and photos end with one line and exit code 2, a disk that refuses with 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from agent.photo import PhotoError

        try:
            return command(*args, **kwargs)
        except (ValueError, PhotoError) as error:  # every error class of the project that tells of bad input
            raise click.UsageError(str(error)) from error
        except BrokenPipeError:  # a reader that went away is no fault of the disk
            raise
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'the disk'}: {error.strerror or error}") from error

    return wrapped
