"""A learned descriptor in one file: what it is, how it was trained, and its weights. Nothing in the file is executed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.aerial import contrastive, edge_autoencoder
from models.aerial.descriptors import LEARNED, PATCH_PIXELS, Descriptor, Seen
from models.model_folder import replaced

VERSION = 1
_MOST_BYTES = 400_000_000
_MOST_CHANNELS = 1024
_SIDES = (64, 128, 256)
_MOST_LINKS = 50_000_000  # of the last layer; the published one has 34 million


def save_encoder(path: Path, kind: str, net: Any, shape: Mapping[str, Any], trained: Mapping[str, Any]) -> None:
    """Write the weights of a torch module as one npz file, whole or not at all. Raises OSError.

    `shape` is what `open_encoder` builds the module from; `trained` is plain JSON for people. Tables of weights are kept in 16 bits.
    """
    arrays = {f"w.{name}": _kept(value.detach().numpy()) for name, value in net.state_dict().items() if value.ndim}
    card = {"version": VERSION, "kind": kind, "shape": dict(shape), "trained": dict(trained), "sha256": _digest(arrays)}
    with replaced(path) as temporary, temporary.open("wb") as file:
        np.savez(file, card=np.array(json.dumps(card, allow_nan=False)), **arrays)  # type: ignore[arg-type]


def open_encoder(path: Path) -> tuple[Descriptor, dict[str, Any]]:
    """The descriptor in a file, and what the file says of its training. Raises ValueError with one line."""
    try:
        card, arrays = _read(path)
        net = _network(card, arrays)
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, zipfile.BadZipFile, EOFError, MemoryError) as error:  # fmt: skip
        raise ValueError(f"{path}: is no trained encoder ({' '.join(str(error).split())[:80]})") from None
    except ModuleNotFoundError:
        raise ValueError('a learned descriptor needs torch: pip install "geosleuth[learn]"') from None
    trained = card["trained"] if isinstance(card.get("trained"), dict) else {}
    return _as_descriptor(card["kind"], net, card["shape"], str(card["sha256"])), trained


def _as_descriptor(kind: str, net: Any, shape: Mapping[str, Any], digest: str) -> Descriptor:
    embed: Callable[[Any, Sequence[Seen]], NDArray[np.float32]]
    if kind == "contrastive":
        side, size, embed = PATCH_PIXELS, contrastive.SIZE, contrastive.embed
    else:
        side, size, embed = int(shape["side"]), int(shape["embedding"]), edge_autoencoder.embed_patches

    def many(patches: Sequence[Seen]) -> NDArray[np.float32]:
        return embed(net, patches)

    return Descriptor(kind, size, lambda rgb, known: many([(rgb, known)])[0], side, digest, many)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("too large")
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > _MOST_BYTES:
            raise ValueError("too large")
    with np.load(path, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files if name != "card"}
        card = json.loads(str(data["card"]))
    if card["version"] != VERSION or card["kind"] not in LEARNED or card["sha256"] != _digest(arrays):
        raise ValueError("another version, or damaged")
    if not all(np.isfinite(part).all() for part in arrays.values()):
        raise ValueError("its numbers are none")
    return card, arrays


def _network(card: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Any:
    """The module of a card with its weights, ready to embed. Raises where they do not fit together."""
    import torch

    shape = card["shape"]
    channels = tuple(int(width) for width in shape["channels"])
    if not (1 <= len(channels) <= 8 and all(1 <= width <= _MOST_CHANNELS for width in channels)):
        raise ValueError("a shape that is none")
    if card["kind"] == "contrastive":
        net = contrastive.network(channels)
    else:
        side, embedding = int(shape["side"]), int(shape["embedding"])
        small = side >> len(channels)
        if side not in _SIDES or not 1 <= embedding <= 4096 or channels[-1] * small * small * embedding > _MOST_LINKS:
            raise ValueError("a shape that is none")
        net = edge_autoencoder.encoder(side, channels, embedding)
    weights = {name.removeprefix("w."): torch.from_numpy(part.astype(np.float32)) for name, part in arrays.items()}
    counted = {name for name, value in net.state_dict().items() if not value.ndim}
    missing, surplus = net.load_state_dict(weights, strict=False)
    if set(missing) - counted or surplus:
        raise ValueError("its weights do not fit its shape")
    return net.eval()


def _kept(values: NDArray[Any]) -> NDArray[Any]:
    """Tables of weights in 16 bits, single numbers a channel (means and variances can be large) in 32."""
    small = values.astype(np.float16 if values.ndim > 1 else np.float32)
    return small if np.isfinite(small).all() else values.astype(np.float32)


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
