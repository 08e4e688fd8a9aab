"""A gallery is opened by a short text that says where it is.

`photos`, `flat:photos`, `lance:s3://bucket/photos`, `qdrant:https://host:6333#photos`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from models.gallery.gallery import Gallery, GalleryError
from models.gallery.manifest import MANIFEST

STORES = ("flat", "lance", "qdrant")


class StoredGallery(Gallery, Protocol):
    """A gallery that says whose vectors it holds."""

    @property
    def encoder(self) -> str:
        """Spec of the encoder that made the vectors, or empty."""
        ...

    @property
    def encoder_digest(self) -> str:
        """Digest of the encoder that made the vectors, or empty."""
        ...


def open_gallery(
    location: str,
    *,
    encoder_digest: str | None = None,
    dim: int | None = None,
    create: bool = False,
    read_only: bool = True,
    store: str | None = None,
    encoder: str = "",
) -> StoredGallery:
    """Open the gallery at a location; `create` makes one of `dim` numbers a vector where there is none, and opens it for writing.

    The store is what the location names before a colon, `store`, or what is there; a new folder becomes a flat gallery. Raises GalleryError
    with one line: no gallery, one of another `encoder_digest` or `dim`, a missing package.
    """
    kind, place = _split(location, store)
    kind = kind or _found(place, create)
    read_only = read_only and not create
    if kind == "flat":
        from models.gallery.flat import FlatGallery

        return FlatGallery(place, dim, encoder_digest, encoder=encoder, create=create, read_only=read_only)
    if kind == "lance":
        from models.gallery.lance import LanceGallery

        return LanceGallery(place, dim, encoder_digest, encoder=encoder, create=create, read_only=read_only)
    from models.gallery.qdrant import QdrantGallery

    url, _, collection = place.partition("#")
    if not url.startswith(("http://", "https://")) and url != ":memory:":
        raise GalleryError(
            f"{location!r}: a Qdrant gallery is at a URL (qdrant:https://host:6333#photos); its folders are for tests"
        )
    return QdrantGallery(url, collection or "gallery", dim, encoder_digest, encoder=encoder, create=create, read_only=read_only)


def _split(location: str, store: str | None) -> tuple[str, str]:
    """The store, empty where nothing names it, and the rest."""
    if store is not None and store not in STORES:
        raise GalleryError(f"no store of galleries is called {store[:40]!r}; there are {', '.join(STORES)}")
    before, colon, rest = location.partition(":")
    named = before if colon and before in STORES else ""
    if named and store and named != store:
        raise GalleryError(f"{location!r} names another store than {store}")
    place = rest if named else location
    if not place:
        raise GalleryError("the place of the gallery is missing")
    return named or store or "", place


def _found(place: str, create: bool) -> str:
    if place.startswith(("http://", "https://")):
        return "qdrant"
    if "://" in place:
        return "lance"
    folder = Path(place)
    if (folder / MANIFEST).is_file() or (create and not (folder / "gallery.lance").is_dir()):
        return "flat"
    if (folder / "gallery.lance").is_dir():
        return "lance"
    raise GalleryError(f"{place} holds no gallery" if folder.is_dir() else f"{place} holds no gallery: there is no such folder")
