"""Encoders by name: `embedded`, `clip:openai/clip-vit-large-patch14`, `geoclip:FOLDER` …"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from models.encoders.embedded import Embedded
from models.encoders.encoder import Encoder, EncoderError
from models.encoders.geoclip_image import GeoClipEncoder
from models.encoders.tiny import Tiny
from models.encoders.transformers_vision import TransformersEncoder


@dataclass(frozen=True)
class Entry:
    """What people are told of a kind of encoder."""

    line: str
    licence: str
    """Of the weights that are taken where none are named."""


ENCODERS = {
    "embedded": Entry("EfficientNet-Lite2 with whitening, by onnxruntime; needs no download and no GPU", "Apache-2.0"),
    "tiny": Entry("16 x 16 thumbnail, the baseline that every other encoder should beat; needs no weights", "none needed"),
    "clip": Entry("CLIP ViT-L/14, or clip:REPO_OR_DIR", "MIT"),
    "streetclip": Entry("StreetCLIP, CLIP trained on street views with their places, or streetclip:REPO_OR_DIR", "CC-BY-NC-4.0"),
    "siglip": Entry("SigLIP base, or siglip:REPO_OR_DIR", "Apache-2.0"),
    "dinov2": Entry("DINOv2 ViT-L/14 with registers, or dinov2:REPO_OR_DIR", "Apache-2.0"),
    "geoclip": Entry("image side of GeoCLIP, whose vectors meet its location encoder's, or geoclip:REPO_OR_DIR", "MIT"),
}

_BUILT_IN: dict[str, Callable[[], Encoder]] = {"embedded": Embedded, "tiny": Tiny}
_made: dict[tuple[str, str], Encoder] = {}
_lock = threading.Lock()


def make_encoder(spec: str, device: str = "") -> Encoder:
    """The encoder of a spec, `NAME` or `NAME:REPO_OR_DIR`; one of each in a process. Raises EncoderError, one line.

    `device` is torch's name of one (`cpu`, `cuda:1`); empty takes a GPU where there is one. The embedded encoder runs on the CPU.
    """
    name, _, source = spec.strip().partition(":")
    if name not in ENCODERS:
        raise EncoderError(f"there is no encoder {name!r}; there are {', '.join(ENCODERS)}")
    if name in _BUILT_IN and source:
        raise EncoderError(f"the encoder {name} takes no repository or folder")
    with _lock:
        key = (f"{name}:{source}" if source else name, device)
        if key not in _made:
            _made[key] = _new(name, source, device)
        return _made[key]


def is_non_commercial(licence: str) -> bool:
    """Whether a licence's name forbids commercial use: `CC-BY-NC-4.0`, `cc-by-nc-sa-4.0`, `non-commercial`, `research-only`."""
    words = [word for word in re.split(r"[^a-z0-9]+", licence.lower()) if word]
    pairs = {f"{first} {second}" for first, second in itertools.pairwise(words)}
    return not {"nc", "noncommercial"}.isdisjoint(words) or not {"non commercial", "research only"}.isdisjoint(pairs)


def _new(name: str, source: str, device: str) -> Encoder:
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    if name == "geoclip":
        return GeoClipEncoder(source, device)
    return TransformersEncoder(name, source, device)
