from __future__ import annotations

import contextlib
import io
import pickle
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoders.legacy_weights import WeightsError, read_state_dict

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGE = object()


def _file(state: bytes, keys: list[str], numbers: list[bytes], counts: list[int] | None = None) -> bytes:
    head = [_MAGIC, _PROTOCOL, {"little_endian": True, "protocol_version": _PROTOCOL, "type_sizes": {}}]
    counts = counts or [len(raw) // 4 for raw in numbers]
    body = b"".join(struct.pack("<q", count) + raw for count, raw in zip(counts, numbers, strict=True))
    return b"".join(pickle.dumps(part, 2) for part in head) + state + pickle.dumps(keys, 2) + body


def _state(count: int = 6, offset: int = 0, shape: tuple[int, ...] = (2, 3), strides: tuple[int, ...] = (3, 1)) -> bytes:
    """A state dict of one tensor, `w`, as torch pickles it."""

    class Call:
        def __init__(self, name: str, *arguments: Any) -> None:
            self.name, self.arguments = name, arguments

    class Pickler(pickle._Pickler):  # the one written in Python, whose opcodes can be written by hand
        def save(self, obj: Any, save_persistent_id: bool = True) -> None:
            if isinstance(obj, Call):
                self.write(b"c" + obj.name.replace(" ", "\n").encode() + b"\n")  # type: ignore[attr-defined]
                if obj.arguments:
                    self.save(obj.arguments)
                    self.write(b"R")  # type: ignore[attr-defined]
                return
            super().save(obj, save_persistent_id)  # type: ignore[misc]

        def persistent_id(self, obj: Any) -> Any:
            return ("storage", Call("torch FloatStorage"), "7", "cpu", count, None) if obj is _STORAGE else None

    file = io.BytesIO()
    tensor = Call("torch._utils _rebuild_tensor_v2", _STORAGE, offset, shape, strides, False, OrderedDict())
    Pickler(file, 2).dump({"w": tensor})
    return file.getvalue()


_NUMBERS = np.arange(6, dtype="<f4")


def test_a_tensor_is_read_with_its_offset_shape_and_strides() -> None:
    assert read_state_dict(_file(_state(), ["7"], [_NUMBERS.tobytes()]))["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    part = read_state_dict(_file(_state(offset=1, shape=(2, 2), strides=(1, 2)), ["7"], [_NUMBERS.tobytes()]))["w"]
    assert part.tolist() == [[1, 3], [2, 4]]
    assert part.dtype == np.float32


def test_what_torch_wrote_is_read_alike() -> None:
    torch = pytest.importorskip("torch")
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = OrderedDict(a=base, b=base[1:, ::2].t(), half=base.half(), n=torch.tensor(3))
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=False)
    found = read_state_dict(file.getvalue())
    assert list(found) == list(state)
    assert all(np.array_equal(found[name], state[name].numpy()) for name in state)


@pytest.mark.parametrize(
    ("name", "said"),
    [("os system", "os.system"), ("builtins eval", "builtins.eval"), ("torch.storage _load_from_bytes", "torch.storage")],
)
def test_a_pickle_that_asks_for_anything_else_is_refused(name: str, said: str) -> None:
    program = b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\nX\x04\x00\x00\x00true\x85R."
    with pytest.raises(WeightsError, match=said):
        read_state_dict(_file(program, [], []))


@pytest.mark.parametrize(
    "state",
    [
        _state(offset=1),
        _state(shape=(3, 3)),
        _state(strides=(4, 1)),
        _state(shape=(1 << 20, 3), strides=(0, 1)),
        _state(offset=-1),
        _state(shape=(-2, 3)),
        _state(strides=(3,)),
        _state(count=1 << 40),
    ],
)
def test_a_tensor_outside_its_numbers_is_refused(state: bytes) -> None:
    with pytest.raises(WeightsError):
        read_state_dict(_file(state, ["7"], [_NUMBERS.tobytes()]))


def test_a_file_cut_short_or_with_other_counts_is_refused() -> None:
    with pytest.raises(WeightsError, match="ends too early"):
        read_state_dict(_file(_state(), ["7"], [_NUMBERS.tobytes()])[:-1])
    with pytest.raises(WeightsError, match="another length"):
        read_state_dict(_file(_state(), ["7"], [_NUMBERS.tobytes()], [5]))
    with pytest.raises(WeightsError, match="does not fit"):
        read_state_dict(_file(_state(), ["8"], [_NUMBERS.tobytes()]))
    with pytest.raises(WeightsError, match="no state dict"):
        read_state_dict(_file(pickle.dumps([1], 2), [], []))


@given(st.data())
def test_broken_files_give_one_kind_of_error(data: st.DataObject) -> None:
    whole = bytearray(_file(_state(), ["7"], [_NUMBERS.tobytes()]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(WeightsError):
        assert all(isinstance(array, np.ndarray) for array in read_state_dict(cut).values())
