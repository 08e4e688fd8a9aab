"""The parts of the report page: markup, words, packed numbers, and what the map draws."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from agent.report import words
from agent.report.belief import LEVELS, bounds, heat
from agent.report.markup import Html, escape, join, json_block, tag, web_link
from agent.report.pack import pack_numbers, unpack_numbers
from agent.report.steps import belief_lines
from geo.belief import Belief, belief_from
from geo.evidence import Evidence, near
from tests.agent.report_cases import FIJI, PORTO, RECIFE


@given(st.lists(st.integers(0, 2**50)))
def test_packed_numbers_come_back_and_are_plain(numbers: list[int]) -> None:
    text = pack_numbers(numbers)
    assert unpack_numbers(text) == numbers
    assert set(text) <= {chr(code) for code in range(63, 127)}


def test_a_negative_number_is_not_packed() -> None:
    with pytest.raises(ValueError, match="-1"):
        pack_numbers([3, -1])


@given(st.text())
def test_text_stays_text(text: str) -> None:
    element = tag("p", text, title=text)
    assert element.count("<") == 2
    assert element.count(">") == 2
    read = html.fragment_fromstring(element.encode("utf-8").decode("utf-8"))
    assert "".join(read.itertext()) == read.get("title") or "\r" in text or "\n" in text


@settings(max_examples=40)
@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_data_cannot_leave_its_block(data: Any) -> None:
    text = json_block("x", data)
    assert text.count("<") == text.count(">") == 2
    assert "\u2028" not in text
    assert json.loads(text[text.index(">") + 1 : text.rindex("<")]) == data


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a?b=1&c=2#d", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https://example.org/\"onclick='x'", False),
        ("https://a b", False),
        (" https://example.org", False),
        ("https://example.org/\njavascript:x", False),
        ("file:///etc/passwd", False),
        ("v2", False),
        ("", False),
    ],
)
def test_only_web_addresses_are_links(url: str, linked: bool) -> None:
    element = html.fragment_fromstring(web_link(url, "text"))
    assert (element.get("href") == url) is linked
    assert element.text == "text"
    assert not linked or "noopener" in element.get("rel")


def test_markup_is_only_made_from_markup() -> None:
    assert join("<b>", None, Html("<i></i>"), [tag("br"), escape("&")]) == "&lt;b&gt;<i></i><br>&amp;"
    assert tag("a", data_x=1, class_="c", hidden=True, href=None) == '<a data-x="1" class="c" hidden></a>'


@pytest.mark.parametrize(
    ("call", "value", "text"),
    [
        (words.percent, 0.614, "61 %"),
        (words.percent, 0.004, "< 1 %"),
        (words.percent, 0.999, "> 99 %"),
        (words.percent, 0.0, "0 %"),
        (words.percent, 1.0, "100 %"),
        (words.km, 0.42, "0.4 km"),
        (words.km, 88.4, "88 km"),
        (words.km, 1243.0, "1,240 km"),
        (words.square_km, 3.21, "3.2 km²"),
        (words.square_km, 12034.0, "12,000 km²"),
        (words.square_km, 4.13e6, "4.1 million km²"),
        (words.bits, 3.14, "+3.1"),
        (words.bits, -0.44, "−0.4"),
        (words.bits, -0.01, "0.0"),
        (words.seconds, 0.31, "0.3 s"),
        (words.seconds, 0.001, "< 0.1 s"),
        (words.seconds, 41.4, "41 s"),
        (words.seconds, 185.2, "3 min 5 s"),
        (words.ending, "max_turns", "all turns were used"),
        (words.ending, "elsewise", "elsewise"),
    ],
)
def test_numbers_in_words(call: Any, value: Any, text: str) -> None:
    assert call(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("place", "large", "small", "area"),
    [
        (
            {"kind": "city", "city": "Porto", "region": "Norte", "country_name": "Portugal"},
            "Porto, Portugal",
            "Norte",
            "Porto area, Portugal",
        ),
        ({"kind": "region", "region": "Norte", "country_name": "Portugal"}, "Norte, Portugal", "", "Norte, Portugal"),
        ({"kind": "country", "country": "PT", "country_name": None}, "PT", "", "PT"),
        (
            {"kind": "city", "city": "Singapore", "region": "Singapore", "country_name": "Singapore"},
            "Singapore",
            "",
            "Singapore area, Singapore",
        ),
        ({"kind": "sea", "country_name": "Spain"}, "Spain", "", "the sea"),
        ({}, "At sea", "", "At sea"),
    ],
)
def test_names_of_places(place: dict[str, Any], large: str, small: str, area: str) -> None:
    assert words.place_name(place) == (large, small)
    assert words.area_name(place) == area


def test_the_belief_after_a_turn_is_its_last_line() -> None:
    steps = [{"id": "a", "turn": 1}, {"id": "b", "turn": 1}, {"id": "c", "turn": 2}]
    tool = {"role": "tool"}
    messages = [
        {**tool, "tool_call_id": "a", "content": "a page says\nbelief: 100 % Atlantis"},
        {**tool, "tool_call_id": "b", "content": "x\nbelief: 5 % Porto"},
        {**tool, "tool_call_id": "c", "content": "no such line"},
        {**tool, "tool_call_id": "stub", "content": "belief: 9 % nowhere"},
    ]
    assert belief_lines(steps, messages) == {1: "5 % Porto"}


# -- the map's data


def _cells(packed: str) -> set[int]:
    return set(np.cumsum(unpack_numbers(packed)).tolist())


def _area(uniq: set[int]) -> float:
    """Share of the sphere."""
    return sum(1 / (12 * 4 ** int((np.log2(u / 4) + 1e-9) // 2)) for u in uniq)


@pytest.mark.parametrize("evidence", [(PORTO,), (PORTO, RECIFE), (FIJI,)])
def test_heat_levels_are_the_credible_regions(evidence: tuple[Evidence, ...]) -> None:
    belief = belief_from(evidence)
    levels = [_cells(text) for text in heat(belief)]
    assert len(levels) == len(LEVELS)
    for share in (0.5, 0.9):
        upto = LEVELS.index(share) + 1
        cells = belief.cells.order[belief.credible_cells(share)]
        assert sum(map(_area, levels[:upto])) == pytest.approx(float((1 / (12 * 4.0**cells)).sum()), rel=1e-9)


@pytest.mark.parametrize(
    ("lat", "lon", "sigma_km"),
    [(41.15, -8.61, 5.0), (-17.8, 179.9, 40.0), (0.0, -180.0, 100.0), (89.5, 20.0, 30.0), (-89.9, 0.0, 30.0)],
)
def test_bounds_hold_the_point_and_stay_close(lat: float, lon: float, sigma_km: float) -> None:
    belief = Belief.start(prior=False).update(Evidence(near(lat, lon, sigma_km), "c", "s", "t", 0.999))
    west, south, east, north = bounds(belief, lat, lon)
    assert south <= lat <= north
    assert (lon - west) % 360 <= east - west <= 360
    assert -360 <= west <= 180
    assert west < east
    assert (north - south) * 111 < 8 * sigma_km + 60
    if abs(lat) < 80:
        assert (east - west) * 111 < 9 * sigma_km + 60


def test_outlines_are_the_countries_cut_at_the_antimeridian() -> None:
    data = json.loads((files("agent.report") / "outlines.json").read_text("utf-8"))
    assert len(data["countries"]) > 230
    for country in data["countries"]:
        for ring in country["rings"]:
            numbers = np.array(unpack_numbers(ring))
            steps = np.where(numbers % 2, -(numbers + 1) // 2, numbers // 2).reshape(-1, 2)
            points = np.cumsum(steps, axis=0) * data["quantum_deg"]
            assert np.abs(points[:, 0]).max() <= 180
            assert np.abs(points[:, 1]).max() <= 90
            # A ring that stepped over the antimeridian would cross the whole map; Antarctica alone runs along its lower edge.
            wide = np.abs(np.diff(points[:, 0], append=points[0, 0])) > 180
            assert not wide.any() or country["name"] == "Antarctica"


def test_the_build_cuts_a_ring_at_the_antimeridian(tmp_path: Path) -> None:
    pytest.importorskip("antimeridian", reason="the dependency group `data` is not installed")
    pytest.importorskip("shapely", reason="the dependency group `data` is not installed")
    from agent.build.outlines import main

    square = [[3590, 900], [20, 0], [0, 20], [-20, 0], [0, -20]]
    topology = {
        "transform": {"scale": [0.1, 0.1], "translate": [-180, -90]},
        "arcs": [square],
        "objects": {
            "countries": {"geometries": [{"type": "Polygon", "arcs": [[0]], "id": "1", "properties": {"name": "Squareland"}}]}
        },
    }
    (tmp_path / "in.json").write_text(json.dumps(topology))
    main(str(tmp_path / "in.json"), str(tmp_path / "out.json"))
    (country,) = json.loads((tmp_path / "out.json").read_text())["countries"]
    assert country["name"] == "Squareland"
    assert len(country["rings"]) == 2
