"""The pictures of a finished evaluation, for a ranker that looks: the photos asked, and the gallery photos that suggested candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.run_folder import RunFolder
    from models.ranker.lists import RankingData, RankingList


def with_sights(run: RunFolder, data: RankingData, out: Path) -> RankingData:
    """The lists of a run with what can be looked at; thumbnails of galleries are kept in `out`. Raises RunError and OSError."""
    from models.ranker.gallery_pictures import GalleryPictures

    trajectories = run.trajectories()
    galleries: dict[str, GalleryPictures] = {}
    return replace(data, lists=[_seen(one, trajectories.get(one.id) or {}, run, out, galleries) for one in data.lists])


def _seen(one: RankingList, trajectory: Mapping[str, Any], run: RunFolder, out: Path, galleries: dict[str, Any]) -> RankingList:
    from models.ranker.candidates import numbered_candidates
    from models.ranker.of_trajectory import names, photo_rows, pictures
    from models.ranker.sights import Sights

    given = trajectory.get("candidates") or []
    kept = [given[row] for row, _ in numbered_candidates(given)]
    steps = trajectory.get("steps")
    rows = photo_rows(kept, [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else [])

    def of_tool(tool: str, ids: Sequence[str]) -> Mapping[str, str]:
        name = _gallery_of(tool, trajectory)
        return _pictures_of(name, out, galleries).by_id(ids) if name else {}

    found = pictures(rows, of_tool)
    return replace(one, sights=Sights(_photo(one.id, trajectory, run), tuple(path or "" for path in found), names(kept)))


def _photo(record: str, trajectory: Mapping[str, Any], run: RunFolder) -> str:
    """The photo's own file, or the small picture that the run kept of it; "" where neither is there."""
    path = trajectory.get("path")
    for file in (Path(path) if isinstance(path, str) and path and "\x00" not in path else None, run.thumbnail_path(record)):
        if file is not None and file.is_file():
            return str(file.absolute())
    return ""


def _gallery_of(tool: str, trajectory: Mapping[str, Any]) -> str:
    """The gallery that a tool of the run looked in: `find_similar`, `find_similar_2`, … in the order of the run's settings."""
    tools = trajectory.get("tools")
    listed = tools.get("galleries") if isinstance(tools, Mapping) else None
    number = tool.removeprefix("find_similar").removeprefix("_") or "1"
    if not isinstance(listed, list) or not number.isdecimal() or not 1 <= int(number) <= len(listed):
        return ""
    name = listed[int(number) - 1]
    return name if isinstance(name, str) else ""


def _pictures_of(name: str, out: Path, galleries: dict[str, Any]) -> Any:
    from models.gallery.catalogue import gallery_folder
    from models.ranker.gallery_pictures import GalleryPictures

    if name not in galleries:
        galleries[name] = GalleryPictures(gallery_folder(name), out)
    return galleries[name]
