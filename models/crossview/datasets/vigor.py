"""VIGOR (Zhu, Yang & Chen, CVPR 2021): four cities, 90,618 tiles, panoramas that are not in the middle of theirs.

    FOLDER/CITY/panorama/ID,LAT,LON,.jpg    FOLDER/CITY/satellite/satellite_LAT_LON.png      640 pixels, zoom 20
    FOLDER/splits/CITY/satellite_list.txt   same_area_balanced_train.txt, same_area_balanced_test.txt, pano_label_balanced.txt

`same`: training and test panoramas of all four cities. `cross`: trained on New York and Seattle, tested on Chicago and San Francisco. The gallery
is every tile of the cities in question. Semi-positives show the place too, off their middle; they are neither right nor wrong (hit rate).

The published offsets were made with 0.114 m/pixel everywhere, although Web Mercator gives 0.101 (Seattle) to 0.118 (San Francisco); SliceMatch (CVPR 2023)
gives corrected labels. They are taken where they lie in `splits__corrected` (or `splits_corrected`, `VIGOR_corrected_labels`).
"""

from __future__ import annotations

from pathlib import Path

from models.aerial.web_mercator import metres_per_pixel
from models.crossview.datasets.dataset import CrossViewSet, DatasetError
from models.crossview.datasets.folder_files import FolderFiles, Missing
from models.crossview.datasets.vigor_labels import ZOOM, LabelLine, Reading, panorama_place, parse_line, reading_of, tile_place
from models.crossview.pairs import AerialView, CrossViewPair
from models.training_data import Told, silent

NAME = "vigor"
CITIES = ("Chicago", "NewYork", "SanFrancisco", "Seattle")
TRAIN_CITIES, TEST_CITIES = ("NewYork", "Seattle"), ("Chicago", "SanFrancisco")
AREAS = ("same", "cross")
LABELS = ("", "corrected", "published")
CORRECTED_FOLDERS = ("splits__corrected", "splits_corrected", "VIGOR_corrected_labels")
_TOLD_EVERY = 20_000

Tiles = dict[tuple[str, str], int]
"""City and name of a tile -> its position in the gallery."""


def read_vigor(root: Path, split: str = "test", area: str = "same", labels: str = "", told: Told = silent) -> CrossViewSet:
    """Pairs of a split, `train` or `test`, of an area, `same` or `cross`. `labels`: `corrected`, `published`, or the first that is there.

    `notes` says which labels were read, how their offsets point, and how far they lie from the coordinates in the names (median pixels).
    `told` hears `{"rows": n, "of": n, "city": …}`. Raises DatasetError.
    """
    for value, known, what in ((split, ("train", "test"), "splits"), (area, AREAS, "areas"), (labels, LABELS, "labels")):
        if value not in known:
            raise DatasetError(f"VIGOR has the {what} {', '.join(filter(None, known))}, not {value[:40]!r}")
    files, missing = FolderFiles(root, "VIGOR"), Missing()
    cities = CITIES if area == "same" else TRAIN_CITIES if split == "train" else TEST_CITIES
    gallery, where_is = _gallery(files, cities)
    name = f"same_area_balanced_{split}" if area == "same" else "pano_label_balanced"
    sources = {city: _label_file(files, city, name, labels) for city in cities}
    lines = [(city, parse_line(where, text)) for city, path in sources.items() for where, text in files.lines(path)]
    if not lines:
        raise DatasetError(f"{sources[cities[0]]}: has no rows")
    reading, apart = reading_of([line for _, line in lines], str(sources[cities[0]].parent.parent))
    pairs: list[CrossViewPair] = []
    ignored = []
    for n, (city, line) in enumerate(lines):
        if n % _TOLD_EVERY == 0:
            told({"rows": n, "of": len(lines), "city": city})
        pair, semi = _pair(files, city, line, reading, split, where_is, missing)
        if pair is not None:
            pairs.append(pair)
            ignored.append(semi)
    left_out = missing.check(str(root))
    correct = tuple((where_is[_city(pair), pair.reference.path.name],) for pair in pairs)
    corrected = any(folder in path.parts for path in sources.values() for folder in CORRECTED_FOLDERS)
    notes = {"labels": "corrected" if corrected else "published", "offsets": str(reading), "offset_apart_px": round(apart, 2)}
    return CrossViewSet(f"{NAME} {area}-area", split, tuple(pairs), gallery, correct, tuple(ignored), left_out, notes)


def _pair(files: FolderFiles, city: str, line: LabelLine, reading: Reading, split: str, where_is: Tiles, missing: Missing) -> tuple[CrossViewPair | None, tuple[int, ...]]:  # fmt: skip
    """The pair of a line and the positions of its semi-positives; no pair where a picture is missing."""
    views = {name: view for name, offset in zip(line.tiles, line.offsets, strict=True)
             if (view := _view(files, city, name, line.where, reading.apply(offset))) is not None}  # fmt: skip
    positive, *semi = line.tiles
    panorama = files.find(f"{city}/panorama/{line.panorama}", line.where)
    if not missing.both(line.where, (line.panorama, panorama), (positive, views[positive].path if positive in views else None)):
        return None, ()
    absent = next((name for name in views if (city, name) not in where_is), None)
    if absent is not None:
        raise DatasetError(f"{line.where}: {absent[:80]} is not in the satellite list of {city}")
    assert panorama is not None
    lat, lon = panorama_place(line.panorama, line.where)
    others = [name for name in semi if name in views]
    pair = CrossViewPair(f"{city}/{line.panorama.split(',')[0]}", panorama, views[positive], f"{city}/{positive}", "panorama", 360.0, 0.0, lat, lon,
                         tuple(views[name] for name in others), split)  # fmt: skip
    return pair, tuple(where_is[city, name] for name in others)


def _view(
    files: FolderFiles, city: str, name: str, where: str, offset_px: tuple[float, float] | None = None
) -> AerialView | None:
    path = files.find(f"{city}/satellite/{name}", where)
    if path is None:
        return None
    lat, lon = tile_place(name, where)
    return AerialView(path, lat, lon, _scale(lat), offset_px)


def _scale(lat: float) -> float:
    """Metres a pixel at zoom 20, the mean of both directions."""
    east, north = metres_per_pixel(lat, ZOOM)
    return float(east + north) / 2.0


def _gallery(files: FolderFiles, cities: tuple[str, ...]) -> tuple[tuple[AerialView, ...], Tiles]:
    """All tiles of some cities, in the order of their lists. Raises DatasetError."""
    views: list[AerialView] = []
    where_is: Tiles = {}
    for city in cities:
        absent = Missing()
        source = files.need(
            f"splits/{city}/satellite_list.txt", *(f"{folder}/{city}/satellite_list.txt" for folder in CORRECTED_FOLDERS)
        )
        for where, name in files.lines(source):
            view = _view(files, city, name, where)
            if absent.both(where, (name, view.path if view else None)) and view is not None and (city, name) not in where_is:
                where_is[city, name] = len(views)
                views.append(view)
        absent.check(str(source))
    return tuple(views), where_is


def _label_file(files: FolderFiles, city: str, name: str, labels: str) -> Path:
    corrected = [
        f"{folder}/{city}/{name}{tail}.txt" for folder in CORRECTED_FOLDERS for tail in ("__corrected", "_corrected", "")
    ]
    published = [f"splits/{city}/{name}.txt"]
    return files.need(*{"corrected": corrected, "published": published}.get(labels, corrected + published))


def _city(pair: CrossViewPair) -> str:
    return pair.id.partition("/")[0]
