"""What a benchmark consists of: records with a photo handle and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from agent.photo import PhotoFile


class BenchmarkError(ValueError):
    """A benchmark that cannot be read; one line that says what is wrong and what would help."""


@dataclass(frozen=True)
class Truth:
    """Where the photo was taken. What the benchmark did not say may be `derived` (`evals/truth.py`)."""

    lat: float | None = None
    lon: float | None = None
    country: str | None = None
    """ISO 3166 alpha-2."""
    region: str | None = None
    """Name of the first-order administrative area."""
    city: str | None = None
    derived: tuple[str, ...] = ()
    """Which of the above did not come with the benchmark but from the gazetteer: `point`, `country`, `region`, `city`."""
    names: Mapping[str, str] = field(default_factory=dict)
    """`country`, `region`, `city` as the benchmark writes them, for matchers that compare words."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "derived": list(self.derived), "names": dict(self.names)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Truth:
        return cls(
            data["lat"], data["lon"], data["country"], data["region"], data["city"], tuple(data["derived"]), dict(data["names"])
        )


@dataclass(frozen=True)
class Record:
    """One photo of a benchmark."""

    id: str
    """Unique in the benchmark and stable; used in file names after cleaning."""
    truth: Truth
    open: Callable[[], PhotoFile]
    """Opens the photo, lazily. Raises `agent.photo.PhotoError` with one line where it is missing or broken."""
    kind: str = "photo"
    """`photo`, `panorama`, `satellite` or `scene` (drawn)."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What results may be split by beside kind and continent: `difficulty`, and the user's own columns."""
    licence: str = ""
    attribution: str = ""
    file: str = ""
    """Name of the picture's file, where it is not the id: other systems' predictions may go by it."""
    clues: Sequence[Mapping[str, Any]] = ()
    """What the photo is known to hold that tells the place (drawn scenes), so that a failure can be explained."""

    def to_json(self) -> dict[str, Any]:
        """Everything but the photo."""
        return {"id": self.id, "kind": self.kind, "truth": self.truth.to_json(), "columns": dict(self.columns), "file": self.file,
                "licence": self.licence, "attribution": self.attribution, "clues": [dict(c) for c in self.clues]}  # fmt: skip


@dataclass(frozen=True)
class BenchmarkInfo:
    """What `geosleuth eval list` says."""

    name: str
    title: str
    size: str
    """As published, in words: `2,997 photos`."""
    licence: str
    source: str
    """Where it comes from: an address or the paper."""
    present: bool
    """Whether it can be run on this machine now."""
    where: str
    """Where it was found, or where it is looked for."""


class Benchmark(Protocol):
    """A set of records that can be counted without opening a photo."""

    @property
    def name(self) -> str:
        """As given on the command line: `im2gps3k`, `practice:hard`, `folder:photos`."""
        ...

    def records(self) -> Sequence[Record]:
        """All records in the benchmark's own order. Raises BenchmarkError."""
        ...
