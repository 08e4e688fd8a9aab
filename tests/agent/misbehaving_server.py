"""A small OpenAI-compatible server on loopback that does what it is told, good and bad."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = dict[str, Any]
Choice = Callable[[dict[str, Any]], Act]
"""An act that depends on the request."""


def says(content: str | None, *calls: tuple[str, Any]) -> Act:
    """A reply with text and native tool calls; arguments that are no dict are sent as they stand."""
    return {"content": content, "calls": [(name, args if isinstance(args, str) else json.dumps(args)) for name, args in calls]}


class _Handler(BaseHTTPRequestHandler):
    acts: Sequence[Act | Choice]
    requests: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append(body)
        chosen = self.acts[min(len(self.requests) - 1, len(self.acts) - 1)]
        act = chosen(body) if callable(chosen) else chosen
        time.sleep(act.get("sleep", 0.0))
        if "raw" in act:
            self._send(act.get("status", 200), act["raw"].encode())
            return
        calls = [
            {"id": f"x{i}", "type": "function", "function": {"name": n, "arguments": a}} for i, (n, a) in enumerate(act["calls"])
        ]
        message = {"role": "assistant", "content": act["content"], **({"tool_calls": calls} if calls else {})}
        reply = {"id": "r", "object": "chat.completion", "created": 0, "model": "m",
                 "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}  # fmt: skip
        self._send(200, json.dumps(reply).encode())

    def _send(self, status: int, body: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serving(*acts: Act | Choice) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The base URL of a server that plays `acts` in order (the last one again and again), and the requests it got."""
    requests: list[dict[str, Any]] = []
    handler = type("Handler", (_Handler,), {"acts": acts, "requests": requests})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
