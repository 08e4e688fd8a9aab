"""What runs for cases while nobody waits for it: investigations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from agent.conversation.case_file import WAITING
from agent.conversation.desk import CaseBusyError, Desk
from agent.conversation.reply import Reply
from agent.conversation.store import NoCaseError
from agent.serve.record import Record

T = TypeVar("T")
_LOG = logging.getLogger("geosleuth.serve")


class Work:
    """Investigations that are going on, one a case."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.record = desk, Record()
        desk.hub = self.record
        self._running: dict[str, asyncio.Task[None]] = {}

    def is_busy(self, case_id: str) -> bool:
        return case_id in self._running or self.desk.is_busy(case_id)

    def is_investigating(self, case_id: str) -> bool:
        return case_id in self._running

    def start(self, case_id: str, owner: str) -> None:
        """Investigate in the background. Raises CaseBusyError."""
        if self.is_busy(case_id):
            raise CaseBusyError("this case is being worked on; wait for the reply")
        task = asyncio.create_task(self._investigate(case_id, owner))
        self._running[case_id] = task
        task.add_done_callback(lambda _: self._running.pop(case_id, None))

    def stop(self, case_id: str) -> bool:
        """Cut an investigation; started again, it goes on where it was. False where none is going on."""
        task = self._running.get(case_id)
        return task is not None and task.cancel()

    async def close(self) -> None:
        """End everything."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _investigate(self, case_id: str, owner: str) -> None:
        self.record.begin(case_id)
        try:
            while any(photo.state == WAITING for photo in (await self.desk.investigate(case_id, owner)).photos):
                pass  # photos that came meanwhile
        except NoCaseError:  # deleted
            return
        except asyncio.CancelledError:
            self.record.tell(case_id, {"event": "stopped"})
            raise
        except Exception:
            _LOG.exception("an investigation failed")
            self.record.tell(case_id, {"event": "error", "text": "The investigation failed; the server's log says why."})
        finally:
            self.record.end(case_id)
            self._running.pop(case_id, None)
        self.record.tell(case_id, {"event": "finished"})

    async def say(self, case_id: str, text: str, owner: str) -> Reply:
        """The reply to a message. Raises what `Desk.say` raises, and NoCaseError where the case is deleted meanwhile."""
        return await _apart(self.desk.say(case_id, text, owner))

    async def retract(self, case_id: str, statement: str, owner: str) -> Reply:
        return await _apart(self.desk.retract(case_id, statement, owner))


async def _apart(work: Coroutine[Any, Any, T]) -> T:
    """In a task of its own: deleting the case cancels that one, and not the request that waits."""
    task = asyncio.create_task(work)
    await asyncio.wait({task})
    if task.cancelled():
        raise NoCaseError("the case was deleted")
    return task.result()
