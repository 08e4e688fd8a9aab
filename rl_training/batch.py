"""Episodes as the tensors a vision-language model reads, padded on the left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from rl_training.episode import Episode

MODEL_INPUTS = (
    "input_ids",
    "attention_mask",
    "position_ids",
    "mm_token_type_ids",
    "pixel_values",
    "image_grid_thw",
    "row_bounds",
)
"""The keys of a batch that a model's forward reads."""

NO_LABEL = -100
"""Label of a token that is not trained on (torch's and transformers' value)."""


class BatchError(ValueError):
    """Episodes do not fit together, or do not fit the processor. One line that names the row."""


def to_batch(episodes: Sequence[Episode], processor: Any, device: Any = "cpu") -> dict[str, Tensor]:
    """Rows [B] as tensors [B, L], L the longest row; shorter ones are padded on the left.

    `input_ids`, `attention_mask`; `loss_mask` (bool, True where the policy wrote); `labels` (the token where it wrote, else -100); `logp` (nats,
    as sampled). With pictures also `mm_token_type_ids` (1 at image tokens), `pixel_values` [patches, d] and `image_grid_thw` [pictures, 3].
    Attention covers a whole row whatever part it has in the loss: a row whose image tokens are hidden would shift the positions of its
    neighbours' (M-RoPE takes the pictures of a batch in order). Raises BatchError.
    """
    if not episodes:
        raise BatchError("a batch needs at least one row")
    for number, episode in enumerate(episodes):
        _check(number, episode)
    length = max(len(e.ids) for e in episodes)
    ids = torch.full((len(episodes), length), _pad_id(processor), dtype=torch.long)
    attention = torch.zeros_like(ids)
    wrote = torch.zeros(ids.shape, dtype=torch.bool)
    logp = torch.zeros(ids.shape, dtype=torch.float32)
    for row, e in enumerate(episodes):
        start = length - len(e.ids)
        ids[row, start:] = torch.tensor(e.ids)
        attention[row, start:] = 1
        wrote[row, start:] = torch.tensor(e.mask, dtype=torch.bool)
        logp[row, start:] = torch.tensor(e.logp, dtype=torch.float32)
    labels = ids.masked_fill(~wrote, NO_LABEL)
    batch = {"input_ids": ids, "attention_mask": attention, "loss_mask": wrote, "labels": labels, "logp": logp}
    batch.update(_pictures(episodes, ids, processor))
    return {name: tensor.to(device) for name, tensor in batch.items()}


def model_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """What of a batch goes into the model's forward."""
    return {name: batch[name] for name in MODEL_INPUTS if name in batch}


def _check(number: int, episode: Episode) -> None:
    sizes = {len(episode.ids), len(episode.mask), len(episode.logp)}
    if len(sizes) != 1 or not episode.ids:
        raise BatchError(f"row {number} ({episode.task}): ids, mask and logp need one length of at least 1")
    if episode.mask[0]:
        raise BatchError(f"row {number} ({episode.task}): its first token is marked as written, but nothing stands before it")


def _pad_id(processor: Any) -> int:
    pad = processor.tokenizer.pad_token_id
    if pad is None:
        raise BatchError("the tokenizer has no pad token")
    return int(pad)


def image_token_id(processor: Any) -> int:
    """The id of the token that stands for a piece of a picture."""
    known = getattr(processor, "image_token_id", None)
    return int(known if known is not None else processor.tokenizer.convert_tokens_to_ids("<|image_pad|>"))


def _pictures(episodes: Sequence[Episode], ids: Tensor, processor: Any) -> dict[str, Tensor]:
    """Pixels of all pictures in the order of the rows, after each row's image tokens were counted against them."""
    counts = (ids == (token := image_token_id(processor))).sum(dim=1).tolist()
    pictures = list(chain.from_iterable(e.images for e in episodes))
    if not pictures:
        _compare(episodes, counts, [0] * len(episodes))
        return {}
    read = processor.image_processor(images=pictures, return_tensors="pt")
    if "image_grid_thw" not in read:
        raise BatchError("the processor gives no image_grid_thw: models of the Qwen-VL kind are trained here")
    per_picture = iter((read["image_grid_thw"].prod(dim=1) // processor.image_processor.merge_size**2).tolist())
    _compare(episodes, counts, [sum(next(per_picture) for _ in e.images) for e in episodes])
    kinds = (ids == token).to(torch.int32)
    return {"mm_token_type_ids": kinds, "pixel_values": read["pixel_values"], "image_grid_thw": read["image_grid_thw"]}


def check_pictures(episodes: Sequence[Episode], processor: Any) -> None:
    """Raises BatchError, naming the row, unless each row has as many image tokens as its pictures make; no pixel is read."""
    token, reader = image_token_id(processor), processor.image_processor
    expected = [
        sum(reader.get_number_of_image_patches(i.height, i.width, {}) // reader.merge_size**2 for i in e.images) for e in episodes
    ]
    _compare(episodes, [e.ids.count(token) for e in episodes], expected)


def _compare(episodes: Sequence[Episode], tokens: Sequence[int], expected: Sequence[int]) -> None:
    for number, (episode, found, wanted) in enumerate(zip(episodes, tokens, expected, strict=True)):
        if found != wanted:
            raise BatchError(
                f"row {number} ({episode.task}): {found} image tokens, but its {len(episode.images)} pictures make {wanted}"
            )
