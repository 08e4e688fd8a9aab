"""Vectors kept on disk, so that a photo is encoded once: keyed by the photo's SHA-256 and the encoder's digest."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.encoders.encoder import Encoder, EncoderError, Vectors

if TYPE_CHECKING:
    from PIL import Image

    from models.encoders.panorama import Vector

FILE = "vectors.sqlite"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS vectors (encoder TEXT, picture TEXT, vector BLOB, PRIMARY KEY (encoder, picture)) WITHOUT ROWID"
)
_ASKED_AT_ONCE = 500
_BUSY_S = 30.0
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Encoded:
    """What `encode_cached` found."""

    vectors: dict[str, Vector]
    """Unit vectors [dim] by picture key, in the order of the keys."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a picture could not be opened, by its key."""
    made: int = 0
    """How many were encoded now; the others lay in the cache."""


class VectorCache:
    """Vectors of one encoder in a SQLite file that threads and processes may share. Closed by `close` or `with`."""

    def __init__(self, folder: Path, digest: str, dim: int, kind: Literal["float16", "float32"] = "float16") -> None:
        """Open or make `folder/vectors.sqlite`. A file that is no database is moved aside; `note` then says so. Raises EncoderError."""
        self.path, self.note = folder / FILE, ""
        self._digest, self._dim = f"{digest}:{kind}", dim
        self._kind = np.dtype(np.float16 if kind == "float16" else np.float32).newbyteorder("<")
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = self._opened()
        except (OSError, sqlite3.Error) as error:
            raise EncoderError(f"the cache {self.path} cannot be opened ({error})") from error

    def get_many(self, keys: Sequence[str]) -> dict[str, Vector]:
        """The vectors [dim] float32 that are known, by picture key."""
        found: dict[str, Vector] = {}
        wanted = list(dict.fromkeys(keys))
        for at in range(0, len(wanted), _ASKED_AT_ONCE):
            part = wanted[at : at + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT picture, vector FROM vectors WHERE encoder = ? AND picture IN ({marks})"  # noqa: S608 (marks alone)
            for key, blob in self._ask(query, [self._digest, *part]):
                if isinstance(blob, bytes) and len(blob) == self._dim * self._kind.itemsize:
                    found[key] = np.frombuffer(blob, self._kind).astype(np.float32)
        return found

    def put_many(self, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors [dim] by picture key; a known key is replaced. Raises EncoderError for another length, or where the disk refuses."""
        if any(np.shape(vector) != (self._dim,) for vector in vectors.values()):
            raise EncoderError(f"the cache holds vectors of {self._dim} numbers")
        rows = [(self._digest, key, np.asarray(vector).astype(self._kind).tobytes()) for key, vector in vectors.items()]
        try:
            with self._lock, self._database:
                self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise EncoderError(f"the cache {self.path} cannot be written ({error})") from error

    def count(self) -> int:
        """How many vectors of this encoder there are."""
        ((number,),) = self._ask("SELECT COUNT(*) FROM vectors WHERE encoder = ?", [self._digest])
        return int(number)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, query: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise EncoderError(f"the cache {self.path} cannot be read ({error})") from error

    def _opened(self) -> sqlite3.Connection:
        """The database; a file that is none is renamed first. A cache is cheap to fill again, so its syncs are few."""
        try:
            return _connected(self.path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, full, not allowed: the file itself may be well
                raise
            aside = self.path.with_name(f"{FILE}.broken-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}")
            self.path.replace(aside)
            for tail in ("-wal", "-shm"):
                self.path.with_name(FILE + tail).unlink(missing_ok=True)
            self.note = f"the cache {self.path} could not be read ({error}) and was begun anew; the old one is {aside.name}"
            return _connected(self.path)


def _connected(path: Path) -> sqlite3.Connection:
    """A connection on which the table was found sound. Raises sqlite3.Error."""
    database = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(_SCHEMA)
        columns = [row[1] for row in database.execute("PRAGMA table_info(vectors)")]
        if columns != ["encoder", "picture", "vector"]:
            raise sqlite3.DatabaseError(f"its table has the columns {', '.join(columns)}")
        (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(" ".join(str(said).split())[:120])
        database.commit()
    except BaseException:
        database.close()
        raise
    return database


def encode_cached(
    encoder: Encoder, cache: VectorCache, keys: Sequence[str], open_picture: Callable[[str], Image.Image], batch: int = _BATCH
) -> Encoded:
    """Vectors of pictures by key: those in the cache, and the missing ones opened and encoded, `batch` at a time, and kept.

    A picture that `open_picture` raises for (OSError, ValueError, SyntaxError, MemoryError) is named in `failed`; the others go on.
    """
    known = cache.get_many(keys)
    failed: dict[str, str] = {}
    missing = [key for key in dict.fromkeys(keys) if key not in known]
    made = 0
    for names, pictures in _opened_batches(missing, open_picture, failed, batch):
        vectors: Vectors = encoder.encode(pictures)
        fresh = dict(zip(names, vectors, strict=True))
        cache.put_many(fresh)
        known |= fresh
        made += len(fresh)
    return Encoded({key: known[key] for key in dict.fromkeys(keys) if key in known}, failed, made)


def _opened_batches(
    keys: Sequence[str], open_picture: Callable[[str], Image.Image], failed: dict[str, str], batch: int
) -> Iterator[tuple[list[str], list[Image.Image]]]:
    names: list[str] = []
    pictures: list[Image.Image] = []
    for key in keys:
        try:
            picture = open_picture(key)
            picture.load()
        except (OSError, ValueError, SyntaxError, MemoryError) as error:
            failed[key] = " ".join(str(error).split())[:200] or type(error).__name__
            continue
        names.append(key)
        pictures.append(picture)
        if len(names) == batch:
            yield names, pictures
            names, pictures = [], []
    if names:
        yield names, pictures
