"""The deletion of a gallery: what the project wrote, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from geosleuth.gallery.left_out import FILE as LEFT_OUT_FILE
from geosleuth.gallery.opening import CARD_FILE, LOCK_FILE, SOURCES_FILE, STORE_FOLDER
from models.gallery.catalogue import GalleryCard, galleries_folder, read_card
from models.gallery.gallery import GalleryError
from models.gallery.manifest import MANIFEST
from models.gallery.thumbnails import FILE as THUMBNAILS_FILE

_DENSITY_FILE = "density.npz"
_FILES = (
    LEFT_OUT_FILE,
    SOURCES_FILE,
    LOCK_FILE,
    _DENSITY_FILE,
    THUMBNAILS_FILE,
    *(f"{THUMBNAILS_FILE}-{end}" for end in ("journal", "wal", "shm")),
)
_TEMPORARY = re.compile(r"\.(?:gallery\.json|sources\.json|skipped\.tsv|density\.npz)\.\w{1,32}")
"""What a kill in the middle of writing leaves behind."""


def card_to_remove(folder: Path) -> GalleryCard | None:
    """The card of a gallery that is to be deleted; None for a damaged card in a folder that plainly is a gallery's: one below the folder of
    galleries, or one that holds nothing but the files of a gallery. Raises GalleryError for any other folder."""
    try:
        return read_card(folder)
    except GalleryError as error:
        card = folder / CARD_FILE
        if not card.is_file() or card.is_symlink():
            raise
        if folder.absolute().parent == galleries_folder().absolute() or all(_is_ours(path) for path in folder.iterdir()):
            return None
        raise GalleryError(f"{error}, and the folder holds other files: delete it yourself") from error


def _is_ours(path: Path) -> bool:
    """Whether a file or folder is what the building of a gallery writes."""
    if path.name == STORE_FOLDER and path.is_dir() and not path.is_symlink():
        return (path / MANIFEST).is_file() or (path / "gallery.lance").is_dir() or not any(path.iterdir())
    return path.is_file() and (path.name == CARD_FILE or _is_side_file(path))


def _is_side_file(path: Path) -> bool:
    return path.name in _FILES or _TEMPORARY.fullmatch(path.name) is not None


def remove_gallery(folder: Path) -> list[Path]:
    """Delete the gallery in `folder`, its card last, and the folder where nothing else is in it. Gives what is not the gallery's and stays.

    A store outside the folder (a server, another disk) stays as it is. Raises GalleryError where there is no gallery, and OSError.
    """
    if folder.is_symlink():
        raise GalleryError(f"{folder} is a link; name the gallery that it leads to")
    card = card_to_remove(folder)
    store = folder / STORE_FOLDER
    if (card is None or card.store.partition(":")[2] == STORE_FOLDER) and store.is_dir() and not store.is_symlink():
        shutil.rmtree(store)
    for path in [path for path in folder.iterdir() if _is_side_file(path)]:
        path.unlink()
    (folder / CARD_FILE).unlink()
    left = sorted(folder.iterdir())
    if not left:
        folder.rmdir()
    return left
