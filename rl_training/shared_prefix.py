"""What the rollouts of a group have in common is computed once: they share their rules, their photo, and their first turns.

The rows become one sequence, the common beginning followed by each row's own rest. A rest sees the beginning and itself, and has the
positions it has in its row, so that log-probabilities and gradients are those of the rows one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from rl_training.batch import image_token_id, model_inputs, to_batch
from rl_training.row_attention import attends_by_rows

if TYPE_CHECKING:
    from torch import Tensor

    from rl_training.episode import Episode


def to_shared_batch(episodes: Sequence[Episode], processor: Any, model: Any, device: Any = "cpu") -> dict[str, Any]:
    """Rows that begin alike, as one sequence [1, T] for `losses.score`; `to_batch` where the model has no M-RoPE, or there is one row.

    Beside the model's inputs (`attention_mask` [1, 1, T, T], 0 where a token is seen, else -inf, or, for a model that attends by rows, `row_bounds`;
    `position_ids` [3, 1, T]) it holds, for each written
    token in the order of the rows: `targets_N`, `logp_N` (as sampled), `row_N`, and `pick_N`, which of the positions marked in `keep` [1, T]
    predicts it. Raises BatchError.
    """
    inner = next((module for module in model.modules() if hasattr(module, "get_rope_index")), None)
    if len(episodes) < 2 or inner is None:
        return to_batch(episodes, processor, device)
    shared = common_length(episodes, image_token_id(processor))
    pictures = _pictures_within(episodes[0].ids[:shared], episodes[0], processor)
    bounds = [0, shared]
    for episode in episodes:
        bounds.append(bounds[-1] + len(episode.ids) - shared)
    joined = replace(
        episodes[0],
        ids=[*episodes[0].ids[:shared], *(token for e in episodes for token in e.ids[shared:])],
        mask=[0] * bounds[-1], logp=[0.0] * bounds[-1],
        images=[*episodes[0].images[:pictures], *(image for e in episodes for image in e.images[pictures:])],
    )  # fmt: skip
    inputs = model_inputs(to_batch([joined], processor))
    del inputs["attention_mask"]
    if attends_by_rows(model):
        inputs["row_bounds"] = tuple(bounds)
    else:
        inputs["attention_mask"] = torch.zeros(1, dtype=model.get_input_embeddings().weight.dtype).masked_fill(
            ~_seen(bounds), -torch.inf
        )
    inputs["position_ids"] = torch.cat(
        [_positions(e, processor, inner)[..., (0 if row == 0 else shared) :] for row, e in enumerate(episodes)], dim=-1
    )
    batch = {**inputs, **_targets(episodes, shared, bounds)}
    return {name: value.to(device) if hasattr(value, "to") else value for name, value in batch.items()}


def common_length(episodes: Sequence[Episode], image_token: int) -> int:
    """How many tokens all rows begin with, pictures included; never a part of a picture, and never a whole row."""
    first, most = episodes[0], min(len(e.ids) for e in episodes) - 1
    length = next((i for i in range(most) if any(e.ids[i] != first.ids[i] for e in episodes[1:])), most)
    starts = [i for i, token in enumerate(first.ids) if token == image_token and (i == 0 or first.ids[i - 1] != image_token)]
    for number, start in enumerate(starts):
        end = next((i for i in range(start, len(first.ids)) if first.ids[i] != image_token), len(first.ids))
        if start < length and (length < end or not _same_picture(episodes, number)):
            return start
    return length


def _same_picture(episodes: Sequence[Episode], number: int) -> bool:
    first, *others = (e.images[number] for e in episodes)
    return all(o is first or (o.size == first.size and o.tobytes() == first.tobytes()) for o in others)


def _pictures_within(ids: Sequence[int], episode: Episode, processor: Any) -> int:
    """How many of the episode's pictures have their tokens in these."""
    reader, left, number = processor.image_processor, ids.count(image_token_id(processor)), 0
    while left > 0:
        image = episode.images[number]
        left -= reader.get_number_of_image_patches(image.height, image.width, {}) // reader.merge_size**2
        number += 1
    return number


def _seen(bounds: Sequence[int]) -> Tensor:
    """[1, 1, T, T]: a token sees the common beginning and its own row up to itself."""
    places = torch.arange(bounds[-1])
    part = torch.bucketize(places, torch.tensor(bounds[1:]), right=True)
    own = (part[:, None] == part[None, :]) | (part[None, :] == 0)
    return (own & (places[None, :] <= places[:, None]))[None, None]


def _positions(episode: Episode, processor: Any, inner: Any) -> Tensor:
    """[3, 1, L], as the model would number the row's tokens."""
    one = to_batch([episode], processor)
    if "image_grid_thw" not in one:
        return torch.arange(len(episode.ids)).expand(3, 1, -1)
    keys = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
    positions: Tensor = inner.get_rope_index(**{key: one[key] for key in keys})[0]
    return positions


def _targets(episodes: Sequence[Episode], shared: int, bounds: Sequence[int]) -> dict[str, Tensor]:
    """The written tokens of all rows, and the places that predict them."""
    predictors, targets, logp, rows = [], [], [], []
    for row, (episode, (start, _)) in enumerate(zip(episodes, pairwise(bounds[1:]), strict=True)):
        for at, wrote in enumerate(episode.mask):
            if wrote:
                before = at - 1
                predictors.append(before if before < shared else start + before - shared)
                targets.append(episode.ids[at])
                logp.append(episode.logp[at])
                rows.append(row)
    keep = torch.zeros(1, bounds[-1], dtype=torch.bool)
    if not predictors:
        keep[:, 0] = True
    keep[0, predictors] = True
    return {
        "keep": keep, "pick_N": (keep[0].cumsum(0) - 1)[torch.tensor(predictors, dtype=torch.long)],
        "targets_N": torch.tensor(targets, dtype=torch.long), "logp_N": torch.tensor(logp), "row_N": torch.tensor(rows, dtype=torch.long),
    }  # fmt: skip
