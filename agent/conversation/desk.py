"""The desk where cases are worked on: photos come in, are investigated, are asked about; several cases at a time, each by itself."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from agent.beliefs import Beliefs
from agent.case import Case
from agent.conversation import answering, shadows, shown
from agent.conversation.case_file import DONE, FAILED, RUNNING, WAITING, CaseFile, CasePhoto, Turn
from agent.conversation.export import exported
from agent.conversation.follow_up import follow_up, limits_after
from agent.conversation.guard import Guard, Questions
from agent.conversation.hub import Hub
from agent.conversation.keep_photo import keep_photo
from agent.conversation.questions import Intent, read_intent
from agent.conversation.reply import Reply
from agent.conversation.statements import read_statements
from agent.conversation.store import CaseStore, now
from agent.conversation.whole import Whole
from agent.graph import Graph, build_graph
from agent.limits import Limits
from agent.locate import run_case, trajectory_of
from agent.photo import PhotoError, open_photo
from agent.policies import Policy
from agent.trajectory import StopReason
from geo.area import Area, parse_area
from geo.naming import belief_line
from tools.observation import Tool
from tools.quote import clean
from tools.toolbox import ToolSettings, make_tools

MAX_PHOTOS, MAX_TURNS, MAX_STATEMENTS = 12, 2000, 50
"""Of one case."""
LONGEST_MESSAGE = 2000
CHECKPOINTS = "checkpoints.sqlite"
_HARMLESS = frozenset({"photo", "start", "resumed", "asked", "reply", "result", "error", "deleted"})
"""Events that may be shown where places are withheld."""


class CaseBusyError(RuntimeError):
    """The case is being worked on already."""


class CaseFullError(ValueError):
    """The case has no room for more."""


@dataclass(frozen=True)
class DeskSettings:
    """How cases are worked on."""

    limits: Limits = field(default_factory=Limits)
    tools: ToolSettings = field(default_factory=ToolSettings)
    keep_metadata: bool = False
    """Whether stored photos keep what their files say of place, time and camera, and the policy may read it."""
    at_once: int = 2
    """Investigations at the same time; others wait."""


class Desk:
    """Works on the cases of one store. Use it inside `async with`; all methods belong to one event loop."""

    def __init__(
        self, store: CaseStore, policy: Policy, settings: DeskSettings | None = None, guard: Guard | None = None
    ) -> None:
        self.store, self.policy, self.settings = store, policy, settings or DeskSettings()
        self.guard: Guard = guard or Questions()
        self.hub, self.beliefs = Hub(), Beliefs(kept=4)
        self._busy: set[str] = set()
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self._forgetting: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Desk:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        self.tools: dict[str, Tool] = await asyncio.to_thread(
            make_tools, self.settings.tools, metadata=self.settings.keep_metadata
        )
        saver = await self._stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(self.store.folder / CHECKPOINTS)))
        self.graph: Graph = build_graph(saver)
        self.quick_graph: Graph = build_graph()
        self._free = asyncio.Semaphore(self.settings.at_once)
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in [task for tasks in self._tasks.values() for task in tasks]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        await asyncio.gather(*self._forgetting, return_exceptions=True)
        await self._stack.aclose()

    # -- cases

    def open(self, owner: str = "", area: str | None = None, context: str = "") -> CaseFile:
        """A new case. Raises ValueError for an area that cannot be read."""
        if area:
            parse_area(area)
        file = self.store.new(owner)
        file.area, file.context = area or None, clean(context, 2000)
        self.store.save(file)
        return file

    def delete(self, case_id: str, owner: str = "") -> None:
        """End what runs, and remove the case with its pictures and checkpoints. Raises NoCaseError."""
        photos = self.store.load(case_id, owner).photos
        for task in self._tasks.get(case_id, ()):
            task.cancel()
        self.store.delete(case_id, owner)
        forgetting = asyncio.create_task(
            self._forget([thread_of(case_id, photo) for photo in photos], list(self._tasks.get(case_id, ())))
        )
        self._forgetting.add(forgetting)
        forgetting.add_done_callback(self._forgetting.discard)
        self.hub.tell(case_id, {"event": "deleted"})
        self.hub.close(case_id)

    async def _forget(self, threads: list[str], cut: list[asyncio.Task[Any]]) -> None:
        """Remove what the checkpoints of cut investigations hold, once these have ended."""
        await asyncio.gather(*cut, return_exceptions=True)
        for thread in threads:
            with contextlib.suppress(Exception):
                await self.graph.checkpointer.adelete_thread(thread)  # type: ignore[union-attr]

    async def add_photo(self, case_id: str, data: bytes, name: str, owner: str = "") -> CasePhoto:
        """Check a photo and put it into the case. Raises NoCaseError, CaseFullError, PhotoError, OSError."""
        self._room(self.store.load(case_id, owner))
        # The file's name is nobody else's: photos may come at the same time, and get their numbers when they are kept.
        keep = partial(keep_photo, metadata=self.settings.keep_metadata)
        kept = await asyncio.to_thread(keep, data, self.store.pictures(case_id), secrets.token_hex(8))
        try:
            ruling = await asyncio.to_thread(self.guard.photo, kept)
            if ruling.refused:
                self.store.note(owner, case_id, "photo refused", ruling.reason)
                raise PhotoError(ruling.reason)
            file = self.store.load(case_id, owner)
            self._room(file)
        except BaseException:
            kept.path.unlink(missing_ok=True)
            raise
        number = max((photo.number for photo in file.photos), default=0) + 1
        called = clean(Path(name).name, 80) or f"photo {number}"
        photo = CasePhoto(number, called, str(kept.path.relative_to(self.store.folder)), kept.sha256, kept.size,
                          coarse_km=ruling.coarse_km, coarse_reason=ruling.reason)  # fmt: skip
        file.photos.append(photo)
        file.title = file.title or called
        self.store.save(file)
        self.store.note(owner, case_id, "photo added", f"{number} {kept.sha256}")
        self.hub.tell(case_id, {"event": "photo", "number": number, "name": called, "size": list(kept.size)})
        return photo

    def _room(self, file: CaseFile) -> None:
        """Raises CaseFullError where no further photo fits."""
        if len(file.photos) >= MAX_PHOTOS:
            raise CaseFullError(f"a case has at most {MAX_PHOTOS} photos")

    # -- working on a case

    @contextlib.asynccontextmanager
    async def _alone(self, case_id: str) -> AsyncIterator[None]:
        """One thing at a time in a case."""
        if case_id in self._busy:
            raise CaseBusyError("this case is being worked on; wait for the reply")
        self._busy.add(case_id)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.setdefault(case_id, set()).add(task)
        try:
            yield
        finally:
            self._busy.discard(case_id)
            self._tasks[case_id].discard(task)

    def is_busy(self, case_id: str) -> bool:
        return case_id in self._busy

    async def investigate(self, case_id: str, owner: str = "") -> CaseFile:
        """Investigate the photos of the case that were not yet, one after the other; events go to the hub. Raises NoCaseError, CaseBusyError."""
        async with self._alone(case_id):
            file = self.store.load(case_id, owner)
            for photo in [photo for photo in file.photos if photo.state != DONE]:
                await self._investigate(file, photo)
                file = self.store.load(case_id, owner)
            await self._tell_result(file)
            return file

    async def _investigate(self, file: CaseFile, photo: CasePhoto) -> None:
        self._keep(file, photo, RUNNING)
        self._tell(file, {"event": "start", "photo": photo.number, "size": list(photo.size)})
        try:
            async with self._free:
                trajectory = await self._run(file, photo)
        except asyncio.CancelledError:
            with contextlib.suppress(LookupError):
                self._keep(file, photo, WAITING)
            raise
        except (PhotoError, OSError, ValueError) as error:
            photo.error = clean(str(error), 300)
            self._keep(file, photo, FAILED)
            self._tell(file, {"event": "error", "photo": photo.number, "text": photo.error})
            return
        photo.trajectory, photo.error = trajectory, trajectory["error"]
        failed = StopReason(trajectory["stop"]).failed  # what was found counts; started again, it is tried again
        self._keep(file, photo, FAILED if failed else DONE)
        if failed:
            self._tell(file, {"event": "error", "photo": photo.number, "text": photo.error or "the policy failed"})

    async def _run(self, file: CaseFile, photo: CasePhoto) -> dict[str, Any]:
        opened = await asyncio.to_thread(open_photo, self.store.folder / photo.file)
        case = Case(opened, self.policy, self.tools, self.settings.limits, _area(file), self.settings.keep_metadata, file.context,
                    drawn=shown.drawn_map, beliefs=Beliefs())  # fmt: skip
        began, thread = datetime.now(UTC), thread_of(file.id, photo)
        state = await run_case(case, self.graph, thread, lambda event: self._tell(file, {**event, "photo": photo.number}))
        with contextlib.suppress(Exception):  # a checkpoint that stays behind costs space alone
            await self.graph.checkpointer.adelete_thread(thread)  # type: ignore[union-attr]
        return await asyncio.to_thread(trajectory_of, photo.name, case, self.settings.tools, state, began)

    def _keep(self, file: CaseFile, photo: CasePhoto, state: str) -> None:
        """The photo as it is now into the case as it is now: statements may have come meanwhile."""
        photo.state = state
        kept = self.store.load(file.id, file.owner)
        kept.photos = [photo if known.number == photo.number else known for known in kept.photos]
        self.store.save(kept)

    async def say(self, case_id: str, text: str, owner: str = "") -> Reply:
        """Answer a message; what it states becomes evidence. Raises NoCaseError, CaseBusyError, CaseFullError, ValueError for no message."""
        text = text.strip()[:LONGEST_MESSAGE]
        if not text:
            raise ValueError("say something")
        async with self._alone(case_id):
            file = self.store.load(case_id, owner)
            if len(file.turns) >= MAX_TURNS:
                raise CaseFullError(f"a conversation has at most {MAX_TURNS} messages")
            self._keep_reply(file, Turn("user", text, now()))  # before the reply: it is not lost where that fails
            self._tell(file, {"event": "asked", "text": text})
            reply = await self._ruled(file, text)
            self._keep_reply(file, Turn("geosleuth", reply.text, now(), dict(reply.data)))
            self._tell(file, {"event": "reply", "text": reply.text, "data": dict(reply.data)})
            if reply.data.get("changed"):
                await self._tell_result(self.store.load(case_id, owner))
            return reply

    async def ask(self, case_id: str, text: str, owner: str = "") -> Reply:
        """Answer a question and keep nothing: neither is it a statement, nor do later questions know of it. Raises NoCaseError, CaseBusyError."""
        async with self._alone(case_id):
            return await self._ruled(self.store.load(case_id, owner), text, stating=False)

    async def _ruled(self, file: CaseFile, text: str, stating: bool = True) -> Reply:
        """The reply, where the guard lets it be given; a photo that is gone is said to be."""
        ruling = self.guard.question(text)
        if ruling.refused:
            self.store.note(file.owner, file.id, "question refused", text)
            return Reply(ruling.reason, {"refused": True})
        try:
            return await self._reply(file, text, stating)
        except PhotoError:
            return Reply("The photo is no longer there, or cannot be read.")

    def _keep_reply(self, file: CaseFile, turn: Turn) -> None:
        """A message, and what it changed, into the case as it is now: photos may have come meanwhile."""
        kept = self.store.load(file.id, file.owner)
        kept.turns.append(turn)
        kept.statements = file.statements
        changed = {photo.number: photo.trajectory for photo in file.photos if photo.trajectory}
        for photo in kept.photos:
            photo.trajectory = changed.get(photo.number, photo.trajectory)
        self.store.save(kept)

    async def _reply(self, file: CaseFile, text: str, stating: bool) -> Reply:
        intent, (withheld, reason) = read_intent(text), file.coarse()
        if stating and (intent.kind == "state" or not text.startswith("/")):
            words = intent.what if intent.kind == "state" else text
            stated = await asyncio.to_thread(read_statements, words, len(file.statements) + 1)
            if stated or intent.kind == "state":
                if len(file.stated()) + len(stated) > MAX_STATEMENTS:
                    return Reply(f"{MAX_STATEMENTS} statements stand already; take some back first.")
                noted = await asyncio.to_thread(answering.stated, file, stated, self._whole)
                return _without_places(noted) if withheld else noted
        if intent.kind == "retract":
            done = await asyncio.to_thread(answering.retracted, file, intent.what, self._whole)
            return _without_places(done) if withheld else done
        if withheld and intent.kind not in {"where", "help", "statements"}:
            return Reply(f"I may not go into details here: {reason}.")
        if intent.kind == "shadow":
            return await self._shadow(file, intent)
        talks = self.policy.talks and not withheld and not text.startswith("/") and intent.kind != "help"
        if talks or intent.kind == "look":
            return await self._ask_again(file, text, intent)
        osm: dict[str, Tool] = {name: self.tools[name] for name in ("nearby", "search_scene") if name in self.tools}
        return await asyncio.to_thread(lambda: answering.answered(intent, file, self._whole(file), osm, self.shown_result))

    async def _ask_again(self, file: CaseFile, text: str, intent: Intent) -> Reply:
        """In the loop, with the photo that is meant: a policy that talks, or a second look."""
        photo = answering.photo_meant(file, intent.photo, text)
        if photo is None or photo.trajectory is None:
            return Reply("There is no photo that was investigated yet.")
        policy = (
            answering.second_look(self.policy, intent.box) if intent.kind == "look" and not self.policy.talks else self.policy
        )
        opened = await asyncio.to_thread(open_photo, self.store.folder / photo.file)
        whole = self._whole(file)
        asked = await asyncio.to_thread(answering.question_for_policy, text, file, whole)
        tools = self.tools if not self.policy.talks else {**self.tools, **answering.case_tools(file, whole)}
        case = Case(opened, policy, tools, limits_after(photo.trajectory, self.settings.limits), _area(file),
                    self.settings.keep_metadata, file.context, asked=asked, drawn=shown.drawn_map)  # fmt: skip
        before, known = photo.trajectory["ledger"], [entry["claim"] for entry in photo.trajectory["ledger"]]
        async with self._free:
            photo.trajectory, said = await follow_up(
                photo.trajectory, case, self.quick_graph, self.settings.tools, lambda event: self._tell(file, {**event, "photo": photo.number}),
                judged=not file.stated(),
            )  # fmt: skip
        found = sum(entry["claim"] not in known for entry in photo.trajectory["ledger"])
        return Reply(said, {"changed": photo.trajectory["ledger"] != before, "found": found, "photo": photo.number})

    async def _shadow(self, file: CaseFile, intent: Intent) -> Reply:
        """A shadow that was marked on a photo, as a statement."""
        photo = answering.photo_meant(file, intent.photo, "")
        arguments = shadows.read_shadow(intent.what, file.last_date())
        if photo is None or arguments is None:
            return Reply(f"Say it like this: {shadows.USE}." if photo else "There is no photo yet.")
        opened = await asyncio.to_thread(open_photo, self.store.folder / photo.file)
        before = await asyncio.to_thread(lambda: belief_line(self._whole(file).belief()))
        made, words = await asyncio.to_thread(
            shadows.measured, opened, arguments, f"/shadow {intent.what}", len(file.statements) + 1
        )
        file.statements += made
        after = await asyncio.to_thread(lambda: belief_line(self._whole(file).belief()))
        return Reply(shadows.told(made, words, before, after), {"changed": bool(made)})

    async def retract(self, case_id: str, statement: str, owner: str = "") -> Reply:
        """Take a statement back by its number (`s2` or `2`). Raises NoCaseError, CaseBusyError."""
        return await self.say(case_id, f"/retract {statement}", owner)

    # -- what is shown

    def _whole(self, file: CaseFile) -> Whole:
        return Whole(file, self.beliefs)

    def shown_result(self, file: CaseFile) -> dict[str, Any]:
        """The case's result as it may be shown."""
        return shown.result_of(file, self.beliefs)

    def _tell(self, file: CaseFile, event: Mapping[str, Any]) -> None:
        """To the watchers; where places are withheld, only what cannot tell them."""
        if file.coarse()[0] and event["event"] not in _HARMLESS:
            event = {"event": "working", "photo": event.get("photo")}
        self.hub.tell(file.id, event)

    async def _tell_result(self, file: CaseFile) -> None:
        self.hub.tell(file.id, {"event": "result", **await asyncio.to_thread(self.view, file)})

    def view(self, file: CaseFile) -> dict[str, Any]:
        """What a page shows of a case beside its photos: result, map, ledger, statements."""
        return shown.view_of(file, self.beliefs)

    def export(self, case_id: str, kind: str, owner: str = "") -> bytes:
        """The case as a file of a kind of `agent.conversation.export.KINDS`. Raises NoCaseError, KeyError, PermissionError where places are withheld."""
        file = self.store.load(case_id, owner)
        if file.coarse()[0]:
            raise PermissionError(f"not exported: {file.coarse()[1]}")
        self.store.note(owner, case_id, "exported", kind)
        return exported(kind, file, self._whole(file), self.store.folder)


def thread_of(case_id: str, photo: CasePhoto) -> str:
    """The name under which the checkpoints of a photo's investigation are kept."""
    return f"{case_id}:{photo.number}"


def _without_places(reply: Reply) -> Reply:
    """A reply about a statement where places are withheld; what was not understood is still said."""
    return Reply("Noted.", {"changed": True}) if reply.data.get("changed") else reply


def _area(file: CaseFile) -> Area | None:
    return parse_area(file.area) if file.area else None
