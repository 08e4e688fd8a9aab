"""Evidence: a likelihood over the Earth with a source, a claim, citations and a reliability.

A likelihood is asked at points together with the side of the cell that each point stands for, and answers with the mean
over that cell, so that a kernel narrower than the cell keeps its mass. Only ratios matter: `Belief` normalises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import healpix
import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats, haversine_km, kappa_of_sigma, unit_vectors, vmf_log_density

# The mean square distance, along one axis, of a point of a square cell of side s to its centre is s²/12.
_CELL_VARIANCE = 1.0 / 12.0


class Likelihood(Protocol):
    """What one clue says about every point of the Earth."""

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        """Non-negative relative likelihood [n] at points [n], each the mean over a cell of side `cell_km` [n]."""
        ...

    def to_json(self) -> dict[str, Any]:
        """A plain form that `likelihood_from_json` reads back."""
        ...


@dataclass(frozen=True)
class Kernels:
    """Weighted von Mises-Fisher kernels: the photo is near one of these points.

    `lat`, `lon` in degrees, `sigma_km` the standard deviation along each axis, `weight` the share of each; all [n].
    """

    lat: tuple[float, ...]
    lon: tuple[float, ...]
    sigma_km: tuple[float, ...]
    weight: tuple[float, ...]

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        cos_NM = unit_vectors(lat, lon) @ unit_vectors(self.lat, self.lon).T
        spread = np.sqrt(np.asarray(self.sigma_km)[None, :] ** 2 + _CELL_VARIANCE * np.asarray(cell_km)[:, None] ** 2)
        return np.asarray(np.exp(vmf_log_density(cos_NM, kappa_of_sigma(spread))) @ np.asarray(self.weight))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "kernels", "lat": list(self.lat), "lon": list(self.lon),
                "sigma_km": list(self.sigma_km), "weight": list(self.weight)}  # fmt: skip


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
        return {"kind": "regions", "weights": dict(self.weights)}


@dataclass(frozen=True)
class Ring:
    """A circle on the Earth around `(lat, lon)`: a sun altitude, a distance from somewhere."""

    lat: float
    lon: float
    radius_km: float
    sigma_km: float

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        variance = self.sigma_km**2 + _CELL_VARIANCE * np.asarray(cell_km) ** 2
        off_km = haversine_km(lat, lon, self.lat, self.lon) - self.radius_km
        return np.asarray(np.exp(-0.5 * off_km**2 / variance) / np.sqrt(variance))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "ring", "lat": self.lat, "lon": self.lon, "radius_km": self.radius_km, "sigma_km": self.sigma_km}


@dataclass(frozen=True)
class Grid:
    """Values on the cells of a nested HEALPix map of one order, as a learned geolocator gives them."""

    order: int
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.values) != 12 * 4**self.order:
            raise ValueError(f"a HEALPix map of order {self.order} has {12 * 4**self.order} cells, not {len(self.values)}")

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return np.asarray(self.values)[healpix.ang2pix(1 << self.order, lon, lat, nest=True, lonlat=True)]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "grid", "order": self.order, "values": list(self.values)}


@dataclass(frozen=True)
class Function:
    """Any callable of `(lat, lon)` arrays in degrees. Saved as a map of order 6 (92 km), since code is never saved."""

    call: Callable[[Floats, Floats], Floats]

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return np.asarray(self.call(lat, lon), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        lon, lat = healpix.pix2ang(64, np.arange(12 * 64**2), nest=True, lonlat=True)
        return Grid(6, tuple(float(v) for v in self.call(lat, lon))).to_json()


def likelihood_from_json(data: Mapping[str, Any]) -> Likelihood:
    """The inverse of `Likelihood.to_json`. Raises ValueError for anything else."""
    try:
        kind = data["kind"]
        if kind == "kernels":
            return Kernels(*(tuple(float(v) for v in data[key]) for key in ("lat", "lon", "sigma_km", "weight")))
        if kind == "regions":
            return Regions({str(key): float(value) for key, value in data["weights"].items()})
        if kind == "ring":
            return Ring(*(float(data[key]) for key in ("lat", "lon", "radius_km", "sigma_km")))
        if kind == "grid":
            return Grid(int(data["order"]), tuple(float(v) for v in data["values"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a saved likelihood: {error}") from error
    raise ValueError(f"no likelihood is called {kind!r}")


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
        """The inverse of `to_json`. Raises ValueError or KeyError for anything else."""
        return cls(likelihood_from_json(data["likelihood"]), str(data["claim"]), str(data["source"]), str(data["tool"]),
                   float(data["reliability"]), tuple(str(c) for c in data["citations"]))  # fmt: skip


def near(lat: ArrayLike, lon: ArrayLike, sigma_km: ArrayLike, weight: ArrayLike = 1.0, halo: float = 0.0,
         halo_km: float = 60.0) -> Kernels:  # fmt: skip
    """Kernels around points [n], with a share `halo` of each spread over `halo_km` (signs point to places not yet reached)."""
    parts = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lat, lon, sigma_km, weight)))
    points_lat, points_lon, sigma, share = (part.ravel() for part in parts)
    share = share / share.sum()
    if halo > 0:
        points_lat, points_lon = np.tile(points_lat, 2), np.tile(points_lon, 2)
        sigma = np.concatenate([sigma, np.maximum(sigma, halo_km)])
        share = np.concatenate([(1 - halo) * share, halo * share])
    return Kernels(tuple(points_lat.tolist()), tuple(points_lon.tolist()), tuple(sigma.tolist()), tuple(share.tolist()))
