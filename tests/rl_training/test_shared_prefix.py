from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_training.batch import image_token_id, to_batch
from rl_training.episode import Episode
from rl_training.losses import score
from rl_training.reward import Reward
from rl_training.row_attention import attend_by_rows
from rl_training.shared_prefix import common_length, to_shared_batch
from tests.rl_training import made


def group(seed: int, size: int, *, later_pictures: bool = True) -> list[Episode]:
    """Rollouts of one task: a common beginning with a picture and a written turn, then words, and a picture, of their own."""
    rng, begun = np.random.default_rng(seed), made.episode(seed, pictures=1, turns=1)
    rows = []
    for k in range(size):
        rest = made.episode(100 * seed + k, pictures=k % 2 if later_pictures else 0, turns=1 + k % 3, written=3 + k)
        ids, mask = [*begun.ids, *rest.ids], [*begun.mask, *rest.mask]
        rows.append(
            dataclasses.replace(
                begun, ids=ids, mask=mask, logp=rng.normal(-1, 0.3, len(ids)).tolist(), images=[*begun.images, *rest.images],
                reward=Reward(float(rng.random()), {}),
            )
        )  # fmt: skip
    return rows


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 200), size=st.integers(2, 5), later=st.booleans(), by_rows=st.booleans())
def test_log_probabilities_and_gradients_are_those_of_the_rows_one_by_one(
    seed: int, size: int, later: bool, by_rows: bool
) -> None:
    rows, model = group(seed, size, later_pictures=later), made.model()
    if by_rows:
        attend_by_rows(model)
    found = []
    for batch in (to_batch(rows, made.processor()), to_shared_batch(rows, made.processor(), model)):
        gradients = made.Gradients(model)
        scores = score(model, batch, temperature=0.8, entropy=True)
        (scores.logp_N * torch.linspace(0.3, 1.7, scores.logp_N.numel())).sum().backward()
        model.zero_grad(set_to_none=True)
        found.append((scores, gradients))
    (apart, alone), (together, shared) = found
    assert torch.equal(apart.row_N, together.row_N)
    assert torch.equal(apart.sampled_N, together.sampled_N)
    assert torch.allclose(apart.logp_N, together.logp_N, atol=1e-5)
    assert apart.entropy_N is not None
    assert together.entropy_N is not None
    assert torch.allclose(apart.entropy_N, together.entropy_N, atol=1e-5)
    assert alone.apart(shared) < 1e-5


def test_less_is_computed() -> None:
    rows = group(1, 4)
    batch = to_shared_batch(rows, made.processor(), made.model())
    common = common_length(rows, image_token_id(made.processor()))
    assert common >= len(made.episode(1, pictures=1, turns=1).ids)
    assert batch["input_ids"].shape[1] == sum(len(row.ids) for row in rows) - 3 * common


def test_one_row_and_other_models_are_batched_as_usual() -> None:
    rows = group(2, 3)
    assert "loss_mask" in to_shared_batch(rows[:1], made.processor(), made.model())
    assert "loss_mask" in to_shared_batch(rows, made.processor(), torch.nn.Linear(1, 1))


def test_a_common_beginning_ends_before_a_picture_that_differs_or_is_cut() -> None:
    token = image_token_id(made.processor())
    a, b = made.episode(7, pictures=1, turns=1), made.episode(7, pictures=1, turns=1)
    start = a.ids.index(token)
    assert common_length([a, b], token) == len(a.ids) - 1
    darker = dataclasses.replace(b, images=[b.images[0].point(lambda v: v // 2)])
    assert common_length([a, darker], token) == start
    cut = dataclasses.replace(b, ids=[*b.ids[: start + 1], *b.ids[-5:]])
    assert common_length([a, cut], token) == start


@pytest.mark.parametrize("by_rows", [False, True])
def test_rows_that_have_nothing_in_common_stand_side_by_side(by_rows: bool) -> None:
    rows, model = [made.episode(3), made.episode(4, turns=3)], made.model()
    if by_rows:
        attend_by_rows(model)
    rows[1] = dataclasses.replace(rows[1], ids=[rows[0].ids[0] + 1, *rows[1].ids[1:]])
    with torch.no_grad():
        apart, together = (score(model, b(rows)) for b in (lambda r: to_batch(r, made.processor()), lambda r: to_shared_batch(r, made.processor(), model)))  # fmt: skip
    assert torch.allclose(apart.logp_N, together.logp_N, atol=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_a_step_of_grpo_is_the_same_step(tmp_path: Path, beta: float) -> None:
    def rollouts(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        return [group(10 * step + g, 3) for g in range(groups)]

    found, losses = [], []
    for share in (False, True):
        model = made.model()
        found.append(made.Gradients(model))
        told = made.run(
            "grpo", made.settings(steps=1, share_beginnings=share, beta=beta), tmp_path / str(share), model, rollouts=rollouts
        )
        losses.append(told[0]["loss"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert found[0].apart(found[1]) < 1e-5
