"""One picture from the ground against codes from above: likeness at the best heading it may have, and a second look at the best places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.crossview.codes import Floats32, GroundCode, allowed, likeness
from models.crossview.ground_view import Aim
from models.crossview.reader import Reader

OFFSETS = np.array([(e, n) for n in (-1.0, 0.0, 1.0) for e in (-1.0, 0.0, 1.0)]) / 3.0
"""The second look: a tile's middle and eight points around it [9, 2], in spacings east and north."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A picture laid on the columns, with the headings that it may have."""

    code: GroundCode
    headings: NDArray[np.intp]
    step_deg: float

    def heading_deg(self, k: NDArray[np.intp]) -> NDArray[np.float64]:
        """Where the picture's middle looks if the k-th of the wanted headings is right, clockwise from north."""
        return np.asarray((self.headings[k] * self.step_deg + self.code.aim_deg) % 360.0, dtype=np.float64)


@dataclass(frozen=True)
class Heading:
    """What is known of where a picture looks."""

    deg: float | None = None
    """Clockwise from north; None where unknown."""
    error_deg: float = 180.0

    @property
    def spread_deg(self) -> float:
        """180 where it is unknown."""
        return 180.0 if self.deg is None else min(self.error_deg, 180.0)


def asked(reader: Reader, picture: Picture, aim: Aim, heading: Heading) -> list[Asked]:
    """Codes to look for: one where the heading is known to less than a step, else two half a step apart."""
    step = 360.0 / reader.headings
    if heading.deg is not None and heading.error_deg < step:
        turns = [(heading.deg + step / 2) % step - step / 2]
    else:
        turns = [-step / 4, step / 4]
    made = []
    for turn in turns:
        code = replace(reader.ground(picture, replace(aim, turn_deg=aim.turn_deg + turn)), aim_deg=turn)
        own = None if heading.deg is None else heading.deg - turn
        made.append(Asked(code, allowed(own, heading.spread_deg, reader.headings), step))
    return made


def best_likeness(codes_NKD: NDArray[np.floating], looks: Sequence[Asked]) -> tuple[Floats32, NDArray[np.float64]]:
    """Likeness [n] of every code at its best heading, and that heading [n] in degrees."""
    best: Floats32 | None = None
    heading = np.zeros(len(codes_NKD))
    for look in looks:
        values = likeness(codes_NKD, look.code, look.headings)
        k = values.argmax(axis=1)
        top = np.take_along_axis(values, k[:, None], axis=1)[:, 0]
        if best is None:
            best, heading = top, look.heading_deg(k)
        else:
            heading = np.where(top > best, look.heading_deg(k), heading)
            best = np.maximum(best, top)
    if best is None:
        raise ValueError("nothing is asked for")
    return best, heading


def standardised(values: NDArray[np.floating], there: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and standard deviation over what is there: likeness is read in these units, since some pictures are like everything."""
    some = values[there]
    return float(some.mean()), max(float(some.std()), 1e-4)
