"""A run that is killed twice with four workers ends with the same scores as one that nobody disturbed."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

from tests.agent.misbehaving_server import Act, says, serving

ROOT = Path(__file__).resolve().parents[2]
COUNT, WORKERS = 16, 4
CITIES = ((38.72, -9.14), (48.86, 2.35), (52.52, 13.40), (40.42, -3.70))


def act(body: dict[str, Any]) -> Act:
    """First a look, then an answer that depends on the photo alone; slow enough to be interrupted."""
    messages = body["messages"]
    pause = {"sleep": 0.15}
    if not any(m["role"] == "tool" for m in messages):
        return {**says("Looking.", ("zoom", {"box": [0, 0, 0.5, 0.5]})), **pause}
    url = next(
        b["image_url"]["url"]
        for m in messages
        if isinstance(m["content"], list)
        for b in m["content"]
        if b["type"] == "image_url"
    )
    shade = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB").getpixel((5, 5))
    assert isinstance(shade, tuple)
    lat, lon = CITIES[round(shade[0] / 60) % 4]
    answer = {"candidates": [{"lat": lat, "lon": lon, "radius_km": 10, "probability": 0.8}]}
    return {**says(None, ("answer", answer)), **pause}


def photos(folder: Path) -> Path:
    folder.mkdir()
    rows = ["path,lat,lon"]
    for number in range(COUNT):
        Image.new("RGB", (64, 48), (60 * (number % 4), number, 100)).save(folder / f"{number:02}.png")
        rows.append(f"{number:02}.png,{CITIES[0][0]},{CITIES[0][1]}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def start(url: str, folder: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "geosleuth", "eval", "run", f"folder:{folder}", "--policy", "openai:test", "--base-url", url,
               "--workers", str(WORKERS), "--baselines", "none", "--sample", "7", "--out", str(out), "-q"]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}
    )


def kill_after(lines: int, url: str, folder: Path, out: Path) -> bytes:
    """What is on disk after the run was killed, once it had so many finished records."""
    process, path = start(url, folder, out), out / "trajectories.jsonl"
    deadline = time.monotonic() + 90
    while (path.read_bytes().count(b"\n") if path.exists() else 0) < lines and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return path.read_bytes()


def finish(url: str, folder: Path, out: Path) -> None:
    _, err = start(url, folder, out).communicate(timeout=180)
    assert f"{COUNT} of {COUNT} records" in err, err


def scores(out: Path) -> dict[str, Any]:
    """The scores without what no two runs share: time of day and seconds."""
    command = [sys.executable, "-m", "geosleuth", "eval", "score", str(out), "--json", "--resamples", "100"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    del found["run"]["started"]
    return without_seconds(found)


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(part) for key, part in value.items() if "second" not in key}
    return value


def test_killed_with_four_workers(tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos")
    with serving(act) as (url, calm):
        finish(url, folder, tmp_path / "calm")
    assert len(calm) == 2 * COUNT
    with serving(act) as (url, disturbed):
        first = kill_after(3, url, folder, tmp_path / "killed")
        second = kill_after(9, url, folder, tmp_path / "killed")
        finish(url, folder, tmp_path / "killed")
    whole = (tmp_path / "killed" / "trajectories.jsonl").read_bytes()
    assert whole.startswith(first[: first.rfind(b"\n") + 1])
    assert whole.startswith(second[: second.rfind(b"\n") + 1])
    assert whole.count(b"\n") == COUNT, "nothing is lost and nothing finished is repeated"
    assert 2 * COUNT <= len(disturbed) <= 2 * COUNT + 2 * WORKERS, "only replies that were on their way are asked for again"
    assert scores(tmp_path / "killed") == scores(tmp_path / "calm")
