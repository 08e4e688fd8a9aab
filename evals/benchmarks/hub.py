"""Benchmarks from the Hugging Face hub: rows through `datasets`, plain files through `huggingface_hub`.

Both keep what they fetched in the hub's own cache, so that a second run needs no network.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from agent.photo import PhotoError
from evals.benchmarks.picture_rows import bytes_of
from evals.record import BenchmarkError

_T = TypeVar("_T")


class HubRows:
    """The rows of a data set of the hub, in the cache on disk. A `PictureRows`."""

    def __init__(self, repo: str, rows: Any) -> None:
        """`rows` is a `datasets.Dataset`."""
        self.repo = repo
        self.path = Path(repo)
        image = importlib.import_module("datasets").Image
        self._pictures = [name for name, feature in rows.features.items() if isinstance(feature, image) or _holds_bytes(feature)]
        for name in self._pictures:
            if isinstance(rows.features[name], image):
                rows = rows.cast_column(name, image(decode=False))
        self._rows = rows
        self.names: list[str] = list(rows.column_names)

    def __len__(self) -> int:
        return len(self._rows)

    def picture_columns(self) -> list[str]:
        return list(self._pictures)

    def values(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        return iter(self._rows.select_columns(list(columns)))

    def pictures(self, column: str) -> Iterator[bytes | None]:
        return (self.picture(row, column) for row in range(len(self)))

    def picture(self, row: int, column: str) -> bytes | None:
        value = self._rows.select_columns([column])[row][column]
        found = bytes_of(value)
        path = value.get("path") if isinstance(value, dict) else None
        return Path(path).read_bytes() if found is None and path and Path(path).is_file() else found

    def file(self, name: str) -> Path | None:
        """A file of the data set, from the cache or else fetched. Raises PhotoError where the hub cannot be asked for it."""
        if not name:
            return None
        hub = importlib.import_module("huggingface_hub")
        try:
            cached = hub.try_to_load_from_cache(self.repo, name, repo_type="dataset")
            if cached is not None:  # a path, or a sign that the hub does not have the file
                return Path(cached) if isinstance(cached, str) else None
            return Path(hub.hf_hub_download(self.repo, name, repo_type="dataset"))
        except Exception as error:  # the hub's clients raise whatever their HTTP libraries do
            absent, unasked = hub.errors.EntryNotFoundError, hub.errors.LocalEntryNotFoundError
            if isinstance(error, absent) and not isinstance(error, unasked):
                return None
            raise PhotoError(f"{name} cannot be fetched from {self.repo}: {_reason(error)}") from error


def fetch_rows(repo: str, splits: Sequence[str] = ("test", "train")) -> HubRows:
    """The first of `splits` that a data set of the hub has. Raises BenchmarkError, one line."""
    datasets = _imported("datasets")

    def load() -> Any:
        names = datasets.get_dataset_split_names(repo)
        return datasets.load_dataset(repo, split=next((name for name in splits if name in names), names[0]))

    return HubRows(repo, _fetched(repo, load))


def fetch_files(repo: str, patterns: Sequence[str]) -> Path:
    """A folder with the files of a data set whose names match. Raises BenchmarkError, one line."""
    hub = _imported("huggingface_hub")
    return Path(_fetched(repo, lambda: hub.snapshot_download(repo, repo_type="dataset", allow_patterns=list(patterns))))


def _fetched(repo: str, fetch: Callable[[], _T]) -> _T:
    try:
        return fetch()
    except Exception as error:  # the hub's clients raise whatever their HTTP libraries do
        raise BenchmarkError(f"{repo} cannot be fetched from the Hugging Face hub: {_reason(error)}") from error


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise BenchmarkError("benchmarks of the Hugging Face hub need its packages: pip install 'geosleuth[evals]'") from None


def _holds_bytes(feature: Any) -> bool:
    return str(getattr(feature, "dtype", "")) in {"binary", "large_binary"}


def _reason(error: Exception) -> str:
    """Why the hub did not answer, in one short sentence."""
    if importlib.import_module("huggingface_hub").constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition(". ")[0][:160]
