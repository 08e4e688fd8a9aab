"""Folders of ground and aerial pictures by class, as CrossViewRet describes its own (six classes, both views of each).

How CrossViewRet is laid out on disk was never published. These are read, with or without `train` and `test` folders above them:

    FOLDER/ground/stadium/1.jpg     FOLDER/aerial/stadium/1.jpg
    FOLDER/stadium/ground/1.jpg     FOLDER/stadium/aerial/1.jpg
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.class_retrieval.head import VIEWS, View

CROSSVIEWRET = ("freeway", "mountain", "palace", "river", "ship", "stadium")
"""Classes of CrossViewRet."""
VIEW_NAMES: dict[View, frozenset[str]] = {
    "ground": frozenset({"ground", "street", "streetview", "street_view", "street-view"}),
    "aerial": frozenset({"aerial", "satellite", "overhead", "sat"}),
}
_SPLITS = {"train": "train", "test": "test"}
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
MAX_CLASSES = 1000
MAX_PICTURES = 500_000


class ClassFolderError(ValueError):
    """A folder that is none of pictures by class and view; one line that names what is wrong."""


@dataclass(frozen=True)
class ClassPicture:
    """One picture; it is opened when it is needed."""

    path: Path
    label: int
    """Index of the class."""
    view: View
    split: str = ""
    """`train`, `test`, or nothing where the folder does not say."""

    @property
    def ground(self) -> bool:
        """Whether it was taken from the ground."""
        return self.view == "ground"


@dataclass(frozen=True)
class ClassFolder:
    """What `read_class_folder` found."""

    root: Path
    classes: tuple[str, ...]
    """Sorted by name."""
    pictures: tuple[ClassPicture, ...]
    """In the order of their paths."""
    skipped: int = 0
    """Files that are no pictures by their name."""

    @property
    def has_splits(self) -> bool:
        """Whether the folder itself says what is for training and what for testing."""
        return any(picture.split for picture in self.pictures)

    def split(self, test_share: float = 0.5, seed: int = 0) -> tuple[ClassFolder, ClassFolder]:
        """Training and test pictures: the folder's own split, or `test_share` of each class and view drawn by `seed`.

        A ground and an aerial picture of one class and file name may show one place, so they stay on one side.
        Raises ClassFolderError where one side would be left without pictures.
        """
        if not 0.0 < test_share < 1.0:
            raise ClassFolderError("the share of test pictures lies between 0 and 1")
        held = {p for p in self.pictures if p.split == "test"} if self.has_splits else self._drawn(test_share, seed)
        train, test = ([p for p in self.pictures if (p in held) is side] for side in (False, True))
        if not train or not test:
            raise ClassFolderError(f"{self.root}: there are no {'test' if train else 'training'} pictures")
        return replace(self, pictures=tuple(train)), replace(self, pictures=tuple(test))

    def _drawn(self, share: float, seed: int) -> set[ClassPicture]:
        rng = np.random.default_rng(seed)
        held: set[ClassPicture] = set()
        for label in range(len(self.classes)):
            stems: dict[str, list[ClassPicture]] = {}
            for picture in self.pictures:
                if picture.label == label:
                    stems.setdefault(picture.path.stem, []).append(picture)
            kinds: dict[frozenset[View], list[str]] = {}
            for stem, of in sorted(stems.items()):
                kinds.setdefault(frozenset(p.view for p in of), []).append(stem)
            for _, names in sorted(kinds.items(), key=lambda item: sorted(item[0])):
                for i in rng.permutation(len(names))[: round(share * len(names))]:
                    held.update(stems[names[i]])
        return held


def read_class_folder(root: Path) -> ClassFolder:
    """Classes and pictures of a folder; no picture is opened. Raises ClassFolderError, or OSError where it cannot be listed."""
    if not root.is_dir():
        raise ClassFolderError(f"{root}: is no folder")
    found, skipped = [], 0
    for split, top in _split_folders(root):
        for view, name, folder in _class_folders(top, root):
            for path in _entries(folder, root):
                if path.suffix.lower() not in _SUFFIXES or not path.is_file():
                    skipped += 1
                    continue
                found.append((path, name, view, split))
                if len(found) > MAX_PICTURES:
                    raise ClassFolderError(f"{root}: has more than {MAX_PICTURES:,} pictures")
    classes = tuple(sorted({name for _, name, _, _ in found}))
    _check(root, classes, {(name, view) for _, name, view, _ in found})
    index = {name: i for i, name in enumerate(classes)}
    pictures = sorted((ClassPicture(path, index[name], view, split) for path, name, view, split in found), key=lambda p: p.path)
    return ClassFolder(root, classes, tuple(pictures), skipped)


def _check(root: Path, classes: tuple[str, ...], seen: set[tuple[str, View]]) -> None:
    if len(classes) > MAX_CLASSES:
        raise ClassFolderError(f"{root}: has {len(classes)} classes, more than {MAX_CLASSES}")
    for view in VIEWS:
        if not any(of == view for _, of in seen):
            names = ", ".join(sorted(VIEW_NAMES[view]))
            raise ClassFolderError(
                f"{root}: has no {view} pictures; they lie in a folder called {names} (above or below the class)"
            )
    both = [name for name in classes if all((name, view) in seen for view in VIEWS)]
    if len(both) < 2:
        raise ClassFolderError(f"{root}: {len(both)} classes have pictures of both views; 2 are needed")
    bad = next((name for name in classes if not name.isprintable() or len(name) > 80), None)
    if bad is not None:
        raise ClassFolderError(f"{root}: {bad[:40]!r} is no name of a class (one line of at most 80 characters)")


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    named = [
        (_SPLITS[path.name.lower()], path) for path in _entries(root, root) if path.name.lower() in _SPLITS and path.is_dir()
    ]
    if named and len({split for split, _ in named}) != 2:
        raise ClassFolderError(f"{root}: has one of the folders train and test, not both")
    return named or [("", root)]


def _class_folders(top: Path, root: Path) -> Iterator[tuple[View, str, Path]]:
    """View, class and folder of its pictures, for both layouts."""
    for path in _entries(top, root):
        if not path.is_dir():
            continue
        view = _view(path.name)
        for below in _entries(path, root):
            if not below.is_dir():
                continue
            if view is not None:
                yield view, below.name, below
            elif (other := _view(below.name)) is not None:
                yield other, path.name, below


def _view(name: str) -> View | None:
    return next((view for view in VIEWS if name.lower() in VIEW_NAMES[view]), None)


def _entries(folder: Path, root: Path) -> list[Path]:
    """What lies in a folder, sorted, hidden names left out. Raises ClassFolderError for a link that leads out of `root`."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    home = root.resolve()
    for path in entries:
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise ClassFolderError(f"{path}: leads out of {root}")
    return entries
