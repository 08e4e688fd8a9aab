"""A batch that is killed goes on where it was: nothing finished is lost or repeated."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

from tests.agent.misbehaving_server import says, serving

ROOT = Path(__file__).resolve().parents[2]
LOOK = says("Looking.", ("zoom", {"box": [0, 0, 0.5, 0.5]}))
LISBON = says(None, ("answer", {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 10, "probability": 0.8}]}))


def start(url: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "geosleuth", "locate", *(str(folder / f"{n}.png") for n in "abc"), "--policy", "openai:test", "--json",
               "--base-url", url, "--out", str(folder / "out"), "--jobs", "1"]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}
    )


def test_kill_and_resume(tmp_path: Path) -> None:
    for shade, name in enumerate("abc"):
        Image.new("RGB", (64, 48), (80 * shade, 10, 10)).save(tmp_path / f"{name}.png")

    # a is finished with two requests; b has looked, and its second request hangs.
    with serving(LOOK, LISBON, LOOK, {**LISBON, "sleep": 30.0}) as (url, first):
        process = start(url, tmp_path)
        deadline = time.monotonic() + 60
        while len(first) < 4 and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    saved = {path.name: path.read_text() for path in (tmp_path / "out").glob("*.json")}
    assert [name[0] for name in saved] == ["a"]

    # b goes on with its second turn (one request), c is done whole (two): three requests, none for a.
    with serving(LISBON, LOOK, LISBON) as (url, second):
        process = start(url, tmp_path)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    answers: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert sorted(Path(a["photo"]).stem for a in answers) == ["a", "b", "c"]
    assert [a["answer"]["country"] for a in answers] == ["PT"] * 3
    assert len(second) == 3
    assert [m["role"] for m in second[0]["messages"]].count("tool") == 1, "b's finished zoom is remembered"
    for name, text in saved.items():
        assert (tmp_path / "out" / name).read_text() == text, "a finished trajectory is never written again"
