"""A trained cross-view model: its reader, how far it looks, and what its likeness means."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.crossview.heat_map import Calibration
from models.crossview.reader import Reader, twin_reader
from models.geolocator import ModelError
from models.model_folder import is_text, read_arrays, read_card, write_model

KIND = "crossview"


@dataclass(frozen=True, eq=False)
class CrossView:
    """Reads photos and the ground; `models.crossview.search` looks for one in the other."""

    name: str
    trained_on: str
    encoder: str
    """Spec of `models.encoders`; empty for the embedded networks."""
    reader: Reader
    radius_m: float
    spacing_m: float
    """How far apart tiles may lie: off-centre by as much was learned."""
    calibration: Calibration
    digest: str
    """Of all that codes depend on; codes of different digests never mix."""

    def rests_on(self) -> str:
        """One line for people."""
        by = f"heads on {self.encoder}" if self.encoder else "small twin networks"
        return f"cross-view model {self.name} ({by}), trained on {self.trained_on}"


def save_crossview(folder: Path, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> None:
    """Keep a model; `card` has `trained_on`, `encoder`, `encoder_digest`, `radius_m`, `spacing_m`, `calibration` and what else is worth
    knowing. Raises OSError."""
    write_model(folder, {**card, "kind": KIND}, arrays)


def load_crossview(folder: Path) -> CrossView:
    """The model of a folder, named for it. Raises ModelError for anything that is not a whole one."""
    card, arrays = read_card(folder), read_arrays(folder)
    if card["kind"] != KIND:
        raise ModelError(f"{folder} holds a model of the kind {str(card['kind'])[:40]!r}, not {KIND}")
    try:
        encoder, encoder_digest = (str(card.get(key, "")) for key in ("encoder", "encoder_digest"))
        if not all(map(is_text, (card["trained_on"], encoder, encoder_digest))):
            raise ValueError("its names are no short lines")
        radius, spacing = (_number(card[key], 1.0, 5000.0) for key in ("radius_m", "spacing_m"))
        reader = reader_of(encoder, encoder_digest, arrays)
        digest = digest_of(arrays, encoder_digest, radius)
        return CrossView(
            folder.resolve().name,
            card["trained_on"],
            encoder,
            reader,
            radius,
            spacing,
            Calibration.from_json(card["calibration"]),
            digest,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} holds no cross-view model that can be used: {' '.join(str(error).split())[:160]}") from error


def reader_of(encoder: str, encoder_digest: str, arrays: Mapping[str, NDArray[Any]]) -> Reader:
    """The reader of stored arrays. Raises ValueError or KeyError for arrays that do not fit, EncoderError for an encoder that cannot be had."""
    if not encoder:
        return twin_reader(arrays)
    from models.crossview.heads import heads_reader
    from models.encoders.make import make_encoder

    made = make_encoder(encoder)
    if made.digest != encoder_digest:
        raise ValueError(f"it was trained with other weights of the encoder {encoder[:60]!r} than those that are here")
    return heads_reader(made, arrays)


def digest_of(arrays: Mapping[str, NDArray[Any]], encoder_digest: str, radius_m: float) -> str:
    """16 hexadecimal digits."""
    whole = hashlib.sha256(f"{encoder_digest} {radius_m:g}".encode())
    for name in sorted(arrays):
        whole.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return whole.hexdigest()[:16]


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and low <= value <= high):
        raise ValueError("a number of its card is none")
    return float(value)
