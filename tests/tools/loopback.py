"""A real HTTP server on loopback whose answers are functions, for tests of what asks the web."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Loopback:
    port: int
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path with query, and headers, of every request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def loopback(answers: Mapping[str, Answer]) -> Iterator[Loopback]:
    """Serve `answers` by path; any other path is 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            try:
                answers.get(self.path.partition("?")[0], reply(404, "nothing here"))(self)
            except (BrokenPipeError, ConnectionResetError):
                return
            finally:
                self.close_connection = True

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.stopped = threading.Event()
    page = Loopback(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield page
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def reply(status: int, body: str | bytes, media_type: str = "text/html; charset=utf-8", **headers: str) -> Answer:
    """A plain answer."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(content))}.items():
            handler.send_header(name, value)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer
