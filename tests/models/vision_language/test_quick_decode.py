"""Int8 weights for single tokens."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_rounding_is_by_row_and_few_rows_alone_are_rounded() -> None:
    from models.vision_language.quick_decode import MOST_ROWS, QuickLinear

    torch.manual_seed(0)
    linear = torch.nn.Linear(96, 64)
    quick = QuickLinear(linear)
    many, few = torch.randn(MOST_ROWS + 1, 96), torch.randn(2, 1, 96)
    with torch.inference_mode():
        assert torch.equal(quick(many), linear(many))
        scale = linear.weight.abs().amax(1, keepdim=True) / 127
        wanted = few @ ((linear.weight / scale).round() * scale).T + linear.bias
        assert quick(few).shape == (2, 1, 64)
        assert float((quick(few) - wanted).abs().max()) < 0.02 * float(wanted.std())


def test_the_model_writes_nearly_the_same(tiny: tuple[Any, Any]) -> None:
    from models.vision_language.quick_decode import QuickLinear, quickened

    model, processor = tiny
    ids = processor.tokenizer("abc", return_tensors="pt").input_ids
    with torch.inference_mode():
        plain = model(input_ids=ids).logits
        quick = quickened(model)
        assert isinstance(quick.lm_head, QuickLinear)
        assert isinstance(quick.visual.proj, torch.nn.Linear)
        rounded = quick(input_ids=ids).logits
    assert 0 < float((plain - rounded).abs().max()) < 0.05 * float(plain.std())
