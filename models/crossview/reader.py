"""Who turns pictures into codes: the embedded twin networks, or an encoder with trained heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.crossview.aerial_view import unrolled
from models.crossview.codes import Floats32, GroundCode, unit
from models.crossview.forward import Side, side_of
from models.crossview.ground_view import Aim, Strip, strip
from models.crossview.samples import stacked
from models.crossview.shape import COLUMN_PX, COLUMNS, window

_BATCH = 64


@dataclass(frozen=True)
class Around:
    """A point of a picture from above with north up: metres east and north of the picture's middle."""

    picture: Picture
    metres_per_pixel: float
    east_m: float = 0.0
    north_m: float = 0.0
    known: NDArray[np.bool_] | None = None


class Reader(Protocol):
    """Codes of both sides (`models.crossview.codes`)."""

    @property
    def headings(self) -> int:
        """How many directions a code from above has."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def ground(self, picture: Picture, aim: Aim) -> GroundCode:
        """Of a picture from the ground."""
        ...

    def above(self, places: Sequence[Around], radius_m: float) -> Floats32:
        """Of points from above, [n, headings, dim]."""
        ...


@dataclass(frozen=True, eq=False)
class TwinReader:
    """The embedded networks, with numpy alone."""

    ground_side: Side
    aerial_side: Side

    @property
    def headings(self) -> int:
        return COLUMNS

    @property
    def dim(self) -> int:
        return len(self.aerial_side.biases[-1])

    def ground(self, picture: Picture, aim: Aim) -> GroundCode:
        seen = strip(picture, aim)
        middle = window(seen.fov_deg)[1]
        return replace(self.ground_of([seen])[0], middle=middle, aim_deg=aim.turn_deg)

    def ground_of(self, strips: Sequence[Strip]) -> list[GroundCode]:
        """Of strips of one width."""
        x = stacked(list(strips))
        out = self.ground_side(x, x.shape[3] == COLUMNS * COLUMN_PX)
        shown = x[:, 3].reshape(len(x), x.shape[2], -1, COLUMN_PX).mean(axis=(1, 3))
        weights = np.exp(out[..., -1].clip(-8, 8)) * np.maximum(shown, 1e-4)
        weights /= weights.sum(axis=1, keepdims=True)
        middle = window(strips[0].fov_deg)[1]
        return [GroundCode(v, middle) for v in unit(out[..., :-1]) * weights[..., None]]

    def above(self, places: Sequence[Around], radius_m: float) -> Floats32:
        parts = [np.zeros((0, COLUMNS, self.dim), dtype=np.float32)]
        for start in range(0, len(places), _BATCH):
            polars = [
                unrolled(p.picture, p.metres_per_pixel, radius_m, p.east_m, p.north_m, known=p.known)
                for p in places[start : start + _BATCH]
            ]
            parts.append(unit(self.aerial_side(stacked(polars), True)))
        return np.concatenate(parts)


def twin_reader(arrays: Mapping[str, NDArray[Any]]) -> TwinReader:
    """From the state of the trained twin. Raises KeyError or ValueError for arrays that do not fit."""
    ground, aerial = side_of(arrays, "ground"), side_of(arrays, "aerial")
    if len(ground.biases[-1]) != len(aerial.biases[-1]) + 1:
        raise ValueError("the two sides do not fit together")
    return TwinReader(ground, aerial)
