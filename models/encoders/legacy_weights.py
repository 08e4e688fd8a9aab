"""Reads the state dict of PyTorch's first file format (`torch.save` before 1.6) with numpy alone.

Layout: three pickles (magic number, protocol version, type sizes), the pickled state dict whose storages are persistent
ids `('storage', type, key, location, count, view)`, a pickled list of the keys in order, and for each key its count
(int64) and its numbers, little-endian (`torch/serialization.py`, `_legacy_save`). A pickle is a program; this reader
lets it name five harmless things and raises for any other.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MOST_NUMBERS = 1 << 28
"""Of one storage (a gigabyte of float32)."""


class WeightsError(ValueError):
    """A file that is no state dict of the kind this reader takes; one line."""


class _Storage:
    """A run of numbers that several tensors may look into; filled once the file's end is read."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = np.dtype(dtype), count
        self.numbers: NDArray[Any] | None = None


class _Tensor:
    """What a tensor takes from its storage."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: object) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> NDArray[Any]:
        """A copy as an array of its own. Raises WeightsError where it reaches outside its storage."""
        storage, shape, strides = self.storage, self.shape, self.strides
        plain = isinstance(storage, _Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)
        if not plain or len(shape) != len(strides) or not all(type(n) is int and n >= 0 for n in (self.offset, *shape, *strides)):
            raise WeightsError("a tensor of the file is not laid out as one")
        if storage.numbers is None:
            raise WeightsError("a tensor of the file has no numbers")
        last = self.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        if math.prod(shape) > storage.count or (0 not in shape and last >= storage.count):
            raise WeightsError("a tensor of the file reaches outside its numbers")
        steps = tuple(step * storage.dtype.itemsize for step in strides)
        return np.lib.stride_tricks.as_strided(storage.numbers[self.offset :], shape, steps).copy()


_GLOBALS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "HalfStorage"): "<f2",
    ("torch", "LongStorage"): "<i8",
}


class _Unpickler(pickle.Unpickler):
    """Builds dicts, tuples, numbers, texts and what `_GLOBALS` holds; nothing else."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _GLOBALS:
            raise WeightsError(f"the file asks for {module}.{name}, which no weights need")
        return _GLOBALS[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), str(), int(count), None) if 0 <= count <= _MOST_NUMBERS:
                return self.storages.setdefault(key, _Storage(dtype, count))
        raise WeightsError("a storage of the file is of an unknown kind")


def read_state_dict(data: bytes) -> dict[str, NDArray[Any]]:
    """Arrays by name from the bytes of a legacy `.pth` file. Nothing in it is executed. Raises WeightsError."""
    file = io.BytesIO(data)
    try:
        head = [_Unpickler(file).load() for _ in range(3)]
        if head[0] != _MAGIC or head[1] != _PROTOCOL or not isinstance(head[2], dict) or head[2].get("little_endian") is not True:
            raise WeightsError("not a legacy PyTorch file")
        reader = _Unpickler(file)
        state = reader.load()
        _fill(file, reader.storages, _Unpickler(file).load())
    except WeightsError:
        raise
    except Exception as error:  # a broken pickle raises nearly anything
        raise WeightsError(f"not a legacy PyTorch file ({' '.join(str(error).split())[:100]})") from error
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, _Tensor) for k, v in state.items()):
        raise WeightsError("the file holds no state dict")
    return {name: tensor.array() for name, tensor in state.items()}


def _fill(file: io.BytesIO, storages: dict[str, _Storage], keys: Any) -> None:
    """Read the numbers of every storage, in the order of `keys`."""
    if not isinstance(keys, list) or set(keys) != set(storages) or len(keys) != len(storages):
        raise WeightsError("the file's list of storages does not fit its tensors")
    for key in keys:
        storage = storages[key]
        if int.from_bytes(file.read(8), "little", signed=True) != storage.count:
            raise WeightsError("a storage of the file has another length than was announced")
        raw = file.read(storage.count * storage.dtype.itemsize)
        if len(raw) != storage.count * storage.dtype.itemsize:
            raise WeightsError("the file ends too early")
        storage.numbers = np.frombuffer(raw, dtype=storage.dtype)
