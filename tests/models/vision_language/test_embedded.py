"""The embedded model: exactly SmolLM2 where it reads text, and a model that transformers can save, load and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")

PICTURE = Image.radial_gradient("L").resize((160, 120)).convert("RGB")
CHAT = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Where?"}]}]


def inputs(processor: Any, chat: list[dict[str, Any]] = CHAT, images: Any = (PICTURE,)) -> Any:
    text = processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return processor(text=[text], images=list(images) or None, return_tensors="pt")


def test_text_is_read_as_smollm2_reads_it(assembled: tuple[Any, Any]) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.initialization import no_init_weights

    from models.vision_language import smollm2

    state, _ = smollm2.load()
    config = LlamaConfig(
        vocab_size=smollm2.VOCABULARY, hidden_size=smollm2.WIDTH, intermediate_size=smollm2.INNER, num_hidden_layers=smollm2.LAYERS,
        num_attention_heads=smollm2.HEADS, num_key_value_heads=smollm2.KEY_HEADS, rms_norm_eps=smollm2.EPSILON,
        max_position_embeddings=smollm2.CONTEXT, rope_parameters={"rope_type": "default", "rope_theta": smollm2.ROPE_THETA},
        tie_word_embeddings=True,
    )  # fmt: skip
    with no_init_weights():
        llama = LlamaForCausalLM(config)
    llama.load_state_dict({**state, "lm_head.weight": state["model.embed_tokens.weight"]}, assign=True)
    model, processor = assembled
    ids = processor.tokenizer("The capital of France is Paris, at 48.85 N, 2.35 E.", return_tensors="pt").input_ids
    with torch.inference_mode():
        theirs, ours = llama.eval()(ids).logits, model(input_ids=ids).logits
    assert float((theirs - ours[..., : smollm2.VOCABULARY]).abs().max()) < 1e-4
    assert processor.tokenizer.decode(theirs[0, 4].argmax()) == " Paris"


def test_the_assembled_model_answers(assembled: tuple[Any, Any]) -> None:
    model, processor = assembled
    asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is the capital of France?"}]}]
    with torch.inference_mode():
        made = inputs(processor, asked)
        wrote = model.generate(**made, max_new_tokens=12, do_sample=False)[0, made["input_ids"].shape[1] :]
    assert processor.tokenizer.decode(wrote, skip_special_tokens=True) == "The capital of France is Paris."


def test_new_rows_differ_and_tokens_of_pictures_are_as_large_as_words(assembled: tuple[Any, Any]) -> None:
    model, processor = assembled
    table = model.get_input_embeddings().weight
    assert model.lm_head.weight is table
    assert len({tuple(row.tolist()) for row in table[-8:]}) == 8
    made = inputs(processor)
    with torch.inference_mode():
        tokens = model.visual(made["pixel_values"], made["image_grid_thw"]).pooler_output
    assert 0.3 < float(tokens.std() / table.std()) < 3


def test_saved_and_loaded_it_is_the_same(tiny: tuple[Any, Any], tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model, processor = tiny
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=torch.float32).eval()
    again = AutoProcessor.from_pretrained(tmp_path)
    assert type(loaded) is type(model)
    assert type(again) is type(processor)
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight
    first, second = inputs(processor), inputs(again)
    assert all(torch.equal(first[key], second[key]) for key in first)
    with torch.inference_mode():
        assert torch.equal(model(**first).logits, loaded(**second).logits)


def test_padding_on_the_left_changes_nothing(tiny: tuple[Any, Any]) -> None:
    model, processor = tiny
    text = processor.apply_chat_template(CHAT, add_generation_prompt=True, tokenize=False)
    both = processor(text=[text, text + "Rome is far"], images=[[PICTURE], [PICTURE]], padding=True, return_tensors="pt")
    with torch.inference_mode():
        alone, padded = model(**inputs(processor)).logits, model(**both).logits
    assert torch.allclose(alone[0], padded[0, -alone.shape[1] :], atol=1e-5)


def test_the_head_may_be_asked_at_some_positions_alone(tiny: tuple[Any, Any]) -> None:
    model, processor = tiny
    made = inputs(processor)
    every = made["attention_mask"].shape[1]
    with torch.inference_mode():
        whole = model(**made).logits
        some = model(**made, logits_to_keep=torch.tensor([3, every - 1])).logits
        marked = model(**made, logits_to_keep=made["attention_mask"].bool()).logits
    assert torch.allclose(some, whole[:, [3, every - 1]], atol=1e-6)
    assert torch.allclose(marked, whole[0], atol=1e-6)


def test_generation_never_writes_tokens_of_pictures(assembled: tuple[Any, Any]) -> None:
    model, processor = assembled
    assert set(model.generation_config.suppress_tokens) == {processor.tokenizer.convert_tokens_to_ids(t) for t in (
        "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")}  # fmt: skip
    assert model.generation_config.eos_token_id == processor.tokenizer.eos_token_id
