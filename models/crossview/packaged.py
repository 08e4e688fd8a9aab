"""The model that comes with Geosleuth, and models by name."""

from __future__ import annotations

from pathlib import Path

from models.geolocator import ModelError
from models.registry import model_folder

DRAWN_TOWN = "drawn-town"
"""Learned from drawn towns alone: for tests and trying things out. On real photos it knows nothing."""


def crossview_folder(name: str) -> Path:
    """The folder of a trained model: `drawn-town`, a name in the folder of models, or a path. Raises ModelError where there is none."""
    if name == DRAWN_TOWN:
        return Path(__file__).parent.parent / "data" / "crossview_drawn_town"
    folder = model_folder(name)
    if not (folder / "model.json").is_file():
        raise ModelError(
            f"there is no cross-view model {folder}: train one (geosleuth crossview train); for a trial --model {DRAWN_TOWN}"
        )
    return folder
