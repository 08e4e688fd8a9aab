"""The texts of training rows, as numbers, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.alignment.settings import AlignmentSettings
from models.alignment.text import HASHED_DIM, PlaceFacts, captions, clip_text_features, hashed_features, place_text
from models.encoders.encoder import Vectors
from models.training_data import TrainingData


class TextRows:
    """What the text tower reads of each training row; `dim` is 0 where there is nothing to read."""

    def __init__(self, data: TrainingData, settings: AlignmentSettings) -> None:
        names = [column if len(column) else [""] * len(data) for column in (data.country, data.region, data.city)]
        self._facts = [PlaceFacts(*row) for row in zip(*names, strict=True)] if settings.text else []
        self._source = settings.text.partition(":")[2] if settings.text.startswith("clip:") else ""
        self._drawn = settings.captions and not self._source
        if not any(fact.country or fact.region or fact.city for fact in self._facts):
            self._facts = []

    @cached_property
    def dim(self) -> int:
        if not self._facts:
            return 0
        return self._clip.shape[1] if self._source else HASHED_DIM

    @cached_property
    def _template(self) -> list[str]:
        return [place_text(fact.country, fact.region, fact.city) for fact in self._facts]

    @cached_property
    def _distinct(self) -> tuple[list[str], NDArray[np.intp]]:
        texts = sorted(set(self._template))
        number = {text: index for index, text in enumerate(texts)}
        return texts, np.array([number[text] for text in self._template], dtype=np.intp)

    @cached_property
    def _clip(self) -> Vectors:
        """Features of the distinct texts, computed once."""
        return clip_text_features(self._source, self._distinct[0])

    def texts(self, rows: Sequence[int] | NDArray[np.intp], rng: np.random.Generator) -> list[str]:
        """The texts of some rows: G3's template, or captions drawn with `rng`; empty where a row has no names."""
        return captions([self._facts[i] for i in rows], rng) if self._drawn else [self._template[i] for i in rows]

    def features(self, rows: NDArray[np.intp], texts: Sequence[str]) -> Vectors:
        """Features [n, dim] of texts that `texts` gave for these rows."""
        return self._clip[self._distinct[1][rows]] if self._source else hashed_features(texts, HASHED_DIM)
