"""What can be looked at in a list of candidates: files of the photo and of the candidates' photos, and what sources call the candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.geolocator import ModelError
from models.ranker.pictures import open_picture
from models.ranker.scorer import Seen

if TYPE_CHECKING:
    from PIL import Image

MOST_PLACE = 200
_MOST_PATH = 4096


@dataclass(frozen=True)
class Sights:
    """Paths of pictures, and places in words. `photos` and `places` have one entry a candidate, or are empty; "" stands for none."""

    photo: str = ""
    photos: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """Text of the world, not cleaned: whatever shows it to a model does that."""

    @classmethod
    def read(cls, data: Any, rows: Sequence[int], given: int, folder: Path) -> Sights:
        """From `to_json`, for those `rows` of the `given` candidates that were kept. Relative paths are below `folder`.

        What is damaged is missing: a list can be ranked without being looked at.
        """
        data = data if isinstance(data, Mapping) else {}

        def column(name: str, most: int) -> tuple[str, ...]:
            values = data.get(name)
            if not isinstance(values, list) or len(values) != given:
                return ()
            return tuple(value[:most] if isinstance(value, str) else "" for value in (values[row] for row in rows))

        photo = data.get("photo")
        photos = tuple(_below(folder, path) for path in column("photos", _MOST_PATH))
        return cls(_below(folder, photo) if isinstance(photo, str) else "", photos, column("places", MOST_PLACE))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"photo": self.photo, "photos": list(self.photos), "places": [place[:MOST_PLACE] for place in self.places]}

    def open(self, max_pixels: int, rows: Sequence[int] | None = None) -> Seen:
        """The pictures, for `rows` of the candidates or all. A candidate whose picture cannot be read is one without a picture.

        Raises ModelError where the photo itself cannot be read.
        """
        if not self.photo:
            raise ModelError("a ranker that looks needs the photo, and this list names none")
        photo = open_picture(Path(self.photo), max_pixels)
        at = range(max(len(self.photos), len(self.places))) if rows is None else rows
        pictures = tuple(_or_none(self.photos[row], max_pixels) for row in at) if self.photos else ()
        return Seen(photo, pictures, tuple(self.places[row] for row in at) if self.places else ())


def _below(folder: Path, path: str) -> str:
    return str(folder / path) if path and "\x00" not in path and len(path) <= _MOST_PATH else ""


def _or_none(path: str, max_pixels: int) -> Image.Image | None:
    try:
        return open_picture(Path(path), max_pixels) if path else None
    except ModelError:
        return None
