"""Evidence: a likelihood over the Earth with a source, a claim, citations and a reliability.

A likelihood is asked at points together with the side of the cell that each point stands for, and answers with the mean
over that cell, so that a kernel narrower than the cell keeps its mass. Only ratios matter: `Belief` normalises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from geo.cells import BASE_ORDER, KEY_ORDER, Cells, keys_at, order_of_side
from geo.kernels import KernelSet
from geo.sphere import Floats, haversine_km

MAX_GRID_ORDER = 10
"""The finest map that is read back from a file: 12.6 million cells."""


class Likelihood(Protocol):
    """What one clue says about every point of the Earth.

    A likelihood may also have `on(cells)`, with the same meaning for whole `Cells`; it is asked first, since it may be exact
    and fast where points alone are not.
    """

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        """Non-negative relative likelihood [n] at points [n], each the mean over a cell of side `cell_km` [n]."""
        ...

    def to_json(self) -> dict[str, Any]:
        """A plain form that `likelihood_from_json` reads back."""
        ...


def clue_on(likelihood: Likelihood, cells: Cells) -> Floats:
    """Relative likelihood [n] in cells, non-negative and finite whatever the likelihood gives: NaN and infinity count as 0."""
    if not len(cells):
        return np.zeros(0)
    on: Callable[[Cells], Floats] | None = getattr(likelihood, "on", None)
    values = np.asarray(on(cells) if on else likelihood.at(cells.lat, cells.lon, cells.side_km), dtype=np.float64)
    values = np.broadcast_to(values, (len(cells),))
    return np.asarray(np.where(np.isfinite(values), np.maximum(values, 0.0), 0.0))


def on_cells_at(on: Callable[[Cells], Floats], lat: ArrayLike, lon: ArrayLike, cell_km: ArrayLike) -> Floats:
    """`on` for the HEALPix cells of about the side `cell_km` that hold the points [n]."""
    lat, lon, side = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lat, lon, cell_km)))
    keys, order = keys_at(lat, lon), order_of_side(side)
    values = np.empty(len(keys))
    for level in np.unique(order):
        rows = order == level
        ipix, back = np.unique(keys[rows] >> (2 * (KEY_ORDER - level)), return_inverse=True)
        values[rows] = on(Cells.of(np.full(len(ipix), level), ipix))[back]
    return values


@dataclass(frozen=True)
class Kernels:
    """Weighted von Mises-Fisher kernels: the photo is near one of these points.

    `lat`, `lon` in degrees, `sigma_km` the standard deviation along each axis, `weight` the share of each; all [n].
    Kernels whose numbers make no sense (not finite, a width or weight that is not above 0, a latitude beyond a pole) are
    left out. Raises ValueError when the lengths differ.
    """

    lat: tuple[float, ...]
    lon: tuple[float, ...]
    sigma_km: tuple[float, ...]
    weight: tuple[float, ...]

    def __post_init__(self) -> None:
        if len({len(self.lat), len(self.lon), len(self.sigma_km), len(self.weight)}) != 1:
            raise ValueError("kernels need as many latitudes, longitudes, widths and weights")

    @cached_property
    def kernel_set(self) -> KernelSet:
        """The kernels as arrays."""
        lat, lon, sigma, weight = np.array([self.lat, self.lon, self.sigma_km, self.weight], dtype=np.float64)
        good = np.isfinite([lat, lon, sigma, weight]).all(axis=0) & (np.abs(lat) <= 90.0) & (sigma > 0) & (weight > 0)
        return KernelSet(lat[good], lon[good], sigma[good], weight[good])

    def on(self, cells: Cells) -> Floats:
        """Density per steradian [n], the mean over each cell."""
        return np.asarray(self.kernel_set.on(cells)[0])

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return on_cells_at(self.on, lat, lon, cell_km)

    def to_json(self) -> dict[str, Any]:
        own = self.kernel_set
        return {"kind": "kernels", "lat": own.lat.tolist(), "lon": own.lon.tolist(),
                "sigma_km": own.sigma_km.tolist(), "weight": own.weight.tolist()}  # fmt: skip


@dataclass(frozen=True)
class Regions:
    """How likely the clue is in each named region; everywhere else it is 0.

    Keys are ISO-3166 alpha-2 country codes (`PT`) or a country and a GeoNames admin-1 code (`CH.TI`); where a point lies in
    both, the admin-1 weight counts. A country smaller than the cells still gets its share of them.
    """

    weights: Mapping[str, float]

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        from geo.gazetteer import gazetteer

        return gazetteer().region_share(dict(self.weights), lat, lon, cell_km)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "regions", "weights": {key: float(w) for key, w in self.weights.items() if math.isfinite(w)}}


@dataclass(frozen=True)
class Ring:
    """A circle on the Earth around `(lat, lon)`: a sun altitude, a distance from somewhere.

    The likelihood is Gaussian in the distance from the circle, with the standard deviation `sigma_km`.
    """

    lat: float
    lon: float
    radius_km: float
    sigma_km: float

    def on(self, cells: Cells) -> Floats:
        """Relative likelihood [n]; a cell that the ring crosses and that is too coarse for it is asked in its parts."""
        off_km = haversine_km(cells.lat, cells.lon, self.lat, self.lon) - self.radius_km
        values = self._profile(off_km, cells.side_km)
        coarse = np.flatnonzero((cells.side_km > self.sigma_km) & (np.abs(off_km) < 2.0 * cells.side_km + 4.0 * self.sigma_km))
        if len(coarse):
            part = np.repeat(cells.ipix[coarse] * 64, 64).reshape(-1, 64) + np.arange(64)
            parts = Cells.of(np.repeat(cells.order[coarse] + 3, 64), part.ravel())
            off_km = haversine_km(parts.lat, parts.lon, self.lat, self.lon) - self.radius_km
            values[coarse] = self._profile(off_km, parts.side_km).reshape(-1, 64).mean(axis=1)
        return values

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return on_cells_at(self.on, lat, lon, cell_km)

    def _profile(self, off_km: Floats, cell_km: Floats) -> Floats:
        # The mean square distance, along one axis, of a point of a square cell of side s to its centre is s²/12.
        variance = self.sigma_km**2 + cell_km**2 / 12.0
        return np.asarray(np.exp(-0.5 * off_km**2 / variance) / np.sqrt(variance))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "ring", "lat": self.lat, "lon": self.lon, "radius_km": self.radius_km, "sigma_km": self.sigma_km}


@dataclass(frozen=True)
class Inside:
    """What is told only if the photo was taken in a country: where in it. It says nothing for or against the country itself.

    Inside, the likelihood is `scale` times that of `kernels`; outside it is 1. `scale` makes its mean inside, under the reference, 1
    (`inside` finds it).
    """

    country: str
    """ISO 3166 alpha-2."""
    kernels: Kernels
    scale: float

    def on(self, cells: Cells) -> Floats:
        share = clue_on(Regions({self.country: 1.0}), cells)
        return np.asarray(share * self.scale * self.kernels.on(cells) + (1.0 - share))

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return on_cells_at(self.on, lat, lon, cell_km)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "inside", "country": self.country, "kernels": self.kernels.to_json(), "scale": self.scale}


def inside(country: str, kernels: Kernels, cells: Cells, reference: Floats) -> Inside:
    """`kernels` as they count inside a country, given the probability [n] of cells [n] before any evidence.

    Raises ValueError where the country has no share of the reference, or the kernels none of the country.
    """
    share = clue_on(Regions({country: 1.0}), cells) * reference
    mean = float(share @ clue_on(kernels, cells)) / max(float(share.sum()), 1e-300)
    if not (math.isfinite(mean) and mean > 0.0 and share.sum() > 0.0):
        raise ValueError(f"nothing of these kernels lies in {country}")
    return Inside(country, kernels, 1.0 / mean)


@dataclass(frozen=True)
class Grid:
    """Values on the cells of a nested HEALPix map of one order, as a learned geolocator gives them."""

    order: int
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.order <= MAX_GRID_ORDER:
            raise ValueError(f"a map has an order from 0 to {MAX_GRID_ORDER}, not {self.order}")
        if len(self.values) != 12 * 4**self.order:
            raise ValueError(f"a HEALPix map of order {self.order} has {12 * 4**self.order} cells, not {len(self.values)}")

    @cached_property
    def _pyramid(self) -> list[Floats]:
        """The map at every order from 0 to its own, each the mean over its cells."""
        levels = [np.nan_to_num(np.asarray(self.values, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)]
        while len(levels[0]) > 12:
            levels.insert(0, levels[0].reshape(-1, 4).mean(axis=1))
        return levels

    def on(self, cells: Cells) -> Floats:
        """Mean value [n] over each cell; a cell finer than the map has the value of the map."""
        values = np.empty(len(cells))
        for level in np.flatnonzero(np.bincount(cells.order)):
            rows, own = cells.order == level, min(int(level), self.order)
            values[rows] = self._pyramid[own][cells.ipix[rows] >> (2 * (level - own))]
        return values

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return on_cells_at(self.on, lat, lon, cell_km)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "grid", "order": self.order, "values": [float(v) for v in self._pyramid[-1]]}


@dataclass(frozen=True)
class Function:
    """Any callable of `(lat, lon)` arrays in degrees, asked at the centres of cells.

    Saved as a map of order 6 (102 km), since code is never saved.
    """

    call: Callable[[Floats, Floats], Floats]

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return np.asarray(self.call(lat, lon), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        base = Cells.of(np.full(12 * 4**BASE_ORDER, BASE_ORDER), np.arange(12 * 4**BASE_ORDER))
        return Grid(BASE_ORDER, tuple(clue_on(self, base).tolist())).to_json()


def likelihood_from_json(data: Mapping[str, Any]) -> Likelihood:
    """The inverse of `Likelihood.to_json`. Raises ValueError for anything else, numbers that are not finite included."""
    try:
        kind = data["kind"]
        if kind == "kernels":
            return Kernels(*(_numbers(data[key]) for key in ("lat", "lon", "sigma_km", "weight")))
        if kind == "regions":
            return Regions(dict(zip(map(str, data["weights"]), _numbers(data["weights"].values()), strict=True)))
        if kind == "ring":
            return Ring(*_numbers(data[key] for key in ("lat", "lon", "radius_km", "sigma_km")))
        if kind == "inside":
            kernels = likelihood_from_json(data["kernels"])
            (scale,) = _numbers([data["scale"]])
            if isinstance(kernels, Kernels) and scale > 0:
                return Inside(str(data["country"]), kernels, scale)
        if kind == "grid":
            return Grid(int(data["order"]), _numbers(data["values"]))
        if kind == "bounds":
            from geo.stated import Bounds

            return Bounds.from_json(data)
        if kind == "sun":
            from geo.shadow import SunSeen

            return SunSeen.from_json(data)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a saved likelihood: {error}") from error
    raise ValueError(f"no likelihood is called {kind!r}")


def _numbers(values: Iterable[Any]) -> tuple[float, ...]:
    numbers = tuple(float(v) for v in values)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a saved likelihood holds finite numbers alone")
    return numbers


@dataclass(frozen=True)
class Evidence:
    """One clue: what it says about the Earth, where it comes from, and how far it can be trusted.

    The belief multiplies by `(1 - eps) * clue / <clue> + eps` with `eps = 1 - reliability` and the mean `<clue>` taken under
    the prior, so that after this one clue the probability of what it names is its reliability, and no wrong clue kills
    the truth.
    """

    likelihood: Likelihood
    """What the clue says about every point."""
    claim: str
    """One line for people: `phone code +351 91 is Portugal`."""
    source: str
    """Clues with the same source are one observation and are not counted twice: `text:tel +351…`, `page:w3`."""
    tool: str
    """The tool that found it."""
    reliability: float
    """Probability that the clue is right, in (0, 1)."""
    citations: tuple[str, ...] = field(default=())
    """URLs, data sets or views (`v2`) that back the claim."""

    def __post_init__(self) -> None:
        if not 0.0 < self.reliability < 1.0:
            raise ValueError(f"a reliability lies between 0 and 1, not at {self.reliability}")

    def to_json(self) -> dict[str, Any]:
        return {"likelihood": self.likelihood.to_json(), "claim": self.claim, "source": self.source,
                "tool": self.tool, "reliability": self.reliability, "citations": list(self.citations)}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_json`. Raises ValueError for anything else."""
        try:
            return cls(likelihood_from_json(data["likelihood"]), str(data["claim"]), str(data["source"]), str(data["tool"]),
                       float(data["reliability"]), tuple(str(c) for c in data["citations"]))  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a saved piece of evidence: {error}") from error


def near(lat: ArrayLike, lon: ArrayLike, sigma_km: ArrayLike, weight: ArrayLike = 1.0, halo: float = 0.0,
         halo_km: float = 60.0) -> Kernels:  # fmt: skip
    """Kernels around points [n], with a share `halo` of each spread over `halo_km` (signs point to places not yet reached).

    Weights need not sum to 1. Raises ValueError when none of them is above 0.
    """
    parts = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lat, lon, sigma_km, weight)))
    points_lat, points_lon, sigma, share = (part.ravel() for part in parts)
    if not 0.0 < share.sum() < math.inf or share.min() < 0.0:
        raise ValueError("the weights of kernels are finite, not negative, and not all 0")
    share = share / share.sum()
    if halo > 0:
        points_lat, points_lon = np.tile(points_lat, 2), np.tile(points_lon, 2)
        sigma = np.concatenate([sigma, np.maximum(sigma, halo_km)])
        share = np.concatenate([(1 - halo) * share, halo * share])
    return Kernels(tuple(points_lat.tolist()), tuple(points_lon.tolist()), tuple(sigma.tolist()), tuple(share.tolist()))
