"""Templates are strict both ways."""

from __future__ import annotations

import pytest

import prompts


def test_a_template_is_filled() -> None:
    text = prompts.fill("photo", width="3", height="2", context="The user says: “{{width}}”")
    assert "3 × 2 pixels" in text
    assert "“{{width}}”" in text, "values are not searched for slots"


@pytest.mark.parametrize("values", [{}, {"reason": "x", "extra": "y"}, {"raison": "x"}])
def test_a_missing_or_surplus_variable_raises(values: dict[str, str]) -> None:
    with pytest.raises(prompts.PromptError):
        prompts.fill("last_turn", **values)


@pytest.mark.parametrize("name", ["nothing", "../system", "sys tem", ""])
def test_an_unknown_template_raises(name: str) -> None:
    with pytest.raises(prompts.PromptError):
        prompts.fill(name)


def test_every_template_has_a_digest() -> None:
    digests = prompts.digests()
    assert set(digests) == set(prompts.names()) >= {"system", "photo", "last_turn", "nudge"}
    assert all(len(digest) == 12 for digest in digests.values())
    assert len(set(digests.values())) == len(digests)
