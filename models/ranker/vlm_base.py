"""The vision-language models that a ranker may stand on: the embedded one, a tiny one, one of the hub, one in a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.geolocator import ModelError
from models.model_folder import is_text

if TYPE_CHECKING:
    import torch

NEEDED = ("torch", "transformers", "peft", "safetensors")
INSTALL = "pip install 'geosleuth[train]'"
EMBEDDED, TINY, HUB = "embedded", "tiny", "hf:"
TINY_WIDTH, TINY_LAYERS, TINY_HEADS, TINY_INNER = 96, 3, 3, 192
_SAMPLED = 32
"""Numbers of each weight that go into the fingerprint."""
_QWEN = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl"})


@dataclass(eq=False)
class Base:
    """A model before a ranker was trained on it, in evaluation mode, and what turns text and pictures into its inputs."""

    spec: str
    """As `load_base` reads it."""
    model: Any
    processor: Any
    fingerprint: str
    """Of its weights; the same on every machine and in every precision from bfloat16 on."""
    licence: str = ""
    """In words, where it is known."""


def missing() -> list[str]:
    """Packages that are needed and not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def needed_line(absent: Sequence[str]) -> str:
    """What to tell someone who lacks packages."""
    return f"a ranker that looks needs {', '.join(absent)}, not installed here: {INSTALL}"


def load_base(spec: str, max_pixels: int, device: str = "") -> Base:
    """The base of a spec: `embedded`, `tiny`, `hf:REPO`, or a folder; pictures have at most `max_pixels`.

    `device` is torch's name of one; empty takes a GPU where there is one. Code that comes with a model is never run, and weights are read
    from safetensors alone. Raises ModelError, one line.
    """
    if absent := missing():
        raise ModelError(needed_line(absent))
    import torch

    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if spec not in {EMBEDDED, TINY} and not spec.startswith(HUB):
        spec = os.path.abspath(os.path.expanduser(spec))  # what is kept of it must be found from any folder
    if spec == EMBEDDED:
        model, processor = _embedded(max_pixels)
    elif spec == TINY:
        model, processor = _tiny(max_pixels)
    else:
        model, processor = _of_transformers(spec, max_pixels, torch.bfloat16 if where.startswith("cuda") else torch.float32)
    return Base(spec, model.to(where).eval(), processor, fingerprint(model), "Apache-2.0" if spec in {EMBEDDED, TINY} else "")


def fingerprint(model: Any) -> str:
    """Of names, shapes and the first numbers of all weights, rounded to bfloat16: enough to tell any other model, in seconds for billions."""
    import torch

    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        first = weight.detach().reshape(-1)[:_SAMPLED].to(torch.bfloat16).float().cpu()
        digest.update(f"{name} {tuple(weight.shape)}".encode() + first.numpy().tobytes())
    return digest.hexdigest()[:32]


def _embedded(max_pixels: int) -> tuple[Any, Any]:
    """The embedded model, with the adapter of the policy that comes with the project where it is there: it has seen pictures."""
    from models.vision_language.adapter import fold_adapter
    from models.vision_language.embedded import assemble
    from models.vision_language.processor import MIN_PIXELS

    folder = Path(str(resources.files("models"))) / "data" / "embedded_policy"
    try:
        model, processor = assemble(max_pixels=max(max_pixels, MIN_PIXELS))
        return (fold_adapter(model, folder) if (folder / "adapter.json").is_file() else model), processor
    except (ValueError, OSError) as error:
        raise ModelError(_line("the embedded model cannot be had", error)) from error


def _tiny(max_pixels: int) -> tuple[Any, Any]:
    """The embedded model's eyes and three narrow layers with random weights, always the same, that read bytes: for tests and trials.

    Nothing of it but the eyes knows anything: train it whole.
    """
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    from models.vision_language.efficientnet_visual import efficientnet_state, read_weights
    from models.vision_language.embedded import EmbeddedVL, embedded_config, register
    from models.vision_language.processor import MIN_PIXELS, make_processor

    register()
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    )
    processor = make_processor(raw, max_pixels=max(max_pixels, MIN_PIXELS))
    half = TINY_WIDTH // TINY_HEADS // 2
    config = embedded_config(
        processor.tokenizer, hidden_size=TINY_WIDTH, intermediate_size=TINY_INNER, num_hidden_layers=TINY_LAYERS,
        num_attention_heads=TINY_HEADS, num_key_value_heads=TINY_HEADS, initializer_range=0.04,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [half // 4, half * 3 // 8, half * 3 // 8]},
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = EmbeddedVL(config).float()
    try:
        model.visual.cnn.load_state_dict(efficientnet_state(read_weights()))
    except ValueError as error:
        raise ModelError(_line("the tiny model cannot be had", error)) from error
    model.visual.cnn.requires_grad_(False)
    return model.eval(), processor


def _of_transformers(spec: str, max_pixels: int, dtype: torch.dtype) -> tuple[Any, Any]:
    """Any image-text-to-text model of transformers."""
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    source = spec.removeprefix(HUB) if spec.startswith(HUB) else spec
    if not source or not is_text(source):
        raise ModelError("a base is embedded, tiny, hf:REPO, or a folder")
    if not spec.startswith(HUB) and not Path(source).is_dir():
        raise ModelError(
            f"there is no base {spec[:80]!r}: it is embedded, tiny, hf:REPO, or a folder with a model of transformers"
        )
    try:
        processor = load_processor(source)
        model = AutoModelForImageTextToText.from_pretrained(source, dtype=dtype, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, AttributeError, SafetensorError) as error:
        raise ModelError(_line(f"cannot load the base {spec[:80]}", error)) from error
    size = getattr(processor.image_processor, "size", None)
    if (
        size is not None
        and "longest_edge" in size
        and "shortest_edge" in size
        and hasattr(processor.image_processor, "merge_size")
    ):
        least = min(size["shortest_edge"], max_pixels)
        processor.image_processor.size = type(size)(**{**dict(size), "shortest_edge": least, "longest_edge": max_pixels})
    return model, processor


def load_processor(source: str) -> Any:
    """The processor of a model; for Qwen-VL models one without the video part, which alone would need torchvision.

    Raises ValueError where it has no pictures, and the errors of transformers.
    """
    from transformers import AutoConfig, AutoProcessor

    from models.vision_language.embedded import register
    from models.vision_language.processor import image_only

    register()
    kind = AutoConfig.from_pretrained(source, trust_remote_code=False).model_type
    if kind in _QWEN and find_spec("torchvision") is None:
        return image_only(kind).from_pretrained(source)
    processor = AutoProcessor.from_pretrained(source, trust_remote_code=False)
    if not hasattr(processor, "image_processor"):
        raise ValueError("it has no image processor: not a vision-language model, or files are missing")
    return processor


def _line(what: str, error: Exception) -> str:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{what}: {said[:240]}"
