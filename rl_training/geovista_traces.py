"""GeoVista's published cold-start trajectories, replayed through this program's own loop and kept as traces to learn from.

What GeoVista's policy said is said again, reply by reply: views are cut by this program's `zoom` in full resolution, searches
are answered with the hits that were published, and the answer goes through the belief. So the traces have the prompts, tools and
forms of words that the student will meet, and no text that the data set's own tools wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from agent.photo import MAX_FILE_BYTES, PhotoError, PhotoFile, open_photo
from agent.policies import Policy
from evals.record import BenchmarkError, Record, Truth
from evals.run import RunSettings
from models.model_folder import replaced
from rl_training.collect import Summary, Teacher, collect
from rl_training.filters import CountTokens
from rl_training.geovista_rows import RowError, Script, photo_of, script_of
from tools.toolbox import ToolSettings
from tools.web.replay import search_key

NAME = "geovista-cold-start"
KNEW = (
    "what the pipeline of GeoVista's authors was shown: boxes and queries proposed by another model, not filtered by whether the"
    " answer is right"
)
PHOTOS, SEARCHES = "photos", "searches.jsonl"
MAX_ROWS = 100_000
_MAX_LINE = 64_000_000
_EXAMPLES = 3
_ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}


@dataclass
class ColdStart:
    """Rows as a benchmark without truths, with a policy for each that says again what was said. A `Benchmark`."""

    source: Path
    name: str = NAME
    problems: Counter[str] = field(default_factory=Counter)
    """What was wrong with rows that are left out, and how many have it."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """A few rows of each problem."""
    _records: list[Record] = field(default_factory=list)
    _scripts: dict[str, Script] = field(default_factory=dict)

    def records(self) -> Sequence[Record]:
        return self._records

    def notes(self) -> list[str]:
        """A sentence for each kind of row that was left out."""
        return [
            f"{count:,} rows left out: {what} ({', '.join(self.examples[what])})" for what, count in self.problems.most_common()
        ]

    def policy_for(self, record: Record) -> Policy:
        """What says the row's replies again."""
        from langchain_core.messages import AIMessage, ToolCall

        from agent.policies.scripted import Scripted

        script = self._scripts[record.id]
        replies = [
            AIMessage(content=reply["content"], tool_calls=[
                ToolCall(name=call["name"], args=dict(call["args"]), id="c1", type="tool_call") for call in reply["tool_calls"]])
            for reply in script.replies
        ]  # fmt: skip
        return Policy(NAME, Scripted(replies=replies), max_pixels=script.shown_pixels, sees=False)

    def add(self, row: Mapping[str, Any], number: int, photos: Path) -> None:
        """Read a row, and keep its photo; what is wrong with it is counted."""
        name = " ".join(str(row.get("id") or f"row-{number}").split())[:100]
        name = f"{name}-{number}" if name in self._scripts else name
        try:
            photo = _photo(photo_of(row), self.source, photos)
            self._scripts[name] = script_of(row, photo.size)
        except RowError as error:
            self.problems[str(error)] += 1
            shown = self.examples.setdefault(str(error), [])
            shown += [f"row {number}"] * (len(shown) < _EXAMPLES)
            return
        self._records.append(
            Record(name, Truth(), partial(open_photo, photo.path), attribution="GeoVista-Cold-Start (LibraTree)")
        )

    def write_searches(self, path: Path) -> None:
        """All searches of the rows as a recording that `replay:FILE` answers from."""
        with replaced(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for script in self._scripts.values():
                for search in script.searches:
                    query, k, region = search_key(search.query, 5, None)
                    line = {"query": query, "k": k, "region": region, "hits": [hit.to_json() for hit in search.hits]}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()


def read_cold_start(source: Path, folder: Path, limit: int | None = None) -> ColdStart:
    """Read the rows of a parquet or JSON lines file, or of the parquet files below a folder; at most `limit` of them.

    Photos that the rows hold are written to `folder/photos`, the searches to `folder/searches.jsonl`. Rows that cannot be used
    are counted in `problems`. Raises BenchmarkError for a source that cannot be read or has no row that can be used, and OSError.
    """
    (folder / PHOTOS).mkdir(parents=True, exist_ok=True)
    found = ColdStart(source)
    for number, row in enumerate(islice(_rows(source), min(limit or MAX_ROWS, MAX_ROWS)), 1):
        found.add(row, number, folder / PHOTOS)
    if not found.records():
        raise BenchmarkError(
            f"{source} holds no trajectory of GeoVista's that can be used: {'; '.join(found.notes()) or 'no rows'}"
        )
    found.write_searches(folder / SEARCHES)
    return found


async def collect_cold_start(
    source: Path,
    folder: Path,
    settings: RunSettings | None = None,
    *,
    limit: int | None = None,
    count_tokens: CountTokens | None = None,
    max_tokens: int | None = None,
    tell: Callable[[str, Mapping[str, Any]], None] = lambda record, event: None,
) -> Summary:
    """GeoVista's cold-start data as a folder of traces (`rl_training/collect.py`), whatever the answers: the rows hold no truth.

    `settings` are those of a run; its tools are replaced by `zoom` and the recorded searches, offline. Raises as
    `read_cold_start` and `collect` do.
    """
    rows = read_cold_start(source, folder, limit)
    tools = ToolSettings(search=f"replay:{folder / SEARCHES}", offline=True, models=(), concepts=False)
    settings = replace(settings or RunSettings(thumbnails=False), tools=tools)
    return await collect(rows, rows.policy_for, settings, folder, keep="all", teacher=Teacher(NAME, KNEW),
                         count_tokens=count_tokens, max_tokens=max_tokens, tell=tell)  # fmt: skip


def _photo(found: bytes | str, source: Path, photos: Path) -> PhotoFile:
    """The photo of a row as a file: a path below the source's folder, or bytes, which are written to `photos`. Raises
    RowError."""
    if isinstance(found, str):
        path, base = Path(found), source if source.is_dir() else source.parent
        if path.is_absolute() or ".." in path.parts or "\0" in found:
            raise RowError("names an image outside of its folder")
        with suppress(PhotoError):
            return open_photo(base / path)
        raise RowError("names an image that cannot be opened")
    if len(found) > MAX_FILE_BYTES:
        raise RowError("has an image that is too large")
    try:
        photo = PhotoFile(Path("image"), found)
    except (ValueError, PhotoError) as error:
        raise RowError("has an image that cannot be opened") from error
    path = photos / f"{hashlib.sha256(found).hexdigest()[:32]}{_ENDINGS.get(photo.format, '.img')}"
    if not path.is_file() or path.stat().st_size != len(found):
        with replaced(path) as temporary:
            temporary.write_bytes(found)
    photo.path = path
    return photo


# -- the rows of a source


def _rows(source: Path) -> Iterator[Mapping[str, Any]]:
    """The rows, one in memory at a time. Raises BenchmarkError."""
    shards = sorted(source.rglob("*.parquet")) if source.is_dir() else [source]
    if not shards or not shards[0].is_file():
        raise BenchmarkError(f"{source} is neither a file nor a folder of parquet files")
    for shard in shards:
        yield from _parquet_rows(shard) if shard.suffix.lower() == ".parquet" else _json_rows(shard)


def _parquet_rows(shard: Path) -> Iterator[Mapping[str, Any]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise BenchmarkError("parquet files need pyarrow: pip install 'geosleuth[evals]'") from None
    try:
        with parquet.ParquetFile(shard, buffer_size=1 << 20, pre_buffer=False) as file:
            columns = [name for name in ("id", "conversations", "images") if name in file.schema_arrow.names]
            if "conversations" not in columns or "images" not in columns:
                raise BenchmarkError(f"{shard} is not GeoVista's cold start: it has no columns conversations and images")
            for batch in file.iter_batches(batch_size=1, columns=columns, use_threads=False):
                yield from batch.to_pylist()
    except BenchmarkError:
        raise
    except (OSError, ValueError, NotImplementedError) as error:
        raise BenchmarkError(f"{shard} cannot be read as parquet ({' '.join(str(error).split())[:150]})") from error


def _json_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Rows of JSON lines; a line that is none is given as a row without anything, so that it is counted."""
    try:
        with path.open("rb") as file:
            while line := file.readline(_MAX_LINE):
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = {}
                yield row if isinstance(row, Mapping) else {}
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {(error.strerror or type(error).__name__).lower()}") from error
