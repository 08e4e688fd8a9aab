"""The report page: complete without a network, honest, and deaf to whatever its texts try."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html
from PIL import Image

from agent.report import belief_of, report_html
from geo.belief import belief_from
from tests.agent.report_cases import FIJI, HOSTILE, PORTO, RECIFE, UNOPENED, hostile, painted, result_of, trajectory


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted(tmp_path_factory.mktemp("photos") / "street.png")


def find(tree: Any, selector: str) -> list[Any]:
    """Elements by names, `.class`, `#id` and `[attribute]`, with spaces between generations."""
    path = ""
    for part in selector.split():
        name, marks = re.fullmatch(r"(\w*)(.*)", part).groups()  # type: ignore[union-attr]
        path += f"//{name or '*'}"
        for kind, value in re.findall(r"([.#[])([\w-]+)", marks):
            tests = {".": f"contains(concat(' ', @class, ' '), ' {value} ')", "#": f"@id='{value}'", "[": f"@{value}"}
            path += f"[{tests[kind]}]"
    return list(tree.xpath(path))


def parsed(page: str) -> Any:
    return html.document_fromstring(page.encode("utf-8"), parser=html.HTMLParser(encoding="utf-8"))


def said(page: Any, selector: str) -> str:
    return " ".join(" ".join(part.text_content() for part in find(page, selector)).replace("\u00a0", " ").split())


def block(page: Any, identifier: str) -> Any:
    return json.loads(page.get_element_by_id(identifier).text)


def assert_self_contained(page: str) -> Any:
    """Nothing on the page asks for anything from elsewhere, and its one script is the one that its policy allows."""
    tree = parsed(page)
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag not in {"iframe", "object", "embed", "link", "base", "form", "audio", "video", "source"}
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name != "src" or value.startswith("data:image/jpeg;base64,")
            assert (
                name != "href"
                or value.startswith("#")
                or (element.tag == "a" and re.match("https?://", value) and "noopener" in element.get("rel"))
            )
            assert name != "style" or "url" not in value
    for style in find(tree, "style"):
        assert "url(" not in style.text
        assert "@import" not in style.text
    scripts = [s for s in find(tree, "script") if s.get("type") != "application/json"]
    assert len(scripts) == 1
    policy = find(tree, "meta[http-equiv]")[0].get("content")
    digest = base64.b64encode(hashlib.sha256(scripts[0].text.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["script-src"] == f"'sha256-{digest}'"
    return tree


def test_one_photo(photo: Path) -> None:
    page = report_html([trajectory(photo, PORTO, RECIFE, reason="The area code.")])
    tree = assert_self_contained(page)
    assert len(page.encode()) < 1_000_000
    assert said(tree, "title").startswith("Porto, Portugal")
    assert said(tree, "h2").startswith("Porto, Portugal")
    guess = result_of((PORTO, RECIFE))[0]["answer"]
    assert find(tree, "[data-copy]")[0].get("data-copy") == f"{guess['lat']:.5f}, {guess['lon']:.5f}" == said(tree, ".facts code")
    assert said(tree, ".reason") == "The area code."
    assert [row.get("data-row") for row in find(tree, ".evidence tbody tr")] == ["0", "1"]
    assert [a.get("href") for a in find(tree, ".sources a")] == ["https://example.org/a?b=1&c=2", "http://example.org/tiles"]
    assert [p.text for p in find(tree, ".belief")] == ["61 % Porto", "95 % Porto"]
    assert len(find(tree, ".crop img")) == 1
    assert [b.get("data-label") for b in find(tree, ".box")] == ["1: “Rua”", "v1: zoomed part, turned 90°, contrast raised"]
    data = block(tree, "map-1")
    assert data["points"][-1]["answer"] is True
    assert any(town["label"] == "Porto" for town in data["towns"])
    assert "Without the prior" in said(tree, ".columns")


def test_the_town_is_not_the_headline_when_it_is_unlikely(photo: Path) -> None:
    made = trajectory(photo, PORTO)
    tree = parsed(report_html([{**made, "answer": {**made["answer"], "probability": 0.05}}]))
    assert find(tree, "h2")[0].text == "Portugal"
    assert said(tree, "h2 small").startswith("best single point: near Porto")


def test_an_empty_ledger_is_an_honest_cannot_tell(photo: Path) -> None:
    tree = assert_self_contained(report_html([trajectory(photo)]))
    assert said(tree, "h2") == "Cannot tell"
    assert "Nothing was found" in said(tree, ".lead")
    assert "Still possible" in said(tree, ".lead")
    assert "No tool found anything" in said(tree, "section")
    assert not [p for p in block(tree, "map-1")["points"] if p.get("answer")]


@pytest.mark.parametrize("fate", ["gone", "changed", "unnamed", "damaged"])
def test_a_photo_that_is_not_there_any_more(photo: Path, tmp_path: Path, fate: str) -> None:
    path = tmp_path / "gone.png"
    made = trajectory(photo, PORTO, path=None if fate == "unnamed" else str(path))
    if fate == "changed":
        Image.new("RGB", (20, 20)).save(path)
    if fate == "damaged":
        path.write_bytes(photo.read_bytes()[:300])
    tree = assert_self_contained(report_html([made]))
    assert "No picture" in said(tree, ".photo .missing")
    assert ("another file" in said(tree, ".photo .missing")) is (fate == "changed")
    assert not find(tree, "img")
    assert find(tree, "canvas")


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger": [{"claim": "x", "tool": "y"}]},
        {"ledger": [{**PORTO.to_json(), "likelihood": {"kind": "unheard"}, "bits": None, "for_answer_bits": "much"}]},
        {"area": "nonsense"},
    ],
)
def test_a_damaged_ledger_costs_the_map_alone(photo: Path, changes: dict[str, Any]) -> None:
    tree = assert_self_contained(report_html([trajectory(photo, PORTO, **changes)]))
    assert "cannot be rebuilt" in said(tree, ".map .missing")
    assert said(tree, "h2").startswith("Porto")


def test_broken_views_and_messages_are_left_out(photo: Path) -> None:
    views = {
        "v1": {"id": "v1", "box": [0.4, 0.2, 0.1, 0.5]},
        "v2": None,
        "v3": {"id": "v3", "box": ["a", 0, 1, 1], "rotate_deg": 0, "contrast": False},
    }
    made = trajectory(
        photo,
        PORTO,
        views=views,
        regions={"1": {"box": [float("nan")] * 4}},
        messages=["?", {"role": "assistant", "content": None}],
    )
    tree = assert_self_contained(report_html([made]))
    assert not find(tree, ".box")
    assert len(find(tree, ".step")) == 2


def test_several_photos(photo: Path) -> None:
    made = [
        trajectory(photo, PORTO),
        trajectory(photo),
        UNOPENED,
        trajectory(photo, FIJI, stop="policy_error", error="no reply in time"),
    ]
    page = report_html(made)
    tree = assert_self_contained(page)
    assert said(tree, "h1") == "4 photos"
    assert [a.get("href") for a in find(tree, ".overview a")] == [f"#photo-{n}" for n in range(1, 5)]
    assert [article.get("id") for article in find(tree, "article")] == [f"photo-{n}" for n in range(1, 5)]
    assert [point["mark"] for point in block(tree, "map-all")["points"]] == ["1", "4"]
    assert page.count('id="outlines"') == 1
    assert "broken.jpg is damaged" in said(tree, "#photo-3")
    assert "no reply in time" in said(tree, "#photo-4 .problem")


def test_no_photo() -> None:
    assert "No photo was investigated" in said(assert_self_contained(report_html([])), "main")


def test_hostile_texts_stay_texts(photo: Path) -> None:
    page = report_html([hostile(photo), hostile(photo)])
    tree = assert_self_contained(page)
    shown = HOSTILE.translate({0: "\ufffd", 0xD800: "\ufffd", 0x202E: "\ufffd"})
    assert find(tree, ".said")[0].text == shown
    assert find(tree, ".reason")[0].text == shown
    assert find(tree, ".belief")[0].text == shown
    assert not find(tree, ".sources a")
    assert {img.get("src")[:5] for img in find(tree, "img")} == {"data:"}
    assert HOSTILE in block(tree, "map-1")["points"][-1]["label"]


def test_the_belief_is_that_of_the_run(photo: Path) -> None:
    made = trajectory(photo, PORTO, RECIFE)
    again, first = belief_of(made), belief_from([PORTO, RECIFE])
    assert np.allclose(again.mass, first.mass)
    assert belief_of({**made, "area": "-30,-60,10,-20"}).mass_within(41.15, -8.61, 100.0) == pytest.approx(0.0, abs=1e-9)
