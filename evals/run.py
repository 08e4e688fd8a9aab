"""Run a policy over a benchmark: many photos at once, within a budget, resumed after anything."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import prompts
from agent.find_photos import FoundPhoto
from agent.limits import Limits
from agent.locate import PolicyFor, Settings, Tell, locate_all
from agent.photo import PhotoError
from agent.policies import Policy
from agent.trajectory import StopReason
from evals.benchmarks import checksum
from evals.record import Benchmark, Record
from evals.run_folder import RunFolder, unique
from evals.truth import complete
from tools.observation import View
from tools.toolbox import ToolSettings

if TYPE_CHECKING:
    from agent.photo import PhotoFile

_THUMBNAIL_PIXELS = 320 * 240
_PACKAGES = ("geosleuth", "numpy", "pillow", "langgraph", "langchain-core", "langchain-openai", "openai", "rapidocr", "onnxruntime",
             "torch", "transformers")  # fmt: skip


@dataclass(frozen=True)
class Price:
    """What a policy's tokens cost, in US dollars a million."""

    input_usd: float
    output_usd: float

    def of(self, trajectory: Mapping[str, Any]) -> float:
        """Cost of an investigation in US dollars."""
        usage = trajectory.get("usage") or {}
        read, written = (int(usage.get(name, 0)) for name in ("input_tokens", "output_tokens"))
        return (self.input_usd * read + self.output_usd * written) / 1e6


@dataclass(frozen=True)
class RunSettings:
    limits: Limits = field(default_factory=Limits)
    tools: ToolSettings = field(default_factory=ToolSettings)
    policy: Mapping[str, Any] = field(default_factory=dict)
    """What the policy was made with beside its name: temperature, box space."""
    limit: int | None = None
    """How many records, from the first of the order; None for all."""
    seed: int | None = None
    """Order and choice of the records; None keeps the benchmark's own order."""
    workers: int = 2
    """Photos at once."""
    price: Price | None = None
    budget_usd: float | None = None
    attempts: int = 2
    """How often a record whose policy failed is tried."""
    give_up_after: int = 20
    """The run stops when the policy failed this many times in a row: its server is gone."""
    pause_s: float = 5.0
    """Wait before failed records are tried again; doubled each time."""
    thumbnails: bool = True

    def __post_init__(self) -> None:
        if self.budget_usd is not None and self.price is None:
            raise ValueError("a budget needs --price IN,OUT: US dollars a million tokens read and written")
        if self.limit is not None and self.limit < 1:
            raise ValueError("a limit is at least 1")

    def to_json(self) -> dict[str, Any]:
        """What changes results; workers, price and budget may differ when a run goes on."""
        return {"limits": self.limits.to_json(), "tools": self.tools.to_json(), "policy": dict(self.policy)}


def _silent(photo: str, event: Mapping[str, Any]) -> None:
    """Nothing is shown."""


@dataclass
class Progress:
    """Where a run stands."""

    total: int
    finished: set[str]
    """Ids of records that are done, those of earlier sessions included."""
    spent_usd: float = 0.0
    """All that was paid for, failures included."""
    dearest_usd: float = 0.0
    """The most that one photo cost."""
    stopped: str = ""
    """Why the run ended before its last record: one sentence."""

    @property
    def done(self) -> int:
        return len(self.finished)


def chosen(records: Sequence[Record], limit: int | None, seed: int | None) -> list[Record]:
    """The records of a run in its order. A seed orders them by a hash of their id, whatever order they came in."""
    ordered = list(records)
    if seed is not None:
        ordered.sort(key=lambda record: hashlib.sha256(f"{seed}:{record.id}".encode()).digest())
    return ordered[:limit]


def prepare(benchmark: Benchmark, policy: str, settings: RunSettings, folder: RunFolder) -> list[Record]:
    """The records to run, with what the truth lacked derived; the folder says what is asked.

    Raises BenchmarkError, or RunError when the folder holds another run.
    """
    everything = unique(benchmark.records(), benchmark.name)
    records = chosen(everything, settings.limit, settings.seed)
    truths = complete([record.truth for record in records])
    records = [replace(record, truth=truth) for record, truth in zip(records, truths, strict=True)]
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.begin(manifest(benchmark.name, checksum(everything), policy, settings, len(records), len(everything)), records)
    return records


def manifest(benchmark: str, digest: str, policy: str, settings: RunSettings, n: int, size: int) -> dict[str, Any]:
    """What a run folder records of its origin."""
    return {
        "benchmark": benchmark, "checksum": digest, "size": size, "n": n, "seed": settings.seed, "policy": policy,
        "settings": settings.to_json(), "price": [settings.price.input_usd, settings.price.output_usd] if settings.price else None,
        "prompts": prompts.digests(), "versions": versions(), "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of what results depend on."""
    import platform

    known = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            known[package] = version(package)
    return known


def standing(records: Sequence[Record], settings: RunSettings, folder: RunFolder) -> Progress:
    """Where the run stands before it goes on: what finished without a failure of the world need not be run again."""
    price = settings.price or Price(0.0, 0.0)
    before = folder.trajectories()
    asked = {record.id for record in records}
    done = {key for key, trajectory in before.items() if key in asked and not StopReason(trajectory["stop"]).failed}
    costs = [price.of(trajectory) for trajectory in folder.every_trajectory()]
    return Progress(len(records), done, sum(costs), max(costs, default=0.0))


async def run(
    records: Sequence[Record],
    policy: Policy | PolicyFor,
    settings: RunSettings,
    folder: RunFolder,
    progress: Progress,
    tell: Tell = _silent,
) -> AsyncIterator[dict[str, Any]]:
    """Each finished trajectory; `progress` is kept up to date. Records whose policy failed are tried again at the end, after a pause."""
    left = [record for record in records if record.id not in progress.finished]
    for attempt in range(settings.attempts):
        if attempt:
            await asyncio.sleep(settings.pause_s * 2 ** (attempt - 1))
        failed: set[str] = set()
        async for trajectory in _pass(left, policy, settings, folder, progress, tell):
            if trajectory["stop"] == StopReason.POLICY_ERROR.value:
                failed.add(trajectory["photo"])
            yield trajectory
        left = [record for record in left if record.id in failed]
        if progress.stopped or not left:
            break


async def _pass(
    records: Sequence[Record],
    policy: Policy | PolicyFor,
    settings: RunSettings,
    folder: RunFolder,
    progress: Progress,
    tell: Tell,
) -> AsyncIterator[dict[str, Any]]:
    """One try at each record, as long as there is money and the policy answers."""
    guard = _Guard(settings, progress)

    def keep(trajectory: dict[str, Any]) -> str:
        guard.finished(trajectory)  # before the next record is admitted
        return folder.append(trajectory)

    case = Settings(limits=settings.limits, tools=settings.tools, out=folder.path, jobs=settings.workers)
    async for trajectory in locate_all(guard.admitted(_found(records, settings, folder)), policy, case, tell, keep):
        if trajectory.get("save_error"):
            raise OSError(trajectory["save_error"])
        if trajectory["trajectory"] is None:
            await asyncio.to_thread(keep, trajectory)
        yield trajectory


class _Guard:
    """Lets records begin while there is money and the policy answers."""

    def __init__(self, settings: RunSettings, progress: Progress) -> None:
        self.settings, self.progress = settings, progress
        self.running = self.failures = 0

    def admitted(self, found: Iterator[FoundPhoto]) -> Iterator[FoundPhoto]:
        for item in found:
            self.progress.stopped = self.progress.stopped or self._objection()
            if self.progress.stopped:
                return
            self.running += 1
            yield item

    def _objection(self) -> str:
        budget = self.settings.budget_usd
        # One more photo may cost as much as the dearest so far, and so may each that is under way.
        if budget is not None and self.progress.spent_usd + (self.running + 1) * self.progress.dearest_usd > budget:
            return f"the budget of {budget:g} US dollars is used ({self.progress.spent_usd:.2f} spent)"
        if self.failures >= self.settings.give_up_after:
            return f"the policy failed {self.failures} times in a row"
        return ""

    def finished(self, trajectory: Mapping[str, Any]) -> None:
        cost = self.settings.price.of(trajectory) if self.settings.price else 0.0
        self.running -= 1
        self.progress.dearest_usd = max(self.progress.dearest_usd, cost)
        self.progress.spent_usd += cost
        self.failures = self.failures + 1 if trajectory["stop"] == StopReason.POLICY_ERROR.value else 0
        if not StopReason(trajectory["stop"]).failed:
            self.progress.finished.add(trajectory["photo"])


def _found(records: Sequence[Record], settings: RunSettings, folder: RunFolder) -> Iterator[FoundPhoto]:
    for record in records:
        yield FoundPhoto("given", record.id, open=_opener(record, folder if settings.thumbnails else None))


def _opener(record: Record, folder: RunFolder | None) -> Callable[[], PhotoFile]:
    def opened() -> PhotoFile:
        photo = record.open()
        if folder is not None:
            keep_thumbnail(photo, folder, record.id)
        return photo

    return opened


def keep_thumbnail(photo: PhotoFile, folder: RunFolder, record_id: str) -> None:
    """Save a small JPEG for the report unless there is one. A disk that refuses costs the picture alone."""
    path = folder.thumbnail_path(record_id)
    if path.exists():
        return
    buffer = io.BytesIO()
    photo.render(View("photo"), _THUMBNAIL_PIXELS).save(buffer, "JPEG", quality=72)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{time.monotonic_ns()}")
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(path)


def keep_thumbnails(records: Sequence[Record], folder: RunFolder) -> int:
    """Small pictures of all records that can be opened; how many there are."""
    for record in records:
        with contextlib.suppress(PhotoError, OSError):
            if not folder.thumbnail_path(record.id).exists():
                keep_thumbnail(record.open(), folder, record.id)
    return sum(folder.thumbnail_path(record.id).exists() for record in records)
