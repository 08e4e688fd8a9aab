"""What another system said about one photo, whatever file it came in."""

from __future__ import annotations

from dataclasses import dataclass

LatLon = tuple[float, float]


class PredictionError(ValueError):
    """A file of predictions that cannot be used; one line."""


@dataclass(frozen=True)
class RankedGuess:
    """One of several places that a system ranked: a point in degrees, or a place in words."""

    lat: float | None = None
    lon: float | None = None
    place: str = ""
    probability: float | None = None
    """None where the system states none."""
    radius_km: float | None = None


@dataclass(frozen=True)
class Prediction:
    """An answer of another system: a point, a place in words, both, or neither."""

    id: str
    """As the system wrote it; "" where its line cannot be read."""
    lat: float | None = None
    lon: float | None = None
    place: str = ""
    """The final answer in words, without reasoning."""
    message: str = ""
    """The whole last message, reasoning included, as published matchers read it; or the line that cannot be read."""
    candidates: tuple[RankedGuess, ...] = ()
    """Best first."""
    radius_km: float | None = None
    """Within which the truth is said to lie; read as 90 %."""
    probability: float | None = None
    error: str | None = None
    """Why there is no answer. Alone: the system failed. Beside a message: what it said names no place."""
    radius50_km: float | None = None
    aliases: tuple[str, ...] = ()
    """Other names of the photo in the same line."""
    truth: LatLon | None = None
    """Where the line says that the photo was taken: photos are recognised by it, answers are not judged by it."""

    @property
    def answered(self) -> bool:
        """Whether something was answered; whether it names a place is another matter."""
        return self.lat is not None or bool(self.place)
