"""Who drives the loop. A policy is a LangChain chat model with a short name and a few facts about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.render import ImagesIn
from agent.reply import BoxSpace

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

SPECS = "checklist, embedded, openai:MODEL, hf:REPO_OR_DIR, scripted:FILE"


class PolicyError(ValueError):
    """A policy that cannot be made; the text says why in one line."""


@dataclass(frozen=True)
class Policy:
    name: str
    """As given on the command line and recorded: `openai:qwen2.5-vl`."""
    model: BaseChatModel
    max_pixels: int = 2048 * 1024
    """Pictures are scaled down to this before they are sent."""
    images_in: ImagesIn = "user"
    """Where pictures of tool results go; `user` works everywhere."""
    box_space: BoxSpace = "unit"
    """The space of the boxes this model writes."""
    sees: bool = True
    """Whether pictures are sent at all."""
    at_once: int = 4
    """Requests that it answers at the same time."""
    prompt: str = "system"
    """The template of the rules it is given; small models have a shorter one."""
    result_chars: int | None = None
    """Longer results are cut in their middle to so many characters before they are sent; None sends them whole."""
    offered: tuple[str, ...] = ()
    """Names of the tools that are offered to it; empty means all there are."""
    belief_line: bool = True
    """Whether results end with the belief in one line."""
    talks: bool = False
    """Whether it answers questions in words, beside calling tools."""
    same_tools: bool = False
    """Whether the same tools are offered on the last turn, too: they stand in the prompt, and a prompt that changes is read anew."""


def make_policy(
    spec: str, *, base_url: str | None = None, box_space: BoxSpace = "unit", temperature: float = 0.0, retries: int = 2
) -> Policy:
    """The policy that a short name stands for; a server that is busy is asked again `retries` times, after growing pauses.

    Raises PolicyError with one plain line.
    """
    kind, _, rest = spec.partition(":")
    makers: dict[str, Callable[[], Policy]] = {
        "checklist": lambda: _checklist(spec),
        "embedded": lambda: _embedded(spec, temperature),
        "scripted": lambda: _scripted(spec, rest),
        "openai": lambda: _openai(spec, rest, base_url, box_space, temperature, retries),
        "hf": lambda: _transformers(spec, rest, box_space, temperature),
    }
    if kind not in makers or (kind not in {"checklist", "embedded"} and not rest):
        raise PolicyError(f"no policy is called {spec!r}; use {SPECS}")
    return makers[kind]()


def _checklist(spec: str) -> Policy:
    from agent.policies.checklist import Checklist

    return Policy(spec, Checklist(), sees=False)


def _embedded(spec: str, temperature: float) -> Policy:
    from agent.policies.embedded import load

    return load(spec, temperature)


def _scripted(spec: str, path: str) -> Policy:
    from agent.policies.scripted import Scripted

    return Policy(spec, Scripted.from_file(path), sees=False, talks=True)


def _openai(spec: str, model: str, base_url: str | None, box_space: BoxSpace, temperature: float, retries: int) -> Policy:
    from agent.policies.openai_compatible import chat_model

    key = os.environ.get("OPENAI_API_KEY")
    url = base_url or os.environ.get("OPENAI_BASE_URL")
    if not key and not url:
        raise PolicyError(f"{spec} needs OPENAI_API_KEY, or --base-url (OPENAI_BASE_URL) of a server of your own")
    chat = chat_model(model, url, key or "none", temperature, retries)
    if (Path(model) / "geosleuth.json").is_file():  # a server that is given an exported folder calls the model by its path
        from agent.policies.policy_card import read_card

        return read_card(Path(model)).policy(spec, chat)
    return Policy(spec, chat, box_space=box_space, talks=True)


def _transformers(spec: str, source: str, box_space: BoxSpace, temperature: float) -> Policy:
    try:
        from agent.policies.transformers_vl import load
    except ImportError as error:
        raise PolicyError(
            f"{spec} needs torch and transformers: pip install 'geosleuth[hf]' ({error.name} is missing)"
        ) from error
    return load(spec, source, temperature, box_space)
