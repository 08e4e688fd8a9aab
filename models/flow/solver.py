"""Dormand and Prince's pair of order 5 and 4 with step size control, for many points at once (J. Comp. Appl. Math. 6, 1980)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geo.sphere import Floats

_C = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_A = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 5.0
_LEAST_STEP = 1e-4
"""A step this short (of an interval of length 1) is taken whatever its error: the field is float32, and its noise must not stop the walk."""

Rate = Callable[[float, Floats], Floats]


@dataclass(frozen=True, eq=False)
class Solved:
    """Where a system ended."""

    state: Floats
    evaluations: int


def solve(
    rate: Rate, state: Floats, tolerance: float, begin: float = 0.0, end: float = 1.0, first: float = 0.05,
    after: Callable[[Floats], Floats] = lambda state: state,
) -> Solved:  # fmt: skip
    """Integrate dy/dt = rate(t, y), y [..., c], from `begin` to `end` (later).

    A step is taken when the error of each point, the root mean square over its c numbers, is at most `tolerance`; all points take the same
    steps. `after` is applied to the state at the end of each step, such as a projection; it must not change what `rate` sees of it, since
    the last rate of a step serves as the first one of the next.
    """
    t, step = begin, first * (end - begin)
    slopes = [rate(t, state)]
    evaluations = 1
    while t < end - 1e-12:
        step = min(step, end - t)
        slopes = slopes[:1]
        for c, row in zip(_C[1:], _A[1:], strict=True):
            there = state + step * sum(a * k for a, k in zip(row, slopes, strict=True) if a)
            slopes.append(rate(t + c * step, there))
        evaluations += len(_C) - 1
        # The last stage's point is the end of the step.
        off = step * sum(e * k for e, k in zip(_ERROR, slopes, strict=True) if e)
        error = float(np.sqrt(np.mean(np.square(off), axis=-1)).max()) / tolerance
        least = step <= _LEAST_STEP * (end - begin)
        if error <= 1.0 or least:
            t += step
            state, slopes = after(there), [slopes[-1]]
        step *= float(np.clip(_SAFETY * max(error, 1e-10) ** -0.2, _SHRINK, _GROW))
        step = max(step, _LEAST_STEP * (end - begin))
    return Solved(state, evaluations)
