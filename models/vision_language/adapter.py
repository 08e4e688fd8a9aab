"""What is trained of the embedded model, and how it is kept: a LoRA adapter, the projector and the rows of the new tokens.

LoRA (Hu et al. 2021, arXiv:2106.09685): W' = W + (alpha / rank)·B·A at the seven linear maps of each decoder layer that has one. A folder
holds `adapter.safetensors` (bfloat16) and `adapter.json` (ranks, digests of the base, provenance, licence). Nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from models.encoders.efficientnet_lite import WEIGHTS_SHA256
from models.model_folder import replaced, write_json
from models.vision_language import smollm2
from models.vision_language.embedded import EmbeddedVL
from models.vision_language.processor import NEW_TOKENS

if TYPE_CHECKING:
    from peft import PeftModel

VERSION = 1
WEIGHTS, CARD = "adapter.safetensors", "adapter.json"
LICENCE = "Apache-2.0"
MOST_BYTES = 15_000_000
"""Of the weights' file."""
MOST_RANK = 256

_MAPS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
_TOKENS = "new_tokens"
_A, _B = ".lora_A", ".lora_B"
_LORA = re.compile(r"layers\.(\d+)\.(?:self_attn|mlp)\.\w+_proj\.lora_[AB]")


class AdapterError(ValueError):
    """An adapter that cannot be read or belongs to another model; one line."""


@dataclass(frozen=True)
class LoraShape:
    """Of an adapter. Rank 0: no LoRA."""

    rank: int
    alpha: int
    layers: int
    """The uppermost so many decoder layers have one."""


def make_trainable(
    model: EmbeddedVL, lora_rank: int = 16, lora_alpha: int = 32, layers: int = 0, projector: bool = True
) -> PeftModel | EmbeddedVL:
    """Freeze the model but for a LoRA adapter, the rows of the new tokens and, where wanted, the projector; the model to train.

    `layers`: only the uppermost so many decoder layers get an adapter; 0 means all. With few layers and no projector the rows of the new
    tokens learn through the head alone, so that the backward pass ends below the lowest adapter. `lora_rank=0` trains all of SmolLM2
    instead (the rows with it). The network that sees is never trained. Raises ValueError for numbers that make no sense.
    """
    depth = model.config.text_config.num_hidden_layers
    if not 0 <= lora_rank <= MOST_RANK or lora_alpha <= 0 or not 0 <= layers <= depth:
        raise ValueError(f"an adapter of rank {lora_rank}, alpha {lora_alpha} on {layers} of {depth} layers makes no sense")
    trained: Any = model
    model.requires_grad_(False)
    if lora_rank:
        trained = _with_lora(model, LoraShape(lora_rank, lora_alpha, layers or depth))
        model.grow(reads_own=projector or layers in {0, depth})
    else:
        model.model.language_model.requires_grad_(True)
    for parameter in model.visual.projector().values():
        parameter.requires_grad_(projector)
    return trained


def save_adapter(model: Any, folder: Path, provenance: Mapping[str, Any]) -> None:
    """Keep what `make_trainable` trains (rank above 0), in bfloat16, whole or not at all; `provenance` is plain JSON.

    Raises AdapterError where the file would be too large, and OSError.
    """
    from safetensors.torch import save

    inner, shape = _inner(model), _lora_shape(model)
    state = {name: value.detach().to("cpu", torch.bfloat16).contiguous() for name, value in _parameters(inner).items()}
    data = save(state)
    if len(data) > MOST_BYTES:
        raise AdapterError(f"the adapter would have {len(data)} bytes, more than {MOST_BYTES}")
    card = {
        "version": VERSION,
        "kind": "embedded-vl-adapter",
        "lora": {"rank": shape.rank, "alpha": shape.alpha, "layers": shape.layers},
        "new_tokens": list(NEW_TOKENS),
        "base": _base(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": LICENCE,
        "provenance": dict(provenance),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / WEIGHTS) as temporary:
        temporary.write_bytes(data)
    write_json(folder / CARD, card)


def load_adapter(model: EmbeddedVL, folder: Path, projector: bool = True) -> PeftModel | EmbeddedVL:
    """Put a kept adapter on a freshly assembled model, to be trained further: LoRA beside its weights, the rest in place.

    What is trainable afterwards is as `make_trainable` leaves it. Raises AdapterError with one line; the model is then unchanged.
    """
    shape, state = _checked(model, folder)
    trained: Any = make_trainable(model, shape.rank, shape.alpha, shape.layers, projector)
    with torch.no_grad():
        for name, parameter in _parameters(model).items():
            parameter.copy_(state[name])
    return trained


def fold_adapter(model: EmbeddedVL, folder: Path) -> EmbeddedVL:
    """Put a kept adapter into the weights of a freshly assembled model, to be run: `merged(load_adapter(...))` without peft.

    Raises AdapterError with one line; the model is then unchanged.
    """
    shape, state = _checked(model, folder)
    language, scale = model.model.language_model, shape.alpha / shape.rank
    with torch.no_grad():
        for name, parameter in model.visual.projector().items():
            parameter.copy_(state[f"visual.{name}"])
        language.embed_tokens.weight[-len(NEW_TOKENS) :] = state[_TOKENS].float()
        for name in state:
            if name.endswith(_A):
                place = name.removesuffix(_A)
                language.get_submodule(place).weight += scale * (state[place + _B].float() @ state[name].float())
    model.requires_grad_(False).eval()
    return model


def read_adapter_card(folder: Path) -> dict[str, Any]:
    """What an adapter says of itself, its base checked. Raises AdapterError."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AdapterError(f"{folder} holds no adapter of the embedded model ({CARD} is missing)") from None
    except (OSError, ValueError, RecursionError) as error:
        raise AdapterError(f"{folder / CARD} cannot be read ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(card, dict) or card.get("version") != VERSION or card.get("kind") != "embedded-vl-adapter":
        raise AdapterError(f"{folder} holds no adapter that this version reads")
    if card.get("base") != _base() or card.get("new_tokens") != list(NEW_TOKENS):
        raise AdapterError(f"the adapter in {folder} was trained on another base model")
    return card


def merged(model: Any) -> EmbeddedVL:
    """The model with LoRA folded into its weights and the new rows in the table, frozen, in eval mode: as fast as the base."""
    inner = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    inner.settle()
    inner.requires_grad_(False)
    return inner.eval()  # type: ignore[no-any-return]


def _with_lora(model: EmbeddedVL, shape: LoraShape) -> PeftModel:
    from peft import LoraConfig, get_peft_model

    depth = model.config.text_config.num_hidden_layers
    numbers = "|".join(str(layer) for layer in range(depth - shape.layers, depth))
    maps = "|".join(re.escape(name) for name in _MAPS)
    target = rf".*language_model\.layers\.(?:{numbers})\.(?:{maps})"
    config = LoraConfig(r=shape.rank, lora_alpha=shape.alpha, target_modules=target, lora_dropout=0.0, task_type="CAUSAL_LM")
    return get_peft_model(model, config)


def _inner(model: Any) -> EmbeddedVL:
    """The embedded model inside of a PeftModel, or itself. Raises AdapterError for any other."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not isinstance(inner, EmbeddedVL):
        raise AdapterError(f"{type(inner).__name__} is not the embedded model")
    return inner


def _lora_shape(model: Any) -> LoraShape:
    """Raises AdapterError where the model has no LoRA."""
    if not hasattr(model, "peft_config"):
        raise AdapterError("the model has no LoRA adapter; a model that was trained whole is kept with save_pretrained")
    config = model.peft_config["default"]
    layers = {match[1] for name, _ in model.named_parameters() if (match := _LORA.search(name))}
    return LoraShape(int(config.r), int(config.lora_alpha), len(layers))


def _parameters(inner: EmbeddedVL) -> dict[str, torch.nn.Parameter]:
    """All that an adapter holds, by the names in its file."""
    found = {f"visual.{name}": value for name, value in inner.visual.projector().items()}
    own = inner.model.language_model.embed_tokens.own
    if own is not None:
        found[_TOKENS] = own
    for name, value in inner.model.language_model.named_parameters():
        if _LORA.search(name):
            found[name.replace(".default.", ".").removesuffix(".weight")] = value
    return found


def _shapes(model: EmbeddedVL, shape: LoraShape) -> dict[str, tuple[int, ...]]:
    """Of every tensor in the file of an adapter of that shape."""
    found = {f"visual.{name}": tuple(value.shape) for name, value in model.visual.projector().items()}
    language = model.model.language_model
    found[_TOKENS] = (len(NEW_TOKENS), language.embed_tokens.embedding_dim)
    depth = len(language.layers)
    for layer in range(depth - shape.layers, depth):
        for name in _MAPS:
            linear = language.layers[layer].get_submodule(name)
            found[f"layers.{layer}.{name}{_A}"] = (shape.rank, linear.in_features)
            found[f"layers.{layer}.{name}{_B}"] = (linear.out_features, shape.rank)
    return found


def _card_shape(card: Mapping[str, Any], depth: int) -> LoraShape:
    """Raises AdapterError for numbers that make no sense."""
    lora = card.get("lora")
    match [lora.get(key) for key in ("rank", "alpha", "layers")] if isinstance(lora, dict) else None:
        case [int(rank), int(alpha), int(layers)] if 0 < rank <= MOST_RANK and 0 < alpha <= 4096 and 0 < layers <= depth:
            return LoraShape(rank, alpha, layers)
    raise AdapterError("the adapter's card names no rank, alpha and layers that make sense")


def _checked(model: EmbeddedVL, folder: Path) -> tuple[LoraShape, dict[str, torch.Tensor]]:
    """An adapter's shape and tensors, all of them what they should be for this model. Raises AdapterError."""
    card, path = read_adapter_card(folder), folder / WEIGHTS
    shape = _card_shape(card, model.config.text_config.num_hidden_layers)
    state, wanted = _read(path, card.get("sha256")), _shapes(model, shape)
    if state.keys() != wanted.keys():
        odd = sorted(state.keys() ^ wanted.keys())
        raise AdapterError(f"{path} lacks tensors or has others ({len(odd)}, {odd[0][:80]} among them)")
    for name, tensor in state.items():
        if tuple(tensor.shape) != wanted[name] or not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise AdapterError(f"{name} of {path} has the wrong shape or holds what is no finite number")
    return shape, state


def _read(path: Path, sha256: object) -> dict[str, torch.Tensor]:
    """Tensors by name. Raises AdapterError."""
    from safetensors.torch import load

    try:
        if path.stat().st_size > MOST_BYTES:
            raise AdapterError(f"{path} is larger than {MOST_BYTES} bytes")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise AdapterError(f"{path} is not the file that {CARD} beside it speaks of (SHA-256 differs)")
        return dict(load(data))
    except AdapterError:
        raise
    except Exception as error:  # a broken file raises errors of several kinds
        raise AdapterError(f"{path} cannot be read ({' '.join(str(error).split())[:120]})") from error


def _base() -> dict[str, str]:
    """SHA-256 of the weights that the adapter stands on."""
    return {"smollm2": smollm2.SHA256, "efficientnet_lite2": WEIGHTS_SHA256}
