from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from rl_training.batch import model_inputs, to_batch
from rl_training.checkpoints import CheckpointError, trained
from rl_training.episode import Episode
from rl_training.reference import Reference
from rl_training.reward import Reward
from rl_training.train_loop import LoopError
from tests.rl_training import made


def with_sft(**changes: Any) -> Any:
    settings = made.settings(steps=1)
    optimiser = dataclasses.replace(settings.sft.optimiser, **{k: v for k, v in changes.items() if k != "batch"})
    return dataclasses.replace(
        settings, sft=dataclasses.replace(settings.sft, batch=changes.get("batch", 4), optimiser=optimiser)
    )


def test_the_sft_loss_is_the_mean_over_the_tokens_of_the_step_whatever_the_micro_batches(tmp_path: Path) -> None:
    """Rows have 5, 10 and 15 written tokens: a mean of micro-batches' means would be another number."""
    model = made.model()
    rows = [made.episode(i, turns=1 + i % 3) for i in range(7)]
    batch = to_batch(rows, made.processor())
    logits = model(**model_inputs(batch)).logits[:, :-1]
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"][:, 1:].flatten())
    gradients, losses = [], []
    for micro in (1, 3, 7):
        model = made.model()
        gradients.append(made.Gradients(model))
        losses += made.run("sft", with_sft(batch=7, micro_batch=micro), tmp_path / str(micro), model)
    assert [row["loss"] for row in losses] == pytest.approx([wanted.item()] * 3, rel=1e-6)
    assert gradients[0].apart(gradients[1]) < 1e-6
    assert gradients[0].apart(gradients[2]) < 1e-6
    assert losses[0]["tokens_trained"] == 65


def test_rows_that_are_too_long_are_left_out_and_counted(tmp_path: Path) -> None:
    settings = with_sft()
    lengths = sorted(len(made.episode(i, turns=1 + i % 3).ids) for i in range(7))
    settings = dataclasses.replace(settings, sft=dataclasses.replace(settings.sft, max_tokens=lengths[4]))
    told = made.run("sft", settings, tmp_path, made.model())
    assert (told[0]["rows"], told[0]["rows_left_out"]) == (5, 2)


@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path, stage: str) -> None:
    settings = made.settings(steps=2)
    other = dataclasses.replace(settings, run=dataclasses.replace(settings.run, seed=4))
    found = []
    for name, chosen in (("a", settings), ("b", settings), ("c", other)):
        model = made.model()
        made.run(stage, chosen, tmp_path / name, model)
        found.append(made.weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    if stage == "sft":
        assert not all(torch.equal(found[0][name], found[2][name]) for name in found[0])


def test_groups_without_a_lesson_leave_the_weights_alone(tmp_path: Path) -> None:
    """Rewards that are equal, or nearly so, after steps that gave AdamW momentum."""

    def rollouts(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        found = made.groups(groups, 3, seed=step)
        for k, episode in enumerate(e for group in found for e in group):
            if step:
                episode.reward = Reward(0.5 + 4e-4 * (k % 3), {})
        return found

    for backend in ("accelerate", "trl"):
        models = [made.model(), made.model()]
        made.run("grpo", made.settings(backend, steps=1), tmp_path / backend / "1", models[0], rollouts=rollouts)
        told = made.run("grpo", made.settings(backend, steps=3), tmp_path / backend / "3", models[1], rollouts=rollouts)
        one, three = (made.weights(model) for model in models)
        assert all(torch.equal(one[name], three[name]) for name in one)
        assert [row["rows_trained"] for row in told] == [6, 0, 0]
        assert [(row["groups/drawn"], row["groups/equal"], row["groups/kept"]) for row in told[1:]] == [(4, 4, 0)] * 2


def test_episodes_without_a_reward_have_no_part_in_the_step(tmp_path: Path) -> None:
    """A fault of the world in a group of four is a group of three."""

    def rollouts(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        found = made.groups(groups, 3, seed=1)
        if with_fault:
            found[0].insert(1, made.episode(77, end="world_error", written=9))
        return found

    gradients = []
    for with_fault in (False, True):
        model = made.model()
        gradients.append(made.Gradients(model))
        settings = made.settings(steps=1, loss="dr_grpo")
        told = made.run("grpo", settings, tmp_path / str(with_fault), model, rollouts=rollouts)
    assert gradients[0].apart(gradients[1]) < 1e-6
    assert told[0]["reward/none"] == pytest.approx(1 / 7)
    assert told[0]["end/world_error"] == pytest.approx(1 / 7)


def test_the_reference_is_the_policy_of_the_beginning_and_leaves_no_trace() -> None:
    model = made.model()
    batch = to_batch([made.episode(1)], made.processor())
    reference = Reference(model)
    first = reference.logp(model, batch, 1.0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    moved = made.weights(model)
    assert torch.equal(reference.logp(model, batch, 1.0), first)
    assert not first.requires_grad
    assert all(torch.equal(moved[name], value) for name, value in made.weights(model).items())


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21 and transformers 5.23
def test_an_adapter_is_trained_and_nothing_else(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(made.model(), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    for parameter in model.get_base_model().model.visual.merger.parameters():
        parameter.requires_grad_(True)
    before = made.weights(model)
    told = made.run("grpo", made.settings(steps=2, beta=0.1), tmp_path, model)
    changed = {name for name, value in made.weights(model).items() if not torch.equal(value, before[name])}
    assert changed == set(trained(model))
    assert {"lora_" in name or ".merger." in name for name in changed} == {True}
    assert told[1]["kl"] > 0


def test_weights_that_blow_up_are_told_and_not_taken(tmp_path: Path) -> None:
    model = made.model()
    with torch.no_grad():
        model.lm_head.weight[7, 7] = float("nan")
    before = made.weights(model)
    told = made.run("sft", with_sft(), tmp_path, model)
    assert str(told[0]["loss"]) == str(told[0]["grad_norm"]) == "nan"
    after = made.weights(model)
    assert all(torch.equal(before[name], after[name]) for name in before if "embed_tokens" not in name and "lm_head" not in name)


def test_what_cannot_be_trained_is_said(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="nothing of the model is trained"):
        made.run("sft", made.settings(), tmp_path, made.model().requires_grad_(False))
    made.run("sft", made.settings(steps=1), tmp_path, made.model())
    with pytest.raises(CheckpointError, match="a run of sft, not of grpo"):
        made.run("grpo", made.settings(steps=2), tmp_path, made.model())
