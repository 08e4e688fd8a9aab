"""Vectors of the views of a photo, each made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tools.observation import ToolContext, View

if TYPE_CHECKING:
    from models.encoders.encoder import Encoder

MAX_PIXELS = 1024 * 768
"""A view is scaled down to this before it is encoded; encoders take less."""
_KEPT = 512


class PictureVectors:
    """Vectors of views by one encoder; the latest are kept. Thread-safe."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], NDArray[np.float32]] = OrderedDict()

    def of(self, view: View, context: ToolContext) -> NDArray[np.float32]:
        """Unit vector [d] of a view; a panorama is looked at in four directions. Raises OSError or ValueError where it cannot be read."""
        from models.encoders.panorama import encode_photo, is_panorama

        key = (context.photo.sha256, view.box, view.rotate_deg % 360, view.contrast)
        with self._lock:
            if key in self._known:
                return self._known[key]
        picture = context.photo.render(view, MAX_PIXELS)
        if is_panorama(picture):
            picture = context.photo.render(view, 4 * MAX_PIXELS)
        vector = encode_photo(self.encoder, picture, None)
        with self._lock:
            self._known[key] = vector
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return vector
