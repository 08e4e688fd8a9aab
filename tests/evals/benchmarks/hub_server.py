"""A small Hugging Face hub on the loopback: one data set, its files in a folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextlib.contextmanager
def hub(repo: str, folder: Path) -> Iterator[str]:
    """The address of a hub that has the data set `repo` with the files of `folder`."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(asked)

        def _answer(self, asked: bytes = b"") -> None:
            path = unquote(urlsplit(self.path).path)
            if path.startswith(f"/api/datasets/{repo}/paths-info/"):
                wanted = _paths(asked)
                self._send(json.dumps([_entry(name, files[name]) for name in wanted if name in files]).encode())
            elif path.startswith(f"/api/datasets/{repo}/tree/"):
                below = path.removeprefix(f"/api/datasets/{repo}/tree/").partition("/")[2]
                self._send(json.dumps([_entry(name, file) for name, file in files.items() if name.startswith(below)]).encode())
            elif path == f"/api/datasets/{repo}" or path.startswith(f"/api/datasets/{repo}/revision/"):
                siblings = [{"rfilename": name} for name in files]
                info = {"_id": "1", "id": repo, "sha": COMMIT, "private": False, "gated": False, "disabled": False, "tags": [],
                        "siblings": siblings, "downloads": 0, "likes": 0}  # fmt: skip
                self._send(json.dumps(info).encode())
            elif path.startswith(f"/datasets/{repo}/resolve/"):
                name = path.removeprefix(f"/datasets/{repo}/resolve/").partition("/")[2]
                self._send_file(files[name]) if name in files else self._missing("EntryNotFound")
            else:
                self._missing("RepoNotFound")

        def _send_file(self, file: Path) -> None:
            data = file.read_bytes()
            span = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
            first, last = (int(span[0] or 0), int(span[2] or len(data) - 1)) if span[1] else (0, len(data) - 1)
            extra = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            if span[1]:
                extra["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            self._send(data[first : last + 1], 206 if span[1] else 200, extra)

        def _missing(self, code: str) -> None:
            self._send(b"{}", 404, {"X-Error-Code": code, "X-Repo-Commit": COMMIT})

        def _send(self, body: bytes, status: int = 200, extra: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(extra or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _paths(asked: bytes) -> list[str]:
    try:
        return list(json.loads(asked)["paths"])
    except ValueError:
        from urllib.parse import parse_qs

        return parse_qs(asked.decode())["paths"]


def _entry(name: str, file: Path) -> dict[str, object]:
    return {"type": "file", "path": name, "size": file.stat().st_size, "oid": hashlib.sha1(name.encode()).hexdigest()}
