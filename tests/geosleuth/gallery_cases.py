"""Photos with places made in code, and an encoder that counts colours."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from PIL import Image

from geosleuth.gallery.builder import Builder, BuildSettings, Tally
from geosleuth.gallery.describe import described_by
from geosleuth.gallery.opening import alone, open_to_write, with_sources
from geosleuth.gallery.sources import read_source
from geosleuth.gallery.twins import Twins
from models.encoders.encoder import Vectors, unit_rows
from models.gallery.catalogue import open_named
from models.gallery.gallery import Row

Run = Callable[..., Result]

PORTO, PARIS, LYON, TOKYO, SYDNEY = (41.15, -8.61), (48.8566, 2.3522), (45.76, 4.84), (35.68, 139.76), (-33.87, 151.21)
PLACES = (PORTO, PARIS, LYON, TOKYO, SYDNEY)


class Colours:
    """An encoder: the histogram of a picture's colours, 4 × 4 × 4 bins. Fits the `Encoder` protocol and counts what it is asked."""

    name, dim, licence = "colours", 64, "none needed"

    def __init__(self, digest: str = "00112233aabbccdd") -> None:
        self.digest = digest
        self.encoded = 0

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        self.encoded += len(pictures)
        rows = np.zeros((len(pictures), self.dim), dtype=np.float32)
        for row, picture in zip(rows, pictures, strict=True):
            bins = (np.asarray(picture.convert("RGB").resize((32, 32)), dtype=np.int64) // 64).reshape(-1, 3)
            row += np.bincount(bins @ np.array([16, 4, 1]), minlength=self.dim)
        return unit_rows(rows)


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture with structure at every scale, as photos have: noise whose power falls with frequency."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((size[1], size[0], 3)), axes=(0, 1))
    fy, fx = np.fft.fftfreq(size[1])[:, None], np.fft.rfftfreq(size[0])[None, :]
    plane = np.fft.irfft2(spectrum / np.maximum(np.hypot(fx, fy), 1 / 640)[..., None] ** 1.3, s=(size[1], size[0]), axes=(0, 1))
    low, high = np.percentile(plane, [1, 99])
    return Image.fromarray((np.clip((plane - low) / (high - low), 0, 1) * 255).astype(np.uint8))


def jpeg(picture: Image.Image, place: tuple[float, float] | None = None, taken: str = "", quality: int = 92) -> bytes:
    """The bytes of a JPEG file with its place and time in EXIF tags."""
    exif = Image.Exif()
    if place is not None:
        lat, lon = place
        exif.get_ifd(0x8825).update(
            {1: "N" if lat >= 0 else "S", 2: _sexagesimal(lat), 3: "E" if lon >= 0 else "W", 4: _sexagesimal(lon)}
        )
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def _sexagesimal(angle: float) -> tuple[float, float, float]:
    angle = abs(angle)
    minutes = angle % 1 * 60
    return float(int(angle)), float(int(minutes)), round(minutes % 1 * 60, 4)


def photo_folder(folder: Path, count: int = 5, first_seed: int = 0, suffix: str = ".jpg") -> Path:
    """Photos `p0.jpg` … at five places in turn, taken in 2015, 2016 …, with EXIF tags."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        seed = first_seed + number
        data = jpeg(scene(seed), PLACES[number % len(PLACES)], f"{2015 + number % 8}:06:01 12:00:00")
        (folder / f"p{number}{suffix}").write_bytes(data)
    return folder


def mixed_folder(folder: Path) -> Path:
    """Five good photos, a copy, a re-encoded smaller copy, a truncated JPEG, a photo without a place, and a text file called `.jpg`."""
    photo_folder(folder)
    (folder / "q_copy.jpg").write_bytes((folder / "p1.jpg").read_bytes())
    (folder / "q_small.jpg").write_bytes(jpeg(scene(2).resize((120, 90)), LYON, quality=60))
    whole = jpeg(scene(77), PARIS)
    (folder / "q_torn.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "q_nowhere.jpg").write_bytes(jpeg(scene(78)))
    (folder / "q_text.jpg").write_text("not a picture\n")
    return folder


def shard(path: Path, samples: Iterable[Mapping[str, bytes]]) -> Path:
    """A tar file of members by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for members in samples:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


def labelled(key: str, seed: int, **labels: Any) -> dict[str, bytes]:
    """`key.jpg` and `key.json` of a shard."""
    return {f"{key}.jpg": jpeg(scene(seed)), f"{key}.json": json.dumps(labels).encode()}


def build(
    name: str,
    *sources: Path | str,
    encoder: Colours | None = None,
    exclude: Twins | None = None,
    source_name: str | None = None,
    licence: str = "",
    batch: int = 4,
    told: Any = lambda tally: None,
    allow_duplicates: bool = False,
) -> tuple[Tally, Builder]:
    """What `geosleuth gallery build` does, with an encoder of its own."""
    encoder = encoder or Colours()
    read = [read_source(str(source)) for source in sources]
    with alone(name):
        gallery = open_to_write(name, encoder)
        try:
            gallery, named = with_sources(gallery, read, source_name, licence)
            with described_by(encoder) as describe:
                builder = Builder(gallery, describe, BuildSettings(2, batch, allow_duplicates), exclude)
                return builder.run(named, told), builder
        finally:
            gallery.store.close()


def rows_in(name: str) -> dict[str, tuple[Row, Vectors]]:
    """Every row of a gallery with its vector, by id."""
    gallery = open_named(name)
    try:
        return {
            row.id: (row, vector) for rows, vectors in gallery.store.scan() for row, vector in zip(rows, vectors, strict=True)
        }
    finally:
        gallery.store.close()


def hits(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def one_line(result: Result) -> str:
    """The one line of a refusal."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    return lines[0]
