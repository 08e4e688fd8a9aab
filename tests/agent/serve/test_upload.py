"""What comes in as a photo: hostile, too large, from addresses; and eight users at once."""

from __future__ import annotations

import contextlib
import http.server
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from agent.serve.settings import ServeSettings
from tests.agent.serve.running import Running, added, investigated, opened, policy, running, sign, until


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("cases"), settings=ServeSettings(port=0, allow_urls=True)) as made:
        yield made


def bomb() -> bytes:
    """A PNG that claims 60 000 × 60 000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


HOSTILE = [
    (bomb(), 422, "million pixels"),
    (sign(kind="JPEG")[:900], 422, "damaged"),
    (b"GIF89a" + b"\xff" * 400, 422, "damaged"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, "not a picture"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", 415, "not a picture"),
    (b"", 415, "not a picture"),
]


@pytest.mark.parametrize(("data", "status", "said"), HOSTILE)
def test_hostile_pictures_are_refused(here: Running, data: bytes, status: int, said: str) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    reply = added(client, case_id, data, "../../etc/passwd.png")
    assert (reply.status_code, list(reply.json())) == (status, ["error"])
    assert said in reply.json()["error"]
    assert str(here.desk.store.folder) not in reply.json()["error"]
    assert client.get(f"/cases/{case_id}").json()["photos"] == []
    assert list(here.desk.store.pictures(case_id).glob("*")) == []


def test_names_are_made_safe(here: Running) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    reply = added(client, case_id, sign(), "../../<script>alert(1)</script>\u202e.png")
    assert reply.status_code == 201
    assert ".." not in reply.json()["name"]
    assert "\u202e" not in reply.json()["name"]


def test_forms_that_are_none(here: Running) -> None:
    client = here.client()
    path = f"/cases/{client.post('/cases').json()['id']}/photos"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for body, headers, status in (
        (sign(), {"Content-Type": "image/png"}, 415),
        (sign(), {}, 415),
        (b"", {"Content-Type": "multipart/form-data"}, 422),
        (b"no form at all", form, 422),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nhello\r\n--x--\r\n", form, 422),
        (b"--x\r\n" + b"A: b\r\n" * 5000, form, 422),
        (b"--x\r\nContent-Disposition: form-data; filename=" + b"a" * 50_000, form, 422),
    ):
        reply = client.post(path, content=body, headers=headers)
        assert (reply.status_code, list(reply.json())) == (status, ["error"]), body[:40]
    two = client.post(path, files=[("photo", ("a.png", sign())), ("photo", ("b.png", sign()))])
    assert (two.status_code, two.json()["error"]) == (422, "Send one photo at a time, as the file of a form.")


def test_a_case_is_full(here: Running) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    small = sign(size=(40, 30))
    assert [added(client, case_id, small).status_code for _ in range(13)] == [201] * 12 + [409]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost:{port}/a.png", "http://127.0.0.1:{port}/a.png", "http://[::1]:{port}/", "http://169.254.169.254/latest/meta-data/",
     "http://10.0.0.1/a.png", "http://0.0.0.0:{port}/", "http://2130706433/", "http://0x7f.1/", "http://printer.local/", "file:///etc/passwd", "ftp://example.org/a",
     "http://user@example.org/a.png", "http://192.168.1.1:80/", "x"],
)  # fmt: skip
def test_addresses_inside_are_not_fetched(here: Running, url: str) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    with asked_server() as (port, asked):
        reply = client.post(f"/cases/{case_id}/photos", json={"url": url.replace("{port}", str(port))})
        assert reply.status_code == 422
        assert reply.json()["error"].endswith(".")
        assert asked == []
    assert client.post(f"/cases/{case_id}/photos", json={"uri": url}).status_code == 422
    assert client.post(f"/cases/{case_id}/photos", json={"url": "x" * 9000}).status_code == 413


@contextlib.contextmanager
def asked_server() -> Iterator[tuple[int, list[str]]]:
    """A server on this machine that notes whether it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1], asked
        server.shutdown()
        thread.join()


def test_without_leave_no_address_is_fetched(tmp_path: Path) -> None:
    with running(tmp_path) as here:
        client = here.client()
        reply = client.post(f"/cases/{client.post('/cases').json()['id']}/photos", json={"url": "https://example.org/a.jpg"})
        assert (reply.status_code, "does not fetch" in reply.json()["error"]) == (403, True)


def large(megabytes: int) -> Iterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    for _ in range(megabytes):
        yield b"\xff\xd8\xff" + b"a" * 999_997
    yield b"\r\n--x--\r\n"


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_upload_is_cut_off(here: Running, declared: bool) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    size = sum(len(part) for part in (next(large(0)), b"\r\n--x--\r\n")) + 200_000_000
    headers = {"Content-Type": "multipart/form-data; boundary=x", **({"Content-Length": str(size)} if declared else {})}
    reply = client.post(f"/cases/{case_id}/photos", content=large(200), headers=headers)
    assert (reply.status_code, reply.json()) == (413, {"error": "The photo is larger than 30 MB."})
    assert client.get(f"/cases/{case_id}").json()["photos"] == []


def test_other_requests_are_short(here: Running) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    for path in ("/cases", f"/cases/{case_id}/ask", "/login"):
        reply = client.post(path, content=b'{"text": "' + b"a" * 200_000 + b'"}', headers={"Content-Type": "application/json"})
        assert (reply.status_code, reply.json()["error"]) == (413, "The request is too long.")


def test_who_sends_and_does_not_read_is_let_go(here: Running) -> None:
    """An upload that stops in its middle holds nobody up; that of the same owner is one of two that are allowed."""
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    host, port = here.url.removeprefix("http://").split(":")
    head = (f"POST /cases/{case_id}/photos HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: geosleuth_browser={client.cookies['geosleuth_browser']}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n--x\r\n")  # fmt: skip
    stalled = [socket.create_connection((host, int(port))) for _ in range(2)]
    for connection in stalled:
        connection.sendall(head.encode())
    until(lambda: here.serving.uploading.total() == 2)
    reply = added(client, case_id, sign())
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "2")
    other = here.client()
    assert added(other, str(other.post("/cases").json()["id"]), sign()).status_code == 201  # others are served
    for connection in stalled:
        connection.close()
    until(lambda: here.serving.uploading.total() == 0)
    assert added(client, case_id, sign()).status_code == 201


def test_a_large_upload_to_nowhere_is_told_so(here: Running) -> None:
    """The refusal is read although the client still sends."""
    reply = here.client().post(
        "/cases/nowhere/photos", content=large(25), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (reply.status_code, reply.json()) == (404, {"error": "There is no such case."})


def test_eight_at_once(tmp_path: Path) -> None:
    """One is deleted while it runs, one sends 200 MB, one sends what is no picture: the other five get their answers."""
    gate = threading.Event()
    with running(tmp_path, policy(gate)) as here, ThreadPoolExecutor(8) as pool:
        killed = here.client()
        killed_id = opened(killed)
        killed.post(f"/cases/{killed_id}/start")
        until(lambda: len(killed.get(f"/cases/{killed_id}").json()["so_far"]) > 2)
        talks = [pool.submit(_conversation, here.client(), name) for name in ("Ulm", "Bonn", "Köln", "Graz", "Bern")]
        too_large = pool.submit(_too_large, here.client())
        hostile = pool.submit(_hostile, here.client())
        assert killed.delete(f"/cases/{killed_id}").status_code == 204
        gate.set()
        assert too_large.result() == 413
        assert hostile.result() == [status for _, status, _ in HOSTILE]
        for talk in talks:
            seen = talk.result()
            assert "Ulm" in seen["words"]["large"]
            assert [turn["role"] for turn in seen["turns"]] == ["user", "geosleuth"] * 2
            assert "Ulm" in seen["turns"][1]["text"]
        assert killed.get(f"/cases/{killed_id}").status_code == 404
        assert here.client().get("/health").status_code == 200


def _conversation(client: httpx.Client, words: str) -> dict:  # type: ignore[type-arg]
    case_id = str(client.post("/cases").json()["id"])
    assert added(client, case_id, sign(words), f"{words}.png").status_code == 201
    investigated(client, case_id)
    for question in ("Why?", "How sure are you?"):
        assert client.post(f"/cases/{case_id}/ask", json={"text": question}).status_code == 200
    return dict(client.get(f"/cases/{case_id}").json())


def _too_large(client: httpx.Client) -> int:
    case_id = client.post("/cases").json()["id"]
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return client.post(f"/cases/{case_id}/photos", content=large(200), headers=headers).status_code


def _hostile(client: httpx.Client) -> list[int]:
    case_id = str(client.post("/cases").json()["id"])
    return [added(client, case_id, data).status_code for data, _, _ in HOSTILE]
