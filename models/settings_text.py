"""Settings from the command line: `--set epochs=20` on a frozen dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def with_changes(settings: T, changes: Iterable[str]) -> T:
    """The settings with `field=value` changes; values are read as the type that the field has now. Raises ValueError, one line."""
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    new: dict[str, Any] = {}
    for change in changes:
        name, separator, text = change.partition("=")
        if not separator or name not in fields:
            raise ValueError(f"{change[:60]!r} is not FIELD=VALUE; fields are {', '.join(fields)}")
        new[name] = _read(name, text.strip(), fields[name])
    return dataclasses.replace(settings, **new)  # type: ignore[type-var]


def _read(name: str, text: str, now: Any) -> Any:
    """One value, as the type of the present one; `none` only where that is None already."""
    if text.lower() == "none" and now is None:
        return None
    try:
        if isinstance(now, bool):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        if isinstance(now, int):
            return int(text)
        if isinstance(now, float) or now is None:
            number = float(text)
            return int(number) if now is None and number.is_integer() else number
        if isinstance(now, tuple):
            return tuple(float(part) for part in text.split(","))
    except (KeyError, ValueError):
        raise ValueError(f"{name} is a {type(now).__name__}, and {text[:40]!r} is not one") from None
    return text
