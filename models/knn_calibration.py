"""How far a gallery's neighbours can be trusted, and how far around them the truth lies: measured on the gallery itself, one photo left out
at a time.

A clue from neighbours is a mixture of kernels of several widths b around the same neighbours, and of "says nothing":

    L(x) = Σ_b a_b c_b(x) + a_0,     c_b(x) = 1 / μ_b · Σ_j w_j / ρ_b(x_j) · K_b(x − x_j)

with the weights w of Revisiting IM2GPS and the gallery's own density ρ, so that "it is a photo like those of the gallery" counts for nothing:
μ_b is the mean of K_b(x − x_j) / ρ_b(x_j) over pairs of photos of the gallery, above 1 by just so much as ρ is too low at its own photos, so
that neighbours drawn at random tell nothing. The shares a maximise the mean log L of the photos left out, by expectation maximisation; m and k are
chosen by the same number. How much of 1 − a_0 holds for a photo depends on its best similarity by a logistic curve. Where the gallery has no
photos it cannot speak against a place, so that for the belief a_0 is 1 there; one number stands for both, 1 − C·(1 − a_0) with the share C of
the photo prior that the gallery covers.

Where the gallery's density is left in, ρ is 1 and each c_b is divided by its mean under the photo prior instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.evidence import Evidence, near
from geo.prior import density_under
from geo.sphere import Floats, haversine_km, kappa_of_sigma, unit_vectors, vmf_log_density
from models.gallery.catalogue import NamedGallery
from models.gallery.gallery import Hit, Row
from models.gallery.own_density import OwnDensity, own_density
from models.knn_density import KnnSettings, neighbour_weights

WIDTHS_KM = (5.0, 25.0, 100.0, 445.0, 1500.0)
"""Kernels on offer; 445 km are the published 4 degrees."""
_POWERS = (5.0, 10.0, 20.0, 40.0)
_NEIGHBOURS = (10, 30, 100)
_MOST_QUERIES = 500
FEWEST = 50
"""Photos that a gallery needs to tell anything about itself."""
_SILENT_PHOTOS = 8.0
"""The share of "says nothing" is fitted as if so many more photos had told nothing: small galleries are not believed."""
_LEAST, _MOST = 0.001, 0.98
_BURST_MINUTES, _BURST_KM = 10, 1.0
"""Photos of the same place this close in time are one look at it; a photo left out is not explained by them."""

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Calibration:
    """How neighbours become evidence."""

    k: int
    power: float
    shares: tuple[float, ...]
    """a_b of each of `WIDTHS_KM`, summing to 1: where the truth lies when the neighbours are right."""
    offset: float
    slope: float
    """1 − a_0 = logistic(offset + slope · best similarity)."""
    divide_density: bool
    means: tuple[float, ...] = (1.0,) * len(WIDTHS_KM)
    """μ_b of each width."""
    queries: int = 0
    """Photos that it was measured on; 0 for the published numbers, which were not measured."""
    bits: float = 0.0
    """Mean log2 of L at the truth of the photos left out: what a clue is worth."""

    def trust(self, similarity: float) -> float:
        """1 − a_0 for a photo with this best cosine similarity: the probability that its neighbours tell its place among the gallery's."""
        return float(np.clip(_logistic(np.array(self.offset + self.slope * similarity)), _LEAST, _MOST))

    def to_json(self) -> dict[str, Any]:
        return {"k": self.k, "power": self.power, "shares": list(self.shares), "offset": self.offset, "slope": self.slope,
                "divide_density": self.divide_density, "means": list(self.means), "queries": self.queries, "bits": self.bits}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Raises ValueError for anything that `to_json` did not write."""
        try:
            found = cls(int(data["k"]), float(data["power"]), tuple(float(v) for v in data["shares"]), float(data["offset"]),
                        float(data["slope"]), bool(data["divide_density"]), tuple(float(v) for v in data["means"]), int(data["queries"]), float(data["bits"]))  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a calibration: {error}") from error
        numbers = np.array([found.power, *found.shares, found.offset, found.slope])
        if (
            len(found.shares) != len(WIDTHS_KM)
            or not np.isfinite(numbers).all()
            or min(found.shares) < 0
            or not 0 < found.k <= 10_000
        ):
            raise ValueError("not a calibration: its numbers make no sense")
        return found


def published(divide_density: bool = True) -> Calibration:
    """The published numbers, k = 100, m = 10 and 4 degrees, with a cautious trust of 0.3: for galleries that are too small to measure."""
    shares = tuple(float(width == 445.0) for width in WIDTHS_KM)
    return Calibration(KnnSettings.k, KnnSettings.power, shares, float(np.log(0.3 / 0.7)), 0.0, divide_density)


def neighbour_evidence(
    hits: Sequence[Hit], calibration: Calibration, own: OwnDensity | None, name: str, claim: str, scale: float = 1.0
) -> Evidence | None:
    """What the neighbours of a photo say of its place; None without any. `own` is the density to divide out, None for not; `scale` below 1
    trusts them less than measured, for queries that are not whole photos."""
    hits = hits[: calibration.k]
    if not hits:
        return None
    lat, lon, similarity = np.array([(hit.row.lat, hit.row.lon, hit.similarity) for hit in hits], dtype=np.float64).T
    weights, trust = neighbour_weights(similarity, calibration.power), scale * calibration.trust(float(similarity[0]))
    columns: list[Floats] = []
    mean = 0.0
    for share, width, centre in zip(calibration.shares, WIDTHS_KM, calibration.means, strict=True):
        prior = density_under(lat, lon, width)
        weight = weights / (own.at(lat, lon, width) * centre) if own is not None else weights / float(weights @ prior)
        mean += share * float(weight @ prior)
        if share > 1e-3:
            keep = weight > 1e-4 * weight.max()
            columns.append(np.stack([lat[keep], lon[keep], np.full(int(keep.sum()), width), share * weight[keep]]))
    nothing = 1.0 - trust * (own.coverage if own is not None else 1.0)
    reliability = float(np.clip(trust * mean / (trust * mean + nothing), 1e-9, _MOST))
    kernels = near(*np.concatenate(columns, axis=1))
    cited = tuple(f"{name}/{hit.row.id[:120]}" for hit in hits[:5])
    return Evidence(kernels, claim, "picture", "find_similar", reliability, cited)


def calibrate(
    gallery: NamedGallery, told: Told = lambda done, of: None, *, divide_density: bool = True, seed: int = 0
) -> Calibration:
    """Measure the calibration of a gallery by leaving photos out, at most 500 of them, chosen by `seed`.

    Raises ValueError for a gallery of fewer than 50 photos.
    """
    rows, vectors = _sample(gallery, seed)
    if len(rows) < FEWEST:
        raise ValueError(f"gallery {gallery.name} has {len(rows)} photos; fewer than {FEWEST} tell nothing about themselves")
    own = own_density(gallery) if divide_density else None
    found: list[list[Hit]] = []
    for start in range(0, len(rows), 100):
        hits = gallery.store.search(vectors[start : start + 100], max(_NEIGHBOURS) + 20)
        found += [_others(row, of) for row, of in zip(rows[start : start + 100], hits, strict=True)]
        told(len(found), len(rows))
    if sum(bool(hits) for hits in found) < FEWEST:
        raise ValueError(
            f"the photos of gallery {gallery.name} were taken in bursts; what is left of it tells nothing about itself"
        )
    around = _Around.of([hit for hits in found for hit in hits], own)
    looks = [_Look.at(hits, row, around) for hits, row in zip(found, rows, strict=True) if hits]
    top = np.array([look.similarity[0] for look in looks])
    means = _means(rows, own) if own is not None else np.ones(len(WIDTHS_KM))
    ratios = {(k, power): np.stack([look.ratios(k, power) for look in looks]) / means for k in _NEIGHBOURS for power in _POWERS}
    shares = {key: _mixture(of) for key, of in ratios.items()}
    k, power = max(ratios, key=lambda key: float(np.log(ratios[key] @ shares[key] + 1.0 - shares[key].sum()).mean()))
    fitted = _fitted(ratios[k, power], shares[k, power], top, k, power, divide_density)
    return replace(fitted, means=tuple(means.tolist()))


def _sample(gallery: NamedGallery, seed: int) -> tuple[list[Row], NDArray[np.float32]]:
    """At most 500 rows with their vectors, spread evenly over the gallery by a random choice."""
    count = gallery.store.count()
    chosen = np.sort(np.random.default_rng(seed).choice(count, min(count, _MOST_QUERIES), replace=False))
    rows: list[Row] = []
    vectors: list[NDArray[np.float32]] = []
    at = 0
    for batch, of in gallery.store.scan():
        here = chosen[(chosen >= at) & (chosen < at + len(batch))] - at
        rows += [batch[int(i)] for i in here]
        vectors.append(of[here])
        at += len(batch)
    return rows, np.concatenate(vectors) if vectors else np.zeros((0, gallery.card.dim), dtype=np.float32)


def _others(row: Row, hits: Sequence[Hit]) -> list[Hit]:
    """The neighbours of a photo without itself and without its own burst."""
    return [hit for hit in hits if hit.row.id != row.id and not _same_burst(row, hit.row)]


def _same_burst(a: Row, b: Row) -> bool:
    """Whether two photos were taken at one place within minutes of each other; those of one collection are taken to be where no times
    tell, so that the frames of one ride do not vouch for each other."""
    if float(haversine_km(a.lat, a.lon, b.lat, b.lon)) > _BURST_KM:
        return False
    try:
        minutes = float(abs((np.datetime64(a.time) - np.datetime64(b.time)) / np.timedelta64(1, "m")))
    except ValueError:
        minutes = np.nan
    if min(len(a.time), len(b.time)) < len("2000-01-01T00:00") or not np.isfinite(minutes):
        return a.source == b.source
    return minutes <= _BURST_MINUTES


def _means(rows: Sequence[Row], own: OwnDensity) -> Floats:
    """μ_b [b]: the mean of K_b(x_i − x_j) / ρ_b(x_j) over all pairs of the rows, relative to a uniform Earth; at least 1, since where pairs
    that near are rare the mean of those there are says nothing."""
    lat, lon = (np.array([getattr(row, axis) for row in rows], dtype=np.float64) for axis in ("lat", "lon"))
    cosine = unit_vectors(lat, lon) @ unit_vectors(lat, lon).T
    np.fill_diagonal(cosine, np.nan)
    means = [
        np.nanmean(4.0 * np.pi * np.exp(vmf_log_density(cosine, kappa_of_sigma(width))) / own.at(lat, lon, width))
        for width in WIDTHS_KM
    ]
    return np.maximum(means, 1.0)


@dataclass(frozen=True, eq=False)
class _Around:
    """What is known of the surroundings of rows [r], for every width [b, r]; each row is asked once, however often it is a neighbour."""

    number: Mapping[str, int]
    own: Floats
    """The gallery's density; 1 where it is left in."""
    prior: Floats
    """What a neighbour adds to ⟨k_b⟩."""

    @classmethod
    def of(cls, hits: Sequence[Hit], own: OwnDensity | None) -> _Around:
        rows = {hit.row.id: hit.row for hit in hits}
        lat, lon = (np.array([getattr(row, axis) for row in rows.values()], dtype=np.float64) for axis in ("lat", "lon"))
        number, ones = {key: i for i, key in enumerate(rows)}, np.ones((len(WIDTHS_KM), len(rows)))
        if own is None:
            return cls(number, ones, np.stack([density_under(lat, lon, width) for width in WIDTHS_KM]))
        return cls(number, np.stack([own.at(lat, lon, width) for width in WIDTHS_KM]), ones)


@dataclass(frozen=True, eq=False)
class _Look:
    """The neighbours [k] of one photo left out, with what does not depend on their weights, for every width [b, k]."""

    similarity: Floats
    kernel: Floats
    """K_b(truth − x_j) / ρ_b(x_j), relative to a uniform Earth."""
    prior: Floats

    @classmethod
    def at(cls, hits: Sequence[Hit], truth: Row, around: _Around) -> _Look:
        lat, lon, similarity = np.array([(hit.row.lat, hit.row.lon, hit.similarity) for hit in hits], dtype=np.float64).T
        cosine = unit_vectors(lat, lon) @ unit_vectors(truth.lat, truth.lon)
        kernel = 4.0 * np.pi * np.exp([vmf_log_density(cosine, kappa_of_sigma(width)) for width in WIDTHS_KM])
        rows = [around.number[hit.row.id] for hit in hits]
        return cls(similarity, np.asarray(kernel / around.own[:, rows]), around.prior[:, rows])

    def ratios(self, k: int, power: float) -> Floats:
        """k_b(truth) / ⟨k_b⟩ [b]."""
        weight = neighbour_weights(self.similarity[:k], power)
        return np.asarray(self.kernel[:, :k] @ weight / (self.prior[:, :k] @ weight))


def _fitted(ratios: Floats, shares: Floats, top: Floats, k: int, power: float, divide_density: bool) -> Calibration:
    """The calibration of ratios [n, b] of photos left out, the shares [b] fitted to them, and their best similarities [n]."""
    told = float(shares.sum())
    widths = shares / told if told > 0 else np.full(len(shares), 1.0 / len(shares))
    mixed = ratios @ widths
    offset, slope = _curve(mixed, top, told)
    trust = np.clip(_logistic(offset + slope * top), _LEAST, _MOST)
    bits = float(np.log2(trust * mixed + 1.0 - trust).mean())
    return Calibration(k, power, tuple(widths.tolist()), offset, slope, divide_density, queries=len(ratios), bits=bits)


def _mixture(ratios: Floats) -> Floats:
    """Shares [b] that maximise Σ log(Σ_b a_b r_b + a_0), with photos that told nothing added; a_0 is the rest to 1."""
    with_nothing = np.column_stack([ratios, np.ones(len(ratios))])
    share = np.full(with_nothing.shape[1], 1.0 / with_nothing.shape[1])
    for _ in range(300):
        joint = with_nothing * share
        part = (joint / joint.sum(axis=1, keepdims=True)).sum(axis=0)
        part[-1] += _SILENT_PHOTOS
        new = part / part.sum()
        if np.abs(new - share).max() < 1e-7:
            break
        share = new
    return np.asarray(share[:-1])


def _curve(mixed: Floats, top: Floats, told: float) -> tuple[float, float]:
    """Offset and slope of the logistic curve over the best similarity that maximises the same number; a slope must be worth a bit or so."""
    centre, spread = float(top.mean()), max(float(top.std()), 1e-3)
    scaled = (top - centre) / spread
    base = np.log(np.clip(told, _LEAST, _MOST) / (1.0 - np.clip(told, _LEAST, _MOST)))
    offsets, slopes = base + np.linspace(-3.0, 3.0, 61), np.linspace(0.0, 3.0, 31)
    trust = np.clip(_logistic(offsets[:, None, None] + slopes[None, :, None] * scaled), _LEAST, _MOST)
    value = np.log(trust * mixed + 1.0 - trust).sum(axis=2)
    value -= 0.5 * slopes**2 + _SILENT_PHOTOS * -np.log(1.0 - _logistic(offsets))[:, None]
    row, column = np.unravel_index(int(np.argmax(value)), value.shape)
    slope = float(slopes[column] / spread)
    return float(offsets[row]) - slope * centre, slope


def _logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -40.0, 40.0))))
