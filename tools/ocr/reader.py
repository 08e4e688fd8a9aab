"""Reads a whole picture: lines are found at two scales and read at full resolution, doubtful ones by a second reader too."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.ocr.line import OcrEngine, Quad, TextLine, distinct, overlap, reading_order, without_repeats
from tools.ocr.rapid import straighten
from tools.ocr.script import SCRIPT_OF_MODEL, TRIED_FIRST, script_of, share_of
from tools.ocr.tesseract import LineReader

if TYPE_CHECKING:
    from PIL import Image

_SINGLE_PASS_PIXELS = 3_000_000
_WHOLE_SIDE_PX, _SMALL_SIDE_PX, _FIRST_PASS_SIDE_PX = 1600, 800, 1280
_WHOLE_PIXELS = 1_920_000  # keeps the memory of the process below a gigabyte
_TILE_PIXELS = 4_000_000  # all tiles together, as the detector sees them: about one second of one core per million
_TILE_SIDE_PX, _TILE_OVERLAP = 1280, 0.12
_MOST_LINES = 80
_DOUBTFUL, _SURE = 0.9, 0.985
_UPSIDE_DOWN_BELOW, _UPSIDE_DOWN_ABOVE = 0.8, 0.95
_NEW_SCRIPT, _KNOWN_SCRIPT = 0.78, 0.55
"""Least values of a reading that brings a script in, and of one in a script that is there."""
_SAMPLES, _MOST_SECOND_READINGS, _SECOND_READER_S = 4, 24, 15.0


@dataclass(frozen=True)
class PictureReader:
    """A first reader for all lines and a second one, where there is one, for scripts that the first lacks."""

    engine: OcrEngine
    second: LineReader | None = None

    def read(self, image: Image.Image, models: Sequence[str] = ()) -> list[TextLine]:
        """Lines of an RGB picture in reading order, corners in its pixels; text "" where a line cannot be read.

        `models` are those of the second reader to use on all doubtful lines; without them it finds out the script by itself.
        """
        quads = sorted(self._find(image), key=_area, reverse=True)[:_MOST_LINES]
        crops = [straighten(image, quad) for quad in quads]
        lines = [TextLine(text, score, quad) for quad, (text, score) in zip(quads, self.engine.recognise(crops), strict=True)]
        if self.second is not None and lines:
            again = _SecondReading(self.second, crops, lines).improved(models)
            if again != lines:
                return reading_order(without_repeats(again))
        self._try_upside_down(crops, lines)
        return reading_order(without_repeats(lines))

    def _try_upside_down(self, crops: list[Image.Image], lines: list[TextLine]) -> None:
        """Doubtful lines turned by 180°, where that reads better: upside down, or standing and read from the wrong end."""
        from PIL import Image as Pictures

        rows = [i for i, line in enumerate(lines) if _is_doubtful(line, _UPSIDE_DOWN_BELOW)]
        turned = [crops[i].transpose(Pictures.Transpose.ROTATE_180) for i in rows]
        for i, crop, (text, score) in zip(rows, turned, self.engine.recognise(turned), strict=True):
            a, b, c, d = lines[i].quad
            line = TextLine(text, score, (c, d, a, b))
            if len(text) >= 3 and score >= _UPSIDE_DOWN_ABOVE and not _is_short(line):
                lines[i], crops[i] = line, crop

    def _find(self, image: Image.Image) -> list[Quad]:
        width, height = image.size
        longest = max(width, height)
        if width * height <= _SINGLE_PASS_PIXELS:
            upscaled = min(_SMALL_SIDE_PX / longest, 3.0) if longest < _SMALL_SIDE_PX else 1.0
            scale = min(upscaled, _WHOLE_SIDE_PX / longest, math.sqrt(_WHOLE_PIXELS / (width * height)))
            return distinct(self._find_scaled(image, (0, 0, width, height), scale))
        quads = self._find_scaled(image, (0, 0, width, height), _FIRST_PASS_SIDE_PX / longest)
        for tile in tiles(image.size):
            longest = max(tile[2] - tile[0], tile[3] - tile[1])
            scale = min(1.0, math.sqrt(_TILE_PIXELS / (width * height)), _TILE_SIDE_PX / longest)
            quads += self._find_scaled(image, tile, scale)
        return distinct(quads)

    def _find_scaled(self, image: Image.Image, box: tuple[int, int, int, int], scale: float) -> list[Quad]:
        """Lines inside `box`, looked for at `scale`, in pixels of the picture."""
        from PIL import Image as Pictures

        left, top, right, bottom = box
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        part = image.resize(size, Pictures.Resampling.LANCZOS, box=box, reducing_gap=2.0)
        factor = (right - left) / size[0], (bottom - top) / size[1]
        return [TextLine("", 0.0, quad).moved(*factor, left, top).quad for quad in self.engine.find(part)]


def tiles(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Overlapping boxes that cover a picture of `size` pixels: 2×2, or 3 along a side above 3,600 pixels."""
    columns, rows = (_spans(length) for length in size)
    return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def _spans(length: int) -> list[tuple[int, int]]:
    count = 3 if length > 3600 else 2
    if length < 900:
        return [(0, length)]
    step = length / count
    extra = step * _TILE_OVERLAP
    return [(max(0, int(i * step - extra)), min(length, math.ceil((i + 1) * step + extra))) for i in range(count)]


class _SecondReading:
    """Which lines a second reader should look at, with which models, and whose reading is kept."""

    def __init__(self, reader: LineReader, crops: Sequence[Image.Image], lines: list[TextLine]) -> None:
        self._reader, self._crops, self._lines = reader, crops, lines
        self._deadline = time.monotonic() + _SECOND_READER_S

    def improved(self, models: Sequence[str]) -> list[TextLine]:
        """The lines, better readings in place of doubtful ones."""
        doubtful = [i for i, line in enumerate(self._lines) if _is_doubtful(line, _DOUBTFUL)]
        doubtful.sort(key=self._promise, reverse=True)
        result = list(self._lines)
        if doubtful and not models:
            samples = doubtful[:_SAMPLES]
            known = [model for model in TRIED_FIRST if model in self._reader.models()]
            models = self._winners(samples, known, result, 3, _NEW_SCRIPT)
        if not models:
            return result
        # Once a script is known to be there, lines that looked well enough are asked again: "Te. 8 (843)" was "Тел. 8 (843)".
        again = [i for i, line in enumerate(self._lines) if result[i] is line and _is_doubtful(line, _SURE)]
        again.sort(key=lambda i: self._lines[i].confidence)
        self._winners(again[:_MOST_SECOND_READINGS], list(models), result)
        return result

    def _promise(self, row: int) -> float:
        """How likely a doubtful line is writing: it is long, and not alone. Windows and branches are short and stand alone."""
        line = self._lines[row]
        left, top, right, bottom = line.bounds
        reach = 1.5 * line.height
        around = (left - reach, top - reach, right + reach, bottom + reach)
        company = any(overlap(around, other.bounds) > 0.5 and 0.3 < other.height / line.height < 3.0
                      for i, other in enumerate(self._lines) if i != row)  # fmt: skip
        return min(_aspect(line), 6.0) * (1.5 if company else 1.0)

    def _winners(self, rows: Sequence[int], models: Sequence[str], result: list[TextLine],
                 least_letters: int = 2, least_value: float = _KNOWN_SCRIPT) -> list[str]:  # fmt: skip
        """Reads these lines with these models, puts what is better into `result`, and names the models that won a line.

        `least_letters`: shorter words are not believed; every model finds two of its letters somewhere in a tree.
        """
        jobs = [(row, model) for row in rows for model in models]
        with ThreadPoolExecutor(2) as pool:
            readings = list(pool.map(self._read, jobs))
        winners: dict[str, float] = {}
        for row in rows:
            found = [(_score(text, score, model, least_letters), text, score, model)
                     for (of, model), (text, score) in zip(jobs, readings, strict=True) if of == row]  # fmt: skip
            value, text, score, model = max(found, default=(0.0, "", 0.0, ""))
            if value >= least_value and _is_better(text, score, result[row]):
                result[row] = TextLine(text, score, result[row].quad)
                winners[model] = winners.get(model, 0.0) + value
        return sorted(winners, key=lambda name: -winners[name])[:2]

    def _read(self, job: tuple[int, str]) -> tuple[str, float]:
        row, model = job
        return self._reader.read_line(self._crops[row], model) if time.monotonic() < self._deadline else ("", 0.0)


def _is_doubtful(line: TextLine, limit: float) -> bool:
    """Whether a reading is unsure, or has far fewer letters than the line is long. Specks and squares are no lines."""
    return line.height >= 8 and _aspect(line) >= 1.2 and (line.confidence < limit or _is_short(line))


def _is_short(line: TextLine) -> bool:
    return len(line.text) < 0.45 * _aspect(line)


def _aspect(line: TextLine) -> float:
    left, right, _, below = line.quad
    return math.dist(left, right) / max(math.dist(left, below), 1e-6)


def _score(text: str, confidence: float, model: str, least_letters: int = 2) -> float:
    """How far a reading by a model is to be believed: it is confident and writes the model's own script. 0 for not at all."""
    script = SCRIPT_OF_MODEL[model]
    letters = sum(c.isalpha() for c in text)
    enough = 2 if script == "Hangul" else least_letters if confidence > 0.9 else least_letters + 1
    if script == "Thai":
        enough *= 2  # its model reads Thai into anything with loops
    if script == "Latin" or letters < enough or share_of(script, text) < 0.7:
        return 0.0
    # Single letters between blanks are what a model makes of a script that it does not know.
    words = text.split()
    broken = sum(len(word) == 1 for word in words) / len(words)
    return (confidence - (0.1 if script == "Thai" else 0.0)) * (1.0 - 0.6 * broken)


def _is_better(text: str, confidence: float, line: TextLine) -> bool:
    """Whether a second reading should replace the first one."""
    if line.confidence < 0.6 or not line.text:
        return True
    if line.confidence >= 0.8 and re.sub(r"\D", "", line.text) not in {"", re.sub(r"\D", "", text)} and not line.text.isalnum():
        return False  # numbers are what the first reader reads best
    if script_of(line.text) in {"Chinese", "Japanese"} and len(line.text) >= 2 and line.confidence >= 0.8:
        return False
    if _is_short(line) or len(text) >= 2 * len(line.text):
        return confidence >= 0.7
    if line.confidence >= 0.92:
        return confidence >= 0.8 and len(text) + sum(c.isdigit() for c in text) // 3 > len(line.text)
    return confidence > line.confidence


def _area(quad: Quad) -> float:
    return math.dist(quad[0], quad[1]) * math.dist(quad[0], quad[3])
