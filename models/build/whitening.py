"""Fits the whitening of the embedded encoder on freely licensed photos of Debian packages.

    apt-get download gcompris-qt-data kphotoalbum lomiri-wallpapers-16.04 ...   (all of PACKAGES)
    for p in *.deb; do dpkg -x $p packages/${p%%_*}; done
    python -m models.build.whitening packages models/data/whitening_lite2.npz

Every picture gives the same number of random crops, so that large pictures do not outvote small ones. Photos of places
that the development photos may show (GCompris's monuments) are left out.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models.encoders.efficientnet_lite import EfficientNetLite
from models.encoders.embedded import POOL, Whitening, write_whitening

PACKAGES = {
    "gcompris-qt-data": (),
    "kphotoalbum": ("usr/share/kphotoalbum/demo/*.jpg",),
    "lomiri-wallpapers-16.04": ("usr/share/backgrounds/*_by_*.jpg",),
    "lomiri-wallpapers-20.04": ("usr/share/backgrounds/Fossa_*.jpg", "usr/share/backgrounds/Kleiber_*.jpg"),
    "mate-backgrounds": ("usr/share/backgrounds/mate/nature/*.jpg",),
    "opencv-doc": (
        "usr/share/doc/opencv-doc/examples/data/aero?.jpg",
        "usr/share/doc/opencv-doc/examples/data/building.jpg",
        "usr/share/doc/opencv-doc/examples/data/fruits.jpg",
        "usr/share/doc/opencv-doc/examples/data/graf1.png",
        "usr/share/doc/opencv-doc/examples/data/home.jpg",
        "usr/share/doc/opencv-doc/examples/data/leuvenA.jpg",
        "usr/share/doc/opencv-doc/examples/data/squirrel_cls.jpg",
        "usr/share/doc/opencv-doc/examples/text/scenetext0?.jpg",
    ),
    "palapeli-data": ("usr/share/palapeli/collection/*.jpg",),
    "plasma-workspace-wallpapers": tuple(
        f"usr/share/wallpapers/{name}/contents/images/2560x1600.jpg"
        for name in ("BytheWater", "ColdRipple", "ColorfulCups", "DarkestHour", "EveningGlow", "FallenLeaf", "Grey", "summer_1am")
    ),
    "python3-skimage": tuple(
        f"usr/lib/python3/dist-packages/skimage/data/{name}"
        for name in (
            "astronaut.png",
            "brick.png",
            "chelsea.png",
            "coffee.png",
            "grass.png",
            "gravel.png",
            "motorcycle_left.png",
            "rocket.jpg",
        )
    ),
    "stellarium-data": tuple(
        f"usr/share/stellarium/landscapes/{name}"
        for name in ("garching/garching-g*.png", "guereins/guereins?.png", "hurricane/hurricane?.png")
    ),
}
"""Debian package to its photos, by glob patterns below its folder; GCompris's lie inside Qt resource files."""

_RESOURCES = {
    "categorization": ("images/fishes/", "images/others/", "images/renewable/", "images/tools/"),
    "erase": ("resource/",),
    "explore_farm_animals": ("resource/animals/",),
    "explore_world_animals": ("resource/animals/",),
    "explore_world_music": ("resource/music/",),
    "louis-braille": ("resource/rnib", "resource/statue", "resource/teach", "resource/workshop"),
}
"""Resource file of GCompris to the names in it that hold photos."""
_SMALLEST_SIDE = 180
CROPS = 16
_AREA, _ASPECT = (0.15, 1.0), (3 / 4, 4 / 3)
"""Share of the picture that a crop takes, and how much its aspect differs from the picture's."""


def photos(root: Path) -> Iterator[tuple[str, Image.Image]]:
    """The photos of the unpacked packages below `root`, by name, in a stable order."""
    for package, patterns in sorted(PACKAGES.items()):
        files = sorted({path for pattern in patterns for path in (root / package).glob(pattern)})
        blobs = [(path.name, path.read_bytes()) for path in files]
        if package == "gcompris-qt-data":
            blobs = list(_gcompris(root / package / "usr/share/gcompris-qt/rcc"))
        if not blobs:
            raise SystemExit(f"{root / package} holds no photos; was the package unpacked there?")
        for name, blob in blobs:
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(blob))).convert("RGBA")
            if min(picture.size) >= _SMALLEST_SIDE:
                sky = Image.new("RGBA", picture.size, (150, 180, 215, 255))  # panoramas are cut out above the horizon
                yield f"{package}/{name}", Image.alpha_composite(sky, picture).convert("RGB")


def _gcompris(folder: Path) -> Iterator[tuple[str, bytes]]:
    for stem, wanted in sorted(_RESOURCES.items()):
        for name, blob in sorted(_resources((folder / f"{stem}.rcc").read_bytes())):
            if name.endswith(".webp") and any(part in name for part in wanted):
                yield name, blob


def _resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents in a Qt resource file (`qres`, as `rcc --binary` writes it), those that are not compressed."""
    _, version, tree, contents, names = struct.unpack(">4s4I", data[:20])
    size = 22 if version >= 2 else 14

    def walk(index: int, path: str) -> Iterator[tuple[str, bytes]]:
        at = tree + index * size
        name_at, flags = struct.unpack(">IH", data[at : at + 6])
        (length,) = struct.unpack(">H", data[names + name_at : names + name_at + 2])
        name = data[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be") if index else ""
        if flags & 2:
            count, first = struct.unpack(">II", data[at + 6 : at + 14])
            for child in range(first, first + count):
                yield from walk(child, f"{path}/{name}" if index else "")
        elif not flags & 1:
            (offset,) = struct.unpack(">I", data[at + 10 : at + 14])
            (length,) = struct.unpack(">I", data[contents + offset : contents + offset + 4])
            yield f"{path}/{name}", data[contents + offset + 4 : contents + offset + 4 + length]

    return walk(0, "")


def random_crops(picture: Image.Image, rng: np.random.Generator, count: int = CROPS) -> list[Image.Image]:
    """The whole picture and `count - 1` random crops of it, some mirrored."""
    width, height = picture.size
    crops = [picture]
    while len(crops) < count:
        share, aspect = rng.uniform(*_AREA), np.exp(rng.uniform(*np.log(_ASPECT)))
        wide = min(round(width * np.sqrt(share * aspect)), width)
        high = min(round(height * np.sqrt(share / aspect)), height)
        left, top = rng.integers(0, width - wide + 1), rng.integers(0, height - high + 1)
        crop = picture.crop((int(left), int(top), int(left) + wide, int(top) + high))
        crops.append(ImageOps.mirror(crop) if rng.random() < 0.5 else crop)
    return crops


def descriptors(root: Path, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Pooled descriptors [n, 1280] of all crops, and the number of the picture that each comes from [n]."""
    network = EfficientNetLite.load()
    rng = np.random.default_rng(seed)
    rows, of = [], []
    for number, (name, picture) in enumerate(photos(root)):
        rows.append(network.run(random_crops(picture, rng), POOL).pooled)
        of.extend([number] * len(rows[-1]))
        print(number, name, picture.size, flush=True)
    return np.concatenate(rows), np.array(of)


def main() -> None:
    """Fit and write."""
    root, target = Path(sys.argv[1]), Path(sys.argv[2])
    rows, of = descriptors(root)
    whitening = Whitening.fit(rows)
    write_whitening(target, whitening)
    print(f"{target}: {len(rows)} crops of {of.max() + 1} pictures, {whitening.dim} dimensions")


if __name__ == "__main__":
    main()
