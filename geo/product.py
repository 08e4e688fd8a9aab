"""The arithmetic of a belief: clues on cells, their means under the prior, their product, and where to look closer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.area import Area
from geo.cells import BASE_ORDER, MAX_ORDER, Cells
from geo.evidence import Evidence, Kernels, clue_on
from geo.kernels import KernelSet
from geo.reference import SPLIT_MASS, split, start_of
from geo.sphere import Floats

MAX_CELLS = 12 * 4**BASE_ORDER + 60_000
"""A belief has at most this many cells."""
MEAN_SHARE = 1.0 / 512.0
"""The mean of a clue is summed over cells of which none holds more than this share of it."""

TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Clues:
    """Pieces of evidence and their means under the prior."""

    evidence: tuple[Evidence, ...]
    means: tuple[float, ...]

    @classmethod
    def of(cls, evidence: tuple[Evidence, ...], prior: bool, area: Area | None) -> Clues:
        """The evidence with its means computed."""
        return cls(evidence, tuple(mean_of(e, prior, area) for e in evidence))

    def __add__(self, other: Clues) -> Clues:
        return Clues(self.evidence + other.evidence, self.means + other.means)

    def of_sources(self, sources: set[str]) -> Clues:
        """Those that come from some sources."""
        rows = [i for i, e in enumerate(self.evidence) if e.source in sources]
        return Clues(tuple(self.evidence[i] for i in rows), tuple(self.means[i] for i in rows))

    @cached_property
    def _kernels(self) -> tuple[list[int], KernelSet | None]:
        """The clues that are kernels, and all their kernels as one set."""
        rows = [i for i, e in enumerate(self.evidence) if isinstance(e.likelihood, Kernels) and self.means[i] > TINY]
        sets = [e.likelihood.kernel_set for i in rows if isinstance((e := self.evidence[i]).likelihood, Kernels)]
        return rows, KernelSet.stacked(sets) if len(sets) > 1 else sets[0] if sets else None

    def ratios(self, cells: Cells) -> list[Floats]:
        """(1 − ε)·clue/⟨clue⟩ + ε [n] of each clue; 1 everywhere for one that names nothing inside the search area."""
        rows, kernels = self._kernels
        raw = dict(zip(rows, kernels.on(cells), strict=True)) if kernels is not None else {}
        found = []
        for i, (item, mean) in enumerate(zip(self.evidence, self.means, strict=True)):
            if not mean > TINY:
                found.append(np.ones(len(cells)))
                continue
            clue = raw[i] if i in raw else clue_on(item.likelihood, cells)
            found.append(np.asarray(item.reliability / mean * clue + (1.0 - item.reliability)))
        return found

    def log_product(self, cells: Cells) -> Floats:
        """Log likelihood [n] of all clues: those of one source are averaged (one of its readings is right), sources multiply."""
        by_source: dict[str, list[Floats]] = defaultdict(list)
        for item, ratio in zip(self.evidence, self.ratios(cells), strict=True):
            by_source[item.source].append(ratio)
        total = np.zeros(len(cells))
        for ratios in by_source.values():
            total += np.log(np.mean(ratios, axis=0) if len(ratios) > 1 else ratios[0])
        return total


def mean_of(evidence: Evidence, prior: bool, area: Area | None) -> float:
    """Mean of a clue under the prior, summed over cells that are fine where it is large.

    It depends on the clue, the prior and the area alone, so that the order in which clues come does not matter.
    """
    if isinstance(evidence.likelihood, Kernels) and not prior and not area:
        return float(evidence.likelihood.kernel_set.weight.sum() / (4.0 * np.pi))
    cells, reference = start_of(prior, area)
    part = reference * clue_on(evidence.likelihood, cells)
    total = float(part.sum())
    while len(rows := np.flatnonzero((part > MEAN_SHARE * total) & (cells.order < MAX_ORDER))):
        kids, kids_reference = split(cells, reference, rows, prior, area)
        kids_part = kids_reference * clue_on(evidence.likelihood, kids)
        total += float(kids_part.sum() - part[rows].sum())
        cells, reference, part = kids, kids_reference, kids_part
    return total


@dataclass(eq=False)
class _Block:
    """Cells in the course of being split; `mass` is 0 where `left` is False."""

    cells: Cells
    reference: Floats
    log_like: Floats
    mass: Floats
    left: NDArray[np.bool_]


def refined(cells: Cells, reference: Floats, clues: Clues, log_like: Floats, prior: bool, area: Area | None) -> tuple[Cells, Floats, Floats]:
    """Split cells that hold more than `SPLIT_MASS` until none is left, asking prior and clues again in the children alone.

    Returns cells, reference and log likelihood [n], sorted by key; at most `MAX_CELLS`.
    """
    shift = float(log_like[reference > 0].max())
    first = reference * np.exp(np.minimum(log_like - shift, 0.0))
    blocks, count = [_Block(cells, reference, log_like, first, np.ones(len(cells), dtype=np.bool_))], len(cells)
    while True:
        least = SPLIT_MASS * sum(float(block.mass.sum()) for block in blocks)
        heavy = [np.flatnonzero((block.mass > least) & (block.cells.order < MAX_ORDER)) for block in blocks]
        count += 3 * sum(map(len, heavy))
        if not any(map(len, heavy)) or count > MAX_CELLS:
            break
        parts = [split(b.cells, b.reference, rows, prior, area) for b, rows in zip(blocks, heavy, strict=True) if len(rows)]
        kids, (kids_reference,) = _merged([p[0] for p in parts], [[p[1] for p in parts]])
        kids_log = clues.log_product(kids)
        for block, rows in zip(blocks, heavy, strict=True):
            block.left[rows], block.mass[rows] = False, 0.0
        kids_mass = kids_reference * np.exp(np.minimum(kids_log - shift, 600.0))
        blocks.append(_Block(kids, kids_reference, kids_log, kids_mass, np.ones(len(kids), dtype=np.bool_)))
    if len(blocks) == 1:
        return cells, reference, log_like
    columns = [[b.reference for b in blocks], [b.log_like for b in blocks]]
    joined, (reference, log_like) = _merged([b.cells for b in blocks], columns, np.concatenate([b.left for b in blocks]))
    return joined, reference, log_like


def _merged(parts: list[Cells], columns: list[list[Floats]], left: NDArray[np.bool_] | None = None) -> tuple[Cells, list[Floats]]:
    """Cells of several parts, those that are `left`, sorted by key, and their columns of numbers."""
    keys = np.concatenate([part.keys for part in parts])
    rows = np.arange(len(keys)) if left is None else np.flatnonzero(left)
    rows = rows[np.argsort(keys[rows], kind="stable")]
    return Cells.joined(parts, rows), [np.concatenate(column)[rows] for column in columns]
