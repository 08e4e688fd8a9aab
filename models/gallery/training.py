"""A gallery as training data."""

from __future__ import annotations

import numpy as np

from models.gallery.catalogue import NamedGallery
from models.gallery.gallery import GalleryError
from models.training_data import TrainingData


def training_data(gallery: NamedGallery) -> TrainingData:
    """Vectors and places of every row, in the order of the store. Raises GalleryError for an empty gallery."""
    rows, vectors = [], []
    for batch, of in gallery.store.scan():
        rows += [(row.lat, row.lon, row.country, row.region, row.city) for row in batch]
        vectors.append(np.asarray(of, dtype=np.float32))
    if not rows:
        raise GalleryError(f"gallery {gallery.name} is empty")
    lat, lon, country, region, city = zip(*rows, strict=True)
    return TrainingData(np.concatenate(vectors), np.array(lat), np.array(lon), gallery.card.encoder, gallery.card.encoder_digest,
                        f"gallery {gallery.name} ({len(rows):,} photos)", country, region, city)  # fmt: skip
