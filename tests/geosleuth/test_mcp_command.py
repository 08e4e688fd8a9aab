"""`geosleuth mcp` as clients start it: over stdio, over HTTP with and without a token, and without fastmcp."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from PIL import Image

from geosleuth.mcp_command import mcp

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["-c", "from geosleuth.mcp_command import mcp; mcp(prog_name='geosleuth mcp')"]
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}  # fmt: skip
HEADERS = {"Accept": "application/json, text/event-stream"}


def needs_fastmcp() -> None:
    pytest.importorskip("fastmcp")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 48), (20, 90, 160)).save(tmp_path / "photos/a.png")
    Image.new("RGB", (64, 48), (20, 90, 160)).save(tmp_path / "private.png")
    return tmp_path / "photos"


def environment(**more: str) -> dict[str, str]:
    return {**{key: value for key, value in os.environ.items() if key != "GEOSLEUTH_TOKEN"}, **more}


@contextlib.contextmanager
def serving(folder: Path, *more: str, **variables: str) -> Iterator[str]:
    """The address of a server that runs as a process of its own."""
    command = [sys.executable, *COMMAND, "--http", "0", "--offline", "--allow", str(folder), *more]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**variables)
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline().strip()
        assert line.startswith("serving on http://127.0.0.1:"), line + process.stderr.read()
        try:
            yield line.removeprefix("serving on ")
        finally:
            process.terminate()
            process.communicate(timeout=30)


async def call(client: Any, tool: str, **arguments: Any) -> Any:
    return await client.call_tool(tool, arguments, raise_on_error=False)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_stdio(photos: Path, mode: str) -> None:
    needs_fastmcp()
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    async def talk() -> None:
        transport = StdioTransport(
            sys.executable, [*COMMAND, "--offline"], cwd=str(photos), env=environment(PYTHONPATH=str(ROOT))
        )
        async with Client(transport, mode=mode) as client:
            answer = await call(client, "open_photo", photo="a.png")  # the current folder is the one that is allowed
            crop = await call(client, "zoom", photo_id=answer.structured_content["photo_id"], box=[0, 0, 0.5, 0.5])
            assert crop.content[2].mime_type == "image/jpeg"
            for outside in ("../private.png", str(photos.parent / "private.png"), "https://127.0.0.1/a.png"):
                assert (await call(client, "open_photo", photo=outside)).is_error

    asyncio.run(talk())


def test_stdout_is_the_protocols_alone(photos: Path) -> None:
    needs_fastmcp()
    done = subprocess.run(
        [sys.executable, *COMMAND, "--offline", "--allow", str(photos)],
        input=json.dumps(HELLO) + "\nnot a message\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        env=environment(),
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages[0]["result"]["serverInfo"]["name"] == "geosleuth"
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    assert "Traceback" not in done.stderr


def test_over_http_clients_are_apart(photos: Path) -> None:
    needs_fastmcp()
    from fastmcp import Client

    async def talk(url: str) -> None:
        async with Client(url, mode="legacy") as first, Client(url, mode="legacy") as second, Client(url) as third:
            mine = (await call(first, "open_photo", photo="a.png")).structured_content["photo_id"]
            assert not (await call(first, "belief", photo_id=mine)).is_error
            for other in (second, third):
                assert "No open photo" in (await call(other, "belief", photo_id=mine)).content[0].text
            await call(first, "search_web", query="Porto")
            for other in (second, third):
                assert (await call(other, "read_page", source="w1")).is_error
            assert not (await call(first, "read_page", source="w1")).is_error
            own = (await call(third, "open_photo", photo="a.png")).structured_content["photo_id"]
            assert not (await call(third, "zoom", photo_id=own, box=[0, 0, 0.5, 1])).is_error
            assert (await call(first, "zoom", photo_id=own, box=[0, 0, 0.5, 1])).is_error

    with serving(photos) as url:
        asyncio.run(talk(url))
        assert httpx.post(url, json=HELLO, headers=HEADERS).status_code == 200
        assert httpx.post(url, content=json.dumps(HELLO), headers={**HEADERS, "Content-Type": "text/plain"}).status_code >= 400
        assert httpx.options(url, headers={"Origin": "http://localhost:3000"}).status_code >= 400
        assert httpx.post(url, json=HELLO, headers={**HEADERS, "Host": "evil.example"}).status_code == 421
        for origin in ("https://evil.example", "http://localhost.evil.example", "null"):
            assert httpx.post(url, json=HELLO, headers={**HEADERS, "Origin": origin}).status_code == 403


def test_over_http_with_a_token(photos: Path) -> None:
    needs_fastmcp()
    from fastmcp import Client

    async def talk(url: str) -> None:
        async with Client(url, auth="s3cret-x") as client:
            assert not (await call(client, "open_photo", photo="a.png")).is_error

    with serving(photos, GEOSLEUTH_TOKEN="s3cret-x") as url:
        for wrong in (
            {},
            {"Authorization": "Bearer s3cret"},
            {"Authorization": "Bearer s3cret-xx"},
            {"Authorization": "Basic s3cret"},
        ):
            answer = httpx.post(url, json=HELLO, headers={**HEADERS, **wrong})
            assert answer.status_code == 401
            assert "s3cret" not in answer.text
        asyncio.run(talk(url))


def test_without_fastmcp_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['fastmcp'] = None; from geosleuth.mcp_command import mcp; mcp(prog_name='geosleuth mcp')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment())
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip() == 'Error: geosleuth mcp needs fastmcp: pip install "geosleuth[mcp]"'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--allow", "/nowhere"], "/nowhere is not a folder"),
        (["--policy", "oracle"], "no policy is called"),
        (["--offline", "--osm", "overpass"], "cannot be asked offline"),
        (["--gallery", "no-such-gallery"], "no-such-gallery"),
        (["--http", "70000"], "70000"),
        (["--token", "x"], "--token needs --http"),
        (["--http", "0", "--token", ""], "not empty"),
        (["--http", "0", "--token", "ü"], "printable ASCII"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], said: str) -> None:
    needs_fastmcp()
    done = CliRunner().invoke(mcp, arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_port_that_is_taken_is_told() -> None:
    needs_fastmcp()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = CliRunner().invoke(mcp, ["--http", str(taken.getsockname()[1]), "--offline"])
    assert done.exit_code == 2
    assert "cannot be had: address already in use" in done.output
