"""Rows of SFT kept on disk, so that pictures of a thousand scenes are not painted and cut out again at every start."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import prompts
from agent.policies.policy_card import PolicyCard
from rl_training.episode import Episode


def row_key(trajectory: Mapping[str, Any], card: PolicyCard, tokenizer: Any, limits: Any) -> str:
    """What a row depends on: the trajectory, how the policy is spoken to, and its vocabulary."""
    parts = [trajectory["photo"], trajectory["sha256"], trajectory["messages"], card.to_json(), prompts.digest(card.prompt), len(tokenizer),
             limits.to_json()]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]


class RowStore:
    """A file of rows by key; a torn last line is passed over and written anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Episode] = dict(_read(path))

    def add(self, key: str, row: Episode) -> None:
        """Keep a row. Raises OSError."""
        self.rows[key] = row
        data = {
            "key": key,
            "task": row.task,
            "end": row.end,
            "ids": row.ids,
            "mask": row.mask,
            "images": [_png(image) for image in row.images],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = _is_torn(self.path)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * torn + json.dumps(data) + "\n")


def _read(path: Path) -> Iterator[tuple[str, Episode]]:
    from PIL import Image

    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                data = json.loads(line)
                images = [Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB") for image in data["images"]]
                ids, mask = [int(i) for i in data["ids"]], [int(i) for i in data["mask"]]
                if len(ids) != len(mask):
                    continue
                yield str(data["key"]), Episode(str(data["task"]), ids, mask, [0.0] * len(ids), images, str(data["end"]))
            except (ValueError, KeyError, TypeError, OSError):
                continue


def _is_torn(path: Path) -> bool:
    """Whether the last line has no end."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _png(image: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
