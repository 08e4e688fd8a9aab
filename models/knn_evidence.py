"""What the neighbours of a photo say of its place, as evidence.

A clue from neighbours is a mixture of kernels of several widths b around the same neighbours, and of "says nothing":

    L(x) = Σ_b a_b c_b(x) + a_0,     c_b(x) = 1 / μ_b · Σ_j w_j / ρ_b(x_j) · K_b(x − x_j)

with the weights w of Revisiting IM2GPS and the gallery's own density ρ, so that "it is a photo like those of the gallery" counts for nothing.
The numbers a, μ, m and k come from the gallery itself (`models/knn_calibration.py`).

Where the gallery has no photos it can speak against a place only as far as photos from elsewhere seldom have neighbours as alike: there a_0 is
g, at most 1. One number stands for both, C·a_0 + (1 − C)·g with the share C of the photo prior that the gallery covers. Where the gallery's
density is left in, ρ is 1, each c_b is divided by its mean under the photo prior, and a_0 holds everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.evidence import Evidence, near
from geo.prior import density_under
from geo.sphere import Floats
from models.gallery.catalogue import GalleryCard
from models.gallery.gallery import Hit
from models.gallery.own_density import OwnDensity
from models.knn_density import KnnSettings, neighbour_weights

WIDTHS_KM = (5.0, 25.0, 100.0, 445.0, 1500.0)
"""Kernels on offer; 445 km are the published 4 degrees."""
_LEAST, _MOST = 1e-9, 0.98
_LEAST_TRUST, _LEAST_BITS = 0.02, 0.05
"""With less trust in the photo's class, or less measured on the whole gallery, neighbours say nothing: their clue would thin the others of its
source."""


@dataclass(frozen=True)
class Calibration:
    """How neighbours become evidence."""

    k: int
    power: float
    limits: tuple[float, ...]
    """Best similarities, ascending, that part the classes [c − 1]; none for one class."""
    shares: tuple[tuple[float, ...], ...]
    """a_b of each class [c] and each of `WIDTHS_KM`; a_0 is what is left to 1."""
    outside: tuple[float, ...]
    """g of each class [c]."""
    divide_density: bool
    means: tuple[float, ...] = (1.0,) * len(WIDTHS_KM)
    """μ_b of each width."""
    queries: int = 0
    """Photos that it was measured on; 0 for the published numbers, which were not measured."""
    bits: float = 0.0
    """Mean log2 of L at the truth of the photos left out: what a clue is worth for photos like those of the gallery."""

    def class_of(self, similarity: float) -> int:
        """The class of a photo with this best cosine similarity."""
        return int(np.searchsorted(self.limits, similarity, side="right"))

    def trust(self, similarity: float) -> float:
        """1 − a_0 for a photo with this best cosine similarity: the probability that its neighbours tell its place among the gallery's."""
        return float(sum(self.shares[self.class_of(similarity)]))

    def to_json(self) -> dict[str, Any]:
        return {"k": self.k, "power": self.power, "limits": list(self.limits), "shares": [list(of) for of in self.shares], "outside": list(self.outside),
                "divide_density": self.divide_density, "means": list(self.means), "queries": self.queries, "bits": self.bits}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Raises ValueError for anything that `to_json` did not write."""
        try:
            shares = tuple(tuple(float(v) for v in of) for of in data["shares"])
            limits, outside, means = (tuple(float(v) for v in data[name]) for name in ("limits", "outside", "means"))
            found = cls(int(data["k"]), float(data["power"]), limits, shares, outside, bool(data["divide_density"]), means, int(data["queries"]),
                        float(data["bits"]))  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a calibration: {error}") from error
        widths = {len(of) for of in (*shares, means)}
        numbers = np.array([found.power, *limits, *outside, *means, *(v for of in shares for v in of)])
        fits = len(shares) == len(outside) == len(limits) + 1 and widths == {len(WIDTHS_KM)} and list(limits) == sorted(limits)
        sound = (
            np.isfinite(numbers).all() and (np.array(shares) >= 0).all() and (np.array(shares).sum(axis=1) <= 1.0 + 1e-9).all()
            if fits
            else False
        )
        if not sound or min(means) <= 0 or min(outside) < 0 or not 0 < found.k <= 10_000:
            raise ValueError("not a calibration: its numbers make no sense")
        return found


def published(divide_density: bool = True) -> Calibration:
    """The published numbers, k = 100, m = 10 and 4 degrees, with a cautious trust of 0.3: for galleries that are too small to measure."""
    shares = tuple(0.3 * (width == 445.0) for width in WIDTHS_KM)
    return Calibration(KnnSettings.k, KnnSettings.power, (), (shares,), (1.0,), divide_density)


def calibration_of(card: GalleryCard) -> Calibration:
    """A gallery's own calibration, or the published numbers where it has none that this version reads."""
    try:
        return Calibration.from_json(card.calibration)
    except ValueError:
        return published()


def neighbour_evidence(
    hits: Sequence[Hit], calibration: Calibration, own: OwnDensity | None, name: str, claim: str, scale: float = 1.0
) -> Evidence | None:
    """What the neighbours of a photo say of its place; None without any, and where photos as little alike told nothing. `own` is the density to divide out, None for not; `scale` below 1
    trusts them less than measured, for queries that are not whole photos."""
    hits = hits[: calibration.k]
    if not hits:
        return None
    lat, lon, similarity = np.array([(hit.row.lat, hit.row.lon, hit.similarity) for hit in hits], dtype=np.float64).T
    weights, of = neighbour_weights(similarity, calibration.power), calibration.class_of(float(similarity[0]))
    if scale * sum(calibration.shares[of]) < _LEAST_TRUST or (calibration.queries and calibration.bits < _LEAST_BITS):
        return None
    columns: list[Floats] = []
    mean = 0.0
    for share, width, centre in zip(calibration.shares[of], WIDTHS_KM, calibration.means, strict=True):
        prior = density_under(lat, lon, width)
        weight = weights / (own.at(lat, lon, width) * centre) if own is not None else weights / float(weights @ prior)
        mean += scale * share * float(weight @ prior)
        if share > 1e-3 * max(calibration.shares[of]):
            keep = weight > 1e-4 * weight.max()
            columns.append(np.stack([lat[keep], lon[keep], np.full(int(keep.sum()), width), share * weight[keep]]))
    nothing = 1.0 - scale * sum(calibration.shares[of])
    if own is not None:
        nothing = own.coverage * nothing + (1.0 - own.coverage) * (1.0 - scale * (1.0 - calibration.outside[of]))
    reliability = float(np.clip(mean / (mean + nothing), _LEAST, _MOST))
    kernels = near(*np.concatenate(columns, axis=1))
    cited = tuple(f"{name}/{hit.row.id[:120]}" for hit in hits[:5])
    return Evidence(kernels, claim, "picture", "find_similar", reliability, cited)
