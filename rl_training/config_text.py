"""Settings as TOML, so that what a run was told can be read, changed and given again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from rl_training.config import TrainSettings

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def settings_text(settings: TrainSettings) -> str:
    """Every field as TOML; `config_file.settings_of` reads the same settings back."""
    return "\n".join(_table(settings, "")).strip() + "\n"


def settings_digest(settings: TrainSettings) -> str:
    """The first 12 hex digits of the SHA-256 of the settings, words about the recipe left out."""
    plain = dataclasses.asdict(dataclasses.replace(settings, title="", needs=""))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def differences(before: TrainSettings, now: TrainSettings) -> dict[str, tuple[Any, Any]]:
    """What has another value, by dotted path: before and now."""
    a, b = flat(before), flat(now)
    return {path: (a.get(path), b.get(path)) for path in sorted(a.keys() | b.keys()) if a.get(path) != b.get(path)}


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Settings by dotted path."""
    if dataclasses.is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif isinstance(value, Mapping):
        parts = dict(value)
    else:
        return {path: value}
    return {key: item for name, part in parts.items() for key, item in flat(part, f"{path}.{name}" if path else name).items()}


def _table(value: Any, path: str) -> list[str]:
    """A settings class or a mapping: its own values, then the tables in it."""
    if dataclasses.is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    else:
        parts = dict(value)
    tables = {name: part for name, part in parts.items() if dataclasses.is_dataclass(part) or isinstance(part, Mapping)}
    lines = [f"\n[{path}]"] if path and (len(tables) < len(parts) or not tables) else []
    lines += [f"{_key(name)} = {_value(part)}" for name, part in parts.items() if name not in tables]
    for name, part in tables.items():
        lines += _table(part, f"{path}.{_key(name)}" if path else _key(name))
    return lines


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as TOML")


def _quoted(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, and DEL is one more character that TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
