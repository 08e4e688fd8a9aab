"""What a gallery is: rows of photos whose place is known with their vectors, found by likeness under a typed filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from geo.area import Area, Box
from geo.sphere import Floats
from models.encoders.encoder import Vectors


class GalleryError(ValueError):
    """A gallery that cannot be opened, written or asked; one line that says why and what would help."""


@dataclass(frozen=True)
class Row:
    """One photo of a gallery."""

    id: str
    """Unique in the gallery; adding a row of a known id replaces it."""
    lat: float
    lon: float
    country: str = ""
    """ISO 3166 alpha-2; empty at sea."""
    region: str = ""
    """Name of the first-order administrative area."""
    city: str = ""
    """Name of the nearest place."""
    time: str = ""
    """When the photo was taken, ISO 8601 without zone (`2019-07-04T12:30:00`, or its beginning); empty where not known."""
    source: str = ""
    """The collection that it comes from; filters name it."""
    licence: str = ""
    attribution: str = ""
    picture: str = ""
    """Path or URL of the picture."""
    sha256: str = ""
    """Of the picture's file."""
    marks: str = ""
    """32 hexadecimal digits: the perceptual hashes pHash and dHash; empty where the picture has none that say anything."""


@dataclass(frozen=True)
class Circle:
    """All points within a true distance of one."""

    lat: float
    lon: float
    radius_km: float


@dataclass(frozen=True)
class Where:
    """Which rows of a gallery count; every part that is given must hold."""

    countries: frozenset[str] = frozenset()
    """ISO 3166 alpha-2 codes."""
    box: Box | None = None
    circle: Circle | None = None
    taken_from: str = ""
    """Rows taken at or after this time (ISO 8601 or its beginning: `2015`, `2015-06`); rows without a time do not count."""
    taken_before: str = ""
    """Rows taken before this time."""
    sources: frozenset[str] = frozenset()
    exclude_ids: frozenset[str] = frozenset()
    exclude_sha256: frozenset[str] = frozenset()
    """Files that do not count: the query photo itself."""

    @classmethod
    def in_area(cls, area: Area | None, exclude_sha256: frozenset[str] = frozenset()) -> Where:
        """The rows inside a search area, without some files."""
        where = cls(exclude_sha256=exclude_sha256)
        return replace(where, countries=area.countries, box=area.box) if area else where


@dataclass(frozen=True)
class Hit:
    """A row that was found, and its cosine similarity to the query."""

    row: Row
    similarity: float


class Gallery(Protocol):
    """A store of rows and unit vectors. Writes survive a kill from `flush` on (at the latest) and are idempotent by id."""

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        ...

    def add(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Put rows [n] and their unit vectors [n, dim] in; a known id is replaced. Raises GalleryError for vectors of another length or not finite."""
        ...

    def search(self, vectors: Vectors, k: int, where: Where | None = None) -> list[list[Hit]]:
        """For each query [q, dim] the `k` most similar rows that `where` holds, likest first; fewer where there are no more."""
        ...

    def count(self, where: Where | None = None) -> int:
        """How many rows there are."""
        ...

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids are in the gallery."""
        ...

    def scan(self, batch: int = 4096) -> Iterator[tuple[list[Row], Vectors]]:
        """Every row once with its vector [b, dim], in batches of at most `batch`, in a stable order."""
        ...

    def points(self) -> tuple[Floats, Floats]:
        """Latitudes and longitudes [n] in degrees of all rows."""
        ...

    def flush(self) -> None:
        """Bring everything to disk, and indexes up to date."""
        ...

    def close(self) -> None:
        """Flush and let go of files and connections."""
        ...
