"""Cells with what is known of them, split in four where the mass is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.area import Area
from geo.cells import BASE_ORDER, Cells
from geo.product import Clues
from geo.reference import SPLIT_MASS, split_heavy, start_of
from geo.sphere import Floats

MAX_CELLS = 12 * 4**BASE_ORDER + 60_000
"""A belief has at most this many cells."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Table:
    """Cells [n], sorted by key, that together are the sphere."""

    cells: Cells
    reference: Floats
    """Probability before any evidence."""
    log_like: Floats
    """Log likelihood of all the evidence."""
    origin: Rows
    """The row of the cell among those that every belief starts from, -1 for a part of one."""

    @classmethod
    def start(cls, prior: bool, area: Area | None) -> Table:
        """The cells that every belief starts from."""
        cells, reference = start_of(prior, area)
        return cls(cells, reference, np.zeros(len(cells)), np.arange(len(cells)))

    def mass(self) -> Floats:
        """Probability [n] with the evidence, summing to 1."""
        mass = self.reference * np.exp(np.minimum(self.log_like - self.log_like[self.reference > 0].max(), 0.0))
        return np.asarray(mass / mass.sum())

    def added(self, clues: Clues, start: Cells, known: Sequence[Floats | None] = (), sign: float = 1.0) -> Table:
        """With the log likelihood of some clues added, times `sign`; `known` is what they gave on the `start` cells."""
        log_like = sign * clues.log_product(start, known)[self.origin]
        fine = np.flatnonzero(self.origin < 0)
        log_like[fine] = sign * clues.log_product(Cells.joined([self.cells], fine))
        return Table(self.cells, self.reference, self.log_like + log_like, self.origin)

    def refined(self, clues: Clues, prior: bool, area: Area | None) -> Table:
        """Split cells that hold more than `SPLIT_MASS` until none is left, asking prior and clues again in the parts alone.

        It stops before there are more than `MAX_CELLS`.
        """
        shift = float(self.log_like[self.reference > 0].max())
        blocks, masses = [self], [self.reference * np.exp(np.minimum(self.log_like - shift, 0.0))]
        left = [np.ones(len(self.cells), dtype=np.bool_)]
        count = len(self.cells)
        while True:
            most = SPLIT_MASS * sum(float(mass.sum()) for mass in masses)
            parts = [split_heavy(b.cells, b.reference, mass, most, prior, area) for b, mass in zip(blocks, masses, strict=True)]
            grown = _joined([Table(kids, share, np.zeros(len(kids)), np.full(len(kids), -1)) for kids, share, _ in parts])
            count += len(grown.cells) - sum(len(rows) for _, _, rows in parts)
            if not len(grown.cells) or count > MAX_CELLS:
                break
            grown = Table(grown.cells, grown.reference, clues.log_product(grown.cells), grown.origin)
            for mass, here, (_, _, rows) in zip(masses, left, parts, strict=True):
                mass[rows], here[rows] = 0.0, False
            blocks.append(grown)
            masses.append(grown.reference * np.exp(np.minimum(grown.log_like - shift, 600.0)))
            left.append(np.ones(len(grown.cells), dtype=np.bool_))
        return _joined(blocks, np.concatenate(left)) if len(blocks) > 1 else self


def _joined(tables: Sequence[Table], left: NDArray[np.bool_] | None = None) -> Table:
    """The rows of several tables, those that are `left`, sorted by key."""
    keys = np.concatenate([table.cells.keys for table in tables])
    rows = np.arange(len(keys)) if left is None else np.flatnonzero(left)
    rows = rows[np.argsort(keys[rows], kind="stable")]
    reference, log_like, origin = (
        np.concatenate([getattr(t, n) for t in tables])[rows] for n in ("reference", "log_like", "origin")
    )
    return Table(Cells.joined([table.cells for table in tables], rows), reference, log_like, origin)
