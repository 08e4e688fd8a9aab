"""Numbers of settings within their bounds, told in one line where they are not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from models.geolocator import ModelError


def check_bounds(settings: Any, bounds: Mapping[str, tuple[float, float]]) -> None:
    """Each named field of a dataclass lies within (low, high), both allowed; fields whose default is a whole number hold one.
    Fields whose default is true or false hold nothing else. Raises ModelError."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(field.default, bool):
            if not isinstance(value, bool):
                raise ModelError(f"{field.name} is true or false")
        elif field.name in bounds:
            (low, high), whole = bounds[field.name], isinstance(field.default, int)
            good = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not good or not math.isfinite(value) or not low <= value <= high:
                words = f"whole number from {low:.0f} to {high:.0f}" if whole else f"number from {low:g} to {high:g}"
                raise ModelError(f"{field.name} must be a {words}")
