"""How far a gallery's neighbours can be trusted, and how far around them the truth lies: measured on the gallery itself, one photo left out
at a time, for the likelihood of `models/knn_evidence.py`.

μ_b is the mean of K_b(x − x_j) / ρ_b(x_j) over pairs of photos of the gallery, above 1 by just so much as ρ is too low at its own photos, so
that neighbours drawn at random tell nothing. The shares a maximise the mean log L of the photos left out, by expectation maximisation; m and
k are chosen by the same number.

How alike the best neighbour is decides how much it tells. The best similarities of the photos to others that were taken more than 200 km away
give three limits (their quantiles 0.5, 0.9 and 0.98), and the shares are fitted in each of the four classes between them: in the highest, photos are
more alike than those of different places hardly ever are, and mostly of the same place. g is P(class | a far neighbour is the best) / P(class |
any is), at most 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.prior import density_under
from geo.sphere import Floats, haversine_km, kappa_of_sigma, unit_vectors, vmf_log_density
from models.encoders.encoder import Vectors
from models.gallery.catalogue import NamedGallery
from models.gallery.gallery import Hit, Row
from models.gallery.own_density import OwnDensity, own_density
from models.knn_density import neighbour_weights
from models.knn_evidence import WIDTHS_KM, Calibration

_FAR_KM = 200.0
_FAR_SHARES = (0.5, 0.9, 0.98)
_FEWEST_FAR = 20
_POWERS = (5.0, 10.0, 20.0, 40.0)
_NEIGHBOURS = (10, 30, 100)
_MOST_QUERIES = 500
FEWEST = 50
"""Photos that a gallery needs to tell anything about itself."""
_SILENT_PHOTOS = 5.0
"""The share of "says nothing" of a class is fitted as if so many more photos had told nothing: few photos are not believed."""

Told = Callable[[int, int], None]
Classes = NDArray[np.intp]


def calibrate(
    gallery: NamedGallery, told: Told = lambda done, of: None, *, divide_density: bool = True, seed: int = 0
) -> Calibration:
    """Measure the calibration of a gallery by leaving photos out, at most 500 of them, chosen by `seed`.

    Raises ValueError for a gallery of fewer than 50 photos.
    """
    rows, vectors = _without_plain(*_sample(gallery, seed))
    if len(rows) < FEWEST:
        raise ValueError(f"gallery {gallery.name} has {len(rows)} photos; fewer than {FEWEST} tell nothing about themselves")
    own = own_density(gallery) if divide_density else None
    found: list[list[Hit]] = []
    for start in range(0, len(rows), 100):
        hits = gallery.store.search(vectors[start : start + 100], max(_NEIGHBOURS) + 20)
        found += [[hit for hit in of if hit.row.id != row.id] for row, of in zip(rows[start : start + 100], hits, strict=True)]
        told(len(found), len(rows))
    around = _Around.of([hit for hits in found for hit in hits], own)
    looks = [_Look.at(hits, row, around) for hits, row in zip(found, rows, strict=True) if hits]
    top = np.array([look.similarity[0] for look in looks])
    means = _means(rows, own) if own is not None else np.ones(len(WIDTHS_KM))
    ratios = {(k, power): np.stack([look.ratios(k, power) for look in looks]) / means for k in _NEIGHBOURS for power in _POWERS}
    limits, outside = _classes(top, np.array([look.far for look in looks]))
    of = np.searchsorted(limits, top, side="right")
    fits = {key: _fitted(values, of, len(outside)) for key, values in ratios.items()}
    (k, power), (shares, bits) = max(fits.items(), key=lambda item: item[1][1])
    return Calibration(k, power, tuple(limits), shares, tuple(outside), divide_density, tuple(means.tolist()), len(looks), bits)


def _classes(top: Floats, far: Floats) -> tuple[list[float], list[float]]:
    """Limits of the classes [c − 1] and g of each [c], from the best similarities [n] to any photo and to far ones (NaN where there are none)."""
    far = far[np.isfinite(far)]
    if len(far) < _FEWEST_FAR:
        return [], [1.0]
    limits = sorted({float(v) for v in np.quantile(far, _FAR_SHARES)})
    n = len(limits) + 1
    here, there = (np.bincount(np.searchsorted(limits, values, side="right"), minlength=n) for values in (top, far))
    odds = ((there + 1.0) / (len(far) + n)) / ((here + 1.0) / (len(top) + n))
    return limits, np.minimum(odds, 1.0).tolist()


def _sample(gallery: NamedGallery, seed: int) -> tuple[list[Row], Vectors]:
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


def _without_plain(rows: list[Row], vectors: Vectors) -> tuple[list[Row], Vectors]:
    """Without pictures of one colour, which look alike wherever they were taken: those without marks, where rows have marks at all."""
    marked = [bool(row.marks) for row in rows]
    if sum(marked) < 0.5 * len(rows):
        return rows, vectors
    return [row for row, kept in zip(rows, marked, strict=True) if kept], vectors[np.array(marked, dtype=np.bool_)]


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
    far: float
    """Best similarity to a photo more than 200 km away, or of the last neighbour where all are nearer; NaN where there are no more photos."""

    @classmethod
    def at(cls, hits: Sequence[Hit], truth: Row, around: _Around) -> _Look:
        lat, lon, similarity = np.array([(hit.row.lat, hit.row.lon, hit.similarity) for hit in hits], dtype=np.float64).T
        cosine = unit_vectors(lat, lon) @ unit_vectors(truth.lat, truth.lon)
        kernel = 4.0 * np.pi * np.exp([vmf_log_density(cosine, kappa_of_sigma(width)) for width in WIDTHS_KM])
        rows = [around.number[hit.row.id] for hit in hits]
        far = similarity[haversine_km(lat, lon, truth.lat, truth.lon) > _FAR_KM]
        best = float(far[0]) if len(far) else float(similarity[-1]) if len(hits) >= max(_NEIGHBOURS) else float("nan")
        return cls(similarity, np.asarray(kernel / around.own[:, rows]), around.prior[:, rows], best)

    def ratios(self, k: int, power: float) -> Floats:
        """k_b(truth) / ⟨k_b⟩ [b]."""
        weight = neighbour_weights(self.similarity[:k], power)
        return np.asarray(self.kernel[:, :k] @ weight / (self.prior[:, :k] @ weight))


def _fitted(ratios: Floats, of: Classes, n: int) -> tuple[tuple[tuple[float, ...], ...], float]:
    """Shares of each of `n` classes for ratios [q, b] of photos in classes `of` [q], and the mean log2 of L."""
    shares = np.stack([_mixture(ratios[of == one]) for one in range(n)])
    bits = np.log2((ratios * shares[of]).sum(axis=1) + 1.0 - shares[of].sum(axis=1))
    return tuple(tuple(one.tolist()) for one in shares), float(bits.mean())


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
