"""The model that is trained: made from its settings, or taken up from what a run has left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.policies.policy_card import PolicyCard, card_from_json
from rl_training.config import ModelSettings, TrainSettings

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class ModelError(ValueError):
    """A model that cannot be had or trained. One line."""


def card_of(settings: TrainSettings) -> PolicyCard:
    """How the policy is spoken to, while it is trained and ever after. Raises ValueError for what makes no sense."""
    model = settings.model
    return card_from_json({
        "prompt": model.prompt, "tools_as": model.tools_as, "offered": settings.world.tools, "images_in": model.images_in,
        "result_chars": model.result_chars or None, "max_pixels": model.max_pixels, "max_new_tokens": settings.grpo.max_new_tokens,
        "belief_line": settings.world.belief_line,
    })  # fmt: skip


def load_policy_model(settings: TrainSettings) -> tuple[Any, Any]:
    """The model, whose trained parameters require gradients, and its processor. Raises ModelError, and the errors of its parts."""
    import torch

    if settings.run.threads:
        torch.set_num_threads(settings.run.threads)
    torch.manual_seed(settings.run.seed)
    model, processor = base_model(settings.model)
    folder = Path(settings.model.adapter).expanduser() if settings.model.adapter else None
    if folder is not None and (folder / "adapter.json").is_file():
        from models.vision_language.adapter import load_adapter

        return load_adapter(model, folder, projector=settings.model.train_projector), processor
    model = trainable(model, settings.model)
    if folder is not None:
        begin_from(model, folder)
    return model, processor


def base_model(settings: ModelSettings) -> tuple[Any, Any]:
    """The model before anything was trained here, and its processor."""
    import torch

    if settings.base == "embedded":
        from models.vision_language.embedded import assemble

        model, processor = assemble(max_pixels=settings.max_pixels)
        return model.reads_in(getattr(torch, settings.dtype)), processor
    if settings.base == "tiny":
        from rl_training.tiny import tiny_model

        return tiny_model(settings.max_pixels)
    return _from_folder_or_hub(settings)


def _from_folder_or_hub(settings: ModelSettings) -> tuple[Any, Any]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    from agent.policies.transformers_vl import load_processor

    try:
        processor = load_processor(settings.base)
        model = AutoModelForImageTextToText.from_pretrained(settings.base, dtype=getattr(torch, settings.dtype))
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"cannot load {settings.base}: {why[:300]}") from error
    size = getattr(processor.image_processor, "size", None)
    if size is not None and "longest_edge" in size:
        least = min(size["shortest_edge"], settings.max_pixels)
        processor.image_processor.size = type(size)(**{**dict(size), "shortest_edge": least, "longest_edge": settings.max_pixels})
    processor.tokenizer.padding_side = "left"
    return model, processor


def trainable(model: Any, settings: ModelSettings) -> Any:
    """The model with what is to be trained requiring gradients, and nothing else. Raises ModelError or ValueError."""
    from models.vision_language.embedded import EmbeddedVL

    if isinstance(model, EmbeddedVL):
        from models.vision_language.adapter import make_trainable

        rank = settings.lora_rank if settings.train == "lora" else 0
        return make_trainable(model, rank, settings.lora_alpha, settings.lora_layers, settings.train_projector)
    if settings.train == "full":
        model.requires_grad_(True)
        return model
    return _with_lora(model, settings)


def _with_lora(model: Any, settings: ModelSettings) -> Any:
    """LoRA on the language model's linear maps; the merger from the vision part is trained whole where that is asked for."""
    from peft import LoraConfig, get_peft_model

    depth = int(model.config.get_text_config().num_hidden_layers)
    first = depth - settings.lora_layers if settings.lora_layers else 0
    layers = "|".join(str(number) for number in range(first, depth))
    targets = rf".*language_model\.layers\.({layers})\..*({'|'.join(LORA_TARGETS)})"
    merger = ["visual.merger"] if settings.train_projector else None
    config = LoraConfig(r=settings.lora_rank, lora_alpha=settings.lora_alpha, target_modules=targets, modules_to_save=merger)
    return get_peft_model(model, config)


def begin_from(model: Any, folder: Path) -> None:
    """Bring what is trained to where a run's newest checkpoint has it. Raises ModelError or CheckpointError."""
    from rl_training import checkpoints

    newest = checkpoints.newest(folder)
    if newest is not None or (folder / checkpoints.WEIGHTS).is_file():
        checkpoints.load_weights(model, newest or folder)
        return
    raise ModelError(f"{folder} holds neither a run's checkpoint nor an adapter")


def load_trained(run: Path) -> tuple[Any, Any, TrainSettings]:
    """What a run has left: the model in evaluation mode, its processor, and the settings it was trained with. Raises ModelError."""
    from dataclasses import replace

    from rl_training.run_record import read_settings

    settings = read_settings(run)
    # An adapter is not rounded when it is merged.
    dtype = "float32" if settings.model.base == "embedded" else settings.model.dtype
    model, processor = load_policy_model(replace(settings, model=replace(settings.model, adapter=str(run), dtype=dtype)))
    return model.eval(), processor, settings
