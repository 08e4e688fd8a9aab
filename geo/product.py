"""The arithmetic of a belief: clues on cells, their means under the prior, and their product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo.area import Area
from geo.cells import Cells
from geo.evidence import Evidence, Kernels, clue_on
from geo.kernels import KernelSet
from geo.reference import SPLIT_MASS, split_heavy, start_of
from geo.sphere import Floats

TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Clues:
    """Pieces of evidence and their means under the prior."""

    evidence: tuple[Evidence, ...]
    means: tuple[float, ...]

    def __add__(self, other: Clues) -> Clues:
        return Clues(self.evidence + other.evidence, self.means + other.means)

    def pick(self, rows: Sequence[int]) -> Clues:
        """Some of them."""
        return Clues(tuple(self.evidence[i] for i in rows), tuple(self.means[i] for i in rows))

    @cached_property
    def _kernels(self) -> tuple[list[int], KernelSet | None]:
        """The clues that are kernels, and all their kernels as one set."""
        sets = {i: e.likelihood.kernel_set for i, e in enumerate(self.evidence) if isinstance(e.likelihood, Kernels)}
        return list(sets), KernelSet.stacked(list(sets.values())) if len(sets) > 1 else next(iter(sets.values()), None)

    def ratios(self, cells: Cells, known: Sequence[Floats | None] = ()) -> list[Floats]:
        """(1 − ε)·clue/⟨clue⟩ + ε [n] of each clue; 1 everywhere for one that names nothing inside the search area.

        `known` holds, by number, what clues that were asked on these cells before gave.
        """
        raw = {i: values for i, values in enumerate(known) if values is not None}
        if any(i not in raw and isinstance(item.likelihood, Kernels) for i, item in enumerate(self.evidence)):
            rows, kernels = self._kernels
            assert kernels is not None
            raw |= dict(zip(rows, kernels.on(cells), strict=True))
        found = []
        for i, (item, mean) in enumerate(zip(self.evidence, self.means, strict=True)):
            if not mean > TINY:
                found.append(np.ones(len(cells)))
                continue
            clue = raw[i] if i in raw else clue_on(item.likelihood, cells)
            found.append(np.asarray(item.reliability / mean * clue + (1.0 - item.reliability)))
        return found

    def log_product(self, cells: Cells, known: Sequence[Floats | None] = ()) -> Floats:
        """Log likelihood [n] of all clues: those of one source are averaged (one of its readings is right), sources multiply."""
        by_source: dict[str, list[Floats]] = defaultdict(list)
        for item, ratio in zip(self.evidence, self.ratios(cells, known), strict=True):
            by_source[item.source].append(ratio)
        total = np.zeros(len(cells))
        for ratios in by_source.values():
            total += np.log(np.mean(ratios, axis=0) if len(ratios) > 1 else ratios[0])
        return total


def mean_of(evidence: Evidence, prior: bool, area: Area | None) -> tuple[float, Floats]:
    """Mean of a clue under the prior, summed over cells that are fine where it is large, and the clue on the cells of `start_of`.

    The mean depends on the clue, the prior and the area alone, so that the order in which clues come does not matter.
    """
    cells, reference = start_of(prior, area)
    known = clue_on(evidence.likelihood, cells)
    if isinstance(evidence.likelihood, Kernels) and not prior and not area:
        return float(evidence.likelihood.kernel_set.weight.sum() / (4.0 * np.pi)), known
    part = reference * known
    total = float(part.sum())
    while True:
        kids, kids_reference, rows = split_heavy(cells, reference, part, SPLIT_MASS * total, prior, area)
        if not len(rows):
            break
        kids_part = kids_reference * clue_on(evidence.likelihood, kids)
        total += float(kids_part.sum() - part[rows].sum())
        cells, reference, part = kids, kids_reference, kids_part
    return total, known
