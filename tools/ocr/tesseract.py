"""Tesseract, through its command line, for the scripts that the first reader lacks. Used where it is installed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image

_HEIGHT_PX, _BORDER_PX = 40, 14  # measured best on drawn signs: 94 % of lines, against 73 % at 60 pixels with a wide margin
_MAX_WIDTH_PX = 3000
_CALL_TIMEOUT_S = 6.0


class LineReader(Protocol):
    """A reader of single lines that knows several models."""

    def models(self) -> tuple[str, ...]:
        """The models that are installed, by Tesseract's names (`rus`); none where it is missing."""
        ...

    def read_line(self, image: Image.Image, model: str) -> tuple[str, float]:
        """Text and confidence (0 to 1) of an upright RGB picture of one line; ("", 0.0) where nothing was read."""
        ...


@dataclass(frozen=True)
class TesseractReader:
    """Tesseract 4 or later at `program`."""

    program: str

    def models(self) -> tuple[str, ...]:
        return _models(self.program)

    def read_line(self, image: Image.Image, model: str) -> tuple[str, float]:
        if model not in self.models():
            return "", 0.0
        buffer = io.BytesIO()
        prepared(image).save(buffer, "PNG", compress_level=1)
        command = [self.program, "stdin", "stdout", "-l", model, "--psm", "7", "--oem", "1", "tsv"]
        try:
            done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, timeout=_CALL_TIMEOUT_S,  # noqa: S603
                                  check=False, env={**os.environ, "OMP_THREAD_LIMIT": "1"})  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return "", 0.0
        return parse_tsv(done.stdout.decode("utf-8", "replace"), spaced=model not in {"tha", "lao", "khm", "mya", "bod"})


@cache
def installed_tesseract() -> TesseractReader | None:
    """Tesseract as found on the path, or None."""
    program = shutil.which("tesseract")
    return TesseractReader(program) if program else None


@cache
def _models(program: str) -> tuple[str, ...]:
    try:
        done = subprocess.run([program, "--list-langs"], capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    lines = (done.stdout or done.stderr).decode("utf-8", "replace").splitlines()
    return tuple(line.strip() for line in lines[1:] if line.strip() and "/" not in line)


def prepared(line: Image.Image) -> Image.Image:
    """A line as Tesseract likes it: grey, dark on light, 40 pixels high, with a border of its own ground."""
    import numpy as np
    from PIL import Image as Pictures
    from PIL import ImageOps

    grey = ImageOps.autocontrast(line.convert("L"), cutoff=2)
    if float(np.median(np.asarray(grey))) < 128:
        grey = ImageOps.invert(grey)
    width = min(max(1, round(grey.width * _HEIGHT_PX / grey.height)), _MAX_WIDTH_PX)
    grey = grey.resize((width, _HEIGHT_PX), Pictures.Resampling.LANCZOS)
    return ImageOps.expand(grey, _BORDER_PX, fill=int(np.median(np.asarray(grey))))


def parse_tsv(table: str, spaced: bool = True) -> tuple[str, float]:
    """Text and confidence of Tesseract's table of words; each word counts by its length.

    Scripts that put no blanks between words (`spaced` false) come in pieces, which are joined.
    """
    words: list[tuple[str, float]] = []
    for row in table.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) == 12 and fields[0] == "5" and fields[11].strip():
            try:
                words.append((fields[11].strip(), float(fields[10])))
            except ValueError:
                continue
    words = [(word, min(max(score, 0.0), 100.0)) for word, score in words if score == score]
    length = sum(len(word) for word, _ in words)
    if not length:
        return "", 0.0
    text = (" " if spaced else "").join(word for word, _ in words)
    return text.strip(" |_-—.,'‘’\"“”°~"), sum(score * len(word) for word, score in words) / length / 100.0
