"""Whether a piece of writing that is known to be in a picture was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geo.names import fold

READ_SHARE = 85.0
"""Per cent of a text that must be found in one piece, misread letters forgiven (rapidfuzz `partial_ratio`)."""
_WORD = 6
"""A shorter text must be found whole."""
_MOST_TEXTS, _LONGEST_TEXT = 500, 2000


def folded(texts: Iterable[str]) -> list[str]:
    """Texts as `was_read` wants them: the first 500, cut to 2,000 characters, without case and accents."""
    return [fold(text[:_LONGEST_TEXT]) for text in list(texts)[:_MOST_TEXTS]]


def was_read(text: str, said: Sequence[str]) -> bool | None:
    """Whether a text stands in one of `said` (`folded`); None for one without letters or digits."""
    from rapidfuzz import fuzz

    wanted = fold(text)
    if not wanted:
        return None
    if len(wanted) < _WORD:
        return any(f" {wanted} " in f" {line} " for line in said)
    return any(len(line) >= 0.8 * len(wanted) and fuzz.partial_ratio(wanted, line) >= READ_SHARE for line in said)
