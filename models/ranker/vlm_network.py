"""A value head on the last hidden state of a vision-language model, with LoRA or all weights trained (GeoRanker, arXiv 2505.13731).

score = wᵀ h, h the last layer's state of the last token of a pair's sequence. LoRA (Hu et al. 2021, arXiv:2106.09685) stands on queries, keys
and values of the language model.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from models.geolocator import ModelError
from models.ranker.vlm_eyes import remembering
from models.ranker.vlm_settings import VlmSettings

HEAD = "value_head.weight"
_ATTENTION = ("q_proj", "k_proj", "v_proj")
_PROJECTORS = (
    "visual.merger",
    "visual.norm",
    "visual.proj",
    "visual.rows",
    "visual.columns",
    "multi_modal_projector",
    "connector",
)


class ValueNetwork:
    """The model, what of it is trained, and the head. Not thread-safe."""

    def __init__(self, model: Any, settings: VlmSettings) -> None:
        """Takes the model over and freezes what is not trained. Raises ModelError where it has no maps for an adapter."""
        model.requires_grad_(False)
        inner = model
        if settings.train == "full":
            _open_all(model)
        else:
            model = _with_lora(model, settings)
        if settings.projector:
            _open_projector(inner)
        remembering(inner)
        self.model, self._inner = model, inner
        self._backbone = getattr(inner, inner.base_model_prefix, inner)
        self._checkpointing = settings.checkpointing
        if settings.checkpointing:
            inner.activation_checkpointing_enable({"use_reentrant": False})
        width = int(inner.config.get_text_config().hidden_size)
        self.head = nn.Linear(width, 1, bias=False, dtype=torch.float32, device=self.device)
        generator = torch.Generator().manual_seed(settings.seed)
        with torch.no_grad():
            self.head.weight.copy_(torch.randn(1, width, generator=generator) / math.sqrt(width + 1))

    @property
    def device(self) -> torch.device:
        return next(self._inner.parameters()).device

    def __call__(self, inputs: Mapping[str, Any]) -> Any:
        """Scores [rows], float32, of the tensors that `Rows.batch` makes."""
        given = {name: value.to(self.device) if hasattr(value, "to") else value for name, value in inputs.items()}
        with _quiet(self._inner):
            hidden = self._backbone(**given, use_cache=False).last_hidden_state
        mask = given["attention_mask"].bool()
        last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
        return self.head(hidden[torch.arange(len(mask), device=self.device), last].float())[:, 0]

    def trained(self) -> dict[str, nn.Parameter]:
        """All that is trained, by name: what a ranker's file holds."""
        found = {name: value for name, value in self._inner.named_parameters() if value.requires_grad}
        return {**found, HEAD: self.head.weight}

    def train(self, on: bool = True) -> None:
        """Dropout of the adapter on or off; the rest of the model stays in evaluation mode."""
        self._inner.eval()
        for module in self._inner.modules():
            if isinstance(module, nn.Dropout):
                module.train(on)
            elif on and self._checkpointing and hasattr(module, "gradient_checkpointing"):
                module.training = True  # its own flag alone: a model works out activations again in training mode only

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def load(self, state: Mapping[str, Any]) -> None:
        """Bring what is trained to `state`. Raises ValueError where names or shapes differ, or a number is not finite."""
        parameters = self.trained()
        if state.keys() != parameters.keys():
            odd = sorted(state.keys() ^ parameters.keys())
            raise ValueError(f"it holds other weights than its settings ask for ({len(odd)}, {odd[0][:80]} among them)")
        for name, parameter in parameters.items():
            given = state[name]
            if tuple(given.shape) != tuple(parameter.shape) or not given.is_floating_point() or not bool(given.isfinite().all()):
                raise ValueError(f"{name[:80]} has the wrong shape or holds what is no finite number")
        for name, parameter in parameters.items():
            parameter.copy_(state[name].to(parameter.dtype))


def _with_lora(model: Any, settings: VlmSettings) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = lora_targets(model, settings.lora_layers)
    config = LoraConfig(
        r=settings.lora_rank, lora_alpha=settings.lora_alpha, lora_dropout=settings.lora_dropout, target_modules=targets
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)  # of peft 0.21 beside transformers 5.23
        torch.manual_seed(settings.seed)
        return get_peft_model(model, config)


def lora_targets(model: Any, layers: int) -> list[str]:
    """Names of the query, key and value maps in the uppermost `layers` layers (0: all) of the language model. Raises ModelError for none."""
    decoder = model.get_decoder()
    prefix = next((name for name, module in model.named_modules() if module is decoder), "")
    depth = int(model.config.get_text_config().num_hidden_layers)
    first = depth - layers if 0 < layers <= depth else 0
    starts = tuple(f"{prefix}.layers.{number}." if prefix else f"layers.{number}." for number in range(first, depth))
    found = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(starts) and name.rpartition(".")[2] in _ATTENTION
    ]
    if not found:
        raise ModelError("the base has no maps called q_proj, k_proj and v_proj for an adapter; train it whole: --set train=full")
    return found


def _open_all(model: Any) -> None:
    """All weights but those of eyes that are never trained (the embedded model's), and but a head over words that is not used."""
    model.requires_grad_(True)
    words = model.get_output_embeddings()
    tied = words is not None and words.weight is model.get_input_embeddings().weight
    if words is not None and not tied:
        words.requires_grad_(False)
    eyes = getattr(getattr(getattr(model, "model", None), "visual", None), "cnn", None)
    if eyes is not None:
        eyes.requires_grad_(False)


def _open_projector(model: Any) -> None:
    """Raises ModelError where the base has none of a known name."""
    found = [
        value
        for name, value in model.named_parameters()
        if any(f".{part}" in f".{name}" for part in _PROJECTORS) and ".cnn." not in name
    ]
    if not found:
        raise ModelError("the base has no projector of a known name: leave projector=false")
    for value in found:
        value.requires_grad_(True)


@contextlib.contextmanager
def _quiet(model: Any) -> Any:
    """A model that remembers where the last conversation's text stood forgets it: one sequence leaves no trace in the next."""
    yield
    backbone: Any = getattr(model, "model", None)
    if hasattr(backbone, "rope_deltas"):
        backbone.rope_deltas = None


def rows_of(total: int, at_once: int) -> Sequence[slice]:
    """Chunks of at most `at_once` of `total` rows."""
    return [slice(start, min(start + at_once, total)) for start in range(0, total, at_once)]
