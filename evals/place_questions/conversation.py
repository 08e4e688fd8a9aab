"""A conversation as an answerer: the photo is investigated once, and its questions are asked in the case.

A policy that talks is asked in words. One that does not (the checklist) finds the place, and the template looks the answer up there: so its score
says what finding the place costs.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evals.place_questions.answerer import Asked, PlaceAnswer
from evals.place_questions.reading import cited_in
from evals.place_questions.template import Template
from tools.osm.store import OsmStore
from tools.quote import clean

if TYPE_CHECKING:
    from agent.conversation.desk import Desk, DeskSettings
    from agent.policies import Policy

T = TypeVar("T")
NEAR_KM = 0.05
"""Where there is no photo, the case is told that it lies within so many kilometres of the coordinates."""


class Conversation:
    """Keeps a case for each photo (or point) while it lives. Close it, or use it in `with`."""

    def __init__(self, policy: Policy, store: OsmStore | None, settings: DeskSettings) -> None:
        self.name = f"conversation:{policy.name}"
        self._policy, self._settings, self._template = policy, settings, Template(store)
        self._cases: dict[str, asyncio.Task[str]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._folder = tempfile.TemporaryDirectory(prefix="geosleuth-questions-")
        self._desk: Desk | None = None

    def __enter__(self) -> Conversation:
        from agent.conversation.desk import Desk
        from agent.conversation.store import CaseStore

        self._thread.start()
        self._desk = Desk(CaseStore(Path(self._folder.name)), self._policy, self._settings)
        self._wait(self._desk.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        if self._desk is not None:
            self._wait(self._desk.__aexit__(None, None, None))
            self._desk.store.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()
        self._folder.cleanup()

    def answer(self, asked: Asked) -> PlaceAnswer:
        """A fault of the photo, the model or its server is an answer with an error."""
        try:
            return self._wait(self._answered(asked))
        except Exception as error:  # the world's faults end no run
            return PlaceAnswer("", error=clean(f"{type(error).__name__}: {error}", 200))

    async def _answered(self, asked: Asked) -> PlaceAnswer:
        assert self._desk is not None
        where = asked.photo or f"{asked.lat}, {asked.lon}"
        if where not in self._cases:
            self._cases[where] = asyncio.create_task(self._opened(asked))
        case_id = await self._cases[where]
        if self._policy.talks:
            if not asked.photo:
                raise ValueError("a policy that talks is asked about a photo, and the question has none")
            async with self._turns.setdefault(case_id, asyncio.Lock()):
                reply = await self._desk.ask(case_id, asked.text())
            return PlaceAnswer(reply.text, cited_in(reply.text))
        guess = (await asyncio.to_thread(self._desk.shown_result, self._desk.store.load(case_id)))["best_guess"]
        return await asyncio.to_thread(self._template.answer, replace(asked, lat=guess["lat"], lon=guess["lon"]))

    async def _opened(self, asked: Asked) -> str:
        """The case of a photo, investigated; without a photo one that is told where it is."""
        from agent.photo import read_file

        assert self._desk is not None
        case = self._desk.open()
        if asked.photo:
            path = Path(asked.photo).expanduser()
            await self._desk.add_photo(case.id, await asyncio.to_thread(read_file, path), path.name)
            await self._desk.investigate(case.id)
        elif asked.lat is not None and asked.lon is not None:
            await self._desk.say(case.id, f"/say it is within {NEAR_KM} km of {asked.lat:.6f}, {asked.lon:.6f}")
        else:
            raise ValueError("the question has neither a photo nor coordinates")
        return case.id

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
