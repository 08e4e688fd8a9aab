"""Training a head on vectors of both views with their classes. Needs torch; takes seconds on a CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.class_retrieval.head import VIEWS, ClassHead
from models.class_retrieval.losses import multi_similarity, normalised_softmax, triplet
from models.class_retrieval.settings import HeadSettings
from models.encoders.encoder import Vectors
from models.geolocator import ModelError
from models.training_data import Told, silent

if TYPE_CHECKING:
    from torch import Tensor

_TOLD_EVERY = 50


@dataclass(frozen=True, eq=False)
class ClassVectors:
    """Vectors of pictures of both views with their classes; all arrays have the length of `vectors`."""

    vectors: Vectors
    """[n, d], of one encoder."""
    labels: NDArray[np.intp]
    """[n], index of the class."""
    ground: NDArray[np.bool_]
    """[n], False for aerial pictures."""

    def __len__(self) -> int:
        return len(self.vectors)

    def pick(self, rows: NDArray[Any]) -> ClassVectors:
        """Some of the rows, by index or mask."""
        return ClassVectors(self.vectors[rows], self.labels[rows], self.ground[rows])


def train_head(data: ClassVectors, classes: Sequence[str], encoder: str, encoder_digest: str, source: str,
               settings: HeadSettings | None = None, told: Told = silent) -> ClassHead:  # fmt: skip
    """A head that brings the classes of `data` together across the views. `told` hears `{"step", "of", "loss"}` now and then.

    The same data, settings and torch give the same head. Raises ModelError for data that cannot be learned from, or without torch.
    """
    settings = settings or HeadSettings()
    groups = _groups(data, source)
    try:
        import torch
    except ImportError as error:
        raise ModelError("a head is trained by torch: pip install torch") from error
    generator = torch.Generator().manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    parameters = _first_weights(data, len(classes), settings, generator)
    optimiser = torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=settings.weight_decay)
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        batch = data.pick(_batch(groups, settings.batch, rng))
        loss = _loss(batch, parameters, settings, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % _TOLD_EVERY == 0 or step + 1 == settings.steps:
            told({"step": step + 1, "of": settings.steps, "loss": float(loss.detach())})
    weights, biases = (p.detach().numpy().astype(np.float32) for p in parameters[:2])
    if not np.isfinite(weights).all() or not np.isfinite(biases).all():
        raise ModelError(f"training on {source} went astray (numbers that are not finite); a lower lr may help")
    return ClassHead(tuple(classes), encoder, encoder_digest, weights, biases, f"{len(data)} pictures of {source}")


def centring_head(data: ClassVectors, classes: Sequence[str], encoder: str, encoder_digest: str, source: str) -> ClassHead:
    """No training, no labels: each view's mean vector is taken away, and with it what all pictures of the view share."""
    one = np.eye(data.vectors.shape[1], dtype=np.float32)
    trained_on = f"{len(data)} pictures of {source}, means alone"
    return ClassHead(tuple(classes), encoder, encoder_digest, np.stack([one, one]), -_view_means(data), trained_on)


def _groups(data: ClassVectors, source: str) -> list[list[NDArray[np.intp]]]:
    """Rows of each class, apart by view. Raises ModelError unless two classes have pictures in both views."""
    if not np.isfinite(data.vectors).all():
        raise ModelError(f"{source} gave vectors that are not finite")
    classes = [[np.flatnonzero((data.labels == label) & (data.ground == view)) for view in (True, False)]
               for label in np.unique(data.labels)]  # fmt: skip
    groups = [[rows for rows in views if len(rows)] for views in classes]
    in_both = sum(len(views) == 2 for views in groups)
    if in_both < 2:
        raise ModelError(f"{source} has {in_both} classes with training pictures of both views; 2 are needed")
    return groups


def _first_weights(data: ClassVectors, classes: int, settings: HeadSettings, generator: Any) -> list[Tensor]:
    """Weights [2, d, dim], biases [2, dim], proxies [classes, dim]. Both views start from one projection, their means taken away: what
    pictures of a view share would otherwise have to be unlearned first."""
    import torch

    one = torch.randn(data.vectors.shape[1], settings.dim, generator=generator) / math.sqrt(settings.dim)
    biases = -torch.from_numpy(_view_means(data)) @ one
    parts = (torch.stack([one, one]), biases, torch.randn(classes, settings.dim, generator=generator))
    return [part.clone().requires_grad_() for part in parts]


def _view_means(data: ClassVectors) -> Vectors:
    """Mean vectors [2, d], ground first; 0 for a view without pictures."""
    views = [data.vectors[data.ground == ground] for ground in (True, False)]
    return np.stack([rows.mean(axis=0) if len(rows) else np.zeros(data.vectors.shape[1]) for rows in views]).astype(np.float32)


def _batch(groups: list[list[NDArray[np.intp]]], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows, as many of each class and view as fit, two at least; where the classes do not fit, some of them."""
    fitting = max(2, size // 4)
    chosen = groups if len(groups) <= fitting else [groups[i] for i in rng.permutation(len(groups))[:fitting]]
    parts = [rows for views in chosen for rows in views]
    each = max(2, size // len(parts))
    return np.concatenate([rng.choice(rows, each, replace=len(rows) < each) for rows in parts])


def _loss(batch: ClassVectors, parameters: list[Tensor], settings: HeadSettings, generator: Any) -> Tensor:
    import torch
    from torch.nn.functional import normalize

    weights, biases, proxies = parameters
    read = torch.from_numpy(np.ascontiguousarray(batch.vectors))
    kept = torch.rand(read.shape, generator=generator) >= settings.dropout
    read = read * kept / (1 - settings.dropout)
    view = torch.from_numpy(np.where(batch.ground, VIEWS.index("ground"), VIEWS.index("aerial")))
    both = torch.einsum("nd,vdk->nvk", read, weights) + biases
    vectors = normalize(both[torch.arange(len(view)), view], dim=1)
    labels, ground = torch.from_numpy(batch.labels), torch.from_numpy(batch.ground)
    if settings.loss == "softmax":
        return normalised_softmax(vectors, labels, proxies)
    return (triplet if settings.loss == "triplet" else multi_similarity)(vectors, labels, ground)
