"""Trained models by name or folder, whatever their kind."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any, cast

from models.geolocator import Geolocator, ModelError
from models.model_folder import models_folder, read_card

KINDS = {
    "geocells": ("models.geocells.geocells", "Geocells"),
    "alignment": ("models.alignment.alignment", "Alignment"),
    "flow": ("models.flow.flow", "Flow"),
}
"""Kinds of trained models: the module and the class whose `load(folder)` reads one."""
GEOCLIP = "geoclip"
"""The name of GeoCLIP's published weights; `geosleuth models get geoclip` puts them where they are found."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def model_folder(name: str) -> Path:
    """The folder of a model: a name, or a path (with a separator in it). Raises ModelError for what can be neither."""
    if os.sep in name or name.startswith("~"):
        return Path(name).expanduser()
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name[:60]!r} is no name of a model: use letters, digits, dots, dashes and underscores, or a path")
    return models_folder() / name


def load_geolocator(name: str) -> Geolocator:
    """The model of a name or folder. Raises ModelError, one line."""
    folder = model_folder(name)
    if not folder.exists():
        raise ModelError(
            f"there is no model {name[:80]!r} ({', '.join(model_names()) or 'there is none yet: geosleuth models train'})"
        )
    kind = str(read_card(folder)["kind"])
    if kind not in KINDS:
        raise ModelError(f"{folder} holds a model of kind {kind[:40]!r}; this version knows {', '.join(KINDS)}")
    module, name = KINDS[kind]
    return cast(Geolocator, getattr(importlib.import_module(module), name).load(folder))


def model_names() -> list[str]:
    """Names of all models in the folder of models, sorted."""
    root = models_folder()
    return sorted(path.parent.name for path in root.glob("*/model.json")) if root.is_dir() else []


def models_for(encoder_digest: str, gallery: str | None = None) -> list[str]:
    """Names of the models in the folder of models that read vectors of this encoder and, where `gallery` is given, were trained on the
    gallery of that name; what cannot be read is left out."""
    fitting = []
    for name in model_names():
        card: dict[str, Any] = {}
        try:
            card = read_card(model_folder(name))
        except ModelError:
            continue
        of = gallery is None or str(card.get("trained_on", "")).startswith(f"gallery {gallery} (")
        if of and card.get("encoder_digest") == encoder_digest and card["kind"] in KINDS:
            fitting.append(name)
    return fitting
