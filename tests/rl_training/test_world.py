"""Where a policy practises: what is drawn, which tools there are, photos shared by a group."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.photo import PhotoError, open_photo
from evals.record import BenchmarkError, Record
from rl_training import world as world_module
from rl_training.config import WorldSettings
from rl_training.reading import RememberedReader
from rl_training.world import World, held_out, tools_of
from tests.rl_training.traces_made import Given, pictures
from tools.read_text import ReadText
from tools.toolbox import ToolSettings

POINTS = {f"p{i}": (40.0 + i, -8.0) for i in range(6)}


def world(benches: Sequence[Given], seed: int = 0, **settings: Any) -> World:
    made = World(WorldSettings(benches=(), **settings), seed)
    made.benches = list(benches)
    return made


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return pictures(tmp_path_factory.mktemp("photos"), POINTS)


def ids(records: Sequence[Record]) -> list[str]:
    return [record.id for record in records]


def test_what_is_drawn_depends_on_seed_step_and_salt_alone(six: Given) -> None:
    place = world([six])
    first = ids(place.draw(4, 3))
    place.draw(5, 2)
    assert ids(place.draw(4, 3)) == ids(world([six]).draw(4, 3)) == first
    assert len(set(first)) == 3
    draws = [ids(place.draw(step, 3, salt)) for step in range(4) for salt in range(2)] + [ids(world([six], seed=1).draw(0, 3))]
    assert len(set(map(tuple, draws))) > 6
    assert {i for draw in draws for i in draw} == set(POINTS), "in the long run everything"


def test_a_curriculum_begins_benchmarks_later(six: Given) -> None:
    easy, hard = Given(six.given[:2]), Given(six.given[2:])
    place = world([easy, hard], curriculum=(0, 10))
    assert {i for step in range(10) for i in ids(place.draw(step, 2))} == {"p0", "p1"}
    later = [i for step in range(10, 40) for i in ids(place.draw(step, 2))]
    assert set(later) == set(POINTS)
    assert 0.3 < sum(i in {"p0", "p1"} for i in later) / len(later) < 0.7, "each benchmark has the same share"
    assert {i for step in range(20) for i in ids(world([easy, hard]).draw(step, 2))} == set(POINTS), (
        "without one all begin at once"
    )


def test_more_than_there_is_cannot_be_drawn(six: Given) -> None:
    assert sorted(ids(world([six]).draw(0, 6))) == sorted(POINTS)
    with pytest.raises(BenchmarkError, match="step 3 draws 7 tasks, and its benchmarks hold 6"):
        world([six, six]).draw(3, 7)  # the same ones twice are not more
    with pytest.raises(BenchmarkError, match="hold 0"):
        world([six], curriculum=(5,)).draw(4, 1)
    with pytest.raises(BenchmarkError):
        world([]).draw(0, 1)


def test_a_group_shares_its_photo(tmp_path: Path) -> None:
    opened = []

    def open_it() -> Any:
        opened.append(1)
        return open_photo(tmp_path / "a.png")

    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    record = replace(pictures(tmp_path / "photos", {"x": (1.0, 2.0)}).given[0], open=open_it)
    place = world([])

    async def group() -> list[Any]:
        return await asyncio.gather(*(place.photo(record) for _ in range(8)))

    photos = asyncio.run(group())
    place.new_loop()
    assert len({id(photo) for photo in [*photos, *asyncio.run(group())]}) == len(opened) == 1


def test_only_so_many_photos_stay_open(tmp_path: Path, six: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_module, "_OPEN_PHOTOS", 2)
    opened: list[str] = []

    def watched(record: Record) -> Record:
        def open_it() -> Any:
            opened.append(record.id)
            return record.open()

        return replace(record, open=open_it)

    place = world([])

    async def one_after_another() -> None:
        for number in (0, 1, 2, 2, 0):
            await place.photo(watched(six.given[number]))

    asyncio.run(one_after_another())
    assert opened == ["p0", "p1", "p2", "p0"]


def test_a_photo_that_is_not_there_is_a_fault_of_its_own(six: Given) -> None:
    place = world([])
    gone = replace(six.given[0], id="gone", open=lambda: open_photo("nowhere.jpg"))

    async def both() -> Any:
        return await asyncio.gather(place.photo(gone), place.photo(six.given[1]), place.photo(gone), return_exceptions=True)

    first, fine, again = asyncio.run(both())
    assert isinstance(first, PhotoError)
    assert isinstance(again, PhotoError)
    assert fine.size == (64, 48)


def test_limits_come_from_the_settings() -> None:
    limits = world([], max_turns=3, max_calls=5, max_seconds=60.0, think_seconds=7.0).limits
    assert (limits.max_turns, limits.max_calls, limits.max_seconds, limits.think_seconds, limits.votes) == (3, 5, 60.0, 7.0, 0)
    assert limits.max_views_shown > limits.max_calls, "no view is ever taken back, so that a stream only grows"


def test_tools_are_those_that_are_named(tmp_path: Path) -> None:
    offline = ToolSettings(offline=True, leave_out_copies=True)
    every = tools_of(WorldSettings(), offline, tmp_path)
    assert {"zoom", "read_text", "find_place", "estimate"} <= set(every)
    reader = every["read_text"]
    assert isinstance(reader, ReadText)
    assert isinstance(reader._reader, RememberedReader)
    assert reader._reader.folder == tmp_path
    some = tools_of(WorldSettings(tools=("zoom", "answer")), offline)
    assert list(some) == ["zoom"], "the answer is always there and is no tool of the world"
    known = tools_of(WorldSettings(reader="known", tools=("read_text",)), offline)["read_text"]
    assert type(known).__name__ == "KnownText"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tools": ("zoom", "teleport")}, "no tool teleport; there are"),
        ({"reader": "psychic"}, "ocr, known or known-ocr, not 'psychic'"),
    ],
)
def test_tools_that_are_not_there_are_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        tools_of(replace(WorldSettings(), **change), ToolSettings(offline=True))
    assert "\n" not in str(caught.value)


def test_benchmarks_are_made_from_their_names() -> None:
    place = World(WorldSettings(benches=("practice:easy:1:2:train",)), seed=3)
    (drawn,) = place.draw(0, 1)
    assert drawn.id.startswith("practice-easy-1-")
    (other,) = held_out(WorldSettings(held_out=("practice:easy:1:2:held-out",)))
    assert len(other.records()) == 2
    assert not set(ids(other.records())) & set(ids(place.benches[0].records()))
    with pytest.raises(BenchmarkError):
        World(WorldSettings(benches=("nowhere:5",)))
