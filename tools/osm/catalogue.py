"""Extracts by name: one file each in the folder of extracts."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

from tools.osm.element import OsmError

ENDING = ".osm.sqlite"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAMED = 20


def extracts_folder() -> Path:
    """Where extracts are kept by name: `$GEOSLEUTH_DATA/osm`, or the user's data folder."""
    import platformdirs

    root = os.environ.get("GEOSLEUTH_DATA")
    return (Path(root) if root else Path(platformdirs.user_data_dir("geosleuth"))) / "osm"


def extract_path(name: str) -> Path:
    """The file of an extract: a name, or a path (with a separator in it). Raises OsmError for what can be neither."""
    if os.sep in name or name.startswith("~"):
        return Path(name).expanduser()
    if not _NAME.fullmatch(name):
        raise OsmError(f"{name[:60]!r} is no name of an extract: use letters, digits, dots, dashes and underscores, or a path")
    return extracts_folder() / f"{name}{ENDING}"


def extract_name(path: Path) -> str:
    """The name of the extract in a file."""
    return path.name.removesuffix(ENDING)


def extract_names() -> list[str]:
    """Names of all extracts in the folder of extracts, sorted."""
    root = extracts_folder()
    return sorted(extract_name(path) for path in root.glob(f"*{ENDING}")) if root.is_dir() else []


def absent(path: Path) -> str:
    """The one line for an extract that is not there, with the names of those that are."""
    if path.parent != extracts_folder():
        return f"there is no extract in {path}"
    known, name = extract_names(), extract_name(path)
    said = f"there is no extract {name!r}; "
    if not known:
        return said + "there is none yet: geosleuth osm build FILE.osm.pbf --into NAME"
    near = difflib.get_close_matches(name, known, 1) if len(known) > 1 else []
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    return said + (f"did you mean {near[0]!r}? " if near else "") + f"there are: {', '.join(known[:_NAMED])}{more}"
