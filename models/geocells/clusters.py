"""Clusters of points on the sphere: OPTICS by density, and spherical k-means where density shows none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats, haversine_km

Labels = NDArray[np.int64]

MOST_POINTS = 2000
"""OPTICS looks at no more points than this at once: its cost grows with their square."""
_BLOCK = 4_000_000
_ROUNDS = 30


def optics(lat: Floats, lon: Floats, min_samples: int, xi: float) -> Labels:
    """Cluster of each point [n] by OPTICS on great-circle distances, from 0; -1 is noise.

    The ordering is that of Ankerst et al. 1999 without a limit on the radius; clusters are scikit-learn's xi extraction. (Its
    own ordering gives the same, some thirty times slower for cells of this size; a test holds them equal.) `min_samples` is cut
    to the number of points. At most `MOST_POINTS` points, else ValueError.
    """
    if len(lat) > MOST_POINTS:
        raise ValueError(f"OPTICS takes at most {MOST_POINTS} points, not {len(lat)}")
    min_samples = min(min_samples, len(lat))
    if min_samples < 2:
        return np.full(len(lat), -1, dtype=np.int64)
    from sklearn.cluster import cluster_optics_xi

    reach, before, order = _ordering(haversine_km(lat[:, None], lon[:, None], lat, lon), min_samples)
    with np.errstate(divide="ignore", invalid="ignore"):  # photos at one point have a reachability of 0
        labels, _ = cluster_optics_xi(reachability=reach, predecessor=before, ordering=order, min_samples=min_samples, xi=xi)
    return np.asarray(labels, dtype=np.int64)


def _ordering(distance: Floats, min_samples: int) -> tuple[Floats, Labels, Labels]:
    """Reachability [n] and predecessor [n] of each point, and the order in which they are reached."""
    n = len(distance)
    core = np.partition(distance, min_samples - 1, axis=1)[:, min_samples - 1]
    reach, before, order = np.full(n, np.inf), np.full(n, -1), np.empty(n, dtype=np.int64)
    left = np.full(n, np.inf)  # reachability of the points that are still to come, infinite for the others
    done = np.zeros(n, dtype=np.bool_)
    for step in range(n):
        point = int(np.argmin(left))
        if not np.isfinite(left[point]):
            point = int(np.argmin(done))
        order[step], done[point], left[point] = point, True, np.inf
        here = np.maximum(distance[point], core[point])
        closer = (here < reach) & ~done
        reach[closer], left[closer], before[closer] = here[closer], here[closer], point
    return reach, before, order


def nearest(points: Floats, generators: Floats) -> Labels:
    """Index of the nearest generator [g, 3] of each point [n, 3], both unit vectors: the spherical Voronoi cell it lies in."""
    step = max(1, _BLOCK // max(1, len(generators)))
    parts = [np.argmax(points[i : i + step] @ generators.T, axis=1) for i in range(0, len(points), step)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def means(points: Floats, labels: Labels, n: int) -> Floats:
    """Unit vectors [n, 3] to the spherical mean of the points [m, 3] of each label; a zero vector where there is none."""
    total = np.stack([np.bincount(labels, weights=points[:, axis], minlength=n) for axis in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-9, total / np.maximum(length, 1e-9), 0.0))


def spherical_kmeans(points: Floats, k: int, rng: np.random.Generator) -> Floats:
    """At most `k` unit vectors [≤ k, 3] in the middle of groups of points [n, 3] (Lloyd, seeded far apart as k-means++ does).

    Fewer where there are fewer different points.
    """
    centres = points[rng.integers(len(points))][None]
    gap = 1.0 - points @ centres[0]
    while len(centres) < k and gap.max() > 1e-15:
        gap = np.maximum(gap, 0.0)
        centres = np.vstack([centres, points[rng.choice(len(points), p=gap / gap.sum())]])
        gap = np.minimum(gap, 1.0 - points @ centres[-1])
    labels = nearest(points, centres)
    for _ in range(_ROUNDS):
        moved = means(points, labels, len(centres))
        centres = np.where(np.linalg.norm(moved, axis=1, keepdims=True) > 0, moved, centres)
        again = nearest(points, centres)
        if (again == labels).all():
            break
        labels = again
    return np.asarray(centres[np.unique(labels)])


def rms_km(lat: Floats, lon: Floats, labels: Labels, centre_lat: Floats, centre_lon: Floats) -> Floats:
    """Root mean square distance [n] in km of the points of each label from their centre [n]; 0 where there is none."""
    square = haversine_km(lat, lon, centre_lat[labels], centre_lon[labels]) ** 2
    count = np.bincount(labels, minlength=len(centre_lat))
    return np.asarray(np.sqrt(np.bincount(labels, weights=square, minlength=len(centre_lat)) / np.maximum(count, 1)))


def sampled(n: int, rng: np.random.Generator) -> Labels:
    """Rows, in order, of as many of `n` points as OPTICS takes at once."""
    return np.arange(n) if n <= MOST_POINTS else np.sort(rng.choice(n, MOST_POINTS, replace=False))
