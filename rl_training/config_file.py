"""Settings of training from TOML files, strictly: what is unknown, of another type or makes no sense is told in one line.

    load_settings("tiny-cpu")                          a recipe by its name (`rl_training/recipes/`)
    load_settings("mine.toml", ["grpo.group=16"])      a file, with changes
    load_settings("runs/tiny-cpu/grpo")                the folder of a run: what it was told

A file may say `extends = "embedded"` (a recipe, or a file beside it) in its first line: its own values are laid over those.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from models.settings_text import with_changes
from rl_training.config import TrainSettings

SETTINGS_FILE = "settings.toml"
"""What a run was told, in its folder."""
_MAX_BYTES = 1_000_000
_MAX_EXTENDS = 8


class ConfigError(ValueError):
    """A configuration that cannot be used; one line."""


def recipes() -> dict[str, Path]:
    """The built-in recipes by name."""
    folder = Path(str(resources.files("rl_training") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_settings(source: str | Path, changes: Iterable[str] = ()) -> TrainSettings:
    """The settings that a recipe's name, a TOML file or a run's folder stands for, with `a.b=value` changes laid over them.

    Raises ConfigError.
    """
    from rl_training.config_checks import check

    path = find(source)
    settings = changed(settings_of(_read(path, _MAX_EXTENDS), str(path.name)), changes)
    check(settings)
    return settings


def find(source: str | Path) -> Path:
    """The file that `source` names. Raises ConfigError."""
    known, path = recipes(), Path(source).expanduser()
    if str(source) in known:
        return known[str(source)]
    if path.is_dir() and (path / SETTINGS_FILE).is_file():
        return path / SETTINGS_FILE
    if path.is_file():
        return path
    raise ConfigError(
        f"{str(source)[:100]!r} is no recipe, no file and no run{_near(str(source), known)}; recipes are {', '.join(known)}"
    )


def settings_of(table: Mapping[str, Any], where: str = "settings") -> TrainSettings:
    """Settings from the tables of a TOML file; what is not in them keeps its default. Types are checked, ranges are not.

    Raises ConfigError.
    """
    settings = _filled(TrainSettings, table, where, "")
    assert isinstance(settings, TrainSettings)
    return settings


def changed(settings: TrainSettings, changes: Iterable[str]) -> TrainSettings:
    """The settings with `a.b=value` changes, as `--set` takes them. Lists are written with commas, or as in TOML.

    Raises ConfigError.
    """
    for change in changes:
        path, separator, text = change.partition("=")
        if not separator:
            raise ConfigError(f"{change[:60]!r} is not TABLE.FIELD=VALUE, such as grpo.group=8")
        settings = _changed(settings, path.strip().split("."), text.strip(), path.strip())
    return settings


def _read(path: Path, depth: int) -> dict[str, Any]:
    """A file's tables over those of the file that it extends."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than a configuration can be")
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {' '.join(str(error).split())[:160]}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    base = table.pop("extends", None)
    if base is None:
        return table
    if not isinstance(base, str) or not depth:
        raise ConfigError(f"{path.name}: extends names one recipe or file, and no chain of more than {_MAX_EXTENDS}")
    beside = path.parent / base
    return _over(_read(beside if base not in recipes() and beside.is_file() else find(base), depth - 1), table)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, the second over the first; lists are replaced whole."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _filled(cls: Any, table: Mapping[str, Any], where: str, prefix: str) -> Any:
    """An instance of a settings class from a table."""
    hints, values = _hints(cls), {}
    defaults = cls()
    for name, value in table.items():
        if name not in hints:
            raise ConfigError(f"{where}: {_unknown(prefix + name)}")
        values[name] = _typed(hints[name], value, where, prefix + name)
    return dataclasses.replace(defaults, **values)


def _typed(hint: Any, value: Any, where: str, path: str) -> Any:
    """A TOML value as the type of its field. Raises ConfigError."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: {path} is a table: [{path}]")
        return _filled(hint, value, where, f"{path}.")
    origin, parts = get_origin(hint), get_args(hint)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: {path} is a list, and {_shown(value)} is not one")
        return tuple(_typed(parts[0], item, where, path) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: {path} is a table: [{path}]")
        return {str(key): _typed(parts[1], item, where, f"{path}.{key}") for key, item in value.items()}
    if isinstance(hint, types.UnionType):
        raise TypeError(f"{path} has a type that configuration files cannot hold")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where}: {path} is {_WORDS[hint]}, and {_shown(value)} is not one")
    return value


_WORDS: dict[Any, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _changed(owner: Any, names: list[str], text: str, path: str) -> Any:
    """One change somewhere below `owner`; scalars are read as `with_changes` reads them."""
    name, *rest = names
    hints = _hints(type(owner))
    if name not in hints:
        raise ConfigError(_unknown(path))
    hint, now = hints[name], getattr(owner, name)
    if dataclasses.is_dataclass(hint):
        if not rest:
            raise ConfigError(f"{path} is a table with the fields {', '.join(_hints(hint))}: --set {path}.FIELD=VALUE")
        return dataclasses.replace(owner, **{name: _changed(now, rest, text, path)})
    origin = get_origin(hint)
    if origin is not None and issubclass(origin, Mapping) and len(rest) == 1:
        return dataclasses.replace(owner, **{name: {**now, rest[0]: _typed(get_args(hint)[1], _toml(text, path), "--set", path)}})
    if rest or (origin is not None and origin is not tuple):
        raise ConfigError(_unknown(path) if rest else f"{path} is a table: --set {path}.NAME=NUMBER")
    if origin is tuple:
        return dataclasses.replace(owner, **{name: _typed(hint, _listed(text, get_args(hint)[0], path), "--set", path)})
    try:
        return with_changes(owner, [f"{name}={text}"])
    except ValueError as error:
        raise ConfigError(f"--set {path}: {error}") from error


def _listed(text: str, part: Any, path: str) -> Any:
    """A list as on the command line: `a,b`, or as in TOML: `["a", "b"]`."""
    if text.startswith("["):
        return _toml(text, path)
    items = [item.strip() for item in text.split(",") if item.strip()]
    return items if part is str else [_toml(item, path) for item in items]


def _toml(text: str, path: str) -> Any:
    """One value as TOML reads it. Raises ConfigError."""
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        table = {}
    if set(table) != {"value"}:
        raise ConfigError(f"--set {path}: {text[:40]!r} is no value of this field")
    return table["value"]


def _hints(cls: Any) -> dict[str, Any]:
    """The types of a settings class by field."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def paths(cls: Any = TrainSettings, prefix: str = "") -> Iterator[str]:
    """Every field by its dotted path: `grpo.optimiser.learning_rate`."""
    for name, hint in _hints(cls).items():
        if dataclasses.is_dataclass(hint):
            yield from paths(hint, f"{prefix}{name}.")
        else:
            yield prefix + name


def _unknown(path: str) -> str:
    """The line for a setting that there is not: with the one that was probably meant."""
    known, last = list(paths()), path.rpartition(".")[2]
    tables = dict.fromkeys(p.rpartition(".")[0] for p in known if "." in p)
    nested = [p for p in known if p.rpartition(".")[2] == last and p.startswith(path.rpartition(".")[0])]
    meant = [*nested, *difflib.get_close_matches(path, [*known, *tables], 1, 0.7)]
    hint = f" (did you mean {meant[0]}?)" if meant else f"; tables are {', '.join(tables)}"
    return f"{path[:80]} is not a setting{hint}"


def _near(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f" (did you mean {found[0]}?)" if found else ""


def _shown(value: Any) -> str:
    return repr(value)[:60]
