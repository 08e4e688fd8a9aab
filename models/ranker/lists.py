"""Lists of candidates with the truth beside them: what a ranker learns from and is judged on. One JSON line each; text of the world and names of
pictures stand in it only where a ranker that looks is to learn from it (`models/ranker/sights.py`)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.cells import keys_at
from geo.sphere import Floats, haversine_km
from models.geolocator import ModelError
from models.model_folder import replaced
from models.ranker.candidates import BeliefSummary, Candidate, numbered_candidates
from models.ranker.features import features
from models.ranker.sights import Sights

VERSION = 1
_MOST_LINE = 1_000_000
_MOST_LISTS = 2_000_000
_BLOCK_ORDER = 9
"""Lists whose truths lie in one HEALPix cell of this order (13 km) go to the same side of a split, as in `models.training_data`."""


@dataclass(frozen=True, eq=False)
class RankingList:
    """The candidates for one photo whose place is known."""

    id: str
    lat: float
    lon: float
    """Where the photo was taken, degrees."""
    candidates: tuple[Candidate, ...]
    belief: BeliefSummary = field(default_factory=BeliefSummary)
    sights: Sights = field(default_factory=Sights)

    def __len__(self) -> int:
        return len(self.candidates)

    @cached_property
    def distance_km(self) -> Floats:
        """From each candidate [n] to the truth."""
        lat, lon = (np.array([getattr(candidate, axis) for candidate in self.candidates]) for axis in ("lat", "lon"))
        return haversine_km(lat, lon, self.lat, self.lon)

    @cached_property
    def features(self) -> Floats:
        """[n, len(FEATURES)]."""
        return features(self.candidates, self.belief)

    def to_json(self) -> dict[str, Any]:
        seen = {"seen": self.sights.to_json()} if self.sights != Sights() else {}
        return {"version": VERSION, "id": self.id, "truth": [self.lat, self.lon], "belief": self.belief.to_json(),
                "candidates": [candidate.to_json() for candidate in self.candidates], **seen}  # fmt: skip

    @classmethod
    def read(cls, data: Any, folder: Path | None = None) -> RankingList:
        """Raises ModelError for anything that `to_json` did not write. Pictures are looked for below `folder`."""
        if not isinstance(data, Mapping) or data.get("version") != VERSION or not isinstance(data.get("id"), str):
            raise ModelError("not a list of candidates of this version")
        lat, lon = truth_of(data.get("truth"))
        summary, given = data.get("belief"), data.get("candidates")
        found = numbered_candidates(given)
        sights = Sights.read(data.get("seen"), [row for row, _ in found], len(given or ()), folder or Path())
        candidates = tuple(candidate for _, candidate in found)
        return cls(data["id"][:200], lat, lon, candidates, BeliefSummary.read(summary, summary), sights)


@dataclass(frozen=True, eq=False)
class RankingData:
    """Lists, and where they come from in words for the card of a model."""

    lists: Sequence[RankingList]
    source: str
    damaged: int = 0
    """Rows of the source that could not be read."""
    left_out: int = 0
    """Rows that could be read and hold nothing to rank: no place, or no candidate."""

    def __len__(self) -> int:
        return len(self.lists)

    def split(self, share: float, seed: int) -> tuple[list[RankingList], list[RankingList]]:
        """Lists to learn from and lists held out; about `share` of the places (not of the lists) are held out."""
        at = np.array([(one.lat, one.lon) for one in self.lists]).reshape(-1, 2)
        blocks, of = np.unique(keys_at(at[:, 0], at[:, 1]) >> (2 * (29 - _BLOCK_ORDER)), return_inverse=True)
        held: NDArray[np.bool_] = (np.random.default_rng(seed).random(len(blocks)) < share)[of]
        return ([one for one, out in zip(self.lists, held, strict=True) if not out],
                [one for one, out in zip(self.lists, held, strict=True) if out])  # fmt: skip


def digest_of(photo: str) -> int:
    """A number of 64 bits that stands for the id of a photo."""
    return int.from_bytes(hashlib.sha256(photo.encode("utf-8", "replace")).digest()[:8], "big")


def digests_of(photos: Iterable[str]) -> NDArray[np.uint64]:
    """The numbers of these photos, sorted, each once."""
    return np.unique(np.array([digest_of(photo) for photo in photos], dtype=np.uint64))


def known_among(photos: Iterable[str], digests: NDArray[np.uint64]) -> int:
    """How many of these photos are among those of the numbers."""
    return int(np.isin(np.array([digest_of(photo) for photo in photos], dtype=np.uint64), digests).sum())


def truth_of(value: Any) -> tuple[float, float]:
    """A pair of latitude and longitude. Raises ModelError."""
    pair = list(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes) else []
    numbers = [float(part) for part in pair if isinstance(part, int | float | np.number) and not isinstance(part, bool)]
    good = (
        len(pair) == len(numbers) == 2 and all(map(math.isfinite, numbers)) and abs(numbers[0]) <= 90 and abs(numbers[1]) <= 360
    )
    if not good:
        raise ModelError("a place must be a latitude and a longitude")
    return numbers[0], numbers[1]


def write_lists(path: Path, lists: Iterable[RankingList]) -> int:
    """Write them as JSON lines, whole or not at all; how many. Raises OSError."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for one in lists:
            file.write(json.dumps(one.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
            count += 1
    return count


def read_lists(*paths: Path) -> RankingData:
    """The lists of files; lines that are none are counted as damaged. Raises ModelError where nothing can be read."""
    lists: list[RankingList] = []
    damaged = empty = 0
    for path in paths:
        try:
            with path.open("rb") as file:
                while (line := file.readline(_MOST_LINE)) and len(lists) < _MOST_LISTS:
                    try:
                        one = RankingList.read(json.loads(line), path.parent)
                    except (ModelError, ValueError, RecursionError):
                        damaged += 1
                        continue
                    if len(one):
                        lists.append(one)
                    else:
                        empty += 1
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror or error})") from error
    if not lists:
        raise ModelError(f"{', '.join(str(path) for path in paths)}: no list of candidates in it")
    return RankingData(lists, f"{len(lists):,} lists of {', '.join(path.name[:60] for path in paths)}", damaged, empty)
