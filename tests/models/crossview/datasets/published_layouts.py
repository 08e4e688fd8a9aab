"""Small folders in exactly the layout of the published data sets. Pictures are empty files: readers never open them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.aerial.web_mercator import from_pixel, to_pixel

PLACES = {"Chicago": (41.88, -87.63), "NewYork": (40.71, -74.0), "SanFrancisco": (37.77, -122.42), "Seattle": (47.6, -122.33)}


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def write_lines(path: Path, lines) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def cvusa(root: Path, train=3, val=2) -> Path:
    names = [f"{n:07d}" for n in range(1, train + val + 1)]
    rows = [f"bingmap/19/{n}.jpg,streetview/panos/{n}.jpg,streetview/annotations/{n}.png" for n in names]
    for name in names:
        touch(root / "bingmap/19" / f"{name}.jpg")
        touch(root / "streetview/panos" / f"{name}.jpg")
    write_lines(root / "splits/train-19zl.csv", rows[:train])
    write_lines(root / "splits/val-19zl.csv", rows[train:])
    return root


def cvact(root: Path, points, train, val, test, kind="jpg", **more) -> Path:
    """`points` [n, 2] in UTM metres; rows of the splits counted from 0, as the file does not."""
    from scipy.io import savemat

    root.mkdir(parents=True, exist_ok=True)
    ids = [f"pano{n:02d}ABCDEFGH_-{n:02d}abcd" for n in range(len(points))]

    def struct(name, rows):
        return {name.replace("Ind", "Num"): float(len(rows)), name: np.array(rows, dtype=np.float64)[:, None] + 1}

    data = {"panoIds": np.array(ids), "utm": np.array(points, dtype=np.float64), "trainSet": struct("trainInd", train), "valSet": struct("valInd", val),
            "valSetAll": struct("valInd", test)} | more  # fmt: skip
    savemat(root / "ACT_data.mat", data)
    for folder, rows in (("ANU_data_small", [*train, *val]), ("ANU_data_test", test)):
        for row in rows:
            touch(root / folder / "streetview" / f"{ids[row]}_grdView.{kind}")
            touch(root / folder / "satview_polish" / f"{ids[row]}_satView_polish.{kind}")
    return root


class Vigor:
    """Cities with a square of 3 × 3 tiles half a tile apart, and panoramas that each see four of them."""

    def __init__(self, root: Path, write=lambda right, down: (-down, right), scale: float = 1.0, panoramas: int = 6) -> None:
        """`write` turns pixels right and down into the two numbers of a label, `scale` spoils them."""
        self.root, self.write, self.scale, self.panoramas = root, write, scale, panoramas
        self.truth: dict[str, tuple[float, float]] = {}
        for city in PLACES:
            self._city(city, np.random.default_rng(len(city)))

    def _city(self, city, rng):
        x0, y0 = (float(v) for v in to_pixel(*PLACES[city], 20))
        middles = [(x0 + 320 * i, y0 + 320 * j) for i in range(3) for j in range(3)]
        names = []
        for x, y in middles:
            lat, lon = from_pixel(x, y, 20)
            names.append(f"satellite_{float(lat):.10f}_{float(lon):.10f}.png")
            touch(self.root / city / "satellite" / names[-1])
        lines = []
        for n in range(self.panoramas):
            x, y = x0 + 320 + rng.uniform(-150, 150), y0 + 320 + rng.uniform(-150, 150)
            lat, lon = from_pixel(x, y, 20)
            panorama = f"{city}pano{n},{float(lat):.10f},{float(lon):.10f},.jpg"
            touch(self.root / city / "panorama" / panorama)
            near = np.argsort([np.hypot(x - a, y - b) for a, b in middles])[:4]
            words = [panorama]
            for tile in near:
                right, down = x - middles[tile][0], y - middles[tile][1]
                words += [names[tile], *(f"{self.scale * v:.6f}" for v in self.write(right, down))]
            self.truth[f"{city}/{city}pano{n}"] = (x - middles[near[0]][0], y - middles[near[0]][1])
            lines.append(" ".join(words))
        self.labels(city, lines)
        write_lines(self.root / "splits" / city / "satellite_list.txt", names)

    def labels(self, city, lines, folder="splits", tail=""):
        into = self.root / folder / city
        write_lines(into / f"same_area_balanced_train{tail}.txt", lines[: len(lines) // 2])
        write_lines(into / f"same_area_balanced_test{tail}.txt", lines[len(lines) // 2 :])
        write_lines(into / f"pano_label_balanced{tail}.txt", lines)


def university(root: Path) -> Path:
    for building in ("0001", "0002"):
        touch(root / "train/satellite" / building / f"{building}.jpg")
        for n in (1, 2, 3):
            touch(root / "train/drone" / building / f"image-{n:02d}.jpeg")
        touch(root / "train/street" / building / "1.jpg")
        touch(root / "train/google" / building / "2.jpg")
    for building in ("0003", "0004", "0005"):
        touch(root / "test/gallery_satellite" / building / f"{building}.jpg")
        for n in (1, 2):
            touch(root / "test/gallery_drone" / building / f"image-{n:02d}.jpeg")
        touch(root / "test/gallery_street" / building / "1.jpg")
    for building in ("0003", "0005"):
        touch(root / "test/query_satellite" / building / f"{building}.jpg")
        for n in (1, 2):
            touch(root / "test/query_drone" / building / f"image-{n:02d}.jpeg")
    touch(root / "test/query_street" / "0005" / "1.jpg")
    touch(root / "test/4K_drone" / "0003" / "image-01.jpeg")
    return root
