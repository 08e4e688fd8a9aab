"""The image side of GeoCLIP (Vivanco Cepeda et al. 2023, arXiv:2309.16020): CLIP ViT-L/14's image features, 768 numbers,
through an MLP 768-768-512 with ReLU. Its vectors meet those of GeoCLIP's location encoder.

The MLP comes from the package `geoclip` (`weights/image_encoder_mlp_weights.pth`) or from a release of its own (a folder
or a repository of the hub: `config.json` with `"model_type": "geoclip-geolocation"`, `model.safetensors`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import EncoderError, Vectors, unit_rows
from models.encoders.hub_folder import fingerprint, model_folder, settings, stated_licence
from models.encoders.transformers_vision import BATCH, TransformersEncoder, imported

if TYPE_CHECKING:
    from PIL import Image

BACKBONE = "openai/clip-vit-large-patch14"
RELEASE = "geoclip-geolocation"
_LAYERS = ("0.weight", "0.bias", "2.weight", "2.bias")
_WHEEL_FILE = "model/weights/image_encoder_mlp_weights.pth"
_PREFIX = "image_encoder.mlp."

Layers = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class GeoClipEncoder:
    """Unit vectors of GeoCLIP's image side; thread-safe."""

    def __init__(self, source: str = "", device: str = "", batch: int = BATCH) -> None:
        """`source`: a GeoCLIP release, or a CLIP model to put the package's MLP on; empty: the package's MLP on OpenAI's CLIP. Raises EncoderError."""
        self.name = f"geoclip:{source}" if source else "geoclip"
        imported("torch", "geoclip")
        folder = model_folder(source) if source else None
        released = folder is not None and settings(folder).get("model_type") == RELEASE
        if folder is not None and released:
            file, backbone, revision = folder / "model.safetensors", *_backbone(folder)
        else:
            file, backbone, revision = _packaged(), source or BACKBONE, None
        self._layers = read_layers(file)
        self._clip = TransformersEncoder("clip", backbone, device, batch, revision)
        if self._clip.dim != self._layers[0].shape[1]:
            raise EncoderError(f"GeoCLIP reads {self._layers[0].shape[1]} image features, and {backbone} gives {self._clip.dim}")
        self.dim = len(self._layers[3])
        self.digest = fingerprint([file], "geoclip", self._clip.digest)
        self.licence = (stated_licence(folder) if folder is not None and released else "") or "MIT"

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Unit vectors [n, 512]."""
        first, first_bias, second, second_bias = self._layers
        hidden = np.maximum(self._clip.features(pictures) @ first.T + first_bias, 0)
        return unit_rows(hidden @ second.T + second_bias)


def read_layers(file: Path) -> Layers:
    """Weights and biases of the MLP. Only tensors are read, nothing is executed. Raises EncoderError."""
    try:
        state = _state(file)
        found = [np.asarray(state[name].float().numpy(), dtype=np.float32) for name in _LAYERS]
    except Exception as error:  # torch and safetensors raise all sorts of things for broken files
        raise EncoderError(f"GeoCLIP's {file} cannot be read ({' '.join(str(error).split())[:120]})") from error
    first, first_bias, second, second_bias = found
    fits = first.ndim == second.ndim == 2 and first_bias.shape == first.shape[:1] and second_bias.shape == second.shape[:1]
    if not fits or second.shape[1] != first.shape[0]:
        raise EncoderError(f"GeoCLIP's {file} holds layers that do not fit together")
    return first, first_bias, second, second_bias


def _state(file: Path) -> dict[str, Any]:
    if file.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(str(file), framework="pt") as tensors:
            return {name: tensors.get_tensor(_PREFIX + name) for name in _LAYERS}
    import torch

    return dict(torch.load(file, map_location="cpu", weights_only=True))


def _packaged() -> Path:
    """The MLP's file in the package geoclip, which is not imported. Raises EncoderError."""
    spec = importlib.util.find_spec("geoclip")
    for folder in spec.submodule_search_locations or () if spec else ():
        if (file := Path(folder) / _WHEEL_FILE).is_file():
            return file
    raise EncoderError("the encoder geoclip needs GeoCLIP's weights: pip install --no-deps geoclip, or name a release's folder")


def _backbone(folder: Path) -> tuple[str, str | None]:
    """Where a release's CLIP is: its folder `backbone`, or the repository and revision that its config names. Raises EncoderError."""
    if (folder / "backbone" / "config.json").is_file():
        return str(folder / "backbone"), None
    named = settings(folder).get("backbone")
    match named:
        case {"repo_id": str(repo), "revision": str(revision)}:
            return repo, revision
        case {"repo_id": str(repo)}:
            return repo, None
    raise EncoderError(f"{folder} does not say which CLIP model it reads (config.json: backbone)")
