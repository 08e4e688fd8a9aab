"""Data sets by name."""

from __future__ import annotations

import pytest

from models.crossview.datasets.dataset import DatasetError
from models.crossview.datasets.open import NAMES, read_dataset
from tests.models.crossview.datasets.published_layouts import Vigor, cvact, cvusa, university


def test_every_name_opens(tmp_path):
    cvusa(tmp_path / "cvusa")
    cvact(tmp_path / "cvact", [(0, 0), (100, 0), (200, 0)], [0], [1], [2])
    Vigor(tmp_path / "vigor")
    university(tmp_path / "university-1652")
    for name in NAMES:
        found = read_dataset(name, tmp_path / name.partition(":")[0], "train")
        assert found.pairs
        assert found.split == "train"
        assert all(
            found.gallery[own].path == pair.reference.path for pair, (own, *_) in zip(found.pairs, found.correct, strict=True)
        )
        assert len({pair.id for pair in found.pairs}) == len(found.pairs)


def test_other_names(tmp_path):
    with pytest.raises(DatasetError, match="there is no data set 'vigor'; known are cvusa"):
        read_dataset("vigor", tmp_path, "train")
