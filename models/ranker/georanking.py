"""The published GeoRanking rows as training lists (arXiv 2505.13731): parquet with img_id, gps, ref_gps[], ref_img_id[], ref_texts[].

The references of a photo stand in the order of their similarity to it. The published training drops the first one, which is the photo
itself; here whatever has the photo's own id is dropped, so that a file without it loses nothing. Texts and photos are named only where
the folder with the photos of MP-16 is given, for a ranker that looks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from models.geolocator import ModelError
from models.ranker.candidates import MOST_CANDIDATES, SOURCES, Candidate
from models.ranker.lists import RankingData, RankingList, truth_of
from models.ranker.sights import Sights

_COLUMNS = ("img_id", "gps", "ref_gps", "ref_img_id")
_TEXTS = ("ref_texts",)
_BATCH = 1024
_MOST_TEXT = 200
_SOURCES = tuple(int(kind == "retrieval") for kind in SOURCES)


def read_georanking(path: Path, most: int = 200_000, photos: Path | None = None) -> RankingData:
    """At most `most` rows of a file as lists; `photos` is the folder that `img_id` is a path below. Rows without a place for the photo are damaged; references without one are left out of
    their list, and a row without any other reference is left out. Raises ModelError for what is no such file."""
    lists: list[RankingList] = []
    damaged = empty = 0
    for row in _rows(path, most):
        try:
            one = _list(row, photos)
        except ModelError:
            damaged += 1
            continue
        if len(one):
            lists.append(one)
        else:
            empty += 1
    if not lists:
        raise ModelError(f"{path}: no row of it can be ranked")
    return RankingData(lists, f"GeoRanking, {len(lists):,} lists of {path.name[:60]}", damaged, empty)


def _rows(path: Path, most: int) -> Iterator[Mapping[str, Any]]:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise ModelError("reading parquet needs pyarrow: pip install 'geosleuth[evals]'") from None
    count = 0
    try:
        with parquet.ParquetFile(path) as file:
            missing = set(_COLUMNS) - set(file.schema_arrow.names)
            if missing:
                raise ModelError(f"{path} has no column {', '.join(sorted(missing))}: it is not GeoRanking")
            columns = [*_COLUMNS, *(name for name in _TEXTS if name in file.schema_arrow.names)]
            for batch in file.iter_batches(_BATCH, columns=columns):
                for row in batch.to_pylist():
                    if count == most:
                        return
                    count += 1
                    yield row
    except (OSError, arrow.ArrowException) as error:
        raise ModelError(f"{path} cannot be read as parquet ({' '.join(str(error).split())[:120]})") from error


def _list(row: Mapping[str, Any], photos: Path | None) -> RankingList:
    name = str(row["img_id"])[:_MOST_TEXT]
    lat, lon = _place(row["gps"])
    places, names, texts = row["ref_gps"], row["ref_img_id"], row.get("ref_texts")
    if not isinstance(places, list) or not isinstance(names, list) or len(places) != len(names):
        raise ModelError("references and their places do not belong together")
    texts = texts if isinstance(texts, list) and len(texts) == len(places) else [""] * len(places)
    kept: list[tuple[Candidate, str, str]] = []
    for place, reference, text in zip(places[:MOST_CANDIDATES], names, texts, strict=False):
        if str(reference)[:_MOST_TEXT] == name:
            continue
        rank = -math.log(len(kept) + 1)
        try:
            kept.append(
                (Candidate(*_place(place), 0.0, {"retrieval": rank}, _SOURCES), str(reference)[:_MOST_TEXT], str(text or ""))
            )
        except ModelError:
            continue
    candidates = tuple(candidate for candidate, _, _ in kept)
    if photos is None:
        return RankingList(name, lat, lon, candidates)
    files = tuple(_below(photos, reference) for _, reference, _ in kept)
    sights = Sights(_below(photos, name), files, tuple(text[:_MOST_TEXT] for _, _, text in kept))
    return RankingList(name, lat, lon, candidates, sights=sights)


def _below(photos: Path, name: str) -> str:
    """The path of a photo; "" for a name that leads out of the folder."""
    inside = name and "\x00" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts
    return str((photos / name).absolute()) if inside else ""


def _place(value: Any) -> tuple[float, float]:
    """Latitude and longitude, as a pair of numbers or as one written out: `[48.2, 16.4]`, `(48.2, 16.4)`, `48.2, 16.4`."""
    if isinstance(value, str) and len(value) <= _MOST_TEXT:
        try:
            value = json.loads(f"[{value.strip().strip('[]()')}]")
        except ValueError:
            raise ModelError("a place is no pair of numbers") from None
    return truth_of(value)
