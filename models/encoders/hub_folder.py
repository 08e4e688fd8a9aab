"""Models of the Hugging Face hub as local folders: fetched or found in the cache, fingerprinted, their licence read."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.encoders.encoder import EncoderError

SETTINGS = ("config.json", "preprocessor_config.json", "processor_config.json")
_SAFE = ("model.safetensors", "model-*.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "*.pth")
_SAMPLES, _SAMPLE_BYTES, _END_BYTES = 16, 1 << 16, 1 << 20
_README_BYTES = 1 << 16


def model_folder(source: str, revision: str | None = None) -> Path:
    """The folder `source`, or else the hub's repository of that name, from the cache or fetched. Raises EncoderError, one line."""
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if source.startswith((".", "/", "~")) or source.count("/") != 1:
        raise EncoderError(f"there is no folder {source}")
    hub = _imported("huggingface_hub")
    try:
        folder = Path(hub.snapshot_download(source, revision=revision, allow_patterns=[*SETTINGS, "README.md", *_SAFE]))
        if not any(folder.glob("model*.safetensors")):
            folder = Path(hub.snapshot_download(source, revision=revision, allow_patterns=[*SETTINGS, "README.md", *_PICKLED]))
    except Exception as error:  # the hub's client raises whatever its HTTP library does
        raise EncoderError(f"{source} is not in the Hugging Face cache and cannot be fetched ({_reason(error)})") from error
    if not (folder / "config.json").is_file() or not weights_files(folder):
        raise EncoderError(f"{source} is not whole in the Hugging Face cache, or holds no model ({_reason(None)})")
    return folder


def weights_files(folder: Path) -> list[Path]:
    """The files of weights in a folder: safetensors where there are some, else PyTorch's."""
    for pattern in _WEIGHTS:
        if found := sorted(folder.glob(pattern)):
            return found
    return []


def settings(folder: Path) -> dict[str, Any]:
    """`config.json` of a folder. Raises EncoderError where there is none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{folder} holds no model (config.json: {_short(error)})") from error
    if not isinstance(config, dict):
        raise EncoderError(f"{folder} holds no model (config.json is no object)")
    return config


def fingerprint(files: Sequence[Path], *more: str) -> str:
    """16 hexadecimal digits of some files and words.

    Files of settings are read whole. Of weights: name, length, the first and the last megabyte (the header of safetensors
    with every tensor's name, shape and place is in the first) and 16 samples of 64 KiB between, so that gigabytes need not be read.
    """
    digest = hashlib.sha256("\n".join(more).encode())
    for path in sorted(files, key=lambda file: file.name):
        size = path.stat().st_size
        digest.update(f"\n{path.name} {size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_END_BYTES))
            for at in [size * k // _SAMPLES for k in range(_SAMPLES)] if size > _END_BYTES else []:
                file.seek(at)
                digest.update(file.read(_SAMPLE_BYTES))
            file.seek(max(size - _END_BYTES, 0))
            digest.update(file.read(_END_BYTES))
    return digest.hexdigest()[:16]


def stated_licence(folder: Path) -> str:
    """`license` of the front matter of a model's README.md; empty where it states none."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            text = file.read(_README_BYTES)
    except OSError:
        return ""
    matter = re.match(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", text, re.DOTALL)
    line = (
        re.search(r"^license:[ \t]*['\"]?([A-Za-z0-9.+_ -]{1,60}?)['\"]?[ \t]*$", matter.group(1), re.MULTILINE)
        if matter
        else None
    )
    return line.group(1) if line else ""


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise EncoderError("models of the Hugging Face hub need torch and transformers: pip install 'geosleuth[hf]'") from None


def _reason(error: Exception | None) -> str:
    if importlib.import_module("huggingface_hub").constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    return _short(error) if error else "files are missing"


def _short(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).partition(". ")[0][:160]
