"""A real server on loopback, with a policy that does what it is told, when it is told."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from PIL import Image, ImageDraw, ImageFont

from agent.conversation.desk import Desk, DeskSettings
from agent.conversation.guard import Guard
from agent.conversation.store import CaseStore
from agent.policies import Policy
from agent.policies.scripted import Scripted
from agent.serve.app import make_app
from agent.serve.rates import Rates
from agent.serve.server import Server, address, listen
from agent.serve.serving import Serving
from agent.serve.settings import ServeSettings
from tools.toolbox import ToolSettings

OFFLINE = ToolSettings(offline=True, models=(), concepts=False)
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"


class Gated(Scripted):
    """Waits before its last reply until the gate is open."""

    gate: Any

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        last = sum(isinstance(message, AIMessage) for message in messages) >= len(self.replies) - 1
        while last and not self.gate.is_set():
            await asyncio.sleep(0.01)
        return self._generate(messages)


def call(number: int, tool: str, **args: Any) -> dict[str, Any]:
    return {"name": tool, "args": args, "id": f"s{number}", "type": "tool_call"}


def policy(gate: threading.Event | None = None) -> Policy:
    """Zooms, looks “Ulm” up, answers."""
    open_gate = threading.Event()
    open_gate.set()
    replies = [
        AIMessage(content="", tool_calls=[call(1, "zoom", box=[0.1, 0.1, 0.5, 0.6])]),
        AIMessage(content="", tool_calls=[call(2, "find_place", name="Ulm", seen_in_photo=True)]),
        AIMessage(content="", tool_calls=[call(3, "answer", candidates=[], reason="the sign says so")]),
    ]
    return Policy("scripted", Gated(replies=replies, gate=gate or open_gate), sees=False)


def sign(words: str = "Ulm", size: tuple[int, int] = (320, 200), kind: str = "PNG") -> bytes:
    """A picture of a sign."""
    picture = Image.new("RGB", size, (40, 90, 150))
    with contextlib.suppress(OSError):
        ImageDraw.Draw(picture).text((20, 60), words, fill="white", font=ImageFont.truetype(FONT, 48))
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


@dataclass
class Running:
    url: str
    desk: Desk
    serving: Serving
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **more: Any) -> httpx.Client:
        """A browser of its own."""
        made = httpx.Client(base_url=self.url, timeout=60, trust_env=False, **more)
        self.clients.append(made)
        return made


@contextlib.contextmanager
def running(
    folder: Path,
    used: Policy | None = None,
    settings: ServeSettings | None = None,
    rates: Rates | None = None,
    guard: Guard | None = None,
) -> Iterator[Running]:
    """Serves the cases of a folder."""
    settings = settings or ServeSettings(port=0)
    with contextlib.closing(CaseStore(folder)) as store, listen(settings) as listening:
        desk = Desk(store, used or policy(), DeskSettings(tools=OFFLINE), guard)
        app = make_app(desk, settings, rates)
        server = Server(app)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            until(lambda: server.started)
            here = Running(address(listening).rstrip("/"), desk, app.state.serving)
            yield here
        finally:
            server.handle_exit(15, None)  # ends the event streams, too
            thread.join()
            for client in here.clients:
                client.close()


def until(holds: Any, seconds: float = 60.0) -> None:
    """Waits; a condition that never comes true fails the test."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def opened(client: httpx.Client, data: bytes | None = None, **about: Any) -> str:
    """A case with a photo."""
    case_id = str(client.post("/cases", json=about).raise_for_status().json()["id"])
    added(client, case_id, data if data is not None else sign())
    return case_id


def added(client: httpx.Client, case_id: str, data: bytes, name: str = "sign.png") -> httpx.Response:
    return client.post(f"/cases/{case_id}/photos", files={"photo": (name, data, "image/png")})


def investigated(client: httpx.Client, case_id: str) -> dict[str, Any]:
    """The case after its investigation."""
    assert client.post(f"/cases/{case_id}/start").status_code == 202
    until(lambda: not client.get(f"/cases/{case_id}").json()["busy"])
    return dict(client.get(f"/cases/{case_id}").json())


class Listener:
    """Reads the events of a case in a thread of its own."""

    def __init__(self, client: httpx.Client, case_id: str) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ended = False
        self._thread = threading.Thread(target=self._read, args=(client, case_id))
        self._thread.start()
        until(lambda: "hello" in self.names)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in list(self.events)]

    def _read(self, client: httpx.Client, case_id: str) -> None:
        with client.stream("GET", f"/cases/{case_id}/events") as reply:
            name = ""
            for line in reply.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line.removeprefix("data: "))))
        self.ended = True

    def join(self) -> None:
        self._thread.join(30)
        assert self.ended
