"""Encoding a folder of pictures by class, and scoring retrieval in both directions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.class_retrieval.folder import ClassFolder, ClassPicture
from models.class_retrieval.head import ClassHead
from models.class_retrieval.metrics import KS, ClassScores, chance, score
from models.class_retrieval.train import ClassVectors
from models.encoders.cache import VectorCache
from models.encoders.encoder import Encoder, Vectors
from models.geolocator import Vector

if TYPE_CHECKING:
    from PIL import Image

Progress = Callable[[int, int], None]
DIRECTIONS = ("ground_to_aerial", "aerial_to_ground")
_BATCH = 16
_SIDE = 512
"""Pictures are scaled down to this longer side before they are encoded; encoders look at fewer pixels."""
MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors of a folder's pictures."""

    data: ClassVectors
    pictures: tuple[ClassPicture, ...]
    """[n], in the order of the vectors."""
    failed: tuple[str, ...] = ()
    """Pictures that cannot be opened, each with its reason; they are left out."""


def encode_folder(folder: ClassFolder, encoder: Encoder, cache: VectorCache | None = None, progress: Progress = lambda done, of: None) -> Encoded:  # fmt: skip
    """Vectors of all pictures, opened a few at a time; those that lie in the cache are not made again. Raises EncoderError."""
    parts: list[Vectors] = []
    kept: list[ClassPicture] = []
    failed: list[str] = []
    for at in range(0, len(folder.pictures), _BATCH):
        some = folder.pictures[at : at + _BATCH]
        made, reasons = _encoded([picture.path for picture in some], encoder, cache)
        kept += [picture for picture in some if picture.path in made]
        parts += [made[picture.path][None] for picture in some if picture.path in made]
        failed += reasons
        progress(min(at + _BATCH, len(folder.pictures)), len(folder.pictures))
    vectors = np.concatenate(parts) if parts else np.zeros((0, encoder.dim), dtype=np.float32)
    labels = np.array([picture.label for picture in kept], dtype=np.intp)
    ground = np.array([picture.ground for picture in kept], dtype=bool)
    return Encoded(ClassVectors(vectors, labels, ground), tuple(kept), tuple(failed))


def _encoded(paths: Sequence[Path], encoder: Encoder, cache: VectorCache | None) -> tuple[dict[Path, Vector], list[str]]:
    """Vectors of a few pictures by path, and why the others have none."""
    keys, opened, failed = {}, [], []
    for path in paths:
        try:
            keys[path] = f"{_SIDE}:{_sha256(path)}"
        except (OSError, ValueError) as error:
            failed.append(_reason(path, error))
    known = cache.get_many(list(keys.values())) if cache is not None else {}
    fresh: list[Path] = []
    for path in [path for path, key in keys.items() if key not in known]:
        try:
            opened.append(open_small(path))
        except (OSError, ValueError) as error:
            failed.append(_reason(path, error))
            continue
        fresh.append(path)
    new = dict(zip(fresh, encoder.encode(opened), strict=True)) if opened else {}
    if cache is not None:
        cache.put_many({keys[path]: vector for path, vector in new.items()})
        known |= cache.get_many([keys[path] for path in new])  # rounded as those that lay there
        return {path: known[key] for path, key in keys.items() if key in known}, failed
    return new, failed


def _sha256(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"has more than {MAX_BYTES // 1_000_000} million bytes")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(path: Path, error: Exception) -> str:
    return f"{path}: {' '.join(str(error).split())[:120] or type(error).__name__}"


def open_small(path: Path) -> Image.Image:
    """The picture upright, RGB, at most 512 pixels a side. Raises ValueError for what is none or too large, OSError."""
    import warnings

    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ValueError(f"has more than {MAX_PIXELS // 1_000_000} million pixels")
                image.draft("RGB", (_SIDE, _SIDE))
                upright = ImageOps.exif_transpose(image.convert("RGB"))
                upright.thumbnail((_SIDE, _SIDE))
                return upright
    except (ValueError, OSError):
        raise
    except Exception as error:  # decoders raise almost anything on damaged files
        raise ValueError(f"is damaged: {' '.join(str(error).split())[:120] or type(error).__name__}") from error


def both_directions(data: ClassVectors, head: ClassHead | None = None, ks: Sequence[int] = KS) -> dict[str, ClassScores]:
    """Scores by direction: ground pictures asking for aerial ones, and the other way round. Without a head, the encoder's own vectors."""
    ground, aerial = data.pick(data.ground), data.pick(~data.ground)
    g, a = (
        (ground.vectors, aerial.vectors)
        if head is None
        else (head.apply(ground.vectors, "ground"), head.apply(aerial.vectors, "aerial"))
    )
    return {"ground_to_aerial": score(g, ground.labels, a, aerial.labels, ks), "aerial_to_ground": score(a, aerial.labels, g, ground.labels, ks)}  # fmt: skip


def chance_both(data: ClassVectors, ks: Sequence[int] = KS) -> dict[str, ClassScores]:
    """What a random order scores, in both directions."""
    ground, aerial = data.labels[data.ground], data.labels[~data.ground]
    return {"ground_to_aerial": chance(ground, aerial, ks), "aerial_to_ground": chance(aerial, ground, ks)}
