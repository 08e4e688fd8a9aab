"""CVACT (Liu & Li, CVPR 2019): Canberra; 35,532 training and 8,884 validation pairs, and a test set of 92,802.

    FOLDER/ACT_data.mat             panoIds; utm [n, 2] in metres; trainSet.trainInd, valSet.valInd, valSetAll.valInd, counted from 1
    FOLDER/ANU_data_small/streetview/ID_grdView.jpg       FOLDER/ANU_data_small/satview_polish/ID_satView_polish.jpg     train, validation
    FOLDER/ANU_data_test/...                              the same two folders                                           test

Validation compares each panorama with the tiles of the validation set, and its own tile alone is right. The test set lies so densely that
neighbours show the same street: every tile within 5 m of the panorama is right. In training, tiles within 25 m are no negatives; they stand
in `ignored`. Panoramas are aligned: their middle looks north. Positions are UTM metres of Canberra, used for these distances alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.crossview.datasets.dataset import CrossViewSet, DatasetError
from models.crossview.datasets.folder_files import MAX_ROWS, FolderFiles, Missing
from models.crossview.pairs import AerialView, CrossViewPair
from models.training_data import Told, silent

NAME = "cvact"
RIGHT_M, NO_NEGATIVE_M = 5.0, 25.0
SPLITS = {"train": ("trainSet", "trainInd"), "validation": ("valSet", "valInd"), "test": ("valSetAll", "valInd")}
"""The struct of each split and the field in it that holds the rows."""
_FOLDERS = {"train": "ANU_data_small", "validation": "ANU_data_small", "test": "ANU_data_test"}
_MAX_MAT_BYTES = 200_000_000
_TOLD_EVERY = 20_000


def read_cvact(root: Path, split: str = "validation", right_m: float = RIGHT_M, no_negative_m: float = NO_NEGATIVE_M, told: Told = silent) -> CrossViewSet:  # fmt: skip
    """Pairs of a split, `train`, `validation` or `test`. Distances in metres. Needs scipy. `told` hears `{"rows": n, "of": n}`. Raises DatasetError."""
    if split not in SPLITS:
        raise DatasetError(f"CVACT has the splits {', '.join(SPLITS)}, not {split[:40]!r}")
    files, missing = FolderFiles(root, "CVACT"), Missing()
    source = files.need("ACT_data.mat")
    ids, utm, rows = _read_mat(source, split)
    folder, pairs, kept = _FOLDERS[split], [], []
    for n, row in enumerate(rows.tolist()):
        if n % _TOLD_EVERY == 0:
            told({"rows": n, "of": len(rows)})
        where = f"{source}: row {row + 1}"
        names = _names(folder, ids[row])
        street, aerial = (next((path for name in kind if (path := files.find(name, where)) is not None), None) for kind in names)
        if missing.both(where, (names[0][0], street), (names[1][0], aerial)):
            assert street is not None
            assert aerial is not None
            pairs.append(CrossViewPair(ids[row], street, AerialView(aerial), ids[row], "panorama", 360.0, 0.0, split=split))
            kept.append(row)
    left_out = missing.check(str(source))
    own: list[tuple[int, ...]] = [(i,) for i in range(len(pairs))]
    near = _near(utm[kept], {"test": right_m, "train": no_negative_m}.get(split, 0.0))
    correct = [(i, *others) for (i,), others in zip(own, near, strict=True)] if split == "test" else own
    ignored = tuple(near) if split == "train" else ()
    return CrossViewSet(NAME, split, tuple(pairs), tuple(pair.reference for pair in pairs), tuple(correct), ignored, left_out)


def _names(folder: str, key: str) -> tuple[Sequence[str], Sequence[str]]:
    """Where the panorama and the tile of an id may lie."""
    return ([f"{folder}/streetview/{key}_grdView.{kind}" for kind in ("jpg", "png")],
            [f"{folder}/satview_polish/{key}_satView_polish.{kind}" for kind in ("jpg", "png")])  # fmt: skip


def _near(utm: NDArray[np.float64], within_m: float) -> list[tuple[int, ...]]:
    """For each point, the others within a distance."""
    if not len(utm) or within_m <= 0:
        return [()] * len(utm)
    from scipy.spatial import cKDTree

    found = cKDTree(utm).query_ball_point(utm, within_m, return_sorted=True)
    return [tuple(int(i) for i in others if i != n) for n, others in enumerate(found)]


def _read_mat(path: Path, split: str) -> tuple[list[str], NDArray[np.float64], NDArray[np.intp]]:
    """Ids, UTM positions [n, 2] and the split's rows, counted from 0."""
    data = _loaded(path)
    ids = [_text(value) for value in np.asarray(data["panoIds"]).ravel()]
    utm = np.asarray(data["utm"])
    if not 0 < len(ids) <= MAX_ROWS or utm.shape != (len(ids), 2) or utm.dtype.kind not in "fiu" or not np.isfinite(utm).all():
        raise DatasetError(f"{path}: its panoIds and utm are not one name and one position (two numbers) a row")
    if any(not key or not key.isprintable() or "/" in key for key in ids):
        raise DatasetError(f"{path}: its panoIds are not all names of files")
    struct, field = SPLITS[split]
    rows = _rows(data[struct], field)
    if rows is None or not len(rows) or rows.min() < 1 or rows.max() > len(ids):
        raise DatasetError(f"{path}: {struct}.{field} does not hold rows from 1 to {len(ids)}")
    if len(np.unique(rows)) != len(rows):
        raise DatasetError(f"{path}: {struct}.{field} names a row twice")
    return ids, utm.astype(np.float64), rows - 1


def _loaded(path: Path) -> dict[str, Any]:
    wanted = ["panoIds", "utm", *dict.fromkeys(struct for struct, _ in SPLITS.values())]
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise DatasetError("CVACT's .mat file is read by scipy: pip install scipy") from error
    if path.stat().st_size > _MAX_MAT_BYTES:
        raise DatasetError(f"{path}: has more than {_MAX_MAT_BYTES // 1_000_000} million bytes")
    try:
        data = loadmat(path, variable_names=wanted)
    except Exception as error:  # a damaged file trips the reader anywhere
        raise DatasetError(f"{path}: is no MATLAB file that can be read ({' '.join(str(error).split())[:100]})") from error
    for name in wanted:
        if name not in data:
            raise DatasetError(f"{path}: has no {name}")
    return dict(data)


def _rows(struct: Any, field: str) -> NDArray[np.intp] | None:
    """The whole numbers in a field of a 1 × 1 struct."""
    if not isinstance(struct, np.ndarray) or struct.size != 1 or field not in (struct.dtype.names or ()):
        return None
    values = np.asarray(struct[field].ravel()[0]).ravel()
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all() or (values != np.round(values)).any():
        return None
    return values.astype(np.intp)


def _text(value: Any) -> str:
    """A text of a char array or of a cell."""
    inner = value.ravel()[0] if isinstance(value, np.ndarray) and value.size else value
    return str(inner).strip() if isinstance(inner, str) else ""
