"""Vision towers of CLIP, SigLIP and DINOv2 through transformers: `clip`, `streetclip`, `siglip`, `dinov2`.

CLIP gives its projected image features (Radford et al. 2021, arXiv:2103.00020), SigLIP its attention-pooled head (Zhai et al.
2023, arXiv:2303.15343), DINOv2 the class token after the last norm (Oquab et al. 2023, arXiv:2304.07193).
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import EncoderError, Vectors, unit_rows
from models.encoders.hub_folder import SETTINGS, fingerprint, model_folder, settings, stated_licence, weights_files

if TYPE_CHECKING:
    from PIL import Image

BATCH = 16


@dataclass(frozen=True)
class Family:
    """How models of one kind are loaded."""

    repo: str
    """Taken where none is named."""
    models: dict[str, str]
    """`model_type` of config.json to the class of transformers."""
    processor: str
    """Class of the image processor; those of Pillow, since torchvision's need it."""
    output: str
    """The field of the model's output that describes the picture."""
    licence: str = ""
    """Of all models of this kind, whatever their README says; empty where that differs."""


_CLIP = {"clip": "CLIPVisionModelWithProjection", "clip_vision_model": "CLIPVisionModelWithProjection"}
FAMILIES = {
    "clip": Family("openai/clip-vit-large-patch14", _CLIP, "CLIPImageProcessorPil", "image_embeds"),
    "streetclip": Family("geolocal/StreetCLIP", _CLIP, "CLIPImageProcessorPil", "image_embeds", "CC-BY-NC-4.0"),
    "siglip": Family(
        "google/siglip-base-patch16-224",
        {"siglip": "SiglipVisionModel", "siglip_vision_model": "SiglipVisionModel"},
        "SiglipImageProcessorPil",
        "pooler_output",
    ),
    "dinov2": Family(
        "facebook/dinov2-with-registers-large",
        {"dinov2": "Dinov2Model", "dinov2_with_registers": "Dinov2WithRegistersModel"},
        "BitImageProcessorPil",
        "pooler_output",
    ),
}
LICENCES = {
    "openai/clip-vit-large-patch14": "MIT",
    "openai/clip-vit-large-patch14-336": "MIT",
    "openai/clip-vit-base-patch32": "MIT",
    "openai/clip-vit-base-patch16": "MIT",
    "google/siglip-base-patch16-224": "Apache-2.0",
    "facebook/dinov2-large": "Apache-2.0",
    "facebook/dinov2-with-registers-large": "Apache-2.0",
    "geolocal/StreetCLIP": "CC-BY-NC-4.0",
}
"""Of repositories whose README may not state one."""
UNKNOWN = "unknown"


class TransformersEncoder:
    """Unit vectors of a vision tower; thread-safe. Float32 on a CPU, bfloat16 (or float16) on a GPU."""

    def __init__(self, kind: str, source: str = "", device: str = "", batch: int = BATCH, revision: str | None = None) -> None:
        """Load from a folder or the hub. `device` is torch's name for it; empty takes a GPU where there is one. Raises EncoderError."""
        family = FAMILIES[kind]
        self.name = f"{kind}:{source}" if source else kind
        torch = imported("torch", kind)
        folder = model_folder(source or family.repo, revision)
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = _dtype(torch, self._device)
        self._model, self._processor = _loaded(kind, folder, self._device, self._dtype)
        self._output, self._batch, self._torch = family.output, batch, torch
        self.dim = int(self.features([_black()]).shape[1])
        self.digest = fingerprint([*_settings_files(folder), *weights_files(folder)], kind)
        self.licence = family.licence or stated_licence(folder) or LICENCES.get(source or family.repo, UNKNOWN)

    def features(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """What the tower says of pictures, [n, d], before it is scaled to length 1."""
        torch, rows = self._torch, []
        for at in range(0, len(pictures), self._batch):
            pixels = self._processor(images=[p.convert("RGB") for p in pictures[at : at + self._batch]], return_tensors="pt")
            with torch.inference_mode():
                said = self._model(pixel_values=pixels["pixel_values"].to(self._device, self._dtype))
            rows.append(getattr(said, self._output).float().cpu().numpy())
        return np.concatenate(rows) if rows else np.zeros((0, self.dim), dtype=np.float32)

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Unit vectors [n, dim]."""
        return unit_rows(self.features(pictures))


def imported(package: str, kind: str) -> Any:
    """A package that is needed only here. Raises EncoderError with what to install."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise EncoderError(f"the encoder {kind} needs torch and transformers: pip install 'geosleuth[hf]'") from None


def _loaded(kind: str, folder: Path, device: str, dtype: Any) -> tuple[Any, Any]:
    """Model and image processor of a folder; no code of the folder is run. Raises EncoderError."""
    family, transformers = FAMILIES[kind], imported("transformers", kind)
    model_type = settings(folder).get("model_type")
    if model_type not in family.models:
        raise EncoderError(f"{folder} is a model of type {model_type}; {kind} takes {' or '.join(sorted(family.models))}")
    try:
        with _quiet(transformers.logging):
            tower = getattr(transformers, family.models[model_type]).from_pretrained(folder, local_files_only=True, dtype=dtype)
            processor = getattr(transformers, family.processor).from_pretrained(folder, local_files_only=True)
        return tower.eval().to(device), processor
    except Exception as error:  # broken files and devices raise all sorts of things there
        raise EncoderError(f"{folder} cannot be loaded ({' '.join(str(error).split())[:160]})") from error


@contextlib.contextmanager
def _quiet(log: Any) -> Iterator[None]:
    """Without progress bars, and without the report that the text tower's weights are left out."""
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def _dtype(torch: Any, device: str) -> Any:
    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _settings_files(folder: Path) -> list[Path]:
    return [folder / name for name in SETTINGS if (folder / name).is_file()]


def _black() -> Image.Image:
    from PIL import Image

    return Image.new("RGB", (64, 64))
