"""The embedded model with a language model of two narrow layers and random weights; the network that sees keeps its shape."""

from __future__ import annotations

from typing import Any


def tiny_embedded(seed: int = 0, layers: int = 2) -> tuple[Any, Any]:
    """A model and its processor, without any package of weights."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    from models.vision_language.embedded import EmbeddedVL, embedded_config, register
    from models.vision_language.processor import make_processor

    register()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    )
    processor = make_processor(raw)
    torch.manual_seed(seed)
    config = embedded_config(
        processor.tokenizer, hidden_size=48, intermediate_size=64, num_hidden_layers=layers, num_attention_heads=3,
        num_key_value_heads=1, rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
    )  # fmt: skip
    model = EmbeddedVL(config).float().eval()
    with torch.no_grad():
        for value in model.visual.projector().values():
            value.add_(0.1 * torch.randn_like(value))
    return model, processor
