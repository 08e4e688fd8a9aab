"""Traces are read back with the photos that they are about; what is damaged is named by file and line."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.photo import PhotoError
from evals.practice import Practice
from evals.record import Truth
from evals.sign_painting import fonts_of
from rl_training import traces
from rl_training.collect import collect
from rl_training.traces import TraceError, read_traces
from tests.rl_training.traces_made import SETTINGS, looks_and_answers, pictures, trajectory


def write(folder: Path, *lines: Any) -> Path:
    path = folder / "traces.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return path


def test_scenes_are_painted_again_from_their_ids(tmp_path: Path) -> None:
    if not fonts_of("Latin"):
        pytest.skip("no fonts are installed")
    scene = Practice("easy", 1, 1, (448, 336)).records()[0]
    photo = scene.open()
    write(tmp_path, trajectory(photo=scene.id, path=f"{scene.id}.jpg", sha256=photo.sha256, size=[448, 336]))
    (tmp_path / "records.jsonl").write_text(json.dumps(scene.to_json()) + "\n")
    found, record = next(read_traces(tmp_path))
    again = record.open()
    assert found["photo"] == record.id == scene.id
    assert (again.sha256, again.size) == (photo.sha256, (448, 336))
    assert record.truth == scene.truth
    assert [dict(clue) for clue in record.clues] == json.loads(json.dumps(list(scene.clues)))

    write(tmp_path, trajectory(photo=scene.id, sha256="ab" * 32, size=[448, 336]))
    assert next(read_traces(tmp_path))[1].open().size == (448, 336), "other bytes of the same scene: another JPEG encoder"
    moved = scene.to_json()
    moved["clues"][0]["box"][0] += 0.01
    (tmp_path / "records.jsonl").write_text(json.dumps(moved) + "\n")
    with pytest.raises(
        PhotoError, match=r"traces.jsonl, line 1: .* is another scene here: it was drawn with other fonts or tables"
    ):
        next(read_traces(tmp_path))[1].open()


def test_photos_are_opened_from_their_paths_and_checked(tmp_path: Path) -> None:
    benchmark = pictures(tmp_path / "photos", {"lisbon": (38.7169, -9.1399), "paris": (48.8566, 2.3522)})
    out = tmp_path / "out"
    asyncio.run(collect(benchmark, looks_and_answers(38.72, -9.14), SETTINGS, out, keep="within:50"))
    [(found, record)] = read_traces(out)
    assert record.truth == Truth.from_json(json.loads((out / "records.jsonl").read_text())["truth"])
    assert record.open().sha256 == found["sha256"]
    assert record.licence == "CC0-1.0"
    Image.new("RGB", (64, 48), (9, 9, 9)).save(tmp_path / "photos" / "lisbon.png")
    with pytest.raises(PhotoError, match=r"traces.jsonl, line 1: .*lisbon.png is not the photo that it is about"):
        record.open()
    (tmp_path / "photos" / "lisbon.png").unlink()
    with pytest.raises(PhotoError, match=r"traces.jsonl, line 1: its photo '.*lisbon.png' is not there"):
        record.open()


def test_a_photo_is_found_beside_its_traces_and_through_its_benchmark(tmp_path: Path) -> None:
    from evals.benchmarks import make_benchmark

    photos = tmp_path / "photos"
    pictures(photos, {"lisbon": (38.7169, -9.1399)})
    (photos / "labels.csv").write_text("path,lat,lon\nlisbon.png,38.7169,-9.1399\n")
    out = tmp_path / "out"
    asyncio.run(collect(make_benchmark(f"folder:{photos}"), looks_and_answers(38.72, -9.14), SETTINGS, out))
    lines = (out / "traces.jsonl").read_text().replace(str(photos / "lisbon.png"), "/gone/lisbon.png")
    (out / "traces.jsonl").write_text(lines)
    [(found, record)] = read_traces(out)
    assert found["path"] == "/gone/lisbon.png"
    assert record.open().sha256 == found["sha256"], "from the benchmark that the manifest names"
    (out / "photos").mkdir()
    shutil.move(photos / "lisbon.png", out / "photos" / "lisbon.png")
    [(_, record)] = read_traces(out)
    assert record.open().path == out / "photos" / "lisbon.png"


def test_other_files_of_trajectories_have_no_truth(tmp_path: Path) -> None:
    path = write(tmp_path, trajectory(), {"version": 1, "photo": "b", "stop": "photo_error", "sha256": None})
    other = path.rename(tmp_path / "located.jsonl")
    [(_, record)] = read_traces(other)
    assert record.truth == Truth()
    with pytest.raises(PhotoError, match="is not there"):
        record.open()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, trajectory(), trajectory(photo="b"))
    path.write_bytes(path.read_bytes()[:-40])
    assert [found["photo"] for found, _ in read_traces(tmp_path)] == ["IMG_20240703.jpg"]


def changed(**parts: Any) -> Callable[[], Any]:
    return lambda: trajectory(**parts)


def message(number: int, **parts: Any) -> Callable[[], Any]:
    def made() -> Any:
        one = trajectory()
        one["messages"][number].update(parts)
        return one

    return made


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (lambda: "{", "not JSON"),
        (lambda: "[" * 100_000, "not a whole trajectory"),
        (lambda: "[]", "not a trajectory"),
        (changed(version=7), "version 7"),
        (changed(sha256=None), "its photo has no name or no digest"),
        (changed(sha256="../../etc"), "its photo has no name or no digest"),
        (changed(photo=7), "its photo has no name or no digest"),
        (changed(size=[0, 48]), "its photo has no size"),
        (changed(size=["64", "48"]), "its photo has no size"),
        (changed(size=7), "not a whole trajectory"),
        (changed(messages=[]), "it has not 2 to 1000 messages"),
        (changed(messages=[{}] * 1001), "it has not 2 to 1000 messages"),
        (changed(messages=["hello", "you"]), "not a whole trajectory"),
        (changed(views={"photo": {"id": "photo"}}), "not a whole trajectory"),
        (changed(views=[]), "not a whole trajectory"),
        (message(2, role="wizard"), "message 3 has no role, or no content"),
        (message(2, content=None), "message 3 has no role, or no content"),
        (message(1, content=[{"type": "view", "view": "v9"}]), "message 2 shows a view 'v9' that there is not"),
        (message(1, content=[{"type": "text", "text": 7}]), "message 2 has a block without a text"),
        (message(2, tool_calls=[{"id": "t1c1", "name": "zoom", "args": "box"}]), "message 3 has a call without a name, an id or arguments"),
        (message(3, tool_call_id=None), "message 4 answers no call"),
    ],
)  # fmt: skip
def test_what_is_no_trajectory_is_named_by_file_and_line(tmp_path: Path, line: Callable[[], Any], reason: str) -> None:
    path = write(tmp_path, trajectory(), "", line())
    found = read_traces(tmp_path)
    next(found)
    with pytest.raises(TraceError) as caught:
        next(found)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TraceError, match=r"cannot read .*traces.jsonl: no such file"):
        next(read_traces(tmp_path))
    path = write(tmp_path, trajectory())
    path.write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(TraceError, match="line 1: not UTF-8"):
        next(read_traces(tmp_path))
    monkeypatch.setattr(traces, "MAX_LINE_BYTES", 1000)
    write(tmp_path, trajectory())
    with pytest.raises(TraceError, match="line 1: longer than"):
        next(read_traces(tmp_path))
    monkeypatch.undo()
    (tmp_path / "records.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(TraceError, match=r"records.jsonl, line 1: not a record \('truth'\)"):
        next(read_traces(tmp_path))
