"""Vectors of two views made in code: a class shows in other directions in each view, and each view has a mean of its own."""

from __future__ import annotations

import numpy as np

from models.class_retrieval.train import ClassVectors
from models.encoders.encoder import unit_rows

CLASSES = ("freeway", "palace", "river")


def made(seed, each=12, d=24):
    fixed, rng = np.random.default_rng(99), np.random.default_rng(seed)
    centres, shift = fixed.normal(size=(2, len(CLASSES), d)), 3 * fixed.normal(size=(2, d))
    labels, ground = np.tile(np.repeat(np.arange(len(CLASSES)), each), 2), np.repeat([True, False], len(CLASSES) * each)
    view = np.where(ground, 0, 1)
    vectors = 2 * centres[view, labels] + shift[view] + 0.8 * rng.normal(size=(len(labels), d))
    return ClassVectors(unit_rows(vectors), labels.astype(np.intp), ground)
