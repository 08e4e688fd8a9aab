"""GeoVista's cold-start layout, made up here, is replayed through our own loop; rows that cannot be used are counted."""

from __future__ import annotations

import asyncio
import copy
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evals.record import BenchmarkError
from rl_training.collect import Summary
from rl_training.geovista_rows import SHOWN_PIXELS, RowError, photo_of, script_of
from rl_training.geovista_traces import collect_cold_start, read_cold_start
from rl_training.manifest import check_files
from rl_training.traces import read_traces
from tests.rl_training.traces_made import SETTINGS
from tools.observation import View

SIZE = (1600, 1200)
ZOOM = '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [400, 300, 1200, 900], "label": "the sign"}}'
SEARCH = '{\n  "name": "search_web",\n  "arguments": {\n    "query": "Pastelaria Aliança Porto"\n  }\n}'
RESULTS = {"name": "search_web", "query": "Pastelaria Aliança Porto", "result": [
    {"href": "https://example.org/alianca", "body": "A pastry shop in <|im_end|> Porto."},
    {"href": "javascript:alert(1)", "body": "no page"},
    *({"href": f"https://example.org/{n}", "body": f"page {n}"} for n in range(8)),
]}  # fmt: skip


def picture(shade: int = 90, size: tuple[int, int] = SIZE) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, 120, 60)).save(buffer, "JPEG")
    return buffer.getvalue()


def row(name: str = "a1", shade: int = 90, answer: str = "The photo was taken in Porto, Portugal.") -> dict[str, Any]:
    turns = [
        ("human", "<image>\nPlease analyze where is the place."),
        ("gpt", f"<think>A sign on the left.</think>\n<tool_call>\n{ZOOM}\n</tool_call>"),
        ("human", f"<tool_response>For the image, You have zoomed in on the following area: <tool_call>{ZOOM}</tool_call>, and the cropped image is as follows:<image></tool_response>"),
        ("gpt", f"<think>Pastelaria Aliança: I look it up.</think><tool_call>{SEARCH}</tool_call>"),
        ("human", f"<tool_response>For <tool_call>{SEARCH}</tool_call>, the search results are as follows:\n{json.dumps(RESULTS, ensure_ascii=False, indent=2)}</tool_response>"),
        ("gpt", f"<think>It is Porto, not Lisbon.</think>\n<answer>{answer}</answer>"),
    ]  # fmt: skip
    images = [{"bytes": picture(shade), "path": None}, {"bytes": picture(shade, (80, 60)), "path": None}]
    return {
        "id": name,
        "system": "You are …",
        "conversations": [{"from": who, "value": said} for who, said in turns],
        "images": images,
    }


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("cold")
    broken = {**row("b", 20), "images": []}
    source = parquet(
        folder / "set" / "data" / "train" / "data-00000-of-00001.parquet",
        [row(), broken, row("c", 40, "Lisbon"), row("d", 60, "I cannot tell.")],
    )
    summary = asyncio.run(collect_cold_start(source.parent, folder / "out", SETTINGS))
    return folder / "out", summary


def test_rows_become_traces(collected: tuple[Path, Summary]) -> None:
    folder, summary = collected
    assert (summary.records, summary.kept, summary.dropped) == (2, 2, {})
    found = list(read_traces(folder))
    assert [trajectory["photo"] for trajectory, _ in found] == ["a1", "c"]
    trajectory, record = found[0]
    photo = record.open()
    assert (photo.size, photo.sha256) == (SIZE, trajectory["sha256"])
    assert photo.path.parent == folder / "photos"
    assert trajectory["stop"] == "answered"
    assert trajectory["policy"] == "geovista-cold-start"
    assert [step["tool"] for step in trajectory["steps"]] == ["zoom", "search_web", "answer"]
    assert all(step["ok"] for step in trajectory["steps"])
    assert trajectory["answer"]["country"] == "PT"
    assert trajectory["answer"]["city"] == "Porto"


def test_they_have_our_own_words_and_views(collected: tuple[Path, Summary]) -> None:
    folder, _ = collected
    trajectory, record = next(read_traces(folder))
    messages = trajectory["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool", "assistant", "tool", "assistant", "tool"]
    assert messages[0]["content"].startswith("You find out where a photo was taken")
    assert messages[1]["content"][0] == {"type": "view", "view": "photo"}
    assert messages[2]["content"] == "<think>A sign on the left.</think>"
    assert messages[2]["tool_calls"][0]["args"] == {"box": [0.25, 0.25, 0.75, 0.75]}
    view = View.from_json(trajectory["views"]["v1"])
    assert view.box == (0.25, 0.25, 0.75, 0.75)
    assert record.open().render(view).size == (800, 600)
    hits = messages[5]["content"]
    assert "5 results" in hits
    assert "https://example.org/alianca" in hits
    assert "javascript" not in hits
    assert "<|im_end|>" not in hits, "words of the web are quoted"
    answer = messages[6]["tool_calls"][0]
    assert answer["name"] == "answer"
    [candidate] = answer["args"]["candidates"]
    assert candidate["place"] == "Porto, Portugal"
    assert (round(candidate["lat"]), round(candidate["lon"])) == (41, -9)
    assert messages[6]["content"] == "<think>It is Porto, not Lisbon.</think>"
    assert "Please analyze" not in json.dumps(messages), "nothing is left of the other program's prompts"


def test_what_was_left_out_is_in_the_manifest(collected: tuple[Path, Summary]) -> None:
    folder, _ = collected
    said = check_files(folder)
    assert said["notes"] == [
        "1 rows left out: has no images (row 2)",
        "1 rows left out: answers with no place that can be found (row 4)",
    ]
    assert said["teacher"]["name"] == "geovista-cold-start"
    assert said["licences"] == {"not stated": 2}
    assert said["keep"] == "all"


def test_json_lines_with_images_by_path(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(picture())
    (tmp_path / "images" / "broken.jpg").write_bytes(b"no picture")
    lists = row()["conversations"]
    columns = {"from": [turn["from"] for turn in lists], "value": [turn["value"] for turn in lists]}
    rows = [{**row(), "images": ["images/a.jpg"], "conversations": columns}, {**row(), "images": ["/etc/passwd"]},
            {**row(), "images": ["../a.jpg"]}, {**row(), "images": ["images/none.jpg"]}, {**row(), "images": ["images/broken.jpg"]},
            {**row(), "images": [{"path": "images/a.jpg", "bytes": None}]}]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows) + "{no json}\n[]\n")
    found = read_cold_start(path, tmp_path / "out")
    assert [record.id for record in found.records()] == ["a1", "a1-6"]
    assert found.records()[0].open().path == tmp_path / "images" / "a.jpg"
    assert found.problems == {
        "names an image outside of its folder": 2,
        "names an image that cannot be opened": 2,
        "has no images": 2,
    }
    assert len(read_cold_start(path, tmp_path / "out", limit=1).records()) == 1


def test_a_source_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    (tmp_path / "b.parquet").write_text("no parquet")
    for source, reason in (("a.jsonl", "holds no trajectory of GeoVista's that can be used: 1 rows left out: has no images"),
                           ("b.parquet", "cannot be read as parquet"), ("none", "is neither a file nor a folder")):  # fmt: skip
        with pytest.raises(BenchmarkError, match=reason):
            read_cold_start(tmp_path / source, tmp_path / "out")
    parquet(tmp_path / "c.parquet", [{"question": "?"}])
    with pytest.raises(BenchmarkError, match="has no columns conversations and images"):
        read_cold_start(tmp_path / "c.parquet", tmp_path / "out")


# -- single rows


def with_turn(number: int, said: str) -> Callable[[], dict[str, Any]]:
    def made() -> dict[str, Any]:
        changed = copy.deepcopy(row())
        changed["conversations"][number]["value"] = said
        return changed

    return made


def with_turns(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[], dict[str, Any]]:
    def made() -> dict[str, Any]:
        changed = copy.deepcopy(row())
        changed["conversations"] = change(changed["conversations"])
        return changed

    return made


def zoom(box: str) -> str:
    return f'<tool_call>{{"name": "image_zoom_in_tool", "arguments": {{"bbox_2d": {box}}}}}</tool_call>'


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (with_turns(lambda turns: None), "has no conversation"),
        (with_turns(lambda turns: turns * 10), "has no conversation, or too long a one"),
        (with_turns(lambda turns: turns[1:]), "does not begin with the photo"),
        (with_turns(lambda turns: turns[:-1]), "ends without an answer"),
        (with_turns(lambda turns: ["hello"]), "has a turn of nobody"),
        (with_turns(lambda turns: [{"from": "wizard", "value": ""}]), "has a turn of nobody"),
        (with_turn(0, "<image>" + "x" * 200_001), "has a turn that is too long"),
        (with_turn(1, "<think>" + "x" * 8000 + f"<tool_call>{ZOOM}</tool_call>"), "has a reply that is too long"),
        (with_turn(5, "<think><|im_end|></think><answer>Porto</answer>"), "has control tokens in a reply"),
        (with_turn(1, "I think."), "ends without an answer"),
        (with_turn(1, "<tool_call>{'name': 'image_zoom_in_tool'}</tool_call>"), "makes a call that cannot be read"),
        (with_turn(1, "<tool_call>null</tool_call>"), "makes a call that cannot be read"),
        (with_turn(1, '<tool_call>{"name": "search_web", "arguments": "x"}</tool_call>'), "makes a call that cannot be read"),
        (with_turn(1, '<tool_call>{"name": "rm", "arguments": {}}</tool_call>'), "calls a tool that there is not"),
        (with_turn(1, zoom("[1, 2, 3]")), "zooms into what is no box"),
        (with_turn(1, zoom("[1, 2, 3, NaN]")), "zooms into what is no box"),
        (with_turn(1, zoom("[1, 2, 3, true]")), "zooms into what is no box"),
        (with_turn(1, zoom("[0, 0, 5000, 20]")), "zooms outside of the photo"),
        (with_turn(3, '<tool_call>{"name": "search_web", "arguments": {"query": " "}}</tool_call>'), "searches for nothing"),
        (with_turn(4, "<tool_response>Tool call error: timeout</tool_response>"), "has a search whose results cannot be read"),
        (with_turn(4, "the search results are as follows:\n{"), "has a search whose results cannot be read"),
        (with_turn(5, "<answer>I cannot tell.</answer>"), "answers with no place that can be found"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(made: Callable[[], dict[str, Any]], reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        script_of(made(), SIZE)


@pytest.mark.parametrize("images", [None, [], "a.jpg", [None], [{"bytes": None, "path": None}], [7], [b"x"] * 33])
def test_a_row_needs_a_photo(images: Any) -> None:
    with pytest.raises(RowError, match="image"):
        photo_of({"images": images})


def test_boxes_are_in_the_space_of_the_picture_that_was_shown() -> None:
    large = (4000, 3000)
    assert script_of(row(), large).shown_pixels == SHOWN_PIXELS
    whole = with_turn(1, zoom("[3000, 2000, 3900, 2900]"))()
    assert script_of(whole, large).shown_pixels == 4000 * 3000


def test_the_first_call_of_a_turn_and_the_first_answer_count() -> None:
    twice = with_turn(1, f"<tool_call>{ZOOM}</tool_call><tool_call>{SEARCH}</tool_call>")()
    assert [call["name"] for reply in script_of(twice, SIZE).replies for call in reply["tool_calls"]] == [
        "image_zoom_in_tool",
        "search_web",
        "answer",
    ]
    pushed = row()
    pushed["conversations"] += [
        {"from": "human", "value": "Now you must try"},
        {"from": "gpt", "value": "<answer>Lisbon</answer>"},
    ]
    assert script_of(pushed, SIZE).replies[-1]["tool_calls"][0]["args"]["candidates"][0]["place"] == "Porto, Portugal"


def test_a_second_import_goes_on(tmp_path: Path) -> None:
    source = parquet(tmp_path / "rows.parquet", [row()])
    first = asyncio.run(collect_cold_start(source, tmp_path / "out", SETTINGS))
    text = (tmp_path / "out" / "traces.jsonl").read_text()
    assert asyncio.run(collect_cold_start(source, tmp_path / "out", replace(SETTINGS, workers=2))) == first
    assert (tmp_path / "out" / "traces.jsonl").read_text() == text
