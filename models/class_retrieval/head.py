"""A learned map for each view that brings pictures of one class together, over vectors of any encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import Vectors, unit_rows
from models.geolocator import ModelError
from models.model_folder import is_text, read_arrays, read_card, write_model

KIND = "class_head"
View = Literal["ground", "aerial"]
VIEWS: tuple[View, View] = ("ground", "aerial")


@dataclass(frozen=True, eq=False)
class ClassHead:
    """`unit(vector @ weights[view] + biases[view])`; the inner product of two results is their likeness, across views too."""

    classes: tuple[str, ...]
    """What it was trained to tell apart. Others can be asked for; how well that goes is another matter."""
    encoder: str
    """Spec of the encoder whose vectors it reads."""
    encoder_digest: str
    weights: NDArray[np.float32]
    """[2, d, dim], ground first."""
    biases: NDArray[np.float32]
    """[2, dim]"""
    trained_on: str = ""
    """In words: `420 pictures of FOLDER`."""

    def apply(self, vectors: Vectors, view: View) -> Vectors:
        """Unit vectors [n, dim] of an encoder's vectors [n, d] of pictures of one view. Raises ModelError for another length."""
        if vectors.ndim != 2 or vectors.shape[1] != self.weights.shape[1]:
            raise ModelError(f"the head reads vectors of {self.weights.shape[1]} numbers, not {vectors.shape}")
        at = VIEWS.index(view)
        return unit_rows(vectors @ self.weights[at] + self.biases[at])

    def check_encoder(self, digest: str) -> None:
        """Raises ModelError where vectors of the encoder of this digest are not those that the head was trained on."""
        if digest != self.encoder_digest:
            raise ModelError(
                f"the head was trained on vectors of {self.encoder} (digest {self.encoder_digest}), not of digest {digest}"
            )

    def save(self, folder: Path, **figures: Any) -> None:
        """Keep it in a folder; `figures` (plain JSON) go into its card. Raises OSError."""
        card = {"kind": KIND, "classes": list(self.classes), "encoder": self.encoder, "encoder_digest": self.encoder_digest,
                "trained_on": self.trained_on, **figures}  # fmt: skip
        write_model(folder, card, {"weights": self.weights, "biases": self.biases})

    @classmethod
    def load(cls, folder: Path) -> ClassHead:
        """Read what `save` wrote. Raises ModelError, one line."""
        card, arrays = read_card(folder), read_arrays(folder)
        if card["kind"] != KIND:
            raise ModelError(f"{folder} holds a model of kind {card['kind'][:40]!r}, not {KIND}")
        texts = [card.get(name) for name in ("encoder", "encoder_digest", "trained_on")]
        classes: Any = card.get("classes")
        if not all(map(is_text, texts)) or not _are_names(classes):
            raise ModelError(f"{folder}: its model.json does not name its classes, its encoder and what it was trained on")
        weights, biases = (_floats(arrays.get(name)) for name in ("weights", "biases"))
        if weights.ndim != 3 or len(weights) != 2 or not weights.size or biases.shape != (2, weights.shape[2]):
            raise ModelError(f"{folder}: its arrays are not those of a {KIND}")
        if not np.isfinite(weights).all() or not np.isfinite(biases).all():
            raise ModelError(f"{folder}: its arrays hold numbers that are not finite")
        return cls(tuple(classes), str(texts[0]), str(texts[1]), weights, biases, str(texts[2]))


def _are_names(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and 2 <= len(value) <= 10_000 and all(map(is_text, value))


def _floats(array: NDArray[Any] | None) -> NDArray[np.float32]:
    numeric = array is not None and array.dtype.kind == "f"
    return np.asarray(array if numeric else [], dtype=np.float32)
