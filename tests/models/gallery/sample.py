"""Rows and vectors for the tests of galleries, and a slow reference for their search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.encoders.encoder import Vectors, unit_rows
from models.gallery.gallery import Row, Where
from models.gallery.open import StoredGallery
from models.gallery.where import columns_of, mask

STORES = ("flat", "lance", "qdrant")
DIGEST = "0123456789abcdef"


def opened(store: str, folder: Path, **options: object) -> StoredGallery:
    """A gallery of a store in a folder; a missing package skips the test."""
    if store == "lance":
        pytest.importorskip("lancedb")
        from models.gallery.lance import LanceGallery

        return LanceGallery(str(folder / store), **options)  # type: ignore[arg-type]
    if store == "qdrant":
        pytest.importorskip("qdrant_client")
        from models.gallery.qdrant import QdrantGallery

        return QdrantGallery(str(folder / store), **options)  # type: ignore[arg-type]
    from models.gallery.flat import FlatGallery

    return FlatGallery(folder / store, **options)  # type: ignore[arg-type]


def drawn(n: int, dim: int = 16, seed: int = 0) -> tuple[list[Row], Vectors]:
    """Rows all over the Earth, many near the antimeridian, some at the poles, with texts of all kinds."""
    rng = np.random.default_rng(seed)
    vectors = unit_rows(rng.standard_normal((n, dim)))
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    lon = np.where(rng.random(n) < 0.3, rng.normal(180, 8, n), rng.uniform(-180, 180, n))
    lon = (lon + 180) % 360 - 180
    lat[:2], lon[:2] = (90.0, -90.0), (12.0, 180.0)
    countries, times = ("PT", "ES", "", "O'Brien; --"), ("", "2015", "2015-06-30", "2019-07-04T12:30:15", "2019-07-04T12:30:16")
    rows = [
        Row(f"photo {seed} '{i}'", float(lat[i]), float(lon[i]), countries[i % 4], "Região", "São Tomé 東京", times[i % 5], ("a", "b", "c'")[i % 3],
            "CC-BY-4.0", 'a "somebody"', f"pictures/{i}.jpg", f"{i * 7919:064x}" if i % 2 else "", f"{i:032x}" if i % 3 else "")
        for i in range(n)
    ]  # fmt: skip
    return rows, vectors


def nearest_slowly(
    rows: list[Row], vectors: Vectors, query: Vectors, k: int, where: Where | None = None
) -> list[tuple[str, float]]:
    """Ids and cosine similarities of the likest rows, one after the other."""
    kept = mask(where, columns_of(rows)) if where else np.ones(len(rows), dtype=bool)
    scored = [(-float(vector @ query), number) for number, vector in enumerate(vectors) if kept[number]]
    return [(rows[number].id, -score) for score, number in sorted(scored)[:k]]
