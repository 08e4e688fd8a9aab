"""The chat template and the tokenizer's additions."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

TOOLS = [
    {"type": "function", "function": {"name": "zoom", "description": "Looks\ncloser.",
                                      "parameters": {"properties": {"view": {"type": "string"}, "region": {}}}}},
    {"type": "function", "function": {"name": "stop", "description": "Ends."}},
]  # fmt: skip
CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Rules."},
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Where?"}]},
    {"role": "assistant", "content": "A sign.", "tool_calls": [
        {"type": "function", "function": {"name": "zoom", "arguments": {"view": "v1", "region": 2}}},
        {"type": "function", "function": {"name": "stop", "arguments": "{}"}}]},
    {"role": "tool", "content": [{"type": "text", "text": "closer"}, {"type": "image"}]},
    {"role": "tool", "content": "ended"},
    {"role": "assistant", "content": "Rome."},
]  # fmt: skip
WRITTEN = """<|im_start|>system
Rules.

# Tools
zoom(view, region): Looks closer.
stop(): Ends.
A call: <tool_call>
{"name": "...", "arguments": {...}}
</tool_call><|im_end|>
<|im_start|>user
<|vision_start|><|image_pad|><|vision_end|>Where?<|im_end|>
<|im_start|>assistant
A sign.
<tool_call>
{"name": "zoom", "arguments": {"view": "v1", "region": 2}}
</tool_call>
<tool_call>
{"name": "stop", "arguments": {}}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
closer<|vision_start|><|image_pad|><|vision_end|>
</tool_response>
<tool_response>
ended
</tool_response><|im_end|>
<|im_start|>assistant
Rome.<|im_end|>
"""


def test_a_conversation_is_written_as_hermes_does(tiny: tuple[Any, Any]) -> None:
    _, processor = tiny
    assert processor.apply_chat_template(CHAT, tools=TOOLS, tokenize=False) == WRITTEN
    plain = processor.apply_chat_template([{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False)
    assert plain == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_what_was_said_stays_when_more_is_said(tiny: tuple[Any, Any]) -> None:
    _, processor = tiny
    for turns in (2, 5):
        said = processor.apply_chat_template(CHAT[:turns], tools=TOOLS, add_generation_prompt=True, tokenize=False)
        assert WRITTEN.startswith(said)


def test_the_mask_marks_what_the_policy_wrote(tiny: tuple[Any, Any]) -> None:
    _, processor = tiny
    chat = [*CHAT[:1], {"role": "user", "content": "Where?"}, CHAT[5]]
    made = processor.tokenizer.apply_chat_template(chat, return_dict=True, return_assistant_tokens_mask=True)
    marked = [token for token, mark in zip(made["input_ids"], made["assistant_masks"], strict=True) if mark]
    assert processor.tokenizer.decode(marked) == "Rome.<|im_end|>"


def test_tokens_of_pictures_are_special_and_those_of_calls_are_not(tiny: tuple[Any, Any]) -> None:
    tokenizer = tiny[1].tokenizer
    ids = tokenizer("<|vision_start|><tool_call>x</tool_call><|im_end|>").input_ids
    assert len(ids) == 5
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<tool_call>x</tool_call>"
    assert tokenizer.padding_side == "left"
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")


@pytest.mark.parametrize(
    ("size", "count"), [((640, 480), 48), ((2000, 2000), 49), ((20, 20), 9), ((1000, 100), 44), ((90, 90), 9)]
)
def test_a_token_stands_for_32_pixels_squared(tiny: tuple[Any, Any], size: tuple[int, int], count: int) -> None:
    _, processor = tiny
    made = processor(text=["<|vision_start|><|image_pad|><|vision_end|>"], images=[Image.new("RGB", size)], return_tensors="pt")
    assert int((made["input_ids"] == processor.image_token_id).sum()) == count == int(made["image_grid_thw"].prod()) // 4


def test_stock_processors_do_without_video() -> None:
    from models.vision_language.processor import image_only

    assert image_only("qwen2_5_vl").__name__ == "Qwen2_5_VLProcessor"
    with pytest.raises(KeyError):
        image_only("llava")
