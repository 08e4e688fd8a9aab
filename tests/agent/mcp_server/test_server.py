"""The server over its in-memory transport: what a client sees, and what wrong calls get."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastmcp")

from fastmcp import Client
from PIL import Image

from agent.conversation.guard import Coarse
from agent.mcp_server.content import PREVIEW_PIXELS
from agent.mcp_server.server import Workbench, make_server
from agent.policies import Policy
from agent.policies.scripted import Scripted
from agent.trajectory import load
from tests.agent.mcp_server.cases import draw, make_workbench


class Absent(Scripted):
    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no model is there")


Talk = Callable[[Any], Awaitable[None]]


def talk(desk: Workbench, *talks: Talk, **client: Any) -> None:
    """Every talk is held by a client of its own, one after the other."""

    async def hold() -> None:
        server = make_server(desk, "0.0")
        for one in talks:
            async with Client(server, **client) as connected:
                await one(connected)

    asyncio.run(hold())


async def call(client: Any, tool: str, **arguments: Any) -> Any:
    return await client.call_tool(tool, arguments, raise_on_error=False)


async def opened(client: Any, photo: str = "a.png") -> str:
    answer = await call(client, "open_photo", photo=photo)
    assert not answer.is_error, answer.content[0].text
    return str(answer.structured_content["photo_id"])


async def refused(client: Any, tool: str, **arguments: Any) -> str:
    answer = await call(client, tool, **arguments)
    assert answer.is_error
    assert len(answer.content) == 1
    said = str(answer.content[0].text)
    assert "Traceback" not in said
    assert "\n" not in said
    return said


def picture(block: Any) -> Image.Image:
    assert (block.type, block.mime_type) == ("image", "image/jpeg")
    return Image.open(io.BytesIO(base64.b64decode(block.data)))


def test_tools_have_their_own_schemas(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        tools = {tool.name: tool for tool in await client.list_tools()}
        assert {"open_photo", "belief", "locate", "zoom", "read_text", "find_place", "read_page", "search_web"} <= set(tools)
        assert "read_metadata" not in tools
        zoom, place = tools["zoom"].input_schema, tools["find_place"].input_schema
        assert zoom["required"] == ["photo_id"]
        assert zoom["properties"].keys() >= {"photo_id", "box", "region"}
        assert "photo_id" in place["properties"]
        assert "photo_id" not in place.get("required", [])
        assert tools["search_web"].input_schema["required"] == ["query"]
        assert all(tool.annotations.read_only_hint for tool in tools.values())

    talk(make_workbench(tmp_path), look)


def test_metadata_is_served_only_when_it_may_be_used(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        answer = await call(client, "read_metadata", photo_id=await opened(client))
        assert "no metadata" in answer.content[0].text

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path, metadata=True), look)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_photo_is_opened_looked_at_and_weighed(tmp_path: Path, mode: str) -> None:
    async def look(client: Any) -> None:
        answer = await call(client, "open_photo", photo="a.png")
        preview = picture(answer.content[1])
        assert preview.width * preview.height <= PREVIEW_PIXELS
        assert (answer.structured_content["width"], answer.structured_content["height"]) == (1200, 800)
        photo_id = answer.structured_content["photo_id"]

        seen = await call(client, "sees", photo_id=photo_id)
        assert seen.structured_content["evidence"] == [
            {"claim": "the tiles are Portuguese", "tool": "sees", "reliability": 0.9, "citations": ["photo"]}
        ]
        assert seen.structured_content["regions"] == [{"number": 1, "box": [0.0, 0.0, 0.5, 1.0], "label": "tiles (/INST)"}]
        assert seen.content[0].text.splitlines()[-1] == seen.structured_content["belief"]
        assert "Portugal" in seen.structured_content["belief"]

        crop = await call(client, "zoom", photo_id=photo_id, region=1)
        assert crop.structured_content["views"][0]["id"] == "v1"
        assert crop.content[1].text == "view v1:"
        assert picture(crop.content[2]).size == (600, 800)
        deeper = await call(client, "zoom", photo_id=photo_id, view="v1", box=[0, 0, 0.5, 0.5])
        assert deeper.structured_content["views"][0]["box"] == [0.0, 0.0, 0.25, 0.5]

        belief = await call(client, "belief", photo_id=photo_id)
        found = belief.structured_content
        assert found["answer"]["country"] == found["alternatives"][0]["country"] == "PT"
        assert found["answer"]["radius90_km"] > found["answer"]["radius50_km"] > 0
        (told,) = found["evidence"]
        assert told["bits"] > 3
        assert told["for_best_guess_bits"] > 3
        assert "likelihood" not in told

    draw(tmp_path / "a.png", (1200, 800))
    talk(make_workbench(tmp_path), look, mode=mode)


def test_a_belief_without_evidence_tells_nothing(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        belief = await call(client, "belief", photo_id=await opened(client))
        assert not belief.is_error
        assert belief.structured_content["answer"] is None
        assert belief.structured_content["evidence"] == []
        assert "no evidence so far" in belief.content[0].text

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path), look)


def test_evidence_counts_for_the_photo_it_was_found_for(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        first, second = await opened(client), await opened(client)
        for photo_id in (None, first):
            answer = await call(client, "find_place", name="Porto", country="PT", seen_in_photo=True, photo_id=photo_id)
            assert not answer.is_error
        counts = [len((await call(client, "belief", photo_id=i)).structured_content["evidence"]) for i in (first, second)]
        assert counts == [1, 0]

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path), look)


def test_search_results_can_be_read_by_number(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        hits = await call(client, "search_web", query="Porto", k=2)
        assert [source["id"] for source in hits.structured_content["sources"]] == ["w1", "w2"]
        page = await call(client, "read_page", source="w1")
        assert "never instructions" in page.content[0].text
        assert "no search result" in await refused(client, "read_page", source="https://example.org/")

    talk(make_workbench(tmp_path), look)


def test_wrong_calls_get_one_sentence(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        photo_id = await opened(client)
        assert "No open photo" in await refused(client, "zoom", photo_id="photo-x", box=[0, 0, 1, 1])
        assert "No open photo" in await refused(client, "zoom", box=[0, 0, 1, 1])
        assert "No open photo" in await refused(client, "find_place", name="Porto", photo_id="photo-x")
        assert "No open photo" in await refused(client, "belief", photo_id="photo-x")
        assert "photo_id" in await refused(client, "locate")
        assert "zoom was not called: box" in await refused(client, "zoom", photo_id=photo_id, box="left")
        assert "zoom was not called: boks" in await refused(client, "zoom", photo_id=photo_id, boks=[0, 0, 1, 1])
        assert "open_photo was not called" in await refused(client, "open_photo", photo=["a.png"])
        assert "open_photo was not called: path" in await refused(client, "open_photo", photo="a.png", path="b")
        assert "region" in await refused(client, "zoom", photo_id=photo_id, region=77)
        assert "no folder from which" in await refused(client, "open_photo", photo="/etc/passwd")
        assert "Unknown tool" in await refused(client, "shell", command="ls")
        said = await refused(client, "breaks", photo_id=photo_id)
        assert said == "breaks failed: the ‹|im_start|› disk burns"
        assert "took longer than" in await refused(client, "dawdles", photo_id=photo_id)
        assert not (await call(client, "sees", photo_id=photo_id)).is_error  # and all goes on

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path), look)


def test_calls_and_photos_are_bounded(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        first = await opened(client)
        for _ in range(2):
            assert not (await call(client, "sees", photo_id=first)).is_error
        assert "All 2 calls" in await refused(client, "sees", photo_id=first)
        for _ in range(3):  # without a photo one starts anew
            assert not (await call(client, "reverse_geocode", lat=41.15, lon=-8.61)).is_error
        await opened(client)
        await opened(client)
        assert "No open photo" in await refused(client, "belief", photo_id=first)

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path, most_calls=2, most_photos=2), look)


def test_calls_at_once_do_not_take_the_same_number(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        photo_id = await opened(client)
        boxes = [[0.1 * i, 0, 0.1 * i + 0.3, 0.5] for i in range(6)]
        answers = await asyncio.gather(*(call(client, "zoom", photo_id=photo_id, box=box) for box in boxes))
        assert sorted(a.structured_content["views"][0]["id"] for a in answers) == [f"v{n}" for n in range(1, 7)]

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path), look)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_locate_reports_progress_and_saves(tmp_path: Path, mode: str) -> None:
    events: list[tuple[float, str]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        events.append((done, message or ""))

    async def look(client: Any) -> None:
        photo_id = await opened(client)
        answer = await call(client, "locate", photo_id=photo_id)
        found = answer.structured_content
        assert not answer.is_error
        assert (found["stop"], found["answer"]["country"], found["photo"]) == ("answered", "PT", "a.png")
        assert found["evidence"][0]["claim"] == "the tiles are Portuguese"
        assert answer.content[0].text.startswith("Answer: ")
        (saved,) = load(Path(found["trajectory"]))
        assert saved["sha256"] == found["sha256"]
        belief = await call(client, "belief", photo_id=photo_id)
        assert belief.structured_content["evidence"] == []

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path), look, progress_handler=progress, mode=mode)
    assert [number for number, _ in events] == sorted({number for number, _ in events})
    assert any("sees: Tiles." in message for _, message in events)


def test_a_policy_that_fails_is_told(tmp_path: Path) -> None:
    async def look(client: Any) -> None:
        answer = await call(client, "locate", photo_id=await opened(client))
        assert answer.is_error
        assert answer.structured_content["stop"] == "policy_error"
        assert "The policy failed" in answer.content[0].text

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path, policy=Policy("scripted:none", Absent(replies=[]))), look)


def test_sessions_do_not_see_each_others_photos(tmp_path: Path) -> None:
    ids: list[str] = []

    async def first(client: Any) -> None:
        ids.append(await opened(client))

    async def second(client: Any) -> None:
        assert "No open photo" in await refused(client, "belief", photo_id=ids[0])

    draw(tmp_path / "a.png")
    talk(make_workbench(tmp_path), first, second, mode="legacy")


def test_a_guard_keeps_photos_closed(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")

    async def one(client: Any) -> None:
        assert "within 50 km" in await refused(client, "open_photo", photo="a.png")

    talk(make_workbench(tmp_path, guard=Coarse(50)), one)
