"""An alignment as a folder: `model.json`, `arrays.npz`, and the vectors of its candidates beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.alignment.alignment import Alignment, TextSide
from models.alignment.gallery_embeddings import candidates_of
from models.alignment.location_encoder import LocationEncoder
from models.alignment.perceptron import Perceptron, numbers
from models.geolocator import ModelError
from models.model_folder import read_arrays, read_card, write_model
from models.training_data import Told, silent

KIND = "alignment"
_MAX_LOG_SCALE = 10.0


def save_alignment(alignment: Alignment, folder: Path, more: Mapping[str, Any] | None = None) -> None:
    """Keep an alignment; `more` goes into its card. Raises OSError."""
    arrays: dict[str, NDArray[Any]] = {
        **alignment.image.arrays("image."),
        **alignment.location.arrays("location."),
        "candidate_lat": alignment.candidates.lat,
        "candidate_lon": alignment.candidates.lon,
    }
    card: dict[str, Any] = {
        **(more or {}), "kind": KIND, "encoder": alignment.encoder, "encoder_digest": alignment.encoder_digest,
        "trained_on": alignment.trained_on, "projection": alignment.location.projection, "log_scale": alignment.log_scale,
        "temperature": alignment.temperature, "reliability": alignment.reliability, "calibrated": alignment.calibrated,
    }  # fmt: skip
    if alignment.text is not None:
        arrays |= {**alignment.text.image.arrays("text_image."), **alignment.text.text.arrays("text.")}
        card |= {"text_features": alignment.text.features, "text_log_scale": alignment.text.log_scale}
    write_model(folder, card, arrays)


def load_alignment(folder: Path, told: Told = silent) -> Alignment:
    """Read an alignment back, named for its folder. Raises ModelError with one line where the folder holds none that fits together."""
    card, arrays = read_card(folder), read_arrays(folder)
    if card["kind"] != KIND:
        raise ModelError(f"{folder} holds a model of the kind {card['kind']!r}, not {KIND!r}")
    location = LocationEncoder.of(_text(card, "projection"), arrays, "location.")
    image = Perceptron.of_sequence(arrays, "image.")
    if image.layers and image.dim_out != location.dim:
        raise ModelError(f"{folder}: the towers give vectors of different lengths")
    candidates = candidates_of(location, _column(arrays, "candidate_lat"), _column(arrays, "candidate_lon"), folder, told)
    return Alignment(
        name=folder.name, encoder=_text(card, "encoder"), encoder_digest=_text(card, "encoder_digest"), image=image, location=location,
        candidates=candidates, log_scale=_number(card, "log_scale", -_MAX_LOG_SCALE, _MAX_LOG_SCALE), temperature=_number(card, "temperature", 0.01, 100.0),
        reliability=_number(card, "reliability", 0.001, 0.999), calibrated=card.get("calibrated") is True,
        trained_on=_text(card, "trained_on"), text=_text_side(card, arrays, image.dim_in),
    )  # fmt: skip


def _text_side(card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], dim: int) -> TextSide | None:
    if "text_features" not in card:
        return None
    image, text = Perceptron.of_sequence(arrays, "text_image."), Perceptron.of_sequence(arrays, "text.")
    if not image.layers or not text.layers or image.dim_out != text.dim_out or (dim and image.dim_in != dim):
        raise ModelError("the text towers do not fit together")
    features = _text(card, "text_features")
    if features != "hashed" and not features.startswith("clip:"):
        raise ModelError(f"no text features are called {features[:60]!r}")
    return TextSide(image, text, _number(card, "text_log_scale", -_MAX_LOG_SCALE, _MAX_LOG_SCALE), features)


def _column(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float64]:
    numbers(arrays, name, 1)
    return np.asarray(arrays[name], dtype=np.float64)


def _text(card: Mapping[str, Any], name: str) -> str:
    value = card.get(name)
    if not isinstance(value, str):
        raise ModelError(f"the model's card has no text {name!r}")
    return value


def _number(card: Mapping[str, Any], name: str, low: float, high: float) -> float:
    value = card.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
        raise ModelError(f"the model's card has no number {name!r} from {low:g} to {high:g}")
    return float(value)
