"""CVUSA, the subset of Zhai et al. (CVPR 2017) that cross-view work reports on: 35,532 training and 8,884 validation pairs.

    FOLDER/splits/train-19zl.csv    bingmap/19/0000001.jpg,streetview/panos/0000001.jpg,streetview/annotations/0000001.png
    FOLDER/splits/val-19zl.csv      aerial, panorama, and a third column that is not read; the file's name is the pair's id

Panoramas are aligned: their middle looks north (that is what the published polar transform assumes: its column 0 is the south). The lists
give no positions and no scale, so neither do the pairs. Results are published on the validation list, against all its 8,884 tiles.
GeoDTR's cleaned lists are read by `list_file`.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from models.crossview.datasets.dataset import CrossViewSet, DatasetError
from models.crossview.datasets.folder_files import FolderFiles, Missing
from models.crossview.pairs import AerialView, CrossViewPair
from models.training_data import Told, silent

NAME = "cvusa"
LISTS = {"train": "splits/train-19zl.csv", "validation": "splits/val-19zl.csv"}
TOLD_EVERY = 20_000


def read_cvusa(root: Path, split: str = "validation", list_file: str = "", told: Told = silent) -> CrossViewSet:
    """Pairs of a split, `train` or `validation`. `list_file`, relative to `root`, takes the place of the published list.

    `told` hears `{"rows": n}` now and then. Rows whose id came before are left out (`notes["repeated"]`). Raises DatasetError.
    """
    if split not in LISTS:
        raise DatasetError(f"CVUSA has the splits {' and '.join(LISTS)}, not {split[:40]!r}")
    files, missing = FolderFiles(root, "CVUSA"), Missing()
    source = files.need(list_file or LISTS[split])
    pairs: dict[str, CrossViewPair] = {}
    repeated = 0
    for where, line in files.lines(source):
        columns = [column.strip() for column in line.split(",")]
        if len(columns) not in (2, 3):
            raise DatasetError(f"{where}: has {len(columns)} columns; aerial, panorama (and annotation) are read")
        aerial, panorama = (files.find(name, where) for name in columns[:2])
        if missing.rows % TOLD_EVERY == 0:
            told({"rows": missing.rows})
        if not missing.both(where, (columns[0], aerial), (columns[1], panorama)):
            continue
        assert aerial is not None
        assert panorama is not None
        key = PurePosixPath(columns[0]).stem
        if key in pairs:
            repeated += 1
            continue
        pairs[key] = CrossViewPair(key, panorama, AerialView(aerial), key, "panorama", 360.0, 0.0, split=split)
    left_out = missing.check(str(source))
    made = tuple(pairs.values())
    return CrossViewSet(NAME, split, made, tuple(pair.reference for pair in made), tuple((i,) for i in range(len(made))), missing=left_out,
                        notes={"repeated": repeated})  # fmt: skip
