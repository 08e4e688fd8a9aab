"""Perfect reading of drawn scenes: what is read where, by the practice world's own measure."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest

from agent.photo import PhotoError
from evals.practice import Practice, ScenePlan
from evals.practice.layout import ZOOM_PX
from rl_training.config import WorldSettings
from rl_training.known_text import KnownText, KnownTextError, Written, open_known, scene_of, written_in
from rl_training.world import World
from tools.observation import Observation, ToolContext, View
from tools.read_text import ReadText, ReadTextArguments
from tools.zoom import Zoom, ZoomArguments

PLANS = [*Practice("hard.stops", 1, 6).plans(), *Practice("medium.zoomed_name", 1, 4).plans(), *Practice("easy", 1, 3).plans()]


def context(plan: ScenePlan, **views: View) -> ToolContext:
    return ToolContext(open_known(plan.id, 96), {"photo": View("photo"), **views})


def read(known: ToolContext, as_ocr: bool = False, **arguments: object) -> Observation:
    return KnownText(as_ocr).run(ReadTextArguments.model_validate(arguments), known)


def texts(observation: Observation) -> set[str]:
    return {line["text"] for line in observation.data["lines"]}


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_a_line_is_read_where_its_clue_needs_no_zoom(plan: ScenePlan) -> None:
    found = texts(read(context(plan)))
    for clue in plan.clues:
        if clue.text and clue.line >= 0 and sum(c.isalnum() for c in clue.text) > 1:
            assert any(clue.text in text for text in found) is not clue.needs_zoom, clue


@pytest.mark.parametrize("plan", [plan for plan in PLANS if plan.level != "easy"], ids=lambda plan: plan.id)
def test_what_is_too_small_is_a_region_and_is_read_once_it_is_zoomed_into(plan: ScenePlan) -> None:
    known = context(plan)
    first = read(known)
    decisive = [clue for clue in plan.clues if clue.decisive]
    unread = {item["number"]: item["box"] for item in first.data["unread"]}
    assert first.data["unreadable"] == list(unread)
    assert f"region {', '.join(map(str, unread))}. Zoom in to look." in first.text
    for clue in decisive:
        assert not any(text.startswith(clue.text) for text in texts(first))
        number = next(n for n, box in unread.items() if box == pytest.approx(clue.box, abs=1e-4))
        regions = {region.number: region for region in first.regions}
        (view,) = Zoom().run(ZoomArguments(region=number), ToolContext(known.photo, known.views, regions)).views
        again = read(ToolContext(known.photo, {**known.views, view.id: view}, regions), view=view.id)
        assert any(text.startswith(clue.text) for text in texts(again))
        assert min(line["number"] for line in again.data["lines"]) > max(regions)


def test_a_region_can_be_read_alone() -> None:
    known = context(PLANS[0])
    first = read(known)
    regions = {region.number: region for region in first.regions}
    again = read(ToolContext(known.photo, known.views, regions), region=first.data["unreadable"][-1])
    assert again.data["lines"]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_as_ocr_small_letters_are_read_and_strange_scripts_are_not(plan: ScenePlan) -> None:
    found = read(context(plan), as_ocr=True)
    assert not found.data["unread"]
    assert {line["script"] for line in found.data["lines"]} <= {"", "Latin", "Chinese", "Japanese"}
    plain = [line.text for line in written_in(plan.id) if line.text.isascii() and line.letter_px >= ZOOM_PX[0]]
    assert set(plain) <= texts(found)


def test_a_line_in_two_scripts_is_read_as_far_as_ocr_can(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (Written("ลำพูน 75 km", (0.1, 0.1, 0.3, 0.2), 20.0), Written("ลำพูน", (0.4, 0.1, 0.6, 0.2), 20.0))
    monkeypatch.setattr("rl_training.known_text.written_in", lambda name: lines)
    assert texts(read(context(PLANS[0]), as_ocr=True)) == {"75 km"}
    assert texts(read(context(PLANS[0]))) == {"ลำพูน 75 km", "ลำพูน"}


def test_as_ocr_it_reads_what_ocr_reads() -> None:
    """Of a scene whose signs are Latin, more than three lines in four, letter for letter or nearly so."""
    record = Practice("hard.stops", 1, 1).records()[0]
    said = texts(read(ToolContext(open_known(record.id), {"photo": View("photo")}), as_ocr=True))
    real = texts(ReadText().run(ReadTextArguments(), ToolContext(record.open(), {"photo": View("photo")})))
    near = [max(SequenceMatcher(None, a.lower(), b.lower()).ratio() for b in real) for a in said]
    assert sum(ratio > 0.6 for ratio in near) / len(near) > 0.75


def test_observations_have_the_form_of_those_of_read_text() -> None:
    observation = read(context(PLANS[0]))
    assert isinstance(KnownText(), ReadText)
    assert set(observation.data) == {"lines", "unreadable", "unread", "clues"}
    for line in observation.data["lines"]:
        assert set(line) == {"number", "text", "confidence", "box", "script"}
        assert all(0.0 <= share <= 1.0 for share in line["box"])
    assert observation.evidence
    assert read(context(PLANS[0])).text == observation.text


def test_what_the_view_cuts_off_or_turns_is_not_read() -> None:
    plan = PLANS[0]
    line = next(line for line in written_in(plan.id) if line.letter_px > ZOOM_PX[1])
    left, top, right, bottom = line.box
    half = View("v1", (left, top, (left + right) / 2, bottom))
    turned = View("v2", (0.0, 0.0, 1.0, 1.0), rotate_deg=90)
    elsewhere = View("v3", (0.0, 0.0, 0.05, 0.05))
    known = context(plan, v1=half, v2=turned, v3=elsewhere)
    assert line.text in texts(read(known))
    assert line.text not in texts(read(known, view="v1"))
    assert read(known, view="v1").data["unreadable"]
    assert not texts(read(known, view="v2"))
    assert read(known, view="v3").text == "No text can be read in v3."


def test_the_picture_is_the_scene_scaled_down() -> None:
    plan = PLANS[0]
    photo = open_known(plan.id, 200)
    assert max(photo.size) == 200
    assert photo.path.name == f"{plan.id}.jpg"
    assert photo.sha256 == open_known(plan.id, 200).sha256
    assert photo.size[0] / photo.size[1] == pytest.approx(plan.size[0] / plan.size[1], rel=0.02)


@pytest.mark.parametrize("name", ["photo", "practice-hard-1", "practice-none-1-00000", "../practice-hard-1-00000"])
def test_anything_else_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(KnownTextError, match=r"practice world|cannot be drawn") as caught:
        scene_of(name)
    assert "\n" not in str(caught.value)
    with pytest.raises(PhotoError):
        open_known(name)


def test_a_known_world_opens_small_pictures_and_reads_them() -> None:
    world = World(WorldSettings(benches=("practice:hard.stops:1:2",), reader="known", tools=("read_text", "zoom")))
    assert isinstance(world.tools["read_text"], KnownText)
    assert set(world.tools) == {"read_text", "zoom"}
    record = world.draw(0, 1)[0]
    assert max(world.open(record).size) == 320
    other = World(WorldSettings(benches=("practice:hard.stops:1:2",), reader="known-ocr", tools=("read_text",)))
    assert max(other.open(record).size) == 320
    assert record.columns["decisive"] == "stops"
