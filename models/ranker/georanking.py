"""The published GeoRanking rows as training lists (arXiv 2505.13731): parquet with img_id, gps, ref_gps[], ref_img_id[], ref_texts[].

The references of a photo stand in the order of their similarity to it. The published training drops the first one, which is the photo
itself; here whatever has the photo's own id is dropped, so that a file without it loses nothing. Texts are not read.
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

_COLUMNS = ("img_id", "gps", "ref_gps", "ref_img_id")
_BATCH = 1024
_MOST_TEXT = 200
_SOURCES = tuple(int(kind == "retrieval") for kind in SOURCES)


def read_georanking(path: Path, most: int = 200_000) -> RankingData:
    """At most `most` rows of a file as lists. Rows without a place for the photo are damaged; references without one are left out of
    their list, and a row without any other reference is left out. Raises ModelError for what is no such file."""
    lists: list[RankingList] = []
    damaged = empty = 0
    for row in _rows(path, most):
        try:
            one = _list(row)
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
            for batch in file.iter_batches(_BATCH, columns=list(_COLUMNS)):
                for row in batch.to_pylist():
                    if count == most:
                        return
                    count += 1
                    yield row
    except (OSError, arrow.ArrowException) as error:
        raise ModelError(f"{path} cannot be read as parquet ({' '.join(str(error).split())[:120]})") from error


def _list(row: Mapping[str, Any]) -> RankingList:
    name = str(row["img_id"])[:_MOST_TEXT]
    lat, lon = _place(row["gps"])
    places, names = row["ref_gps"], row["ref_img_id"]
    if not isinstance(places, list) or not isinstance(names, list) or len(places) != len(names):
        raise ModelError("references and their places do not belong together")
    candidates: list[Candidate] = []
    for place, reference in zip(places[:MOST_CANDIDATES], names, strict=False):
        if str(reference)[:_MOST_TEXT] == name:
            continue
        rank = -math.log(len(candidates) + 1)
        try:
            candidates.append(Candidate(*_place(place), 0.0, {"retrieval": rank}, _SOURCES))
        except ModelError:
            continue
    return RankingList(name, lat, lon, tuple(candidates))


def _place(value: Any) -> tuple[float, float]:
    """Latitude and longitude, as a pair of numbers or as one written out: `[48.2, 16.4]`, `(48.2, 16.4)`, `48.2, 16.4`."""
    if isinstance(value, str) and len(value) <= _MOST_TEXT:
        try:
            value = json.loads(f"[{value.strip().strip('[]()')}]")
        except ValueError:
            raise ModelError("a place is no pair of numbers") from None
    return truth_of(value)
