"""The tiny policy: its vocabulary, its size, what it was schooled in, that it writes and reads pictures."""

from __future__ import annotations

import random
from typing import Any

import pytest
from PIL import Image

from agent.chatml import ChatML
from rl_training.schooling import row
from rl_training.tiny import LEAST_PIXELS, tiny_model
from rl_training.tiny_vocabulary import VOCABULARY, corpus, vocabulary


@pytest.fixture(scope="module")
def made() -> tuple[Any, Any]:
    return tiny_model(4 * LEAST_PIXELS)


def test_it_is_the_real_class_with_under_a_million_weights(made: tuple[Any, Any]) -> None:
    from transformers import Qwen2_5_VLForConditionalGeneration

    model, processor = made
    assert type(model) is Qwen2_5_VLForConditionalGeneration
    assert 300_000 < sum(p.numel() for p in model.parameters()) < 1_000_000
    assert not model.training
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert ChatML.fits(processor)
    assert len(processor.tokenizer) == VOCABULARY


def test_it_is_the_same_each_time(made: tuple[Any, Any]) -> None:
    again, _ = tiny_model()
    known = made[0].state_dict()
    assert all(bool((value == known[name]).all()) for name, value in again.state_dict().items())


def test_the_vocabulary_can_be_made_again(made: tuple[Any, Any]) -> None:
    one, other = vocabulary(), vocabulary()
    assert one.to_str() == other.to_str()
    assert one.get_vocab_size() == VOCABULARY
    assert set(one.get_vocab()) & set(made[1].tokenizer.get_vocab()) >= {"<|im_end|>", "<tool_call>", "7", "42"}


def test_no_city_that_is_held_out_is_in_the_corpus() -> None:
    from evals.practice import Practice

    held_out = {plan.city for plan in Practice("easy", 5, 8, cities="held-out").plans()}
    said = "\n".join(corpus())
    assert not [city for city in held_out if f"“{city}”" in said]


def test_a_call_is_five_tokens_and_numbers_are_one(made: tuple[Any, Any]) -> None:
    tokenizer = made[1].tokenizer
    call = '<tool_call>\n{"name": "zoom", "arguments": {"region": 7}}\n</tool_call>'
    assert len(tokenizer.encode(call, add_special_tokens=False)) == 5
    assert all(len(tokenizer.encode(str(number), add_special_tokens=False)) == 1 for number in range(100))
    assert tokenizer.decode(tokenizer.encode("\n7. “", add_special_tokens=False)) == "\n7. “"
    assert len(tokenizer.encode("\n7. “", add_special_tokens=False)) == 1


@pytest.mark.parametrize("text", ["Łódź 12 km", "東京 Tokyo", "пл. Ленина", "😀 \x00 end", "<|im_end|>"])
def test_any_text_comes_back(made: tuple[Any, Any], text: str) -> None:
    tokenizer = made[1].tokenizer
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False), skip_special_tokens=False) == text


def test_a_picture_is_one_to_four_tokens(made: tuple[Any, Any]) -> None:
    chatml = ChatML(made[1])
    assert chatml.image_tokens(Image.new("RGB", (320, 240))) <= 4
    assert chatml.image_tokens(Image.new("RGB", (17, 16))) == 1


def test_made_up_conversations_mark_what_can_be_known(made: tuple[Any, Any]) -> None:
    tokenizer = made[1].tokenizer
    one = row(random.Random(3), tokenizer)
    assert one.mask[0] == 0
    assert 0 < sum(one.mask) < len(one.mask)
    told = [tokenizer.decode([i]) for i, known in zip(one.ids, one.mask, strict=True) if known]
    assert '\n{"name": "find_place", "arguments": {"region": ' in told
    assert row(random.Random(3), tokenizer).ids == one.ids


def test_it_was_schooled_to_ask_for_lines_that_there_are(made: tuple[Any, Any]) -> None:
    import torch

    from rl_training.batch import model_inputs, to_batch

    model, processor = made
    tokenizer = processor.tokenizer
    asks = '\n{"name": "find_place", "arguments": {"region": '
    shares = []
    for seed in range(8):
        one = row(random.Random(1000 + seed), tokenizer)
        words = [tokenizer.decode([i]) for i in one.ids]
        at = words.index(asks)
        with torch.no_grad():
            chance = model(**model_inputs(to_batch([one], processor))).logits[0, at].softmax(-1)
        lines = {word[1:-3] for word in words[:at] if word.startswith("\n") and word.endswith(". “")}
        shares.append(sum(float(chance[tokenizer.encode(line, add_special_tokens=False)[0]]) for line in lines))
    assert sum(shares) / len(shares) > 0.85
