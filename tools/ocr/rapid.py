"""RapidOCR: the PP-OCRv6 detector and reader that come inside its wheel, run by onnxruntime. Nothing is ever downloaded.

Its reader knows Latin letters, digits, Chinese and Japanese. Its detector finds lines of every script.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.ocr.line import Quad

if TYPE_CHECKING:
    from PIL import Image

_DETECTOR, _READER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
MAX_SIDE_PX = 1600
"""The detector needs about 250 bytes of memory for each pixel it is shown."""
_LEAST_SIDE_PX = 64
_THREADS = 2


class RapidEngine:
    """One detector and one reader, shared by all threads, one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: tuple[Any, Any] | None = None

    def find(self, image: Image.Image) -> list[Quad]:
        """Lines of text in an RGB picture of at most `MAX_SIDE_PX` a side; larger ones are scaled down by the detector."""
        from PIL import Image as Pictures

        width, height = image.size
        if min(width, height) < _LEAST_SIDE_PX:  # the detector scales by the shorter side; thin strips get a border
            padded = Pictures.new("RGB", (max(width, _LEAST_SIDE_PX), max(height, _LEAST_SIDE_PX)), image.getpixel((0, 0)))
            padded.paste(image)
            image = padded
        with self._lock:
            boxes = self._load()[0](_bgr(image)).boxes
        return [_quad(box, width, height) for box in boxes] if boxes is not None else []

    def recognise(self, crops: Sequence[Image.Image]) -> list[tuple[str, float]]:
        """Text and confidence of each picture of one line."""
        if not crops:
            return []
        from rapidocr.ch_ppocr_rec.typings import TextRecInput

        with self._lock:
            result = self._load()[1](TextRecInput(img=[_bgr(crop) for crop in crops]))
        texts = result.txts or ("",) * len(crops)
        return [(str(text).strip(), float(score)) for text, score in zip(texts, result.scores, strict=True)]

    def _load(self) -> tuple[Any, Any]:
        if self._models is None:
            import rapidocr
            from rapidocr import RapidOCR

            # With a path for each model RapidOCR has no reason to look for one on the network.
            folder = Path(str(rapidocr.__file__)).parent / "models"
            for name in (_DETECTOR, _READER):
                if not (folder / name).is_file():
                    raise OSError(f"RapidOCR has no model {name}; reinstall rapidocr>=3.10,<4")
            engine = RapidOCR(params={"Det.model_path": str(folder / _DETECTOR), "Rec.model_path": str(folder / _READER),
                                      "Global.log_level": "critical", "Det.limit_type": "max", "Det.limit_side_len": MAX_SIDE_PX,
                                      "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
                                      "EngineConfig.onnxruntime.enable_cpu_mem_arena": False})  # fmt: skip
            self._models = (engine._load_det_model(), engine._load_rec_model())
        return self._models


def _bgr(image: Image.Image) -> Any:
    import numpy as np

    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _quad(box: Any, width: int, height: int) -> Quad:
    a, b, c, d = ((min(max(float(x), 0.0), width), min(max(float(y), 0.0), height)) for x, y in box)
    return a, b, c, d


@cache
def shared_engine() -> RapidEngine:
    """The engine of this process; its models are loaded at the first call that needs them."""
    return RapidEngine()


def straighten(image: Image.Image, quad: Quad, margin: float = 0.0) -> Image.Image:
    """The line inside `quad` as an upright picture, widened by `margin` times its height; standing lines are laid down."""
    from PIL import Image as Pictures

    quad = _widened(quad, margin)
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad
    width = max(1, round(max(math.dist((x0, y0), (x1, y1)), math.dist((x3, y3), (x2, y2)))))
    height = max(1, round(max(math.dist((x0, y0), (x3, y3)), math.dist((x1, y1), (x2, y2)))))
    corners = (x0, y0, x3, y3, x2, y2, x1, y1)  # Pillow's order: counter-clockwise from the top left
    line = image.transform((width, height), Pictures.Transform.QUAD, corners, Pictures.Resampling.BICUBIC)
    return line.transpose(Pictures.Transpose.ROTATE_90) if height >= 1.5 * width else line


def _widened(quad: Quad, margin: float) -> Quad:
    if not margin:
        return quad
    across = margin * math.dist(quad[0], quad[3])
    centre = sum(x for x, _ in quad) / 4, sum(y for _, y in quad) / 4
    along = max(math.dist(quad[0], quad[1]), 1e-6)
    ux, uy = (quad[1][0] - quad[0][0]) / along, (quad[1][1] - quad[0][1]) / along
    moved = []
    for x, y in quad:
        dx, dy = x - centre[0], y - centre[1]
        side, up = math.copysign(across, dx * ux + dy * uy), math.copysign(across, dy * ux - dx * uy)
        moved.append((x + side * ux - up * uy, y + side * uy + up * ux))
    a, b, c, d = moved
    return a, b, c, d
