"""How a policy has to be driven, as a file beside its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.policies import PolicyError
from agent.policies.policy_card import FILE, PolicyCard, card_from_json, read_card
from agent.policies.scripted import Scripted

CARD = PolicyCard("system_brief", "names", ("zoom", "find_place"), "user", "norm1000", 700, 50176, 96, belief_line=False)


def test_a_card_comes_back_from_its_folder(tmp_path: Path) -> None:
    CARD.save(tmp_path)
    assert read_card(tmp_path) == CARD
    assert card_from_json(json.loads(json.dumps(CARD.to_json()))) == CARD


def test_a_folder_without_one_means_the_defaults(tmp_path: Path) -> None:
    assert read_card(tmp_path) == PolicyCard() == card_from_json({})
    assert read_card(tmp_path / "nowhere") == PolicyCard()


def test_a_policy_is_driven_as_its_card_says() -> None:
    model = Scripted(replies=[])
    policy = CARD.policy("hf:x", model, at_once=3)
    assert (policy.name, policy.model, policy.prompt, policy.offered, policy.at_once) == (
        "hf:x",
        model,
        "system_brief",
        ("zoom", "find_place"),
        3,
    )
    assert (policy.images_in, policy.box_space, policy.result_chars, policy.max_pixels) == ("user", "norm1000", 700, 50176)
    assert (policy.belief_line, policy.same_tools, policy.sees) == (False, True, True)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"prompt": "../../etc/passwd"}, "prompt is one of"), ({"prompt": ["system"]}, "prompt is one of"), ({"tools_as": "poem"}, "tools_as is one of"),
     ({"images_in": "system"}, "images_in"), ({"box_space": "parsecs"}, "box_space"), ({"max_pixels": 0}, "positive"),
     ({"max_pixels": "many"}, "positive"), ({"max_new_tokens": -1}, "positive"), ({"result_chars": 10**12}, "positive"),
     ({"max_new_tokens": 1.5}, "positive"), ({"offered": 5}, "offered"), ({"offered": "zoom"}, "offered"), ({"weights": "x"}, "unknown: weights"),
     ({"belief_line": "no"}, "belief_line"), ({"max_pixels": True}, "positive")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({**CARD.to_json(), **change}), "utf-8")
    with pytest.raises(PolicyError, match=says) as caught:
        read_card(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null", b'"text"', b"1e999", b"[" * 5000])
def test_what_is_no_card_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(PolicyError, match="no card") as caught:
        read_card(tmp_path)
    assert "\n" not in str(caught.value)
