"""The table of a search on a terminal: one line a photo, cut to the width that there is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.report.markup import showable
from agent.report.words import km
from geosleuth.gallery.find import from_first_km, place_of
from models.gallery.gallery import Hit

_LEAST_PICTURE = 24
"""Characters that a picture's path needs to be told at all."""
_PAD = 2


def print_table(hits: Sequence[Hit]) -> None:
    """Rank, similarity, place, coordinates, distance from the first and id, and the picture's path where there is room for it."""
    console = Console(highlight=False, markup=False)
    numbers = [str(rank) for rank in range(1, len(hits) + 1)]
    alike = [f"{hit.similarity:.3f}" for hit in hits]
    at = [f"{hit.row.lat:.4f}, {hit.row.lon:.4f}" for hit in hits]
    away = [km(value) for value in from_first_km(hits)]
    places, ids, pictures = (
        [showable(text) for text in of]
        for of in zip(*((place_of(hit), hit.row.id, hit.row.picture) for hit in hits), strict=True)
    )
    fixed = [("", numbers), ("alike", alike), ("lat, lon", at), ("from first", away)]
    free = console.width - sum(_width(title, cells) + _PAD for title, cells in fixed) - 2 * _PAD
    id_width = min(_width("photo", ids), max(free // 2, free - _width("place", places)))
    place_width = min(_width("place", places), free - id_width)
    picture_width = min(_width("picture", pictures), free - place_width - id_width - _PAD)
    table = Table(box=None, padding=(0, 1))
    columns = [
        *fixed[:2],
        ("place", [_cut(text, place_width) for text in places]),
        *fixed[2:],
        ("photo", [_cut(text, id_width, True) for text in ids]),
    ]
    if picture_width >= min(_LEAST_PICTURE, _width("picture", pictures)) and any(pictures):
        columns.append(("picture", [_cut(text, picture_width, True) for text in pictures]))
    for title, _ in columns:
        table.add_column(title, justify="left" if title in {"place", "lat, lon", "photo", "picture"} else "right", no_wrap=True,
                         style="dim" if title in {"photo", "picture"} else "")  # fmt: skip
    for row in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)


def _width(title: str, cells: Sequence[str]) -> int:
    return max(map(cell_len, (title, *cells)))


def _cut(text: str, width: int, front: bool = False) -> str:
    """The text in at most `width` columns of a terminal, with `…` where its end, or its front, was cut off."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) >= width:
        text = text[1:] if front else text[:-1]
    return ("…" + text if front else text.rstrip(" ,") + "…") if width > 0 else ""
