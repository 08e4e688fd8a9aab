"""Running the application until a signal comes."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from agent.serve.settings import ServeSettings


class Server(uvicorn.Server):
    """A uvicorn server that ends its event streams when it is told to end, so that nobody waits for them."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", access_log=False, ws="none", lifespan="on", timeout_graceful_shutdown=5,
                                        h11_max_incomplete_event_size=64_000, limit_concurrency=400, server_header=False))  # fmt: skip
        self.closing: asyncio.Event = app.state.serving.closing
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by a signal, or from another thread."""
        super().handle_exit(sig, frame)
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.closing.set)


def listen(settings: ServeSettings) -> socket.socket:
    """The socket to serve on. Raises ValueError where it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except (OSError, UnicodeError) as error:
        why = str(getattr(error, "strerror", None) or error).lower()
        raise ValueError(f"port {settings.port} of {settings.host} cannot be had: {why}") from error


def address(listening: socket.socket) -> str:
    """What to open in a browser."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def serve(app: FastAPI, listening: socket.socket, told: Callable[[str], None] = lambda url: None) -> None:
    """Serve until Ctrl-C or SIGTERM. `told` is given the address."""
    server = Server(app)
    told(address(listening))
    before = signal.getsignal(signal.SIGINT)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises the signal again when all is closed
        pass
    finally:
        signal.signal(signal.SIGINT, before)
