"""`find_similar`: what the policy sees, what the belief gets, and what does not count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from geo.area import parse_area
from geo.belief import Belief
from geo.evidence import Evidence
from models.encoders.tiny import Tiny
from models.gallery.catalogue import write_card
from models.knn_calibration import calibrate
from tests.tools.gallery_cases import PLACES, build, context, photo
from tools.find_similar import FindSimilar, SimilarArguments
from tools.observation import View
from tools.picture_vectors import PictureVectors
from tools.sheets import open_sheet
from tools.toolbox import ToolSettings, make_tools


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> FindSimilar:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOSLEUTH_DATA", str(tmp_path_factory.mktemp("data")))
        gallery = build()
        gallery = gallery.with_calibration(calibrate(gallery).to_json())
    return FindSimilar(gallery, PictureVectors(Tiny()))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_neighbours_are_shown_and_count_as_evidence(tool: FindSimilar) -> None:
    found = tool.run(SimilarArguments(count=6), context(photo("PT", 1000)))
    assert found.ok
    lines = found.text.splitlines()
    assert "gallery “drawn” (90 photos)" in lines[0]
    assert len([line for line in lines if "Porto" in line and "CC0-1.0" in line]) >= 5
    assert [hit["place"] for hit in found.data["hits"][:5]] == ["Porto, PT"] * 5
    (evidence,) = found.evidence
    assert evidence.source == "picture"
    assert "around “Porto, PT”" in evidence.claim
    assert "calibrated on 90 of them" in found.data["rests_on"]
    assert abs(found.data["mode"][0] - PLACES["PT"][0]) < 0.5
    belief = Belief.start().update(evidence)
    assert belief.support_bits(0, *PLACES["PT"][:2]) > 1.0 > belief.support_bits(0, *PLACES["JP"][:2])
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))).claim == evidence.claim
    assert found.sources == (), "addresses of a gallery are not for reading"


def test_the_policy_sees_a_contact_sheet(tool: FindSimilar) -> None:
    found = tool.run(SimilarArguments(count=5), context(photo("AT", 1000)))
    (view,) = found.views
    assert view.id == "v1"
    assert View.from_json(json.loads(json.dumps(view.to_json()))) == view
    sheet = open_sheet(view.sheet)
    assert sheet is not None
    assert sheet.size == (4 * 224, 2 * 168)


def test_an_area_that_was_asked_for_gives_photos_and_no_evidence(tool: FindSimilar) -> None:
    found = tool.run(SimilarArguments(area="JP", count=3), context(photo("PT", 1000)))
    assert all("JP" in hit["place"] for hit in found.data["hits"])
    assert found.evidence == ()
    assert "no evidence: the area was asked for" in found.text


def test_the_area_of_the_case_limits_the_search(tool: FindSimilar) -> None:
    only = context(photo("PT", 1000), area=parse_area("AT,JP"))
    found = tool.run(SimilarArguments(), only)
    assert found.evidence
    assert not any("PT" in hit["place"] for hit in found.data["hits"])
    assert not tool.run(SimilarArguments(area="PT"), only).ok
    boxed = tool.run(SimilarArguments(), context(photo("PT", 1000), area=parse_area("41.2,-9,42,-8")))
    assert all(41.2 <= hit["lat"] <= 42.0 for hit in boxed.data["hits"])


@pytest.mark.parametrize("arguments", [{"area": "XX"}, {"area": "somewhere"}, {"view": "v7"}])
def test_wrong_calls_get_one_sentence(tool: FindSimilar, arguments: dict[str, str]) -> None:
    found = tool.run(SimilarArguments.model_validate(arguments), context(photo("PT", 1000)))
    assert not found.ok
    assert "\n" not in found.text


def test_nothing_is_found_where_the_gallery_has_nothing(tool: FindSimilar) -> None:
    found = tool.run(SimilarArguments(), context(photo("PT", 1000), area=parse_area("FR")))
    assert found.ok
    assert found.data["hits"] == []
    assert found.evidence == ()


def test_a_photo_of_the_gallery_is_recognised_unless_copies_are_left_out(tool: FindSimilar) -> None:
    found = tool.run(SimilarArguments(), context(photo("JP", 3)))
    assert "this very photo" in found.evidence[0].claim
    assert found.evidence[0].source == "copy:drawn", "it is not averaged with what the picture looks like"
    assert Belief.start().update(*found.evidence).mass_within(35.71, 139.69, 5.0) > 0.8
    strict = FindSimilar(tool.gallery, PictureVectors(Tiny()), leave_out_copies=True)
    left = strict.run(SimilarArguments(count=20), context(photo("JP", 3)))
    assert "JP/3" not in {hit["id"] for hit in left.data["hits"]}
    assert "this very photo" not in left.evidence[0].claim


def test_a_reencoded_copy_is_left_out_by_its_looks(tool: FindSimilar, tmp_path: Path) -> None:
    from agent.photo import open_photo
    from tests.tools.gallery_cases import picture

    picture("JP", 3).save(tmp_path / "copy.jpg", quality=60)
    copy = open_photo(tmp_path / "copy.jpg")
    assert "this very photo" in tool.run(SimilarArguments(), context(copy)).evidence[0].claim
    strict = FindSimilar(tool.gallery, PictureVectors(Tiny()), leave_out_copies=True)
    assert tool.run(SimilarArguments(), context(copy)).data["hits"][0]["id"] == "JP/3"
    assert "JP/3" not in {hit["id"] for hit in strict.run(SimilarArguments(), context(copy)).data["hits"]}


def test_a_crop_is_a_query_of_its_own(tool: FindSimilar) -> None:
    one = photo("AT", 1000)
    crop = View("v1", (0.0, 0.6, 1.0, 1.0))
    here = replace(context(one), views={"photo": View("photo"), "v1": crop})
    assert tool.run(SimilarArguments(view="v1"), here).data["hits"] != tool.run(SimilarArguments(), here).data["hits"]
    sheet = View("v2", sheet="sheet:" + "0" * 64)
    refused = tool.run(SimilarArguments(view="v2"), replace(here, views={**here.views, "v2": sheet}))
    assert "shows photos of a gallery" in refused.text


def test_examples_for_prompts(tool: FindSimilar) -> None:
    examples = tool.similar(context(photo("PT", 1000)), 5)
    assert len(examples) == 5
    assert {"id", "lat", "lon", "place", "similarity"} <= examples[0].keys()


def test_the_toolbox_opens_galleries_by_name_and_refuses_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    gallery = build("one", 3)
    build("two", 3)
    tools = make_tools(ToolSettings(galleries=("one", "two"), offline=True))
    assert [name for name in tools if name.startswith("find_similar")] == ["find_similar", "find_similar_2"]
    assert "published settings" in tools["find_similar"].rests_on()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no gallery 'three'"):
        make_tools(ToolSettings(galleries=("three",)))
    with pytest.raises(ValueError, match="no model 'm'"):
        make_tools(ToolSettings(models=("m",)))
    write_card(gallery.folder, replace(gallery.card, encoder_digest="f" * 16))
    with pytest.raises(ValueError, match=r"digest|weights|encoder"):
        make_tools(ToolSettings(galleries=("one",)))
    assert "estimate" not in make_tools(ToolSettings(concepts=False))
