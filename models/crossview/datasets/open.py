"""Data sets by name: `cvusa`, `cvact`, `vigor:same`, `vigor:cross`, `university-1652:drone`, `university-1652:street`."""

from __future__ import annotations

from pathlib import Path

from models.crossview.datasets.cvact import read_cvact
from models.crossview.datasets.cvusa import read_cvusa
from models.crossview.datasets.dataset import CrossViewSet, DatasetError
from models.crossview.datasets.university1652 import read_university1652
from models.crossview.datasets.vigor import read_vigor
from models.training_data import Told, silent

NAMES = ("cvusa", "cvact", "vigor:same", "vigor:cross", "university-1652:drone", "university-1652:street")


def read_dataset(name: str, root: Path, split: str, told: Told = silent) -> CrossViewSet:
    """A split (`train`, `validation`, `test`, as far as the data set has them) of a published data set in a folder. Raises DatasetError."""
    if name not in NAMES:
        raise DatasetError(f"there is no data set {name[:40]!r}; known are {', '.join(NAMES)}")
    kind, _, part = name.partition(":")
    if kind == "cvusa":
        return read_cvusa(root, split, told=told)
    if kind == "cvact":
        return read_cvact(root, split, told=told)
    if kind == "vigor":
        return read_vigor(root, split, part, told=told)
    return read_university1652(root, split, part, told)
