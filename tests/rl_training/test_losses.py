from __future__ import annotations

import math

import pytest
import torch

from rl_training.batch import to_batch
from rl_training.losses import KINDS, LossError, StepSize, chunked_logp, policy_loss, score, sft_loss
from tests.rl_training import made

ROW = torch.tensor([0, 0, 0, 1, 1])
ADVANTAGE = torch.tensor([2.0, -1.0])


def ratios(*values: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities now, and those that make these ratios."""
    now = torch.tensor([-1.0, -2.0, -0.5, -1.5, -3.0])
    return now, now - torch.log(torch.tensor(values))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        # min(r A, clip(r, 0.8, 1.28) A), r = 1.5 1 0.5 | 1.5 0.5, A = 2 | -1:  2.56 2 1 | -1.5 -0.8
        ("dapo", -(2.56 + 2 + 1 - 1.5 - 0.8) / 5),
        ("dr_grpo", -(2.56 + 2 + 1 - 1.5 - 0.8) / (4 * 100)),
        ("grpo", -((2.56 + 2 + 1) / 3 + (-1.5 - 0.8) / 2) / 4),
        # geometric means of the ratios: 0.75^(1/3) = 0.9086, within; 0.75^(1/2) = 0.8660, within
        ("gspo", -(2 * 0.75 ** (1 / 3) - 0.75**0.5) / 4),
    ],
)
def test_each_loss_is_its_closed_form(kind: str, wanted: float) -> None:
    now, old = ratios(1.5, 1.0, 0.5, 1.5, 0.5)
    found = policy_loss(now, old, ROW, ADVANTAGE, StepSize(5, 4, 100), kind, 0.2, 0.28)
    assert float(found.loss) == pytest.approx(wanted, rel=1e-6)
    assert found.clipped == (0 if kind == "gspo" else 2)


def test_kl_is_k3_and_zero_at_the_reference() -> None:
    now, old = ratios(1, 1, 1, 1, 1)
    reference = now + torch.tensor([0.0, 0.3, -0.2, 0.1, 0.0])
    k3 = [math.exp(d) - d - 1 for d in (0.0, 0.3, -0.2, 0.1, 0.0)]
    size = StepSize(5, 2, 100)
    without = policy_loss(now, old, ROW, ADVANTAGE, size, "dapo")
    found = policy_loss(now, old, ROW, ADVANTAGE, size, "dapo", beta=0.5, reference_N=reference)
    assert float(found.loss - without.loss) == pytest.approx(0.5 * sum(k3) / 5, rel=1e-4)
    assert found.kl == pytest.approx(sum(k3), rel=1e-5)
    assert policy_loss(now, old, ROW, ADVANTAGE, size, "dapo", beta=0.5, reference_N=now).kl == 0


@pytest.mark.parametrize("kind", KINDS)
def test_micro_batches_add_up_to_the_step(kind: str) -> None:
    now, old = ratios(1.5, 1.0, 0.5, 1.5, 0.5)
    size = StepSize(5, 4, 100)
    whole = policy_loss(now, old, ROW, ADVANTAGE, size, kind).loss
    first = policy_loss(now[:3], old[:3], ROW[:3], ADVANTAGE[:1], size, kind).loss
    second = policy_loss(now[3:], old[3:], ROW[3:] - 1, ADVANTAGE[1:], size, kind).loss
    assert float(whole) == pytest.approx(float(first + second), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_on_policy_the_gradient_is_the_weighted_advantage(kind: str) -> None:
    now = torch.tensor([-1.0, -2.0, -0.5, -1.5, -3.0], requires_grad=True)
    policy_loss(now, now.detach(), ROW, ADVANTAGE, StepSize(5, 4, 100), kind).loss.backward()
    per_row = {"dapo": [1 / 5, 1 / 5], "dr_grpo": [1 / 400, 1 / 400], "grpo": [1 / 12, 1 / 8], "gspo": [1 / 12, 1 / 8]}[kind]
    wanted = torch.tensor([-2.0 * per_row[0]] * 3 + [1.0 * per_row[1]] * 2)
    assert now.grad is not None
    assert torch.allclose(now.grad, wanted, rtol=1e-5)


def test_unknown_losses_are_named() -> None:
    now, old = ratios(1, 1, 1, 1, 1)
    with pytest.raises(LossError, match="no loss named 'ppo'"):
        policy_loss(now, old, ROW, ADVANTAGE, StepSize(5, 4, 100), "ppo")


def test_chunks_give_what_the_whole_gives() -> None:
    torch.manual_seed(0)
    logits = torch.randn(11, 7, requires_grad=True)
    targets = torch.randint(0, 7, (11,))
    whole, entropy = chunked_logp(logits, targets, 0.8, entropy=True)
    (gradient,) = torch.autograd.grad(whole.sum(), logits)
    parts, in_parts = chunked_logp(logits, targets, 0.8, entropy=True, chunk=3)
    (again,) = torch.autograd.grad(parts.sum(), logits)
    p = (logits / 0.8).softmax(-1)
    assert torch.equal(whole, parts)
    assert torch.allclose(gradient, again, atol=1e-7)
    assert torch.allclose(whole, p.log().gather(1, targets[:, None])[:, 0], atol=1e-6)
    assert entropy is not None
    assert in_parts is not None
    assert torch.allclose(entropy, -(p * p.log()).sum(-1), atol=1e-6)
    assert torch.equal(entropy, in_parts)
    assert not entropy.requires_grad


def test_scores_are_those_of_the_full_logits_and_the_head_runs_where_the_policy_wrote() -> None:
    model, rows = made.model(), [made.episode(1, turns=3), made.episode(2, pictures=1), made.episode(3, pictures=0)]
    batch = to_batch(rows, made.processor())
    seen: list[int] = []
    hook = model.lm_head.register_forward_hook(lambda module, given, out: seen.append(given[0].shape[:-1].numel()))
    found = score(model, batch, temperature=1.3)
    hook.remove()
    inputs = {k: v for k, v in batch.items() if k not in {"labels", "logp", "loss_mask"}}
    full = (model(**inputs).logits[:, :-1] / 1.3).log_softmax(-1).gather(2, batch["input_ids"][:, 1:, None])[..., 0]
    assert torch.allclose(found.logp_N, full[batch["loss_mask"][:, 1:]], atol=1e-5)
    assert seen == [sum(row.written for row in rows)]
    assert found.row_N.tolist() == [i for i, row in enumerate(rows) for _ in range(row.written)]
    assert sft_loss(found.logp_N, 30).item() == pytest.approx(-found.logp_N.sum().item() / 30)


def test_a_batch_without_written_tokens_reaches_every_weight_with_a_gradient_of_zero() -> None:
    model = made.model()
    batch = to_batch([made.episode(1, turns=0)], made.processor())
    found = score(model, batch, entropy=True)
    assert found.logp_N.shape == (0,)
    sft_loss(found.logp_N, 0).backward()
