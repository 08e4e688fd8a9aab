"""The deletion of a gallery: what the project wrote, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from geosleuth.gallery.left_out import FILE as LEFT_OUT_FILE
from geosleuth.gallery.opening import CARD_FILE, LOCK_FILE, SOURCES_FILE, STORE_FOLDER
from models.gallery.catalogue import read_card
from models.gallery.gallery import GalleryError
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


def remove_gallery(folder: Path) -> list[Path]:
    """Delete the gallery in `folder`, its card last, and the folder where nothing else is in it. Gives what is not the gallery's and stays.

    A store outside the folder (a server, another disk) stays as it is. Raises GalleryError where there is no gallery, and OSError.
    """
    if folder.is_symlink():
        raise GalleryError(f"{folder} is a link; name the gallery that it leads to")
    card = read_card(folder)
    store = folder / STORE_FOLDER
    if card.store.partition(":")[2] == STORE_FOLDER and store.is_dir() and not store.is_symlink():
        shutil.rmtree(store)
    for path in [path for path in folder.iterdir() if path.name in _FILES or _TEMPORARY.fullmatch(path.name)]:
        path.unlink()
    (folder / CARD_FILE).unlink()
    left = sorted(folder.iterdir())
    if not left:
        folder.rmdir()
    return left
