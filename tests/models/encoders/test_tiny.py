from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models.encoders.tiny import Tiny


def test_vectors_have_length_one_or_say_nothing() -> None:
    half = Image.new("RGB", (64, 64), (120, 180, 240))
    half.paste((10, 60, 120), (0, 32, 64, 64))
    vectors = Tiny().encode([half, Image.new("RGB", (9, 30), (7, 7, 7))])
    assert vectors.shape == (2, 768)
    assert float(np.linalg.norm(vectors[0])) == pytest.approx(1.0)
    assert not vectors[1].any()
    assert Tiny().encode([]).shape == (0, 768)
