"""Runs as Inspect logs: what is in them, that memory stays small, and, where Inspect is installed, that it reads them."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals.interchange.inspect_log import write_inspect_log
from evals.record import Record, Truth
from evals.row import Guess, Row, ToolCall

MANIFEST: dict[str, Any] = {
    "format": 1, "benchmark": "some", "checksum": "abc", "size": 9, "n": 5, "seed": 3, "policy": "openai:model", "prompts": {"system": "1a2b"},
    "settings": {"limits": {"max_turns": 12, "max_calls": 24, "max_seconds": 600.0}, "tools": {}, "policy": {"temperature": 0.2}},
    "versions": {"geosleuth": "0.1", "python": "3.11"}, "price": [1.0, 2.0], "started": "2026-11-01T10:00:00+00:00",
}  # fmt: skip
METRICS: dict[str, dict[str, Any]] = {"country": {"value": 0.6, "low": 0.2, "high": 1.0, "n": 5}, "geoscore": {"value": 3000.5, "low": 1.0, "high": 4000.0, "n": 5},
           "median_km": {"value": None, "low": 10.0, "high": None, "n": 5}, "within_25km": {"value": 0.2, "low": 0.0, "high": 0.4, "n": 5}}  # fmt: skip
TRUTH = Truth(41.1496, -8.6109, "PT", "Porto", "Porto", ("region",), {"city": "Porto", "country": "Portugal"})
JPEG = b"\xff\xd8\xff\xe0 not much of a picture"


def trajectory(name: str, **changes: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "You find out where a photo was taken."},
        {"role": "user", "content": [{"type": "view", "view": "photo"}, {"type": "text", "text": "Where was this photo taken?"}]},
        {"role": "assistant", "content": "I look closer.", "tool_calls": [{"id": "c1", "name": "zoom", "args": {"box": [0.1, 0.2, 0.35, 0.6]}},
                                                                          {"id": "c2", "name": "search_web", "args": {"query": "Rua \ud800"}}]},
        {"role": "tool", "content": [{"type": "text", "text": "v1 shows"}, {"type": "view", "view": "v1"}], "tool_call_id": "c1", "name": "zoom"},
        {"role": "tool", "content": "no network", "tool_call_id": "c2", "name": "search_web"},
        {"role": "assistant", "content": "Porto.", "tool_calls": []},
    ]  # fmt: skip
    return {
        "version": 1, "photo": name, "sha256": "ab" * 32, "stop": "answered", "error": None, "started": "2026-11-01T10:00:05+00:00", "seconds": 7.5,
        "limits": MANIFEST["settings"]["limits"], "belief": {"gain_bits": 8.25},
        "alternatives": [{"kind": "city", "city": "Porto", "region": "Porto", "country_name": "Portugal", "probability": 0.6},
                         {"kind": "country", "country_name": "Spain", "probability": 0.1}],
        "views": {"v1": {"id": "v1", "box": [0.1, 0.2, 0.35, 0.6], "rotate_deg": 0, "contrast": False}},
        "ledger": [{"tool": "read_text", "claim": "the text is Portuguese", "for_answer_bits": 4.25}],
        "steps": [{"id": "c1", "tool": "zoom", "ok": True}, {"id": "c2", "tool": "search_web", "ok": False, "text": "no network"}], "messages": messages,
        **changes,
    }  # fmt: skip


def row(name: str, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "kind": "photo", "truth": TRUTH, "columns": {"continent": "Europe"}, "answer": Guess(41.2, -8.6, "Maia, Porto, Portugal", "PT", "Porto", "Maia", 0.6),
        "distance_km": 5.678, "levels": {"country": True, "region": True, "city": False}, "stop": "answered", "turns": 2, "tokens_in": 1000,
        "tokens_out": 50, "usd": 0.0011, "seconds": 7.5, "calls": (ToolCall("zoom", True, 0.1, 0.0), ToolCall("search_web", False, 0.1, 0.0)), **changes,
    }  # fmt: skip
    return Row(name, **values)


def run() -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]], dict[str, Row]]:
    none = {"answer": None, "distance_km": None, "levels": {"country": False, "region": False, "city": False}, "calls": ()}
    rows = [row("a/1.jpg"), row("b", **none, stop="photo_error"), row("c", **none, stop="not_run"), row("d", stop="max_turns"),
            row("e", **{**none, "levels": {"country": None, "region": None, "city": None}, "truth": Truth()}, stop="cannot_tell", usd=None)]  # fmt: skip
    records = [Record(r.id, r.truth, lambda: None, attribution="A. Photographer").to_json() for r in rows]  # type: ignore[arg-type, return-value]
    trajectories = {
        "a/1.jpg": trajectory("a/1.jpg"),
        "b": {"version": 1, "photo": "b", "stop": "photo_error", "error": "b.jpg is damaged", "seconds": 0.0, "answer": None, "ledger": []},
        "d": trajectory("d", stop="max_turns"), "e": trajectory("e", stop="cannot_tell"),
    }  # fmt: skip
    return records, trajectories, {r.id: r for r in rows}


def write(path: Path, pictures: bool = True) -> Path:
    records, trajectories, rows = run()
    shown = {"a/1.jpg": JPEG} if pictures else {}
    assert write_inspect_log(path, MANIFEST, records, trajectories, rows, METRICS, shown.get) == 5
    return path


def read(path: Path) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The header, and samples by id."""
    if path.suffix == ".json":
        log = json.loads(path.read_text(encoding="utf-8"))
        return log, {sample["id"]: sample for sample in log["samples"]}
    with zipfile.ZipFile(path) as log:
        names = [name for name in log.namelist() if name.startswith("samples/")]
        samples = [json.loads(log.read(name)) for name in names]
        return json.loads(log.read("header.json")), {sample["id"]: sample for sample in samples}


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_header(tmp_path: Path, ending: str) -> None:
    header, samples = read(write(tmp_path / f"log{ending}"))
    spec = header["eval"]
    assert list(header)[:6] == ["version", "status", "eval", "plan", "results", "stats"]
    assert (header["version"], header["status"]) == (2, "cancelled")
    assert (spec["task"], spec["model"], spec["created"]) == ("geosleuth/some", "openai:model", "2026-11-01T10:00:00+00:00")
    assert spec["dataset"] == {"name": "some", "samples": 5, "sample_ids": list(samples), "shuffled": True}
    assert spec["packages"]["geosleuth"] == "0.1"
    assert spec["metadata"]["prompts"] == {"system": "1a2b"}
    assert spec["model_generate_config"] == {"temperature": 0.2}
    scores = {score["name"]: score for score in header["results"]["scores"]}
    assert (header["results"]["total_samples"], header["results"]["completed_samples"]) == (5, 4)
    assert scores["country"]["metrics"]["accuracy"]["value"] == 0.6
    assert (scores["country"]["scored_samples"], scores["country"]["unscored_samples"]) == (4, 1)
    assert list(scores["distance_km"]["metrics"]) == ["within_25km"], "a median that is infinite is left out"
    assert header["stats"]["model_usage"]["openai:model"] == {
        "input_tokens": 5000,
        "output_tokens": 250,
        "total_tokens": 5250,
        "total_cost": pytest.approx(0.0044),
    }
    assert header["stats"]["completed_at"] == "2026-11-01T10:00:12+00:00"


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_samples(tmp_path: Path, ending: str) -> None:
    _, samples = read(write(tmp_path / f"log{ending}"))
    sample = samples["a/1.jpg"]
    assert sample["target"] == "Porto, Portugal (41.14960, -8.61090)"
    assert {name: score["value"] for name, score in sample["scores"].items()} == {
        "country": "C", "region": "C", "city": "I", "geoscore": pytest.approx(4981.0, abs=0.1), "distance_km": 5.678}  # fmt: skip
    assert sample["metadata"]["belief"] == "Porto, Portugal 60 %; Spain 10 %; 8.2 bits told"
    assert sample["metadata"]["evidence"] == ["read_text: the text is Portuguese (+4.2 bits for the answer)"]
    assert sample["metadata"]["tool_calls"] == ["zoom", "search_web (failed)"]
    assert sample["model_usage"]["openai:model"]["total_tokens"] == 1050
    assert sample["output"]["completion"] == "Maia, Porto, Portugal (41.20000, -8.60000)"
    key = sample["input"][0]["content"][0]["image"]
    assert base64.b64decode(sample["attachments"][key.removeprefix("attachment://")].partition(",")[2]) == JPEG
    assert json.dumps(sample).count("base64") == 1, "the picture is held once"


def test_messages(tmp_path: Path) -> None:
    _, samples = read(write(tmp_path / "log.eval"))
    messages = samples["a/1.jpg"]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "tool", "assistant"]
    assert messages[2]["tool_calls"][0] == {
        "id": "c1",
        "function": "zoom",
        "arguments": {"box": [0.1, 0.2, 0.35, 0.6]},
        "type": "function",
    }
    assert messages[3]["content"][1]["text"] == "[view v1: the photo from 10 % to 35 % across and 20 % to 60 % down]"
    assert "error" not in messages[3]
    assert messages[4]["error"] == {"type": "unknown", "message": "no network"}
    _, without = read(write(tmp_path / "bare.eval", pictures=False))
    assert without["a/1.jpg"]["messages"][1]["content"][0]["text"] == "[the photo]"
    assert without["a/1.jpg"]["attachments"] == {}


def test_ends(tmp_path: Path) -> None:
    _, samples = read(write(tmp_path / "log.eval"))
    assert samples["b"]["error"]["message"] == "b.jpg is damaged"
    assert samples["c"]["error"]["message"] == "this record was not run"
    assert samples["c"]["messages"][0]["role"] == "user"
    assert {name: score["value"] for name, score in samples["c"]["scores"].items()} == {
        "country": "I",
        "region": "I",
        "city": "I",
        "geoscore": 0.0,
    }
    assert samples["d"]["limit"] == {"type": "turn", "limit": 12.0, "reason": "max turns"}
    assert "error" not in samples["e"]
    assert samples["e"]["scores"] == {}, "no verdict is none, not 0"


def test_summaries_are_small(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path / "log.eval")) as log:
        assert {"_journal/start.json", "header.json", "summaries.json", "samples/a/1.jpg_epoch_1.json"} <= set(log.namelist())
        summaries = {summary["id"]: summary for summary in json.loads(log.read("summaries.json"))}
    assert summaries["a/1.jpg"]["input"][0]["content"][0] == {"type": "text", "text": "(Image)"}
    assert summaries["b"]["error"] == "b.jpg is damaged"
    assert summaries["d"]["limit"] == "turn"
    assert "messages" not in summaries["a/1.jpg"]


def test_the_same_run_gives_the_same_log(tmp_path: Path) -> None:
    assert write(tmp_path / "a.json").read_bytes() == write(tmp_path / "b.json").read_bytes()
    with pytest.raises(ValueError, match=r"ends in \.eval or \.json"):
        write(tmp_path / "log.txt")


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_memory_does_not_grow_with_the_pictures(tmp_path: Path, ending: str) -> None:
    """400 pictures of 100 kB are 40 MB; never more than a few of them are held."""
    rows = {f"r{i}": row(f"r{i}") for i in range(400)}
    records = [Record(name, TRUTH, lambda: None).to_json() for name in rows]  # type: ignore[arg-type, return-value]
    one = trajectory("any")
    tracemalloc.start()
    write_inspect_log(
        tmp_path / f"log{ending}", MANIFEST, records, dict.fromkeys(rows, one), rows, METRICS, lambda name: JPEG * 4000
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_inspect_reads_it(tmp_path: Path, ending: str) -> None:
    logs = pytest.importorskip("inspect_ai.log")
    path = str(write(tmp_path / f"log{ending}"))
    log = logs.read_eval_log(path, resolve_attachments=True)
    assert (log.status, len(log.samples)) == ("cancelled", 5)
    sample = logs.read_eval_log_sample(path, id="a/1.jpg", epoch=1, resolve_attachments=True)
    assert sample.messages[2].tool_calls[0].function == "zoom"
    assert sample.input[0].content[0].image.startswith("data:image/jpeg;base64,")
    assert sample.scores["distance_km"].value == 5.678
    assert len(logs.read_eval_log_sample_summaries(path)) == 5
