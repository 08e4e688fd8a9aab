from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.encoders.cache import FILE, VectorCache, encode_cached
from models.encoders.encoder import EncoderError, Vectors, unit_rows
from models.encoders.tiny import Tiny
from tests.models.encoders.pictures import waves

_DIM = 8


def _vectors(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rows = unit_rows(np.random.default_rng(seed).normal(size=(count, _DIM)))
    return {f"{seed}-{i:064x}": row for i, row in enumerate(rows)}


@pytest.mark.parametrize(("kind", "error"), [("float16", 5e-4), ("float32", 0.0)])
def test_what_is_put_comes_back(tmp_path: Path, kind: str, error: float) -> None:
    vectors = _vectors(1200)
    with VectorCache(tmp_path / "cache", "d1", _DIM, kind) as cache:  # type: ignore[arg-type]
        cache.put_many(vectors)
        assert cache.get_many([]) == {}
    with VectorCache(tmp_path / "cache", "d1", _DIM, kind) as cache:  # type: ignore[arg-type]
        found = cache.get_many([*vectors, "unknown", next(iter(vectors))])
        assert cache.note == ""
        assert cache.count() == 1200
    assert found.keys() == vectors.keys()
    assert max(np.abs(found[key] - vectors[key]).max() for key in vectors) <= error
    assert all(vector.dtype == np.float32 for vector in found.values())


def test_encoders_and_kinds_do_not_mix(tmp_path: Path) -> None:
    vectors = _vectors(3)
    with (
        VectorCache(tmp_path, "d1", _DIM) as one,
        VectorCache(tmp_path, "d2", _DIM) as two,
        VectorCache(tmp_path, "d1", _DIM, "float32") as full,
    ):
        one.put_many(vectors)
        assert two.get_many(list(vectors)) == full.get_many(list(vectors)) == {}
        one.put_many({key: -vector for key, vector in vectors.items()})
        key = next(iter(vectors))
        assert one.get_many([key])[key] == pytest.approx(-vectors[key], abs=1e-3)
        assert one.count() == 3


def test_vectors_of_another_length_are_refused_and_not_read(tmp_path: Path) -> None:
    with VectorCache(tmp_path, "d1", _DIM) as cache:
        with pytest.raises(EncoderError, match="holds vectors of 8 numbers"):
            cache.put_many({"a": np.zeros(7, dtype=np.float32)})
        cache.put_many(_vectors(1))
    with VectorCache(tmp_path, "d1", _DIM + 1) as cache:
        assert cache.get_many(list(_vectors(1))) == {}


@pytest.mark.parametrize("damage", ["text", "middle", "half"])
def test_a_broken_file_is_moved_aside(tmp_path: Path, damage: str) -> None:
    with VectorCache(tmp_path, "d1", _DIM) as cache:
        cache.put_many(_vectors(3000))
    file = tmp_path / FILE
    data = bytearray(file.read_bytes())
    data[8192 : len(data) // 2] = bytes([7]) * (len(data) // 2 - 8192)
    file.write_bytes(
        {"text": b"not a database at all " * 50, "middle": bytes(data), "half": bytes(data[: len(data) // 2])}[damage]
    )
    with VectorCache(tmp_path, "d1", _DIM) as cache:
        assert "could not be read" in cache.note
        assert "\n" not in cache.note
        assert cache.count() == 0
        cache.put_many(_vectors(2))
        assert len(cache.get_many(list(_vectors(2)))) == 2
    assert len(list(tmp_path.glob(f"{FILE}.broken-*"))) == 1


def test_a_table_of_another_kind_is_moved_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("CREATE TABLE vectors (something_else TEXT)")
    database.close()
    with VectorCache(tmp_path, "d1", _DIM) as cache:
        assert "begun anew" in cache.note
        assert cache.count() == 0


def test_a_folder_that_cannot_be_made_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EncoderError, match="cannot be opened"):
        VectorCache(tmp_path / "file" / "cache", "d1", _DIM)


def test_threads_share_a_cache(tmp_path: Path) -> None:
    with VectorCache(tmp_path, "d1", _DIM) as cache, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: cache.put_many(_vectors(50, seed)), range(8)))
        found = list(pool.map(lambda seed: len(cache.get_many(list(_vectors(50, seed)))), range(8)))
    assert found == [50] * 8


def test_processes_share_a_cache(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path; from models.encoders.cache import VectorCache\n"
        "with VectorCache(Path(sys.argv[1]), 'd1', 8) as cache:\n"
        "    for i in range(60): cache.put_many({f'{sys.argv[2]}-{i}': np.full(8, i, dtype=np.float32)})\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    with VectorCache(tmp_path, "d1", 8) as cache:
        assert cache.count() == 180


class _Counting(Tiny):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        self.asked.append(len(pictures))
        return super().encode(pictures)


def test_only_missing_pictures_are_encoded_and_broken_ones_named(tmp_path: Path) -> None:
    def opened(key: str) -> Image.Image:
        if key == "bad":
            raise OSError("cannot identify image file\n'bad'")
        return waves(40, 30, int(key))

    encoder = _Counting()
    with VectorCache(tmp_path, encoder.digest, encoder.dim, "float32") as cache:
        first = encode_cached(encoder, cache, ["0", "1", "bad", "2", "1", "3", "4"], opened, batch=2)
        assert encoder.asked == [2, 2, 1]
        assert first.made == 5
        assert first.failed == {"bad": "cannot identify image file 'bad'"}
        again = encode_cached(encoder, cache, ["4", "0", "5"], opened, batch=2)
        assert encoder.asked[3:] == [1]
        assert again.made == 1
        assert list(again.vectors) == ["4", "0", "5"]
    for key, vector in {**first.vectors, **again.vectors}.items():
        assert vector == pytest.approx(Tiny().encode([opened(key)])[0], abs=1e-6)
