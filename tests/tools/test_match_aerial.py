"""`match_aerial` on a drawn town: what it tells, what it refuses, and an answer that it decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from PIL import Image

from agent.find_photos import find_photos
from agent.locate import Settings, locate_sync
from agent.photo import open_photo
from agent.policies import Policy
from agent.policies.scripted import Scripted
from evals.drawn_crossview import DrawnTown
from evals.drawn_ground import Light
from evals.drawn_street import Camera, Weather, street_view
from geo.area import Area, Box
from geo.belief import belief_from
from geo.evidence import Evidence
from geo.sphere import haversine_km
from models.aerial.open_ground import open_ground
from models.crossview.index import build_index
from models.crossview.model import load_crossview
from models.crossview.open_search import open_search
from models.crossview.packaged import DRAWN_TOWN, crossview_folder
from tools.match_aerial import MOST_RELIABILITY, AerialArguments, MatchAerial
from tools.observation import ToolContext, View
from tools.sheets import open_sheet
from tools.toolbox import ToolSettings, make_tools

TOWN = DrawnTown(10.162, -68.008, 17, 3, seed=7)
"""Near Valencia in Venezuela."""
HEADING, FOV = 130.0, 360.0


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tiles, the index over them, a panorama of the town and one of another town."""
    folder = tmp_path_factory.mktemp("aerial")
    TOWN.write_tiles(folder / "tiles", "summer", year=1)
    south, west, north, east = TOWN.box
    inner = Box(south + 0.0006, west + 0.0006, north - 0.0006, east - 0.0006)
    model = crossview_folder(DRAWN_TOWN)
    index = build_index(load_crossview(model), open_ground(folder / "tiles"), inner, 16.0, (str(folder / "tiles"), str(model)))
    index.save(folder / "town.npz")
    for name, town, camera in (("here", TOWN, 20), ("elsewhere", DrawnTown(48.0, 8.0, 17, 3, seed=8), 2)):
        x, y = town.cameras(24, 4, margin_m=120.0)[camera]
        picture = street_view(
            town.layers, town.metres_per_pixel, Camera(x, y, HEADING, FOV), Weather("autumn", Light(200.0)), (512, 256)
        )
        Image.fromarray(picture).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def tool(folder):
    return MatchAerial(open_search(folder / "town.npz"))


def truth():
    return TOWN.place(*TOWN.cameras(24, 4, margin_m=120.0)[20])


def context(folder, name="here", area=None, *views):
    return ToolContext(open_photo(folder / f"{name}.png"), {view.id: view for view in (View("photo"), *views)}, area=area)


def ask(tool, case, **arguments):
    return tool.run(AerialArguments(**{"fov_deg": FOV, "heading_deg": HEADING, **arguments}), case)


def test_a_place_that_is_told_is_evidence_and_can_be_looked_at(tool, folder):
    seen = ask(tool, context(folder))
    assert seen.ok
    assert seen.data["sure"], seen.text
    best = seen.data["places"][0]
    assert haversine_km(*truth(), best["lat"], best["lon"]) < 0.05
    assert abs((best["heading_deg"] - HEADING + 180) % 360 - 180) < 25
    [evidence] = seen.evidence
    assert (evidence.source, evidence.tool) == ("aerial", "match_aerial")
    assert evidence.reliability <= MOST_RELIABILITY
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False))).claim == evidence.claim
    assert haversine_km(*truth(), *belief_from([evidence]).best()) < 1.0
    [view] = seen.views
    assert open_sheet(view.sheet).size[0] > 400
    assert f"{view.id} shows them from above" in seen.text
    json.dumps(dict(seen.data), allow_nan=False)
    assert "trained on" in seen.data["rests_on"]
    assert json.loads(tool.state())["tiles_known"] > 500


def test_a_photo_from_elsewhere_is_not_known(tool, folder):
    seen = ask(tool, context(folder, "elsewhere"), heading_deg=None)
    assert not seen.data["sure"], seen.text
    assert "I do not know" in seen.text
    assert seen.evidence == ()
    assert "no evidence" in seen.text
    assert seen.data["outside"] > 0.3


def test_where_the_user_said_the_area_an_unsure_map_counts_too(tool, folder):
    inner = tool.search.index.box
    seen = ask(tool, context(folder, "elsewhere", Area(box=inner)), heading_deg=None)
    if not seen.data["sure"] and seen.data["outside"] < 0.95:
        [evidence] = seen.evidence
        assert "where it fits in an area" in evidence.claim
    assert seen.data["outside"] < ask(tool, context(folder, "elsewhere"), heading_deg=None).data["outside"]


def test_a_part_of_the_area_can_be_searched(tool, folder):
    lat, lon = truth()
    seen = ask(tool, context(folder), area=f"{lat - 0.001},{lon - 0.001},{lat + 0.001},{lon + 0.001}")
    assert seen.ok
    assert seen.data["tiles"] < 300


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"area": "9,-69,11,-67"}, "at most 400 km² are searched: narrow it first."),
        ({"area": "48,8,48.01,8.01"}, "There are aerial pictures of 10."),
        ({"area": "VE"}, "The area is a box: south,west,north,east in degrees."),
        ({"area": "here"}, "Cannot read the area 'here'"),
        ({"area": "10.162,-68.008,10.1621,-68.0079"}, "at least 50 are needed."),
        ({"view": "v9"}, "There is no view"),
        ({"view": "v1"}, "A crop that was turned says nothing of the camera"),
    ],
)
def test_wrong_calls_are_one_sentence(tool, folder, arguments, sentence):
    turned = View("v1", (0.1, 0.1, 0.9, 0.9), 90)
    seen = ask(tool, context(folder, "here", None, turned), **arguments)
    assert not seen.ok
    assert sentence in seen.text
    assert "\n" not in seen.text


def test_without_its_tiles_the_index_still_answers(tool, folder):
    (folder / "tiles").rename(folder / "away")
    try:
        seen = ask(tool, context(folder))
    finally:
        (folder / "away").rename(folder / "tiles")
    assert seen.ok
    assert seen.views == ()
    assert "not looked at a second time" in seen.text


def test_the_tool_is_there_where_an_index_is_named(folder):
    assert "match_aerial" not in make_tools(ToolSettings(offline=True))
    assert "match_aerial" in make_tools(ToolSettings(offline=True, aerial=str(folder / "town.npz")))
    with pytest.raises(ValueError, match="is not there"):
        make_tools(ToolSettings(offline=True, aerial=str(folder / "none.npz")))


def calls(tool, **args):
    return AIMessage(content="", tool_calls=[{"name": tool, "args": args, "id": tool, "type": "tool_call"}])


NAME = calls("find_place", name="Valencia", seen_in_photo=True)
MATCH = calls("match_aerial", fov_deg=FOV, heading_deg=HEADING)
GIVE_UP = calls("answer", candidates=[], reason="what the evidence says")


def investigated(folder: Path, out: Path, photo: str, *replies):
    policy = Policy("scripted:test", Scripted(replies=list(replies)), sees=False)
    settings = Settings(out=out, tools=ToolSettings(offline=True, models=(), concepts=False, aerial=str(folder / "town.npz")))
    (trajectory,) = locate_sync(list(find_photos([str(folder / f"{photo}.png")])), policy, settings)
    return trajectory


def test_tiles_decide_between_two_cities_of_one_name(folder, tmp_path):
    name_alone = investigated(folder, tmp_path / "a", "here", NAME, GIVE_UP)
    with_tiles = investigated(folder, tmp_path / "b", "here", NAME, MATCH, GIVE_UP)
    assert name_alone["best_guess"]["country"] == "ES"
    best = with_tiles["best_guess"]
    assert best["country"] == "VE"
    assert haversine_km(*truth(), best["lat"], best["lon"]) < 1.0
    assert [entry["tool"] for entry in with_tiles["ledger"]] == ["find_place", "match_aerial"]
    elsewhere = investigated(folder, tmp_path / "c", "elsewhere", NAME, calls("match_aerial", fov_deg=FOV), GIVE_UP)
    assert elsewhere["best_guess"]["country"] == "ES"
