"""LoRA inside the weights while rollouts are sampled, and out of them again."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rl_training.batch import model_inputs, to_batch
from rl_training.config import ModelSettings
from rl_training.folded import folded
from rl_training.policy_model import trainable
from tests.rl_training import made

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")


def with_lora(dtype: torch.dtype = torch.float32) -> Any:
    """The tiny model with an adapter that has learned something."""
    model = trainable(made.model().to(dtype), ModelSettings(lora_rank=2, lora_alpha=4, train_projector=False)).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0.0, 0.2)
    return model


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(**model_inputs(to_batch([made.episode(3, pictures=1)], made.processor()))).logits


def weights(model: Any) -> dict[str, Any]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def test_it_answers_the_same_and_leaves_no_trace() -> None:
    model = with_lora()
    before, beside = weights(model), logits(model)
    with folded(model):
        assert (
            sum("forward" in vars(module) for module in model.modules()) == 7 * model.config.get_text_config().num_hidden_layers
        )
        inside = logits(model)
    assert torch.allclose(inside, beside, atol=1e-5)
    assert not any("forward" in vars(module) for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in weights(model).items())
    assert torch.equal(logits(model), beside)


def test_a_fault_inside_takes_it_out_again() -> None:
    model = with_lora()
    beside = logits(model)
    with pytest.raises(RuntimeError, match="fault"), folded(model):
        raise RuntimeError("fault")
    assert torch.equal(logits(model), beside)


def gradients(model: Any) -> dict[str, Any]:
    model.zero_grad(set_to_none=True)
    batch = model_inputs(to_batch([made.episode(3, pictures=1), made.episode(4, pictures=1)], made.processor()))
    model(**batch).logits.float().logsumexp(-1).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_gradients_are_those_of_the_adapter_beside_its_maps() -> None:
    model = with_lora().train()
    beside = gradients(model)
    with folded(model):
        inside = gradients(model)
    assert inside.keys() == beside.keys()
    assert sum("lora_" in name for name in inside) == 14 * model.config.get_text_config().num_hidden_layers
    for name, gradient in beside.items():
        assert torch.allclose(inside[name], gradient, atol=1e-4 * float(gradient.abs().max()) + 1e-9), name


def test_weights_in_bfloat16_are_folded_in_float32_and_rounded_once() -> None:
    model = with_lora(torch.bfloat16)
    layer = next(m for name, m in model.named_modules() if name.endswith("layers.0.mlp.up_proj"))
    wanted = (layer.get_base_layer().weight.float() + layer.get_delta_weight("default").float()).bfloat16()
    with folded(model):
        (weight,) = layer.forward.args[1:]
        assert torch.equal(weight, wanted)


def test_maps_with_more_than_lora_keep_it_beside_them() -> None:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(made.model(), LoraConfig(r=2, target_modules=["up_proj"], lora_dropout=0.1))
    with folded(model):
        assert not any("forward" in vars(module) for module in model.modules())


def test_a_model_without_lora_stays_as_it_is() -> None:
    model = made.model().eval()
    beside = logits(model)
    with folded(model):
        assert torch.equal(logits(model), beside)
