"""Which encoders the commands use: those of the package, or a caller's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from models.encoders.encoder import Encoder


@dataclass(frozen=True)
class Encoders:
    """Makes encoders by spec. A caller who gives one as the `obj` of the click context has the commands use encoders of its own."""

    make: Callable[[str], Encoder]


def encoder_of(spec: str) -> Encoder:
    """The encoder of a spec. Raises EncoderError."""
    context = click.get_current_context(silent=True)
    own = context.find_object(Encoders) if context else None
    if own is not None:
        return own.make(spec)
    from models.encoders.make import make_encoder

    return make_encoder(spec)
