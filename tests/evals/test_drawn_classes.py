"""The drawn kinds of places."""

from __future__ import annotations

import numpy as np
import pytest

from evals.drawn_classes import CLASSES, SIDE, VIEWS, draw_class, write_drawn_classes
from models.class_retrieval.folder import read_class_folder


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("view", VIEWS)
def test_drawings_follow_their_seed(name, view):
    drawn = [np.asarray(draw_class(name, view, seed)) for seed in (0, 0, 1)]
    assert drawn[0].shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0].astype(int) - drawn[2]).mean() > 5


def test_a_folder_that_the_reader_reads(tmp_path):
    write_drawn_classes(tmp_path, 2, seed=4)
    found = read_class_folder(tmp_path)
    assert found.classes == CLASSES
    assert len(found.pictures) == 24
    assert (
        len(
            {picture.path.stem for picture in found.pictures if picture.ground}
            & {p.path.stem for p in found.pictures if not p.ground}
        )
        == 0
    )


def test_other_names():
    with pytest.raises(ValueError, match="there is no aerial drawing of lake"):
        draw_class("lake", "aerial", 0)
    with pytest.raises(ValueError, match="there is no side drawing of river"):
        draw_class("river", "side", 0)
