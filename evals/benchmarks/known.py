"""The benchmarks that are known by name: size, licence, source, and where each is looked for."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from evals.benchmarks.table import SUFFIXES
from evals.record import BenchmarkError, BenchmarkInfo

_UNSTATED = "not stated"
_WITHDRAWN = "TIBHannover/GeoEstimation, which held the CSV file, withdrew its contents on 2025-12-15 for dual-use reasons"


@dataclass(frozen=True)
class Known:
    """A benchmark of files that somebody else published."""

    name: str
    title: str
    size: str
    licence: str
    source: str
    needs: str
    """What to put into its folder."""
    tables: tuple[str, ...] = ()
    """Names that its table may have, by preference, where the folder holds several."""
    images: tuple[str, ...] = ("images",)
    """Folders that its pictures may be in, by preference; else anywhere in its folder."""
    hub: str = ""
    """Its data set on the Hugging Face hub; "" where there is none or where it holds other things."""
    files: tuple[str, ...] = ()
    """Which of the hub's files it needs, where they are not rows but plain files."""
    split: str = ""
    """The only value of a column `split` that belongs to the benchmark, where the table has that column."""


_TABLE = "a table with image id, latitude and longitude (CSV, TSV, JSON lines or parquet) and the pictures (files, tar or zip)"

KNOWN: dict[str, Known] = {
    known.name: known
    for known in (
        Known("geobench", "GeoBench (GeoVistaBench)", "1,142: 512 photos, 512 panoramas, 118 satellite pictures", _UNSTATED,
              "huggingface.co/datasets/LibraTree/GeoVistaBench (older layout: LibraTree/GeoBench); arXiv GeoVista",
              "the parquet files of LibraTree/GeoVistaBench (with raw_image/ for full resolution) or of LibraTree/GeoBench",
              hub="LibraTree/GeoVistaBench"),
        Known("im2gps", "IM2GPS test set", "237 photos", _UNSTATED, "graphics.cs.cmu.edu/projects/im2gps",
              "the photos as published, with coordinates in their JPEG comments, or a table of coordinates and the photos"),
        Known("im2gps3k", "IM2GPS3k", "3,000 photos, 2,997 with coordinates", _UNSTATED,
              f"photos: github.com/lugiavn/revisiting-im2gps; table: huggingface.co/Jia-py/G3-checkpoint ({_WITHDRAWN})",
              _TABLE, tables=("im2gps3k_places365.csv",)),
        Known("yfcc4k", "YFCC4k", "4,536 photos", _UNSTATED,
              "github.com/lugiavn/revisiting-im2gps (some READMEs link the YFCC26k table for it, which is the wrong one)",
              _TABLE, tables=("yfcc4k_places365.csv",)),
        Known("yfcc26k", "YFCC26k", "25,600 photos", _UNSTATED, _WITHDRAWN, _TABLE,
              tables=("yfcc25600_places365.csv",)),
        Known("gws15k", "GWS15k", "14,955 street views", _UNSTATED,
              "never released: each paper rebuilds it, so that numbers of different papers are on different pictures",
              _TABLE),
        Known("osv5m", "OpenStreetView-5M, test split", "5.1 million in all, 225 countries; test.csv has 116 MB", "CC-BY-SA-4.0",
              "huggingface.co/datasets/osv5m/osv5m", "test.csv and images/test/*.zip (unpacked or not)",
              tables=("test.csv",), images=("images/test", "test", "images"), hub="osv5m/osv5m",
              files=("test.csv", "images/test/*")),
        Known("mapbench", "MAPBench (Thinking with Map), test split", _UNSTATED, _UNSTATED,
              "huggingface.co/datasets/GD-ML/MAPBench-V1 and MAPBench-V2; arXiv 2601.05432",
              "a table with image, lat, lon, country, city (JSON lines with ground_truth do) and the pictures",
              hub="GD-ML/MAPBench-V2", split="test"),
    )
}  # fmt: skip

_ANYWHERE = (
    BenchmarkInfo("folder", "any folder of labelled photos", "any", "yours", "folder:PATH", True,
                  "labels.csv (path, lat, lon; country, region, city, kind, licence and further columns where known), or EXIF places"),
)  # fmt: skip


def root() -> Path:
    """Where benchmarks are looked for: `$GEOSLEUTH_DATA`, else the user's data folder."""
    import platformdirs

    chosen = os.environ.get("GEOSLEUTH_DATA")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("geosleuth")) / "benchmarks"


def find_table(known: Known, folder: Path) -> Path | None:
    """The table of a benchmark in its folder or one level below; None where there is none.

    Raises BenchmarkError where there are several and none has a name that tells.
    """
    found = sorted(
        path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    for name in (
        *known.tables,
        *(f"{stem}{suffix}" for stem in (known.name, "labels", "metadata", "test") for suffix in SUFFIXES),
    ):
        if named := [path for path in found if path.name.lower() == name]:
            return named[0]
    found = [path for path in found if path.parent == folder] or found
    if len(found) > 1 and not all(path.suffix.lower() == ".parquet" for path in found):
        names = ", ".join(str(path.relative_to(folder)) for path in found[:4])
        raise BenchmarkError(f"{folder} holds several tables ({names}): name one, as in {known.name}:{found[0]}")
    return found[0].parent if len(found) > 1 else found[0] if found else None


def absent(known: Known, folder: Path) -> BenchmarkError:
    """The one line for a benchmark that is not on this machine."""
    return BenchmarkError(
        f"{known.name} is not here: put {known.needs} into {folder}, or give its place as {known.name}:PATH; source: {known.source}"
    )


def is_present(known: Known) -> bool:
    """Whether its folder holds what could be its files; nothing is read."""
    folder = root() / known.name
    if not folder.is_dir():
        return False
    endings = (".parquet",) if known.name == "geobench" else (*SUFFIXES, *((".jpg", ".jpeg") if known.name == "im2gps" else ()))
    return any(path.suffix.lower() in endings for pattern in ("*", "*/*") for path in folder.glob(pattern))


def known_benchmarks() -> list[BenchmarkInfo]:
    """Every benchmark that has a name, and whether it can be run on this machine now."""
    infos = [
        BenchmarkInfo(k.name, k.title, k.size, k.licence, k.source, is_present(k), str(root() / k.name)) for k in KNOWN.values()
    ]
    drawn = importlib.util.find_spec("evals.practice") is not None
    practice = BenchmarkInfo("practice", "street scenes drawn in code (a test bed, not photos)", "300 by default, any number",
                             "as this program", "practice[:LEVEL[:SEED[:N[:SPLIT]]]]", drawn, "built in")  # fmt: skip
    return [*infos, *_ANYWHERE, practice]
