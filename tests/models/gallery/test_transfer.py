"""Galleries move between stores and through Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.gallery.gallery import GalleryError
from models.gallery.open import StoredGallery
from models.gallery.transfer import About, about_parquet, copy_gallery, export_parquet, import_parquet, is_export
from tests.models.gallery.sample import DIGEST, STORES, drawn, opened

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ROWS, VECTORS = drawn(120)


def made(store: str, folder: Path, digest: str = DIGEST, dim: int = 16) -> StoredGallery:
    return opened(store, folder, dim=dim, create=True, encoder_digest=digest, encoder="embedded")


@pytest.mark.parametrize("store", STORES)
def test_a_gallery_goes_through_a_file_into_another_store(store: str, tmp_path: Path) -> None:
    first, path = made(store, tmp_path / "first"), tmp_path / "photos.parquet"
    first.add(ROWS, VECTORS)
    heard: list[dict[str, Any]] = []
    assert export_parquet(first, path, lambda event: heard.append(dict(event))) == 120
    assert heard == [{"step": 120, "of": 120}]
    assert about_parquet(path) == About(16, 120, "embedded", DIGEST)
    second = made("flat", tmp_path / "second")
    for rows, vectors in import_parquet(path):
        second.add(rows, vectors)
    third = made(store, tmp_path / "third")
    assert copy_gallery(second, third) == copy_gallery(second, third) == 120
    for gallery in (second, third):
        rows = [row for batch, _ in gallery.scan() for row in batch]
        assert sorted(rows, key=lambda row: row.id) == sorted(ROWS, key=lambda row: row.id)
        assert gallery.search(VECTORS[7:8], 1)[0][0].row == ROWS[7]
    for gallery in (first, second, third):
        gallery.close()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_galleries_of_different_encoders_do_not_mix(tmp_path: Path) -> None:
    source = made("flat", tmp_path / "a")
    for name, digest, dim in (("b", "f" * 16, 16), ("c", DIGEST, 17)):
        target = made("flat", tmp_path / name, digest, dim)
        with pytest.raises(GalleryError, match="different encoders"):
            copy_gallery(source, target)
        target.close()
    source.close()


def test_what_is_an_export(tmp_path: Path) -> None:
    gallery = made("flat", tmp_path / "a")
    export_parquet(gallery, tmp_path / "empty.parquet")
    assert is_export(tmp_path / "empty.parquet")
    gallery.close()
    table = pa.table(columns())
    pq.write_table(table, tmp_path / "plain.parquet")
    assert is_export(tmp_path / "plain.parquet")
    pq.write_table(table.append_column("image", pa.array([b"x"] * 6)), tmp_path / "pictures.parquet")
    pq.write_table(table.drop_columns(["vector"]), tmp_path / "places.parquet")
    for name in ("pictures", "places"):
        assert not is_export(tmp_path / f"{name}.parquet")


def columns(**changes: Any) -> dict[str, Any]:
    halves = pa.array(VECTORS[:6].astype(np.float32).ravel())
    plain = {
        "id": [row.id for row in ROWS[:6]], "lat": [row.lat for row in ROWS[:6]], "lon": [row.lon for row in ROWS[:6]],
        "vector": pa.FixedSizeListArray.from_arrays(halves, 16),
    }  # fmt: skip
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def written(folder: Path, metadata: dict[bytes, bytes] | None = None, **changes: Any) -> Path:
    table = pa.table(columns(**changes))
    pq.write_table(table.replace_schema_metadata(metadata), folder / "x.parquet")
    return folder / "x.parquet"


def test_a_file_of_someone_else_needs_four_columns(tmp_path: Path) -> None:
    path = written(tmp_path, city=["a", None, "c", "d", "e", "f"], clouds=[1] * 6)
    assert about_parquet(path) == About(16, 6, "", "")
    ((rows, vectors),) = import_parquet(path)
    assert [row.city for row in rows] == ["a", "", "c", "d", "e", "f"]
    assert [row.id for row in rows] == [row.id for row in ROWS[:6]]
    np.testing.assert_allclose(vectors, VECTORS[:6], atol=1e-6)


def vector(values: np.ndarray) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def with_row(values: np.ndarray, row: int, value: float) -> np.ndarray:
    changed = values.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize(("changes", "why"), [
    ({"id": None}, "no column 'id'"), ({"vector": None}, "no column 'vector'"), ({"id": [1, 2, 3, 4, 5, 6]}, "'id' holds int64, not text"),
    ({"lat": ["1"] * 6}, "'lat' holds string, not numbers"), ({"lat": [0.0, 0, 0, None, 0, 0]}, "row 3 has no lat"),
    ({"lat": [0.0, 0, 0, 0, 91, 0]}, "row 4 .*coordinates"), ({"lon": [0.0, float("nan"), 0, 0, 0, 0]}, "row 1 .*coordinates"),
    ({"id": ["a", "b", None, "d", "e", "f"]}, "row 2 has no id"), ({"id": ["a", "b", "", "d", "e", "f"]}, "row 2 .*no id"),
    ({"time": ["soon"] * 6}, "row 0 .*no time"), ({"sha256": ["x"] * 6}, "row 0 .*sha256"), ({"city": ["a" * 5000] * 6}, "row 0 .*city"),
    ({"vector": [[1.0]] * 6}, "one fixed size"), ({"vector": vector(VECTORS[:6].astype(np.int32))}, "one fixed size"),
    ({"vector": vector(VECTORS[:6] * 2)}, "row 0 is not of length 1"), ({"vector": vector(with_row(VECTORS[:6], 2, np.nan))}, "row 2 is not finite"),
    ({"vector": vector(with_row(VECTORS[:6].astype(np.float64), 4, np.inf))}, "row 4 is not finite"),
    ({"vector": pa.array([VECTORS[0].tolist(), None] * 3, pa.list_(pa.float32(), 16))}, "row 1 has no vector"),
    ({"vector": pa.array([[None] * 16] * 6, pa.list_(pa.float32(), 16))}, "lacks numbers"),
    ({"metadata": {b"geosleuth": b"["}}, "of its encoder"), ({"metadata": {b"geosleuth": b"[]"}}, "of its encoder"),
])  # fmt: skip
def test_files_are_looked_at_before_anything_is_taken(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(GalleryError, match=why) as caught:
        list(import_parquet(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_parquet(tmp_path: Path) -> None:
    whole = written(tmp_path).read_bytes()
    for number, data in enumerate((b"", b"PAR1", whole[:-20], whole[: len(whole) // 2], b"PAR1" + bytes(200) + b"PAR1")):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(data)
        with pytest.raises(GalleryError, match="no Parquet file"):
            list(import_parquet(path))
    with pytest.raises(GalleryError, match="no Parquet file"):
        about_parquet(tmp_path / "nothing.parquet")
