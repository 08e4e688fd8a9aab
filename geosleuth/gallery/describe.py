"""Vectors of opened photos by one encoder, each made once: they are kept by the hash of the photo's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geosleuth.gallery.prepare import Opened, picture_of
from models.encoders.cache import VectorCache
from models.encoders.encoder import Encoder, Vectors, unit_rows
from models.encoders.panorama import Vector, encode_photo, panorama_views
from models.gallery.catalogue import galleries_folder

if TYPE_CHECKING:
    from PIL import Image

    from agent.photo import PhotoFile

_AT_ONCE = 32
"""Pictures that an encoder gets in one call."""

Describe = Callable[[Sequence[Opened]], Vectors]
"""Unit vectors [n, dim] of photos that were opened."""


def vectors_folder() -> Path:
    """Where vectors are kept, so that a photo in a second gallery is not encoded again: beside the folder of galleries."""
    return galleries_folder().parent / "vectors"


@contextmanager
def described_by(encoder: Encoder, folder: Path | None = None) -> Iterator[Describe]:
    """A function that describes photos by an encoder, with its cache in `folder` (`vectors_folder` by default). Raises EncoderError."""
    with VectorCache(folder or vectors_folder(), encoder.digest, encoder.dim) as cache:
        yield lambda items: _vectors(encoder, cache, items)


def vector_of(encoder: Encoder, photo: PhotoFile) -> Vector:
    """Unit vector [dim] of a photo to be looked up, made as those of a gallery are. Raises PhotoError."""
    return encode_photo(encoder, *picture_of(photo))


def _vectors(encoder: Encoder, cache: VectorCache, items: Sequence[Opened]) -> Vectors:
    keys = [_key(item) for item in items]
    known = cache.get_many(keys)
    missing = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
    fresh = dict(zip(missing, _encoded(encoder, list(missing.values())), strict=True))
    usable = {key: vector for key, vector in fresh.items() if vector.any()}
    cache.put_many(usable)
    # What was encoded just now is rounded as the cache rounds it, so that a build that goes on gives the same vectors.
    known |= fresh | cache.get_many(list(usable))
    return unit_rows(np.stack([known[key] for key in keys])) if keys else np.zeros((0, encoder.dim), dtype=np.float32)


def _key(item: Opened) -> str:
    assert item.marks is not None
    return f"{item.marks.sha256}:panorama" if item.panorama else item.marks.sha256


def _encoded(encoder: Encoder, items: Sequence[Opened]) -> list[Vector]:
    """Vectors [dim] of photos; of a panorama the mean of its views, as `encode_photo` makes it, but many photos in one call."""
    views: list[Image.Image] = []
    ends = []
    for item in items:
        assert item.picture is not None
        views += panorama_views(item.picture) if item.panorama else [item.picture]
        ends.append(len(views))
    parts = [encoder.encode(views[start : start + _AT_ONCE]) for start in range(0, len(views), _AT_ONCE)]
    groups = np.split(np.concatenate(parts), ends[:-1]) if parts else []
    return [unit_rows(group.mean(axis=0, keepdims=True))[0] for group in groups]
