"""Readers of text for training: the real one with a memory, since a group of rollouts reads the same picture again and again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tools.ocr.line import TextLine

if TYPE_CHECKING:
    from PIL import Image

_IN_MEMORY = 20_000


class Reader(Protocol):
    """What is needed of a `tools.ocr.reader.PictureReader`."""

    @property
    def second(self) -> Any: ...

    def read(self, image: Image.Image, models: Sequence[str] = ()) -> list[TextLine]: ...


class RememberedReader:
    """Answers as the reader that it is made with; what was read is kept in memory and, where a folder is given, on disk."""

    def __init__(self, reader: Reader, folder: Path | None = None) -> None:
        self.reader, self.second, self.folder = reader, reader.second, folder
        self._known: OrderedDict[str, list[TextLine]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def read(self, image: Image.Image, models: Sequence[str] = ()) -> list[TextLine]:
        """Lines of an RGB picture, as `PictureReader.read`."""
        key = hashlib.sha256(repr((image.size, tuple(models))).encode() + image.tobytes()).hexdigest()[:32]
        with self._lock:
            lines = self._known.get(key)
        if lines is None:
            lines = self._from_disk(key)
        if lines is None:
            self.misses += 1
            lines = self.reader.read(image, models)
            self._to_disk(key, lines)
        else:
            self.hits += 1
        with self._lock:
            self._known[key] = lines
            while len(self._known) > _IN_MEMORY:
                self._known.popitem(last=False)
        return list(lines)

    def _from_disk(self, key: str) -> list[TextLine] | None:
        if self.folder is None:
            return None
        try:
            data = json.loads((self.folder / key[:2] / f"{key}.json").read_text(encoding="utf-8"))
            return [_line(item) for item in data]
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _to_disk(self, key: str, lines: Sequence[TextLine]) -> None:
        if self.folder is None:
            return
        path = self.folder / key[:2] / f"{key}.json"
        text = json.dumps([[line.text, line.confidence, line.quad] for line in lines], ensure_ascii=False)
        with contextlib.suppress(OSError):  # a disk that refuses costs reading it again, no more
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)


def _line(item: Any) -> TextLine:
    text, confidence, quad = item
    a, b, c, d = ((float(x), float(y)) for x, y in quad)
    return TextLine(str(text), float(confidence), (a, b, c, d))
