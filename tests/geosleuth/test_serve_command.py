"""`geosleuth serve` as people start it: its address, its end, its memory, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from geosleuth.serve_command import named_tokens, serve

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from geosleuth.serve_command import serve; serve(prog_name='geosleuth serve')"]


def needs_fastapi() -> None:
    pytest.importorskip("fastapi")


def environment(**more: str) -> dict[str, str]:
    return {**{key: value for key, value in os.environ.items() if key != "GEOSLEUTH_TOKEN"}, **more}


@contextlib.contextmanager
def serving(folder: Path, *more: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server that runs as a process of its own, and the process."""
    command = [*COMMAND, "--port", "0", "--offline", "--model", "none", "--folder", str(folder), *more]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**variables)
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline().strip()
        assert line.startswith("serving on http://127.0.0.1:"), line + process.stderr.read()
        try:
            yield line.split()[2], process
        finally:
            process.kill()
            process.communicate(timeout=30)


def large() -> Iterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    for _ in range(200):
        yield b"\xff\xd8\xff" + b"a" * 999_997
    yield b"\r\n--x--\r\n"


def peak_mb(process: subprocess.Popen[str]) -> float:
    """The most memory that the process has held."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000.0


def test_it_serves_keeps_its_memory_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    needs_fastapi()
    with serving(tmp_path) as (url, process), httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        assert "Where was it taken?" in client.get("/").text
        path = f"/cases/{client.post('/cases').json()['id']}/photos"
        before = peak_mb(process)
        reply = client.post(path, content=large(), headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert reply.status_code == 413
        assert peak_mb(process) - before < 90  # 200 MB came
        with client.stream("GET", path.replace("photos", "events")) as events:
            lines = events.iter_lines()
            assert next(lines) == "event: hello"
            process.send_signal(signal.SIGINT)
            assert list(lines) == ['data: {"event": "hello"}', ""]  # the stream ends by itself
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
        assert said == ""


def test_the_token_may_come_from_the_environment(tmp_path: Path) -> None:
    needs_fastapi()
    with serving(tmp_path, GEOSLEUTH_TOKEN="anna:token-of-anna ben:token-of-ben") as (url, process):
        assert httpx.get(f"{url}cases", trust_env=False).status_code == 401
        for name in ("anna", "ben"):
            assert httpx.get(f"{url}cases", headers={"Authorization": f"Bearer token-of-{name}"}, trust_env=False).json() == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}


def test_tokens_have_names() -> None:
    assert named_tokens(["secret-one"]) == {"owner": "secret-one"}
    assert named_tokens(["anna:a:b", "ben:c"]) == {"anna": "a:b", "ben": "c"}
    for wrong in (["x", "y"], ["a:x", "a:y"], [":x"]):
        with pytest.raises(ValueError, match="a name of its own"):
            named_tokens(wrong)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--token is needed"),
        (["--token", "short"], "8 to 200"),
        (["--tiles", "https://tiles.example.org/"], "--tiles needs"),
        (["--policy", "oracle"], "no policy is called"),
        (["--guard", "coarse:x"], "kilometres"),
        (["--gallery", "no-such-gallery"], "no-such-gallery"),
        (["--osm", "overpass"], "cannot be asked offline"),
        (["--port", "70000"], "70000"),
        (["--folder", "/proc/nowhere"], "cannot be kept in /proc/nowhere"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    needs_fastapi()
    done = CliRunner().invoke(
        serve, ["--offline", "--model", "none", "--folder", str(tmp_path), *arguments], env={"GEOSLEUTH_TOKEN": None}
    )
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    needs_fastapi()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = CliRunner().invoke(
            serve, ["--port", str(taken.getsockname()[1]), "--offline", "--model", "none", "--folder", str(tmp_path)]
        )
    assert done.exit_code == 2
    assert "cannot be had: address already in use" in done.output


def test_without_fastapi_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['fastapi'] = None; from geosleuth.serve_command import serve; serve(prog_name='geosleuth serve')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == 'Error: geosleuth serve needs fastapi: pip install "geosleuth[web]"'
