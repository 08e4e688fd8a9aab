"""Galleries by name: a folder each, with `gallery.json` that says which encoder its vectors are of and what was measured on it."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.gallery.gallery import GalleryError
from models.model_folder import write_json

if TYPE_CHECKING:
    from models.gallery.gallery import Gallery

_CARD = "gallery.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
VERSION = 1
_NAMED = 20
"""Galleries that are named in a complaint."""


@dataclass(frozen=True)
class GalleryCard:
    """What a gallery says of itself."""

    encoder: str
    """Spec of the encoder (`models.encoders.make`)."""
    encoder_digest: str
    dim: int
    store: str
    """Where rows and vectors are, as `models.gallery.open.open_gallery` reads it; a relative folder is below the gallery's own."""
    sources: tuple[str, ...] = ()
    """What it was built of, as given."""
    created: str = ""
    """ISO 8601."""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """What `models.knn_calibration.calibrate` measured; empty before."""

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self), "sources": list(self.sources), "calibration": dict(self.calibration)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GalleryCard:
        """Raises KeyError, TypeError or ValueError for anything that `to_json` did not write."""
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']}")
        return cls(str(data["encoder"]), str(data["encoder_digest"]), int(data["dim"]), str(data["store"]),
                   tuple(map(str, data["sources"])), str(data["created"]), dict(data["calibration"]))  # fmt: skip


def galleries_folder() -> Path:
    """Where galleries are kept by name: `$GEOSLEUTH_DATA/galleries`, or the user's data folder."""
    import platformdirs

    root = os.environ.get("GEOSLEUTH_DATA")
    return (Path(root) if root else Path(platformdirs.user_data_dir("geosleuth"))) / "galleries"


def gallery_folder(name: str) -> Path:
    """The folder of a gallery: a name, or a path (with a separator in it). Raises GalleryError for what can be neither."""
    if os.sep in name or name.startswith("~"):
        return Path(name).expanduser()
    if not _NAME.fullmatch(name):
        raise GalleryError(f"{name[:60]!r} is no name of a gallery: use letters, digits, dots, dashes and underscores, or a path")
    return galleries_folder() / name


def names() -> list[str]:
    """Names of all galleries in the folder of galleries, sorted."""
    root = galleries_folder()
    return sorted(path.parent.name for path in root.glob(f"*/{_CARD}")) if root.is_dir() else []


def read_card(folder: Path) -> GalleryCard:
    """Raises GalleryError, one line, where there is no gallery or its card cannot be read."""
    try:
        return GalleryCard.from_json(json.loads((folder / _CARD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise GalleryError(_absent(folder)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GalleryError(f"{folder / _CARD} cannot be read ({' '.join(str(error).split())[:120]})") from error


def _absent(folder: Path) -> str:
    """The one line for a gallery that is not there, with the names of those that are."""
    if folder.parent != galleries_folder():
        return f"there is no gallery in {folder}"
    known = names()
    said = f"there is no gallery {folder.name!r}; "
    if not known:
        return said + "there is none yet: geosleuth gallery build SOURCE --into NAME"
    near = difflib.get_close_matches(folder.name, known, 1) if len(known) > 1 else []
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    return said + (f"did you mean {near[0]!r}? " if near else "") + f"there are: {', '.join(known[:_NAMED])}{more}"


def write_card(folder: Path, card: GalleryCard) -> None:
    """Keep the card, whole or not at all. Raises OSError."""
    write_json(folder / _CARD, card.to_json())


@dataclass(frozen=True, eq=False)
class NamedGallery:
    """An opened gallery."""

    name: str
    folder: Path
    card: GalleryCard
    store: Gallery

    def with_calibration(self, calibration: Mapping[str, Any]) -> NamedGallery:
        """The same gallery with a calibration, kept in its card. Raises OSError."""
        card = replace(self.card, calibration=dict(calibration))
        write_card(self.folder, card)
        return replace(self, card=card)


def open_named(name: str, read_only: bool = True) -> NamedGallery:
    """The gallery of a name or path, with the digest of its encoder checked against its store. Raises GalleryError."""
    from models.gallery.open import open_gallery

    folder = gallery_folder(name)
    card = read_card(folder)
    store = open_gallery(
        store_location(folder, card.store), encoder_digest=card.encoder_digest, dim=card.dim, read_only=read_only
    )
    return NamedGallery(folder.name, folder, card, store)


def store_location(folder: Path, store: str) -> str:
    """The card's `store` with a relative folder put below the gallery's own: `flat:store` → `flat:/…/NAME/store`."""
    kind, _, place = store.partition(":")
    return (
        f"{kind}:{folder / place}"
        if kind in {"flat", "lance"} and "://" not in place and not Path(place).is_absolute()
        else store
    )
