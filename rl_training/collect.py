"""Collect what a teacher does: it drives the same loop that answers users, and what passes the filters is kept to learn from.

traces.jsonl    the trajectories that are kept, one a line, in the order of the records
records.jsonl   what they are about: the truth, clues, licence
dropped.jsonl   the others: id and reason
manifest.json   where it all comes from, what was counted, digests of the files (`rl_training/manifest.py`)
run/            the teacher's run, whole: an evaluation's folder, which can be scored and reported

The run is the journal: every finished trajectory is on disk before the next begins, and a collection that was killed goes on
where it was. The files beside it are made of the run when it has ended, whole or not at all, so that nothing is in them twice;
they can be made again with another choice of what is kept, without asking the teacher.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.locate import PolicyFor
from agent.policies import Policy
from evals.record import Benchmark, Record
from evals.run import Progress, RunSettings, prepare, run, standing
from evals.run_folder import RunFolder
from evals.splits import PartOf
from models.model_folder import replaced
from rl_training.filters import CountTokens, Duplicates, Filter, kind_of, reason_against, standard_filters
from rl_training.manifest import write_manifest
from rl_training.traces import RECORDS, TRACES

if TYPE_CHECKING:
    from agent.find_photos import FoundPhoto

DROPPED = "dropped.jsonl"
RUN = "run"

Tell = Callable[[str, Mapping[str, Any]], None]
"""Called with a record's id and an event: those of the investigation (`agent/locate.py`), then `finished` with `stop`, `done` and
`total`, and at the end `kept`, or `dropped` with its `reason`."""


@dataclass(frozen=True)
class Teacher:
    """Who is learnt from, for the manifest."""

    name: str = ""
    """Empty: the policy's own name."""
    knew: str = "nothing but the photo"
    """What it was told beside the photo."""


@dataclass(frozen=True)
class Summary:
    """What a collection came to."""

    folder: Path
    records: int
    """All that were to be collected."""
    kept: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """By the kind of the reason; `failed` are faults of the world (a server that is gone, a photo that cannot be opened)."""
    missing: int = 0
    """Records that were not run: the budget was used, or the teacher failed too often."""
    stopped: str = ""
    """Why it ended before its last record: one sentence."""


def _silent(record: str, event: Mapping[str, Any]) -> None:
    """Nothing is shown."""


async def collect(
    benchmark: Benchmark,
    make_policy_for: Callable[[Record], Policy] | Policy,
    settings: RunSettings,
    folder: Path,
    *,
    keep: str = "right",
    split: str | None = None,
    teacher: Teacher | None = None,
    count_tokens: CountTokens | None = None,
    max_tokens: int | None = None,
    tell: Tell = _silent,
) -> Summary:
    """Run a teacher over a benchmark and keep in `folder` what passes the filters (`rl_training/filters.py`).

    `make_policy_for` is one policy, or gives each record its own, with the truth completed. `keep` is `right`, `all`,
    `within:KM` or `level:LEVEL`; with `split` only records in places of that split are run. `settings` has the number of photos
    at once, limits, tools, how many records, budget. Raises FilterError, BenchmarkError, RunError where the folder holds another
    collection, and OSError.
    """
    filters = standard_filters(keep, count_tokens, max_tokens)
    teacher = _named(teacher or Teacher(), make_policy_for)
    folder.mkdir(parents=True, exist_ok=True)
    journal = RunFolder(folder / RUN)
    records = prepare(PartOf(benchmark, split) if split else benchmark, teacher.name, settings, journal)
    progress = standing(records, settings, journal)
    await _run(run(records, _for_each(make_policy_for, records), settings, journal, progress, tell), progress, tell)
    return _select(journal, records, filters, folder, progress, tell, {
        "benchmark": benchmark.name, "split": split, "teacher": {"name": teacher.name, "knew": teacher.knew}, "keep": keep,
        "max_tokens": max_tokens if count_tokens else None, "notes": list(getattr(benchmark, "notes", list)()),
    })  # fmt: skip


async def _run(finished: AsyncIterator[dict[str, Any]], progress: Progress, tell: Tell) -> None:
    """Wait for all trajectories. Where `tell` raises, no photo is begun any more, those under way are finished, and it is raised
    then: a run that is left in its middle would leave its files open."""
    failure: Exception | None = None
    async for trajectory in finished:
        event = {"event": "finished", "stop": trajectory["stop"], "done": progress.done, "total": progress.total}
        try:
            if failure is None:
                tell(trajectory["photo"], event)
        except Exception as error:  # whatever the caller's own function raises is handed back to it
            failure, progress.stopped = error, "the caller ended it"
    if failure is not None:
        raise failure


def _named(teacher: Teacher, policy: Callable[[Record], Policy] | Policy) -> Teacher:
    """The teacher with a name: its policy's, where it has one for all."""
    return teacher if teacher.name else Teacher(policy.name if isinstance(policy, Policy) else "teacher", teacher.knew)


def _for_each(policy: Callable[[Record], Policy] | Policy, records: Sequence[Record]) -> Policy | PolicyFor:
    """The policy, or what gives each photo its own, which `run` hands on to `locate_all` as it is."""
    if isinstance(policy, Policy):
        return policy
    by_id = {record.id: record for record in records}

    def policy_for(photo: FoundPhoto) -> Policy:
        return policy(by_id[photo.name])

    return policy_for


def _select(
    journal: RunFolder,
    records: Sequence[Record],
    filters: Sequence[Filter],
    folder: Path,
    progress: Progress,
    tell: Tell,
    told: Mapping[str, Any],
) -> Summary:
    """Write what of the run is kept, and the manifest last."""
    reasons: Counter[str] = Counter()
    kept: list[Record] = []
    with (
        _lines_to(folder / TRACES) as write_trace,
        _lines_to(folder / RECORDS) as write_record,
        _lines_to(folder / DROPPED) as write_dropped,
    ):
        for record, line, reason in _judged(journal, records, filters):
            if reason is None:
                kept.append(record)
                write_trace(line)
                write_record(_line(record.to_json()))
            else:
                reasons[kind_of(reason)] += 1
                write_dropped(_line({"id": record.id, "reason": reason}))
            tell(record.id, {"event": "dropped", "reason": reason} if reason else {"event": "kept"})
    dropped, missing = dict(sorted(reasons.items())), len(records) - len(kept) - reasons.total()
    counts = {"records": len(records), "kept": len(kept), "dropped": dropped, "missing": missing}
    write_manifest(folder, _manifest(journal, kept, counts, told), (TRACES, RECORDS, DROPPED))
    return Summary(folder, len(records), len(kept), dropped, missing, progress.stopped)


@contextlib.contextmanager
def _lines_to(path: Path) -> Iterator[Callable[[bytes], int]]:
    """Writes a file line by line that takes its place when all went well."""
    with replaced(path) as temporary, temporary.open("wb") as file:
        yield file.write
        file.flush()


def _judged(
    journal: RunFolder, records: Sequence[Record], filters: Sequence[Filter]
) -> Iterator[tuple[Record, bytes, str | None]]:
    """Each record that was run with its last line in the journal and the reason against it, one trajectory in memory at a
    time."""
    places, duplicates = _last_lines(journal.trajectories_path), Duplicates()
    if not places:
        return
    with journal.trajectories_path.open("rb") as file:
        for record in (record for record in records if record.id in places):
            file.seek(places[record.id])
            line = file.readline()
            trajectory = json.loads(line)
            reason = reason_against(trajectory, record, filters) or duplicates.reason(trajectory)
            if reason is None:
                duplicates.add(trajectory)
            yield record, line, reason


def _last_lines(path: Path) -> dict[str, int]:
    """Where the last whole line of each photo begins, in bytes from the start of the journal."""
    found: dict[str, int] = {}
    if path.is_file():
        with path.open("rb") as file:
            begin = 0
            for line in file:
                if line.endswith(b"\n"):
                    found[str(json.loads(line)["photo"])] = begin
                begin += len(line)
    return found


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _manifest(journal: RunFolder, kept: Sequence[Record], counts: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """What the run says of itself, what was kept of it, and on what terms its photos may be used."""
    of_run = journal.manifest()
    same = {name: of_run.get(name) for name in ("checksum", "size", "n", "seed", "settings", "prompts", "versions", "started")}
    licences = Counter(record.licence or "not stated" for record in kept)
    attributions = sorted({record.attribution for record in kept if record.attribution})[:1000]
    return {**told, **same, "counts": counts, "licences": dict(sorted(licences.items())), "attributions": attributions,
            "finished": datetime.now(UTC).isoformat(timespec="seconds")}  # fmt: skip
