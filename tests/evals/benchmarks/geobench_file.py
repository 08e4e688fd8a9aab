"""Makes a parquet file shaped like GeoBench, of any size, with drawn pictures and places of the gazetteer.

    python -m tests.evals.benchmarks.geobench_file --n 1142 --out DIR [--layout older] [--raw 5]

The mix is the benchmark's (512 photos, 512 panoramas, 118 satellite pictures in 1,142; 108 cities of 66 countries). On half of the
photos and panoramas the city's name stands on a sign. Equal arguments make equal rows.
"""

from __future__ import annotations

import argparse
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evals.sign_painting import STYLES, fonts_of, hang, paint_scene, paint_sign, photograph
from geo.gazetteer import Place, gazetteer
from geo.sphere import destination

CITIES, COUNTRIES = 108, 66
_SHARE = {"photo": 512 / 1142, "panorama": 512 / 1142}
_SIZE = {"photo": (640, 480), "panorama": (768, 384), "satellite": (320, 320)}
_GROUP = 100


def write_geobench(
    out: Path, n: int = 1142, *, layout: str = "published", seed: int = 0, raw: int = 0, typed: bool = True
) -> Path:
    """Writes the file into `out` and returns its path.

    `layout`: `published` (id, raw_image_path, preview, metadata, data_type) or `older` (image, metadata). `raw` rows of the
    published layout get a larger picture below `raw_image/`. Without `typed` no row says its kind.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out.mkdir(parents=True, exist_ok=True)
    path = out / ("test-00000-of-00001.parquet" if layout == "published" else "train-00000-of-00001.parquet")
    schema = _schema(pa, layout, typed)
    rows = _rows(n, seed, typed)
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, n, _GROUP):
            group = [next(rows) for _ in range(first, min(first + _GROUP, n))]
            if layout == "published":
                for row in group[: max(0, raw - first)]:
                    _write_raw(out / row["raw_image_path"], row["picture"])
            columns = {name: [_value(row, name) for row in group] for name in schema.names}
            writer.write_table(pa.table(columns, schema=schema))
    return path


def _schema(pa: Any, layout: str, typed: bool) -> Any:
    picture, text = pa.struct([("bytes", pa.binary()), ("path", pa.string())]), pa.string()
    if layout == "older":
        fields, image = [("image", picture), ("metadata", text)], "image"
    else:
        fields, image = [("id", text), ("raw_image_path", text), ("preview", picture), ("metadata", text)], "preview"
        fields += [("data_type", text)] if typed else []
    known = {name: {"_type": "Image"} if name == image else {"dtype": "string", "_type": "Value"} for name, _ in fields}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": known}})})


def _value(row: dict[str, Any], name: str) -> object:
    if name in {"preview", "image"}:
        return {"bytes": row["jpeg"], "path": f"{row['id']}.jpg"}
    return row[name]


def _write_raw(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((2 * picture.width, 2 * picture.height)).save(path)


def kinds(n: int) -> list[str]:
    """The kind of each row: photos first, then panoramas, then satellite pictures, as in the published file."""
    photos, panoramas = (round(n * _SHARE[kind]) for kind in ("photo", "panorama"))
    return ["photo"] * photos + ["panorama"] * panoramas + ["satellite"] * (n - photos - panoramas)


def places() -> list[Place]:
    """108 cities: the largest of each of the 66 countries with the most people, then the largest that are left."""
    known = gazetteer()
    wanted = sorted(known.countries.values(), key=lambda country: -country.population)[:COUNTRIES]
    codes = {country.code for country in wanted}
    ranked = [known.place(int(i)) for i in np.argsort(-known.population.astype(np.int64))[:3000]]
    largest = {place.country: place for place in reversed(ranked) if place.country in codes}
    rest = [place for place in ranked if place.country in codes and place != largest[place.country]]
    return [*largest.values(), *rest[: CITIES - len(largest)]]


def _rows(n: int, seed: int, typed: bool) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    cities = places()
    for number, kind in enumerate(kinds(n)):
        city = cities[number % len(cities)]
        lat, lon = _near(city, rng)
        uid = f"{rng.getrandbits(128):032x}"
        picture = _picture(kind, city.name if kind != "satellite" and number % 2 == 0 else None, rng)
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=85)
        levels = {"country": city.country_name, "province_or_state": city.region, "city": city.name}
        metadata = {"uid": uid, "date": "2025-10-08T22:41:38",
                    "location": {"lat": lat, "lng": lon, "multi_level_loc_dict": levels}}  # fmt: skip
        if typed:
            metadata["data_type"] = "planetary" if kind == "satellite" else kind
        yield {"id": uid, "raw_image_path": f"raw_image/{uid}/panorama-{uid}.png", "metadata": json.dumps(metadata, ensure_ascii=False),
               "data_type": kind, "jpeg": stream.getvalue(), "picture": picture}  # fmt: skip


def _near(city: Place, rng: random.Random) -> tuple[float, float]:
    """A point within 4 km of the city's middle that lies in its country."""
    for km in (4.0, 2.0, 1.0, 0.3, 0.0):
        lat, lon = (round(float(x), 6) for x in destination(city.lat, city.lon, rng.uniform(0, 360), km))
        if gazetteer().reverse(lat, lon).country == city.country:
            break
    return lat, lon


def _picture(kind: str, sign: str | None, rng: random.Random) -> Image.Image:
    if kind == "satellite":
        return _fields(_SIZE[kind], rng)
    scene = paint_scene(_SIZE[kind], rng)
    if sign and fonts_of("Latin"):
        hang(paint_sign([(sign, 1.0)], "Latin", 30.0, rng.choice(STYLES["road"]), rng), scene, rng)
    return photograph(scene, 0.0, rng)


def _fields(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Fields seen from above."""
    noise = np.random.default_rng(rng.getrandbits(32))
    colours = noise.integers((60, 80, 40), (170, 170, 110), (9, 9, 3)).astype(np.uint8)
    wide, high = size
    turned = Image.fromarray(colours).resize((2 * wide, 2 * high), Image.Resampling.NEAREST).rotate(rng.uniform(-20, 20))
    return turned.crop((wide // 2, high // 2, wide // 2 + wide, high // 2 + high))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1142)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layout", choices=["published", "older"], default="published")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--raw", type=int, default=0)
    given = parser.parse_args()
    print(write_geobench(given.out, given.n, layout=given.layout, seed=given.seed, raw=given.raw))


if __name__ == "__main__":
    main()
