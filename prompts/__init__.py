"""Markdown templates, filled strictly: a missing or a surplus variable raises."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import resources

_SLOT = re.compile(r"\{\{(\w+)\}\}")


class PromptError(ValueError):
    """A template was asked for that does not exist, or filled with the wrong variables."""


def names() -> list[str]:
    """The templates there are."""
    return sorted(f.name.removesuffix(".md") for f in resources.files("prompts").iterdir() if f.name.endswith(".md"))


def fill(name: str, **values: str) -> str:
    """The template `name` with each `{{slot}}` replaced. Values are not searched for slots again.

    Raises PromptError when the slots and the values are not the same set.
    """
    text = _template(name)
    slots = set(_SLOT.findall(text))
    if slots != set(values):
        missing, surplus = sorted(slots - set(values)), sorted(set(values) - slots)
        raise PromptError(f"prompt {name!r}: missing {missing or 'nothing'}, surplus {surplus or 'nothing'}")
    return _SLOT.sub(lambda match: values[match[1]], text).strip()


def digest(name: str) -> str:
    """The first 12 hex digits of the template's SHA-256, recorded with every trajectory."""
    return hashlib.sha256(_template(name).encode()).hexdigest()[:12]


def digests() -> dict[str, str]:
    """The digest of every template."""
    return {name: digest(name) for name in names()}


@cache
def _template(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise PromptError(f"no prompt is called {name!r}")
    file = resources.files("prompts").joinpath(f"{name}.md")
    if not file.is_file():
        raise PromptError(f"no prompt is called {name!r}; there are {', '.join(names())}")
    return file.read_text(encoding="utf-8")
