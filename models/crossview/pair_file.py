"""Pairs as JSON lines: one pair a line, paths relative to the file's folder where they lie below it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from models.crossview.pairs import AerialView, CrossViewPair
from models.geolocator import ModelError
from models.model_folder import replaced

MAX_PAIRS = 2_000_000
_MAX_LINE = 100_000


def write_pairs(path: Path, pairs: Iterable[CrossViewPair]) -> int:
    """Write pairs, whole or not at all; gives how many. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    root, count = path.parent.resolve(), 0
    with replaced(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for pair in pairs:
            file.write(json.dumps(_to_json(pair, root), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_pairs(path: Path) -> list[CrossViewPair]:
    """All pairs of a file. Raises ModelError that names the line, OSError where the file cannot be read."""
    pairs: list[CrossViewPair] = []
    root = path.parent.resolve()
    try:
        with path.open("rb") as file:
            while line := file.readline(_MAX_LINE + 1):
                number = len(pairs) + 1
                if len(line) > _MAX_LINE or number > MAX_PAIRS:
                    raise ModelError(f"{path.name}: line {number} is too long, or there are more than {MAX_PAIRS:,} lines")
                try:
                    pairs.append(_from_json(json.loads(line), root))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise ModelError(f"{path.name}: line {number} is no pair ({' '.join(str(error).split())[:100]})") from None
    except FileNotFoundError:
        raise ModelError(f"{path}: is not there") from None
    if not pairs:
        raise ModelError(f"{path.name}: has no pairs")
    return pairs


def _to_json(pair: CrossViewPair, root: Path) -> dict[str, Any]:
    views = [_view_to_json(view, root) for view in (pair.reference, *pair.semi_positives)]
    return {"id": pair.id, "query": _relative(pair.query, root), "kind": pair.kind, "fov_deg": pair.fov_deg, "heading_deg": pair.heading_deg,
            "lat": pair.lat, "lon": pair.lon, "place": pair.place, "split": pair.split, "reference": views[0], "semi_positives": views[1:]}  # fmt: skip


def _view_to_json(view: AerialView, root: Path) -> dict[str, Any]:
    return {"path": _relative(view.path, root), "lat": view.lat, "lon": view.lon, "metres_per_pixel": view.metres_per_pixel,
            "offset_px": None if view.offset_px is None else list(view.offset_px)}  # fmt: skip


def _relative(path: Path, root: Path) -> str:
    whole = path.resolve()
    return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(whole)


def _from_json(data: Mapping[str, Any], root: Path) -> CrossViewPair:
    return CrossViewPair(
        str(data["id"]), root / str(data["query"]), _view_from_json(data["reference"], root), str(data["place"]), str(data.get("kind", "photo")),
        _number(data.get("fov_deg")), _number(data.get("heading_deg")), _number(data.get("lat")), _number(data.get("lon")),
        tuple(_view_from_json(view, root) for view in data.get("semi_positives", ())), str(data.get("split", "train")),
    )  # fmt: skip


def _view_from_json(data: Mapping[str, Any], root: Path) -> AerialView:
    offset = data.get("offset_px")
    at = None if offset is None else (float(offset[0]), float(offset[1]))
    return AerialView(
        root / str(data["path"]), _number(data.get("lat")), _number(data.get("lon")), _number(data.get("metres_per_pixel")), at
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
