"""Lists with pictures: the nearest candidate's photo is green, the others' are red; nothing else tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from geo.sphere import destination
from models.ranker.candidates import Candidate
from models.ranker.lists import RankingData, RankingList
from models.ranker.sights import Sights

GREEN, RED = (20, 160, 40), (200, 30, 30)


def picture(path: Path, colour: tuple[int, int, int]) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 32), colour).save(path)
    return str(path)


def one_list(folder: Path, rng: np.random.Generator, number: int, n: int = 4) -> RankingList:
    lat, lon = float(rng.uniform(-50, 60)), float(rng.uniform(-170, 170))
    km = rng.permutation(np.array([5.0, *rng.uniform(800, 6000, n - 1)]))
    lats, lons = destination(lat, lon, rng.uniform(0, 360, n), km)
    probability = rng.dirichlet(np.ones(n))
    candidates = tuple(
        Candidate(float(a), float(b), float(p), {"belief": float(np.log(p))})
        for a, b, p in zip(lats, lons, probability, strict=True)
    )
    photos = tuple(picture(folder / ("green.png" if d < 25 else "red.png"), GREEN if d < 25 else RED) for d in km)
    return RankingList(f"seen {number}", lat, lon, candidates, sights=Sights(picture(folder / "photo.png", (90, 90, 200)), photos, ("a town",) * n))  # fmt: skip


def seen_data(folder: Path, n: int = 40, seed: int = 0, of: int = 4) -> RankingData:
    rng = np.random.default_rng(seed)
    return RankingData([one_list(folder, rng, number, of) for number in range(n)], f"{n} lists with pictures")
