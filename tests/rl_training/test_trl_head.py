from __future__ import annotations

from pathlib import Path

import pytest
import torch
import trl

from rl_training.batch import to_batch
from rl_training.losses import LossError, score
from rl_training.trl_head import use_own_head
from tests.rl_training import made


class RowsApart(torch.nn.Linear):
    """A head whose last rows are parameters of their own, as the embedded model's."""

    def __init__(self, head: torch.nn.Linear) -> None:
        super().__init__(head.in_features, head.out_features, bias=False)
        self.weight = head.weight
        self.own = torch.nn.Parameter(head.weight.detach()[-8:] + 0.3)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.cat((super().forward(hidden)[..., :-8], torch.nn.functional.linear(hidden, self.own)), dim=-1)


def test_a_head_that_is_more_than_its_weight_is_trained_under_trl(tmp_path: Path) -> None:
    found = []
    for backend in ("accelerate", "trl"):
        model = made.model()
        model.lm_head = RowsApart(model.lm_head)
        found.append(made.Gradients(model))
        made.run("grpo", made.settings(backend, steps=1), tmp_path / backend, model)
    assert "lm_head.own" in found[0].found
    assert found[0].apart(found[1]) < 1e-6


def test_log_probabilities_through_the_models_head_are_those_of_trl() -> None:
    model = made.model()
    trl.trainer.utils.add_fused_lm_head(model, temperature=0.8)
    use_own_head(model, 0.8)
    batch = to_batch([made.episode(1), made.episode(2, pictures=1)], made.processor())
    inputs = {k: v for k, v in batch.items() if k not in {"logp", "loss_mask"}}
    mine = model(**inputs, fused_lm_head=True)
    del model.__dict__["forward"]
    with pytest.raises(LossError, match="TRL has not put its head"):
        use_own_head(model)
    trl.trainer.utils.add_fused_lm_head(model, temperature=0.8, outputs=("log_probs", "entropy", "is_top1"))
    theirs = model(**inputs, fused_lm_head=True)
    for name in ("log_probs", "entropy"):
        assert torch.allclose(getattr(mine, name), getattr(theirs, name), atol=1e-5), name
    for name in ("is_top1", "label_mask"):
        assert torch.equal(getattr(mine, name), getattr(theirs, name)), name
    assert torch.allclose(mine.log_probs[mine.label_mask], score(model, batch, 0.8).logp_N, atol=1e-5)
    nothing = model(**{**inputs, "labels": torch.full_like(inputs["labels"], -100)}, fused_lm_head=True)
    assert nothing.log_probs.requires_grad
    assert not nothing.log_probs.any()
