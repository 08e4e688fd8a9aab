"""A vision-language policy small enough to be trained on a CPU in a minute: the real Qwen2.5-VL class, under a million weights.

It exists to show that training works, from the rollouts to the held-out reward. It cannot see: a picture is one to four tokens. Like a
large model it comes with some schooling, of the protocol alone and of copying from it (`rl_training/schooling.py`), and with a vocabulary in
which a call is five tokens.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

WIDTH, LAYERS, HEADS, INNER = 128, 3, 4, 256
PATCH, MERGE, FRAMES = 14, 2, 2
LEAST_PIXELS = (PATCH * MERGE) ** 2
"""Of a picture: one token."""
CONTEXT = 4096
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
_VISION_WIDTH, _VISION_LAYERS = 48, 2
_INITIAL = 0.04
"""Standard deviation of new weights. In so narrow a network 0.02, which large ones begin with, leaves attention flat for long."""


def tiny_model(max_pixels: int = 4 * LEAST_PIXELS) -> tuple[Any, Any]:
    """The schooled model in evaluation mode, and its processor; pictures have at most `max_pixels`."""
    from safetensors.torch import load

    model, processor = unschooled(_tokenizer(), max_pixels)
    weights = load(resources.files("rl_training").joinpath("data", "tiny", WEIGHTS).read_bytes())
    model.load_state_dict({name: weight.float() for name, weight in weights.items()}, strict=False)
    model.tie_weights()
    return model.eval(), processor


def unschooled(tokenizer: Any, max_pixels: int = 4 * LEAST_PIXELS) -> tuple[Any, Any]:
    """The model with weights of torch's random numbers as they stand, and a processor around a `tokenizers.Tokenizer`."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    processor = _processor(tokenizer, max_pixels)
    model = Qwen2_5_VLForConditionalGeneration(_config(processor.tokenizer)).float().eval()
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return model, processor


def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(resources.files("rl_training").joinpath("data", "tiny", TOKENIZER).read_text(encoding="utf-8"))


def _processor(tokenizer: Any, max_pixels: int) -> Any:
    """Qwen2.5-VL's processor without the video part."""
    from transformers import PreTrainedTokenizerFast, Qwen2VLImageProcessorPil

    from models.vision_language.processor import CHAT_TEMPLATE, image_only

    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left",  # noqa: S106
        model_max_length=CONTEXT, clean_up_tokenization_spaces=False,
    )  # fmt: skip
    fast.chat_template = CHAT_TEMPLATE
    pictures = Qwen2VLImageProcessorPil(patch_size=PATCH, merge_size=MERGE, temporal_patch_size=FRAMES,
                                        size={"shortest_edge": LEAST_PIXELS, "longest_edge": max(max_pixels, LEAST_PIXELS)},
                                        image_mean=[0.5] * 3, image_std=[0.5] * 3)  # fmt: skip
    return image_only("qwen2_5_vl")(pictures, fast, chat_template=CHAT_TEMPLATE)


def _config(tokenizer: Any) -> Any:
    from transformers import Qwen2_5_VLConfig

    ids = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": len(tokenizer), "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "max_position_embeddings": CONTEXT, "max_window_layers": LAYERS,
        "rope_theta": 1e6, "rope_scaling": {"rope_type": "default", "mrope_section": [4, 6, 6]}, "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None, "tie_word_embeddings": True, "initializer_range": _INITIAL,
    }  # fmt: skip
    vision = {"depth": _VISION_LAYERS, "hidden_size": _VISION_WIDTH, "intermediate_size": 2 * _VISION_WIDTH, "num_heads": 2, "patch_size": PATCH,
              "spatial_merge_size": MERGE, "temporal_patch_size": FRAMES, "out_hidden_size": WIDTH, "window_size": 4 * PATCH * MERGE,
              "fullatt_block_indexes": [_VISION_LAYERS - 1], "initializer_range": _INITIAL}  # fmt: skip
    return Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"), tie_word_embeddings=True,
    )  # fmt: skip
