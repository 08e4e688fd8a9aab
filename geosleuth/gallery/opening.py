"""A gallery opened to be built: its card written first, its sources by name, and nobody else writing."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from geosleuth.gallery.prepare import storable_text
from geosleuth.gallery.sources import Source
from models.gallery.catalogue import GalleryCard, NamedGallery, gallery_folder, read_card, store_location, write_card
from models.gallery.gallery import GalleryError
from models.gallery.own_density import forget_density
from models.model_folder import write_json

if TYPE_CHECKING:
    from models.gallery.open import StoredGallery

CARD_FILE = "gallery.json"
SOURCES_FILE = "sources.json"
LOCK_FILE = "build.lock"
STORE_FOLDER = "store"
_STORES = ("flat", "lance")


class Whose(Protocol):
    """Whose vectors a gallery holds: an encoder, or what a file says of one."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def dim(self) -> int: ...


@dataclass(frozen=True)
class NamedSource:
    """A source as a gallery knows it."""

    name: str
    """What rows carry in `source`."""
    spec: str
    licence: str = ""
    """Given for photos whose labels have none."""


def is_gallery(name: str) -> bool:
    """Whether there is a gallery of this name or path."""
    try:
        return (gallery_folder(name) / CARD_FILE).is_file()
    except GalleryError:
        return False


def store_text(store: str) -> str:
    """`flat`, `lance` or `qdrant:URL` as the card keeps it. Raises GalleryError for anything else."""
    kind, _, place = store.partition(":")
    if kind in _STORES and not place:
        return f"{kind}:{STORE_FOLDER}"
    if kind == "qdrant" and place:
        return store
    raise GalleryError(f"no store is called {store[:60]!r}: use flat, lance or qdrant:URL")


def open_to_write(name: str, encoder: Whose, store: str | None = None) -> NamedGallery:
    """The gallery of a name or path, made where there is none. `store` None stands for what it has, or flat.

    Raises GalleryError for a gallery of another encoder or store, and OSError.
    """
    folder = gallery_folder(name)
    if (folder / CARD_FILE).exists():
        card = read_card(folder)
        forget_density(folder)
        _refuse_others(folder.name, card, encoder, store)
        return NamedGallery(folder.name, folder, card, _opened(folder, card))
    had_store = (folder / STORE_FOLDER).exists()
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    card = GalleryCard(encoder.name, encoder.digest, encoder.dim, store_text(store or "flat"), (), created)
    write_card(folder, card)
    try:
        return NamedGallery(folder.name, folder, card, _opened(folder, card))
    except BaseException:
        (folder / CARD_FILE).unlink()  # so that the next attempt may name another store
        if not had_store:
            shutil.rmtree(folder / STORE_FOLDER, ignore_errors=True)
        raise


def _opened(folder: Path, card: GalleryCard) -> StoredGallery:
    from models.gallery.open import open_gallery

    location = store_location(folder, card.store)
    return open_gallery(
        location, encoder_digest=card.encoder_digest, dim=card.dim, create=True, read_only=False, encoder=card.encoder
    )


def _refuse_others(name: str, card: GalleryCard, encoder: Whose, store: str | None) -> None:
    if card.encoder_digest != encoder.digest:
        raise GalleryError(
            f"gallery {name} holds vectors of {card.encoder} ({card.encoder_digest}), not of {encoder.name} ({encoder.digest}): "
            "build another gallery for another encoder"
        )
    if store is not None and store_text(store) != card.store:
        raise GalleryError(f"gallery {name} is kept in {card.store}; copy it to another store, or build another gallery")


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """The folder of a gallery, made where there is none, with no second build in it while the block runs.

    A folder in which nothing came to be is removed. Raises GalleryError where one runs already, or where the folder holds other things than
    a gallery.
    """
    folder = gallery_folder(name)
    _refuse_other_files(folder)
    made = [path for path in (folder, *folder.absolute().parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GalleryError(f"gallery {folder.name} is being built by another process") from None
        try:
            yield folder
        finally:
            if folder.is_dir() and [path.name for path in folder.iterdir()] == [LOCK_FILE]:
                (folder / LOCK_FILE).unlink()
                folder.rmdir()
            if not folder.exists():
                with contextlib.suppress(OSError):  # others may have put something there
                    for path in made[1:]:
                        path.rmdir()


def _refuse_other_files(folder: Path) -> None:
    if folder.exists() and not (folder / CARD_FILE).exists() and any(path.name != LOCK_FILE for path in folder.iterdir()):
        raise GalleryError(f"{folder} holds other files; a gallery wants a folder of its own")


def check_target(name: str, encoder: Whose, store: str | None) -> None:
    """Raises GalleryError where `open_to_write` would refuse a name, an encoder or a store, before anything is read or written."""
    folder = gallery_folder(name)
    if (folder / CARD_FILE).exists():
        _refuse_others(folder.name, read_card(folder), encoder, store)
    else:
        store_text(store or "flat")
        _refuse_other_files(folder)


@contextmanager
def written(name: str, encoder: Whose, store: str | None = None) -> Iterator[NamedGallery]:
    """A gallery that is opened to be written while no other process writes to it, and closed. A new one that is still empty when an error
    ends the block is removed. Raises GalleryError and OSError."""
    from geosleuth.gallery.removal import remove_gallery

    new = not is_gallery(name)
    with alone(name):
        gallery = open_to_write(name, encoder, store)
        empty = False
        try:
            yield gallery
        except BaseException:
            empty = new and gallery.store.count() == 0
            raise
        finally:
            gallery.store.close()
            if empty:
                remove_gallery(gallery.folder)


def read_sources(folder: Path) -> list[NamedSource]:
    """What a gallery was built of; empty where nothing is kept about it. Raises GalleryError for a damaged list."""
    try:
        data = json.loads((folder / SOURCES_FILE).read_text(encoding="utf-8"))
        return [NamedSource(str(item["name"]), str(item["spec"]), str(item["licence"])) for item in data["sources"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalleryError(f"{folder / SOURCES_FILE} cannot be read ({' '.join(str(error).split())[:120]})") from error


def with_sources(
    gallery: NamedGallery, sources: Sequence[Source], name: str | None = None, licence: str = ""
) -> tuple[NamedGallery, list[tuple[NamedSource, Source]]]:
    """The gallery with these sources in its card and list, and the sources with their names: the given one, the one that they had, or one
    that no other source has. Raises GalleryError and OSError."""
    if name is not None and len(sources) > 1:
        raise GalleryError("one name stands for one source: build the sources one after the other")
    known = {item.spec: item for item in read_sources(gallery.folder)}
    named = []
    for source in sources:
        kept = known.get(source.spec)
        called = (storable_text(name) if name else "") or (
            kept.name if kept else _free_name(source.short_name(), {item.name for item in known.values()})
        )
        item = known[source.spec] = NamedSource(called, source.spec, licence or (kept.licence if kept else ""))
        named.append((item, source))
    write_json(gallery.folder / SOURCES_FILE, {"sources": [asdict(item) for item in known.values()]})
    return noted(gallery, tuple(known)), named


def noted(gallery: NamedGallery, specs: Sequence[str]) -> NamedGallery:
    """The gallery with these among what its card says that it was built of. Raises OSError."""
    card = replace(gallery.card, sources=tuple(dict.fromkeys((*gallery.card.sources, *specs))))
    if card != gallery.card:
        write_card(gallery.folder, card)
    return replace(gallery, card=card)


def _free_name(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free
