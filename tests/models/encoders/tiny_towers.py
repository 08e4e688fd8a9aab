"""Vision towers of some thousand random weights, saved as repositories of the hub are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_TEXT = {"vocab_size": 50, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 8,
         "bos_token_id": 0, "eos_token_id": 1}  # fmt: skip


def save_clip(folder: Path, projection: int = 24, seed: int = 0) -> Path:
    """A CLIP of both towers."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    text = {**_TEXT, "hidden_size": 16, "projection_dim": projection}
    config = CLIPConfig(vision_config={**_VISION, "projection_dim": projection}, text_config=text, projection_dim=projection)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    return _save(folder, CLIPModel, config, processor, seed)


def save_siglip(folder: Path) -> Path:
    """A SigLIP of both towers."""
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    config = SiglipConfig(vision_config=dict(_VISION), text_config={**_TEXT, "hidden_size": 32})
    return _save(folder, SiglipModel, config, SiglipImageProcessorPil(size={"height": 28, "width": 28}))


def save_dinov2(folder: Path, registers: bool) -> Path:
    """A DINOv2, with or without registers."""
    import transformers

    kind = "Dinov2WithRegisters" if registers else "Dinov2"
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
        "mlp_ratio": 2,
    }
    processor = transformers.BitImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28}, do_center_crop=True
    )
    return _save(folder, getattr(transformers, f"{kind}Model"), getattr(transformers, f"{kind}Config")(**sizes), processor)


def _save(folder: Path, model: Any, config: Any, processor: Any, seed: int = 0) -> Path:
    import torch
    from transformers import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(seed)
    model(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
