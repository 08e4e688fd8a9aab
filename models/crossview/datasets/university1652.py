"""University-1652 (Zheng, Wei & Yang, ACM MM 2020): buildings of 72 universities seen by a drone, a satellite and from the street.

    FOLDER/train/{drone,satellite,street,google}/BUILDING/*.jpg
    FOLDER/test/{query,gallery}_{drone,satellite,street}/BUILDING/*.jpg

A building has many drone pictures, some street pictures (or none) and one satellite tile. Test: `query_drone` or `query_street` against
`gallery_satellite`, whose further buildings have no query; and the other way round, `query_satellite` against `gallery_drone` or `gallery_street`,
where every picture of the building is right. Buildings of training and test are of different universities. The data set gives no positions,
no scale and no headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models.crossview.datasets.dataset import CrossViewSet, DatasetError, PlaceSearch
from models.crossview.datasets.folder_files import MAX_ROWS, FolderFiles
from models.crossview.pairs import AerialView, CrossViewPair
from models.training_data import Told, silent

NAME = "university-1652"
VIEWS = {"drone": "drone", "street": "photo", "google": "photo"}
"""Views that can be placed, and their kind. `google` (pictures of a web search) is in the training part alone."""
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_TOLD_EVERY = 100


def read_university1652(root: Path, split: str = "test", view: str = "drone", told: Told = silent) -> CrossViewSet:
    """Pairs of a view, `drone`, `street` or (training alone) `google`, with satellite tiles. Raises DatasetError.

    `missing` counts buildings whose satellite tile is not there. `told` hears `{"buildings": n, "of": n}`.
    """
    files = _files(root, split, view)
    folder, satellite = (
        (f"train/{view}", "train/satellite") if split == "train" else (f"test/query_{view}", "test/gallery_satellite")
    )
    tiles = _tiles(files, satellite)
    pairs, missing = _pairs(files, folder, tiles, VIEWS[view], split, told)
    where_is = {building: n for n, building in enumerate(tiles)}
    correct = tuple((where_is[pair.place],) for pair in pairs)
    return CrossViewSet(f"{NAME} {view} to satellite", split, tuple(pairs), tuple(tiles.values()), correct, missing=missing)


def read_satellite_to(root: Path, view: str = "drone", told: Told = silent) -> PlaceSearch:
    """The test the other way round: satellite tiles ask for pictures of a view, `drone` or `street`. Raises DatasetError."""
    files = _files(root, "test", view)
    queries = _tiles(files, "test/query_satellite")
    pairs, _ = _pairs(files, f"test/gallery_{view}", _tiles(files, "test/gallery_satellite"), VIEWS[view], "test", told)
    return PlaceSearch(f"{NAME} satellite to {view}", tuple(queries.items()), tuple(pairs))


def _files(root: Path, split: str, view: str) -> FolderFiles:
    if split not in ("train", "test"):
        raise DatasetError(f"University-1652 has the splits train and test, not {split[:40]!r}")
    views = tuple(VIEWS) if split == "train" else ("drone", "street")
    if view not in views:
        raise DatasetError(f"University-1652 has the views {', '.join(views)} in its {split} part, not {view[:40]!r}")
    return FolderFiles(root, "University-1652")


def _tiles(files: FolderFiles, folder: str) -> dict[str, AerialView]:
    """The satellite tile of each building, sorted by building. Raises DatasetError where a building has several, or none has one."""
    tiles: dict[str, AerialView] = {}
    for building, path in _pictures(files, folder):
        if building in tiles:
            raise DatasetError(f"{files.root / folder / building}: has more than one satellite tile")
        tiles[building] = AerialView(path)
    return tiles


def _pairs(
    files: FolderFiles, folder: str, tiles: dict[str, AerialView], kind: str, split: str, told: Told
) -> tuple[list[CrossViewPair], int]:
    """Pairs of all pictures in a folder, and how many buildings have no tile."""
    pairs: list[CrossViewPair] = []
    without: dict[str, None] = {}
    seen: set[str] = set()
    total = len(files.names(folder))
    for building, path in _pictures(files, folder):
        if building not in seen and len(seen) % _TOLD_EVERY == 0:
            told({"buildings": len(seen), "of": total})
        seen.add(building)
        if building not in tiles:
            without[building] = None
            continue
        pairs.append(CrossViewPair(f"{folder}/{building}/{path.name}", path, tiles[building], building, kind, split=split))
    if not pairs:
        raise DatasetError(f"{files.root / folder}: none of its {len(without):,} buildings has a satellite tile")
    return pairs, len(without)


def _pictures(files: FolderFiles, folder: str) -> Iterator[tuple[str, Path]]:
    """Building and picture, sorted. Raises DatasetError where there is none, or far too many."""
    count = 0
    for building in files.names(folder):
        for name in files.names(f"{folder}/{building}"):
            if Path(name).suffix.lower() not in _SUFFIXES:
                continue
            count += 1
            if count > MAX_ROWS:
                raise DatasetError(f"{files.root / folder}: has more than {MAX_ROWS:,} pictures")
            path = files.find(f"{folder}/{building}/{name}", str(files.root / folder))
            assert path is not None
            yield building, path
    if not count:
        raise DatasetError(f"{files.root / folder}: has no pictures in folders of buildings")
