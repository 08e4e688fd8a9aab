"""Pictures of the same kind of place across views, on drawn classes: `python benchmarks/class_retrieval.py [EACH] [SEEDS]`.

Half of the drawings of each class and view train a head over the embedded encoder's vectors, the other half is ranked. Prints mAP in both
directions, mean and range over the seeds (each seed draws other pictures): a random order (exact), the encoder's vectors, the same
with each view's mean taken away, and the head by each loss; then the head from few pictures a class, and for classes it was never shown.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from evals.drawn_classes import CLASSES, write_drawn_classes
from models.class_retrieval.evaluate import DIRECTIONS, both_directions, chance_both, encode_folder
from models.class_retrieval.folder import read_class_folder
from models.class_retrieval.metrics import ClassScores
from models.class_retrieval.settings import LOSSES, HeadSettings
from models.class_retrieval.train import ClassVectors, centring_head, train_head
from models.encoders.encoder import Encoder
from models.encoders.make import make_encoder

FEW = (2, 5, 10)
UNSEEN = (("palace", "ship"), ("freeway", "mountain"), ("river", "stadium"))
Rows = dict[str, list[tuple[float | None, ...]]]


def main(each: int = 60, seeds: int = 3) -> None:
    began, encoder, rows = time.process_time(), make_encoder("embedded"), Rows()
    unseen = Rows()
    for seed in range(seeds):
        train, test = encoded(encoder, each, seed)
        measure(rows, unseen, train, test, encoder, seed)
        print(
            f"seed {seed}: {len(train)} training and {len(test)} test pictures, {time.process_time() - began:.0f} s of process time",
            flush=True,
        )
    print(
        f"{'mean (lowest to highest of ' + str(seeds) + ' seeds)':<46}{'mAP ground→aerial':<24}{'mAP aerial→ground':<24}P@5 of both"
    )
    for name, values in (rows | unseen).items():
        print(f"{name:<46}" + "".join(f"{told(np.array(column)):<24}" for column in zip(*values, strict=True)))


def encoded(encoder: Encoder, each: int, seed: int) -> tuple[ClassVectors, ClassVectors]:
    with tempfile.TemporaryDirectory() as name:
        write_drawn_classes(Path(name), each, seed)
        folder = read_class_folder(Path(name))
        assert folder.classes == CLASSES
        train, test = (encode_folder(part, encoder).data for part in folder.split(0.5, seed))
    return train, test


def measure(rows: Rows, unseen: Rows, train: ClassVectors, test: ClassVectors, encoder: Encoder, seed: int) -> None:
    def head(data: ClassVectors, loss: str = LOSSES[0]) -> dict[str, ClassScores]:
        return both_directions(
            test, train_head(data, CLASSES, encoder.name, encoder.digest, "drawings", HeadSettings(loss, seed=seed))
        )

    def add(name: str, scores: dict[str, ClassScores]) -> None:
        figures = [(scores[d].map, scores[d].precision[5]) for d in DIRECTIONS]
        rows.setdefault(name, []).append((*(mean for mean, _ in figures), float(np.mean([p for _, p in figures]))))

    centred = both_directions(test, centring_head(train, CLASSES, encoder.name, encoder.digest, "drawings"))
    add("random order", chance_both(test))
    add("encoder alone", both_directions(test))
    add("encoder, view means taken away", centred)
    for loss in LOSSES:
        add(f"head, {loss}", head(train, loss))
    for few in FEW:
        add(f"head, {few} pictures a class and view", head(first(train, few)))
    for pair in UNSEEN:
        labels = [CLASSES.index(name) for name in pair]
        known = train.pick(~np.isin(train.labels, labels))
        for name, scores in (("encoder alone", both_directions(test)), ("head never shown them", head(known))):
            by_class = [scores[d].map_by_class for d in DIRECTIONS]
            unseen.setdefault(f"{' and '.join(pair)}: {name}", []).append(
                tuple(float(np.mean([of[i] for i in labels])) for of in by_class)
            )


def first(data: ClassVectors, few: int) -> ClassVectors:
    """The first few of each class and view."""
    kept = [
        np.flatnonzero((data.labels == label) & (data.ground == ground))[:few]
        for label in np.unique(data.labels)
        for ground in (True, False)
    ]
    return data.pick(np.concatenate(kept))


def told(values: np.ndarray) -> str:
    return f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
