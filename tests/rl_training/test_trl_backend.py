from __future__ import annotations

import dataclasses
import inspect
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import trl

from rl_training import trl_backend
from rl_training.batch import BatchError
from rl_training.episode import Episode
from rl_training.grpo import GrpoError
from rl_training.losses import KINDS, StepSize, policy_loss
from rl_training.trl_backend import TrlError, check_version, divided, grpo_arguments
from rl_training.trl_callback import TellAndKeep
from rl_training.trl_grpo import AgentGRPOTrainer
from tests.rl_training import made


def trainer_of(settings: Any, model: Any, out: Path, source: Any = made.source) -> AgentGRPOTrainer:
    callback = TellAndKeep(settings.run, settings.grpo.optimiser, settings.grpo.steps, 1, out, lambda row: None, None)
    made_one = AgentGRPOTrainer(settings, source, model, made.processor(), grpo_arguments(settings, out), [callback])
    callback.trainer = made_one
    return made_one


def test_the_trl_here_is_one_that_the_backend_knows(tmp_path: Path) -> None:
    check_version(trl.__version__)
    for other in ("1.15.9", "1.17.0", "2.0"):
        with pytest.raises(TrlError, match=rf"TRL {other} is installed"):
            check_version(other)
    assert list(inspect.signature(trl.GRPOTrainer._generate).parameters) == ["self", "prompts"]
    trainer = trainer_of(made.settings("trl"), made.model(), tmp_path)
    assert trainer.environments is None
    assert set(trainer._metrics) == {"train", "eval"}
    values = trainer._generate([""] * 6)
    assert len(values) == 8
    prompts, completions, mask, texts, logprobs, columns, pictures, of_tools = values
    rows = [e for group in made.source(None, 0, 2, 0) for e in group]
    assert [p + c for p, c in zip(prompts, completions, strict=True)] == [e.ids for e in rows]
    assert [[0] * len(p) + m for p, m in zip(prompts, mask, strict=True)] == [e.mask for e in rows]
    assert (texts, logprobs) == ([""] * 6, None)
    assert sum(columns["advantage"]) == pytest.approx(0)
    assert [len(p) for p in pictures] == [len(e.images) for e in rows]
    assert pictures == of_tools
    source = inspect.getsource(trl.GRPOTrainer._generate_and_score_completions)
    assert source.count(") = self._generate(prompts)") == 1  # and takes eight values
    assert source[: source.index(") = self._generate(prompts)")].rsplit("(\n", 1)[1].count(",") == 8


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("kind", KINDS)
def test_both_backends_make_the_same_loss_and_gradient(tmp_path: Path, kind: str, beta: float) -> None:
    found, told = [], []
    for backend in ("accelerate", "trl"):
        settings = made.settings(backend, steps=1, loss=kind, beta=beta, scale="batch")
        model = made.model()
        found.append(made.Gradients(model))
        told += made.run("grpo", settings, tmp_path / backend, model)
    assert found[0].apart(found[1]) < 1e-6
    assert told[0]["loss"] == pytest.approx(told[1]["loss"], rel=1e-5, abs=1e-8)
    for name in set(told[0]) - {"seconds/rollout", "seconds/update", "logp_apart/mean", "logp_apart/max"}:
        assert told[0][name] == pytest.approx(told[1][name], rel=1e-5, abs=1e-7), name
    assert told[0].keys() == told[1].keys()


def test_both_backends_do_the_same_with_rows_that_take_no_part(tmp_path: Path) -> None:
    """A cut rollout, one without a reward, and a group that taught nothing and could not be replaced."""

    def rollouts(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        found = made.groups(3, 4, seed=5)[3 - groups :]
        found[0][1].end = "no_eos"
        found[0][2].reward = None
        for episode in found[-1]:
            episode.reward = found[-1][0].reward
        return found

    found = []
    for backend in ("accelerate", "trl"):
        model = made.model()
        found.append(made.Gradients(model))
        settings = made.settings(backend, steps=1, tasks=3, group=4, unfinished="exclude", scale="group", loss="grpo")
        told = made.run("grpo", settings, tmp_path / backend, model, rollouts=rollouts)
        assert (told[0]["rows_trained"], told[0]["groups/kept"]) == (6, 2)
    assert found[0].apart(found[1]) < 1e-6


def test_both_backends_clip_alike_when_a_rollout_is_used_twice(tmp_path: Path) -> None:
    told = []
    for backend in ("accelerate", "trl"):
        settings = made.settings(backend, steps=2, epsilon=1e-3, epsilon_high=2e-3)
        told.append(
            made.run(
                "grpo",
                dataclasses.replace(settings, grpo=dataclasses.replace(settings.grpo, passes=2)),
                tmp_path / backend,
                made.model(),
            )
        )
    assert [[row["step"] for row in rows] for rows in told] == [[0, 1], [0, 1]]
    assert told[0][0]["clip_fraction"] > 0.1
    for name, apart in (("loss", 1e-3), ("entropy", 1e-3), ("grad_norm", 1e-3), ("clip_fraction", 0.02)):
        assert told[0][0][name] == pytest.approx(told[1][0][name], rel=apart), name  # TRL averages shares of micro-batches


@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_both_backends_give_the_same_losses_step_after_step(tmp_path: Path, stage: str) -> None:
    told = {b: made.run(stage, made.settings(b, steps=3), tmp_path / b, made.model()) for b in ("accelerate", "trl")}
    losses = [[row["loss"] for row in rows] for rows in told.values()]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3, abs=1e-5)
    assert [row["learning_rate"] for row in told["trl"]] == [row["learning_rate"] for row in told["accelerate"]]


def test_both_backends_weigh_every_token_of_an_sft_step_alike(tmp_path: Path) -> None:
    found = []
    for backend, micro in (("accelerate", 3), ("trl", 1), ("trl", 3), ("trl", 6)):
        settings = made.settings(backend, steps=1)
        optimiser = dataclasses.replace(settings.sft.optimiser, micro_batch=micro)
        settings = dataclasses.replace(settings, sft=dataclasses.replace(settings.sft, batch=6, optimiser=optimiser))
        model = made.model()
        found.append(made.Gradients(model))
        told = made.run("sft", settings, tmp_path / f"{backend}{micro}", model)
        found[0].__dict__.setdefault("losses", []).append(told[0]["loss"])
    assert found[0].__dict__["losses"] == pytest.approx([found[0].__dict__["losses"][0]] * 4, rel=1e-6)
    assert max(found[0].apart(other) for other in found[1:]) < 1e-6


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_off_policy_losses_are_those_of_trl(kind: str, beta: float) -> None:
    """TRL's own `_compute_loss` on made-up log-probabilities: ratios beyond both clips, tokens the policy did not write."""
    torch.manual_seed(3)
    now = (torch.randn(4, 6) - 2).requires_grad_(True)
    old, reference = now.detach() + 0.4 * torch.randn(4, 6), now.detach() + 0.3 * torch.randn(4, 6)
    advantages, mask = torch.tensor([1.0, -0.5, 0.3, -0.8]), (torch.rand(4, 6) < 0.7).long()
    inputs = {
        "prompt_ids": torch.zeros(4, 2, dtype=torch.long), "prompt_mask": torch.ones(4, 2), "completion_ids": torch.zeros(4, 6).long(),
        "completion_mask": torch.ones(4, 6, dtype=torch.long), "tool_mask": mask, "advantages": advantages, "old_per_token_logps": old,
        "ref_per_token_logps": reference, "num_items_in_batch": mask.sum(),
    }  # fmt: skip
    accelerator = SimpleNamespace(num_processes=1, reduce=lambda x, reduction: x, gather=lambda x: x)
    theirs = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (now, torch.zeros(4, 6), None), aux_loss_enabled=False, top_entropy_quantile=1.0,
        off_policy_mask_threshold=None, importance_sampling_level="sequence" if kind == "gspo" else "token", beta=beta,
        loss_type="grpo" if kind == "gspo" else kind, epsilon_low=0.2, epsilon_high=0.28, use_vllm=False, max_completion_length=50,
        model=SimpleNamespace(training=True), current_gradient_accumulation_steps=1, accelerator=accelerator, _entropy_bonus_enabled=False,
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=1),
        _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    wanted = trl.GRPOTrainer._compute_loss(theirs, None, inputs)
    (their_gradient,) = torch.autograd.grad(wanted, now)
    wrote = mask.bool()
    mine = policy_loss(
        now[wrote],
        old[wrote],
        wrote.nonzero()[:, 0],
        advantages,
        StepSize(int(mask.sum()), 4, 50),
        kind,
        0.2,
        0.28,
        beta,
        reference[wrote],
    )
    (gradient,) = torch.autograd.grad(mine.loss, now)
    assert mine.loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert torch.allclose(gradient, their_gradient, rtol=1e-4, atol=1e-7)
    if kind != "gspo":
        assert mine.clipped / int(mask.sum()) == pytest.approx(theirs._metrics["train"]["clip_ratio/region_mean"][0])
    if beta:
        assert mine.kl / int(mask.sum()) == pytest.approx(theirs._metrics["train"]["kl"][0], rel=1e-5)


def test_steps_are_divided_into_equal_micro_batches() -> None:
    assert divided(64, 4) == (4, 16)
    assert divided(6, 4) == (3, 2)
    assert divided(7, 4) == (1, 7)
    assert divided(2, 8) == (2, 1)
    with pytest.raises(TrlError, match="cannot be shared"):
        divided(0, 4)


def test_rollouts_that_trl_cannot_take_are_named(tmp_path: Path) -> None:
    def short(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        return [group[:2] for group in made.groups(groups, 3, seed=salt)]

    def blind(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        found = made.groups(groups, 3, seed=salt)
        found[0][1].images.pop()
        return found

    with pytest.raises(GrpoError, match="groups of 3 rollouts, got one of 2"):
        made.run("grpo", made.settings("trl"), tmp_path / "a", made.model(), rollouts=short)
    with pytest.raises(BatchError, match=r"row 1 \(t1\): \d+ image tokens, but its 1 pictures"):
        made.run("grpo", made.settings("trl"), tmp_path / "b", made.model(), rollouts=blind)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21 and transformers 5.23
def test_an_adapter_and_a_projector_go_on_where_they_were(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    def adapted() -> Any:
        torch.manual_seed(0)
        model = get_peft_model(made.model(), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
        for parameter in model.get_base_model().model.visual.merger.parameters():
            parameter.requires_grad_(True)
        return model

    settings = made.settings("trl", steps=2, beta=0.1)
    settings = dataclasses.replace(settings, run=dataclasses.replace(settings.run, save_every=1))
    whole, other = adapted(), adapted()
    made.run("grpo", settings, tmp_path / "whole", whole)
    made.run("grpo", settings, tmp_path / "cut", adapted(), killed_after=1)
    assert [row.get("step") for row in made.run("grpo", settings, tmp_path / "cut", other)] == [None, 1]
    mine, again = made.weights(whole), made.weights(other)
    assert all(torch.equal(mine[name], again[name]) for name in mine)
    assert trl_backend.trl_checkpoints.newest(tmp_path / "cut") == tmp_path / "cut" / "trl" / "checkpoint-2"
