"""The embedded vision-language model: SmolLM2-135M in a shrunken Qwen2.5-VL, with EfficientNet-Lite2 as its eyes.

A Qwen2 block is a Llama block with biases at queries, keys and values; with biases of zero and SmolLM2's rotary base the text part is
exactly SmolLM2. Everything that knows Qwen2.5-VL (processor, M-RoPE, chat messages) works as it does with the large models.
`assemble` puts it together from packages; what was trained comes as an adapter (`models/vision_language/adapter.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)
from transformers.initialization import no_init_weights

from models.vision_language import smollm2
from models.vision_language.efficientnet_visual import (
    FRAMES,
    MERGE,
    PATCH,
    EfficientNetVisual,
    efficientnet_state,
    read_weights,
)
from models.vision_language.processor import MAX_PIXELS, MIN_PIXELS, NEW_TOKENS, VISION_TOKENS, EmbeddedProcessor, make_processor

MODEL_TYPE = "geosleuth_vl"
NAMES = Path(__file__).parent / "imagenet_names.json"

_NOISE = 0.05
"""Of new token rows, in standard deviations of the embedding: they start alike, but not equal."""


class EmbeddedConfig(Qwen2_5_VLConfig):  # type: ignore[misc]
    """Qwen2.5-VL's configuration under a name of its own."""

    model_type = MODEL_TYPE


class TokenEmbedding(nn.Embedding):  # type: ignore[misc]
    """An embedding whose last rows can be trained alone: a gradient of some rows instead of the whole table."""

    own: nn.Parameter | None
    """The rows [n, width] from token `first` on, while they are trained; they then stand for those of the table."""
    first = 0
    reads_own = True
    """Whether gradients reach `own` through what is read, too (and so through every layer), not through the head alone."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__(tokens, width)
        self.register_parameter("own", None)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        embedded: torch.Tensor = super().forward(ids)
        if self.own is None:
            return embedded
        own = self.own if self.reads_own else self.own.detach()
        new = functional.embedding((ids - self.first).clamp(min=0), own).to(embedded.dtype)
        return torch.where((ids >= self.first)[..., None], new, embedded)


class TokenHead(nn.Linear):  # type: ignore[misc]
    """The tied head of `TokenEmbedding`."""

    own: nn.Parameter | None
    first = 0

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__(width, tokens, bias=False)
        self.register_parameter("own", None)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = super().forward(hidden)
        if self.own is not None:
            logits[..., self.first :] = functional.linear(hidden, self.own.to(hidden.dtype))
        return logits


class EmbeddedVL(Qwen2_5_VLForConditionalGeneration):  # type: ignore[misc]
    """Qwen2.5-VL with EfficientNet-Lite2 in place of its vision transformer."""

    config_class = EmbeddedConfig
    config: EmbeddedConfig

    def __init__(self, config: EmbeddedConfig) -> None:
        super().__init__(config)
        text = config.text_config
        self.model.visual = EfficientNetVisual(text.hidden_size)
        self.model.language_model.embed_tokens = TokenEmbedding(text.vocab_size, text.hidden_size)
        self.lm_head = TokenHead(text.hidden_size, text.vocab_size)
        self.tie_weights()

    @property
    def visual(self) -> EfficientNetVisual:
        return self.model.visual  # type: ignore[no-any-return]

    def reads_in(self, dtype: torch.dtype) -> EmbeddedVL:
        """The same with the language model's weights in `dtype`; eyes and projector stay float32. Call it before what is trained is added."""
        self.model.language_model.to(dtype)
        return self

    def grow(self, reads_own: bool = True) -> nn.Parameter:
        """Make the rows of the new tokens [8, width] a parameter of their own, float32, to be trained."""
        embedding, head = self.model.language_model.embed_tokens, self.lm_head
        first = embedding.num_embeddings - len(NEW_TOKENS)
        own = nn.Parameter(embedding.weight.detach()[first:].float().clone())
        embedding.own = head.own = own
        embedding.first = head.first = first
        embedding.reads_own = reads_own
        return own

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def settle(self) -> None:
        """Put the rows of `grow` back into the table."""
        embedding, head = self.model.language_model.embed_tokens, self.lm_head
        if embedding.own is not None:
            embedding.weight[embedding.first :] = embedding.own
            embedding.own = head.own = None


def register() -> None:
    """Make transformers' Auto classes know the model and its processor; more than once does no harm."""
    AutoConfig.register(MODEL_TYPE, EmbeddedConfig, exist_ok=True)
    AutoModelForImageTextToText.register(EmbeddedConfig, EmbeddedVL, exist_ok=True)
    AutoProcessor.register(EmbeddedConfig, EmbeddedProcessor, exist_ok=True)


def embedded_config(tokenizer: Any, **text: Any) -> EmbeddedConfig:
    """SmolLM2's sizes with the vocabulary of `tokenizer`; `text` changes single ones."""
    ids = tokenizer.convert_tokens_to_ids
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": smollm2.WIDTH,
        "intermediate_size": smollm2.INNER,
        "num_hidden_layers": smollm2.LAYERS,
        "num_attention_heads": smollm2.HEADS,
        "num_key_value_heads": smollm2.KEY_HEADS,
        "rms_norm_eps": smollm2.EPSILON,
        "max_position_embeddings": smollm2.CONTEXT,
        "rope_parameters": {"rope_type": "default", "rope_theta": smollm2.ROPE_THETA, "mrope_section": [8, 12, 12]},
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
    } | text
    vision = {
        "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 1, "fullatt_block_indexes": [0], "window_size": 8 * PATCH,
        "patch_size": PATCH, "spatial_merge_size": MERGE, "temporal_patch_size": FRAMES, "out_hidden_size": sizes["hidden_size"],
    }  # fmt: skip
    start, end, image, video = (ids(token) for token in VISION_TOKENS)
    return EmbeddedConfig(
        text_config=sizes,
        vision_config=vision,
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=True,
    )


def assemble(
    cache: Path | None = None, max_pixels: int = MAX_PIXELS, min_pixels: int = MIN_PIXELS
) -> tuple[EmbeddedVL, EmbeddedProcessor]:
    """The untrained model, float32, ready to run, and its processor. Always the same numbers.

    SmolLM2 is converted once and kept in `cache` (by default the user's cache folder). Raises AssemblyError or WeightsError, one line each.
    """
    register()
    words, tokens = smollm2.load(cache)
    sight = read_weights()
    processor = make_processor(tokens, min_pixels, max_pixels)
    tokenizer = processor.tokenizer
    with no_init_weights():
        model = EmbeddedVL(embedded_config(tokenizer))
    state = {name.replace("model.", "model.language_model.", 1): tensor for name, tensor in words.items()}
    table = words["model.embed_tokens.weight"]
    state["model.language_model.embed_tokens.weight"] = torch.cat((table, _new_rows(table)))
    state |= {f"model.visual.cnn.{name}": tensor for name, tensor in efficientnet_state(sight).items()}
    state |= {f"model.visual.{name}": tensor for name, tensor in _projector(table, tokens, sight).items()}
    for layer in range(smollm2.LAYERS):
        attention = f"model.language_model.layers.{layer}.self_attn"
        for part, width in (("q", smollm2.HEADS), ("k", smollm2.KEY_HEADS), ("v", smollm2.KEY_HEADS)):
            state[f"{attention}.{part}_proj.bias"] = torch.zeros(width * smollm2.HEAD_WIDTH)
    state["lm_head.weight"] = state["model.language_model.embed_tokens.weight"]
    model.load_state_dict(state, strict=True, assign=True)
    model.tie_weights()
    model.visual.cnn.requires_grad_(False)
    generation = model.generation_config
    generation.bos_token_id, generation.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    generation.pad_token_id = tokenizer.pad_token_id
    generation.suppress_tokens = [tokenizer.convert_tokens_to_ids(token) for token in VISION_TOKENS]
    return model.eval(), processor


def _new_rows(table: torch.Tensor) -> torch.Tensor:
    """Rows of the new tokens: the mean row and a little noise."""
    noise = torch.randn(len(NEW_TOKENS), table.shape[1], generator=torch.Generator().manual_seed(0))
    return table.mean(0, keepdim=True) + _NOISE * table.std() * noise


def _projector(table: torch.Tensor, tokens: Any, sight: Any) -> dict[str, torch.Tensor]:
    """A first projector: W = Eᵀ C, C the classifier's rows, E the mean embedding of each class's name (centred), scaled so that tokens
    of pictures are about as large as tokens of text. A picture of a castle then starts near the word castle."""
    names = [name.split(",")[0] for name in json.loads(NAMES.read_text(encoding="utf-8"))]
    means = torch.stack([table[encoding.ids].mean(0) for encoding in tokens.encode_batch([f" {name}" for name in names])])
    classes = torch.from_numpy(sight["_fc.weight"].astype("float32"))
    weight = (means - means.mean(0)).T @ classes
    state = EfficientNetVisual(table.shape[1]).state_dict()
    state = {name: value for name, value in state.items() if not name.startswith("cnn.")}
    state["proj.weight"] = weight * (table.std() / weight.norm(dim=1).mean())
    state["proj.bias"] = table.mean(0)
    return state
