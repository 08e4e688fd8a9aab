"""The model that comes with Geosleuth, and models by name."""

from __future__ import annotations

from pathlib import Path

from models.registry import model_folder

DRAWN_TOWN = "drawn-town"
"""Learned from drawn towns alone: for tests and trying things out. On real photos it knows nothing."""


def crossview_folder(name: str) -> Path:
    """The folder of a model: `drawn-town`, a name in the folder of models, or a path. Raises ModelError for what can be none."""
    if name == DRAWN_TOWN:
        return Path(__file__).parent.parent / "data" / "crossview_drawn_town"
    return model_folder(name)
