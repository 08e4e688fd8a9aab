"""Investigate photos: one case each, several at a time, saved as they finish, resumed where they were."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

import prompts
from agent.answer import label_of
from agent.case import Case, CaseState
from agent.find_photos import FoundPhoto
from agent.graph import Graph, build_graph
from agent.limits import Limits
from agent.photo import PhotoError, PhotoFile, open_photo
from agent.policies import Policy
from agent.rank import CandidateRanker
from agent.render import message_to_json
from agent.trajectory import VERSION, StopReason, TrajectoryError, file_name, load, save
from geo.area import Area
from geo.belief import Belief
from tools.observation import Tool
from tools.quote import clean
from tools.toolbox import ToolSettings, make_tools

Tell = Callable[[str, Mapping[str, Any]], None]
"""Called with the photo's name and an event: `start`, `step`, `belief`, `silent`."""

PolicyFor = Callable[[FoundPhoto], Policy]
"""Gives each photo a policy of its own, such as a teacher that is told something about it."""

Save = Callable[[dict[str, Any]], str]
"""Keeps a finished trajectory and says where. Raises OSError."""


@dataclass(frozen=True)
class Settings:
    """How photos are investigated; what changes an answer is part of the key that resuming goes by."""

    limits: Limits = field(default_factory=Limits)
    area: Area | None = None
    context: str = ""
    metadata_allowed: bool = False
    tools: ToolSettings = field(default_factory=ToolSettings)
    ranker: str = ""
    """A trained ranker of candidates, by name or folder; empty for the belief's order."""
    out: Path | None = None
    """Folder for trajectories and checkpoints; None saves trajectories in the user's state folder and resumes nothing."""
    jobs: int = 1

    def key(self, policy: str, sha256: str, tools: Iterable[Tool] = ()) -> str:
        """One text for a photo under these settings, with what tools answer from."""
        parts = [VERSION, policy, sha256, self.limits.to_json(), self.area.to_text() if self.area else "", self.context,
                 self.metadata_allowed, self.tools.to_json(), prompts.digests(), [state for tool in tools if (state := tool.state())], *([self.ranker] if self.ranker else [])]  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def state_folder() -> Path:
    """Where trajectories go when no folder was named."""
    import platformdirs

    return Path(platformdirs.user_state_dir("geosleuth")) / "trajectories"


async def locate_all(
    found: Iterable[FoundPhoto], policy: Policy | PolicyFor, settings: Settings, tell: Tell, keep: Save | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Trajectories of the photos, each as soon as it is finished. What cannot be opened gives one with `photo_error`.

    There is one `policy`, or one for each photo. The next photo is taken from `found` when a job is free. `keep` puts trajectories
    elsewhere than into one file each; the caller then leaves out what it has finished before.
    """
    tools = make_tools(settings.tools, metadata=settings.metadata_allowed, said=settings.context)
    ranker = _ranker(settings.ranker)
    async with _checkpoints(settings.out) as saver:
        graph = build_graph(saver)
        todo = iter(found)
        done: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        async def work() -> None:
            for item in todo:
                own = policy if isinstance(policy, Policy) else policy(item)
                done.put_nowait(await _locate_one(item, own, settings, tools, graph, tell, keep, ranker))
            done.put_nowait(None)

        async with asyncio.TaskGroup() as group:
            working = max(1, settings.jobs)
            for _ in range(working):
                group.create_task(work())
            while working:
                trajectory = await done.get()
                if trajectory is None:
                    working -= 1
                else:
                    yield trajectory


async def _locate_one(
    item: FoundPhoto, policy: Policy, settings: Settings, tools: Mapping[str, Tool], graph: Graph, tell: Tell, keep: Save | None,
    ranker: CandidateRanker | None,
) -> dict[str, Any]:  # fmt: skip
    """The trajectory of one photo: made, resumed, or found finished."""
    try:
        photo = await asyncio.to_thread(_opened, item, settings)
    except (PhotoError, OSError) as error:
        return _unopened(item, policy, clean(str(error), 300))
    key = settings.key(policy.name, photo.sha256, tools.values())
    path = (settings.out or state_folder()) / file_name(item.name, key)
    if settings.out is not None and keep is None and (finished := _finished(path)):
        return {**finished, "trajectory": str(path), "resumed": True}
    tell(item.name, {"event": "start", "size": photo.size})
    case = Case(photo, policy, tools, settings.limits, settings.area, settings.metadata_allowed, settings.context, ranker=ranker)
    began = datetime.now(UTC)
    thread = f"{item.name}:{key}"
    try:
        state = await run_case(case, graph, thread, lambda event: tell(item.name, event))
    except (OSError, sqlite3.Error) as error:
        return _unopened(item, policy, f"the run could not be saved: {clean(str(error), 200)}", photo)
    trajectory = trajectory_of(item.name, case, settings.tools, state, began)
    try:
        where = await asyncio.to_thread(keep or _in_file(path), trajectory)
    except OSError as error:
        return {**trajectory, "trajectory": None, "save_error": f"cannot write {path}: {error.strerror or error}"}
    if graph.checkpointer:
        with contextlib.suppress(sqlite3.Error, OSError):
            await graph.checkpointer.adelete_thread(thread)  # type: ignore[union-attr]
    return {**trajectory, "trajectory": where}


def _ranker(name: str) -> CandidateRanker | None:
    """Raises ModelError, a ValueError, where there is none of that name."""
    if not name:
        return None
    from models.ranker.load import load_ranker
    from models.registry import model_folder

    return load_ranker(model_folder(name))


def _in_file(path: Path) -> Save:
    def keep(trajectory: dict[str, Any]) -> str:
        save(trajectory, path)
        return str(path)

    return keep


async def run_case(
    case: Case, graph: Graph, thread: str, tell: Callable[[Mapping[str, Any]], None], start: CaseState | None = None
) -> CaseState:
    """Drive the graph to its end: from the last checkpoint when there is one, else from `start` or the case's own beginning."""
    config: Any = {
        "configurable": {"thread_id": thread},
        "recursion_limit": 20 + 4 * (case.limits.max_turns + case.limits.max_calls) * 4 + 2 * case.limits.votes,
    }
    start = start or case.start()
    if graph.checkpointer:
        known = await graph.aget_state(config)
        # A step that was cut behind its work is among the tasks and not in `next`.
        if "result" in known.values and not known.tasks:  # killed between its end and the trajectory's
            finished: CaseState = known.values  # type: ignore[assignment]
            return finished
        if not known.tasks:  # killed before its first step; what was put down then would count twice
            await graph.checkpointer.adelete_thread(thread)  # type: ignore[union-attr]
        if known.tasks:
            start = None
            tell({"event": "resumed", "turn": known.values.get("turns", 0)})
    final = await _drive(case, graph, config, start, tell)
    if start is None and "result" not in final:
        # A step that was cut before it had said where to go on is taken for done, and nothing comes after it: begin anew.
        await graph.checkpointer.adelete_thread(thread)  # type: ignore[union-attr]
        final = await _drive(case, graph, config, case.start(), tell)
    return final


async def _drive(
    case: Case, graph: Graph, config: Any, start: CaseState | None, tell: Callable[[Mapping[str, Any]], None]
) -> CaseState:
    """The last state that the graph reaches."""
    final: CaseState = {}
    durability: Any = {"durability": "sync"} if graph.checkpointer else {}
    async for mode, part in graph.astream(start, config, context=case, stream_mode=["custom", "values"], **durability):
        if mode == "custom":
            tell(part)
        else:
            final = part
    return final


def _opened(item: FoundPhoto, settings: Settings) -> PhotoFile:
    if item.kind == "error":
        raise PhotoError(f"{item.name}: {item.reason}")
    if item.open is not None:
        return item.open()
    if item.kind == "url":
        if settings.tools.offline:
            raise PhotoError(f"{item.name}: not fetched, since --offline was asked for")
        from tools.web.fetch import FetchError, fetch_photo

        folder = (settings.out or state_folder()) / "photos"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return open_photo(fetch_photo(item.name, folder))
        except FetchError as error:
            raise PhotoError(f"{item.name}: {error}") from error
    return open_photo(Path(item.path or item.name))


def _finished(path: Path) -> dict[str, Any] | None:
    """A saved trajectory that need not be made again; one that ended by a fault of the world is tried again."""
    with contextlib.suppress(TrajectoryError):
        if path.is_file():
            for trajectory in load(path):
                if not StopReason(trajectory["stop"]).failed:
                    return trajectory
    return None


@contextlib.asynccontextmanager
async def _checkpoints(out: Path | None) -> AsyncIterator[Any]:
    """The SQLite saver in the folder; none when nothing is to be resumed."""
    if out is None:
        yield None
        return
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    out.mkdir(parents=True, exist_ok=True)
    async with AsyncSqliteSaver.from_conn_string(str(out / "checkpoints.sqlite")) as saver:
        yield saver


def trajectory_of(name: str, case: Case, tools: ToolSettings, state: CaseState, began: datetime) -> dict[str, Any]:
    """Everything about the run as one plain object."""
    guess = state["result"]["best_guess"]

    def told(belief: Belief) -> list[dict[str, float]]:
        return [
            {
                "mean": mean,
                "bits": round(belief.bits_of(i), 2),
                "for_answer_bits": round(belief.support_bits(i, guess["lat"], guess["lon"]), 2),
            }
            for i, mean in enumerate(belief.clues.means)
        ]

    bits = case.read_off(state["ledger"], f"bits {guess['lat']} {guess['lon']}", told)
    ledger = [{**entry, **own} for entry, own in zip(state["ledger"], bits, strict=True)]
    usage = [m.usage_metadata for m in state["messages"] if isinstance(m, AIMessage) and m.usage_metadata]
    usage += [vote["usage"] for vote in state.get("votes", []) if vote["usage"]]
    return {
        "version": VERSION, "photo": name, "path": str(case.photo.path), "sha256": case.photo.sha256, "size": list(case.photo.size),
        "policy": case.policy.name, "limits": case.limits.to_json(), "area": case.area.to_text() if case.area else None,
        "context": case.context, "metadata_allowed": case.metadata_allowed, "tools": tools.to_json(), "prompts": prompts.digests(),
        "started": began.isoformat(timespec="seconds"), "seconds": round(state["spent_s"], 2), "stop": state["stop"], "error": state["error"],
        "turns": state["turns"], "calls": state["calls"],
        "usage": {key: sum(u[key] for u in usage) for key in ("input_tokens", "output_tokens")},
        **state["result"], "label": label_of(state["result"]["best_guess"]),
        "views": state["views"], "regions": state["regions"], "sources": state["sources"], "ledger": ledger,
        "normalisers": case.normalisers(state["ledger"]), "steps": state["steps"],
        "messages": [message_to_json(m) for m in state["messages"]],
    }  # fmt: skip


def _unopened(item: FoundPhoto, policy: Policy, error: str, photo: PhotoFile | None = None) -> dict[str, Any]:
    return {
        "version": VERSION, "photo": item.name, "sha256": photo.sha256 if photo else None, "policy": policy.name, "stop": StopReason.PHOTO_ERROR.value,
        "error": error, "seconds": 0.0, "answer": None, "best_guess": None, "alternatives": [], "ledger": [], "trajectory": None,
    }  # fmt: skip


def locate_sync(
    found: Iterable[FoundPhoto], policy: Policy, settings: Settings, tell: Tell = lambda name, event: None
) -> list[dict[str, Any]]:
    """`locate_all`, waited for: for notebooks and scripts."""

    async def collect() -> list[dict[str, Any]]:
        return [trajectory async for trajectory in locate_all(found, policy, settings, tell)]

    return asyncio.run(collect())
