"""What stands between pictures and text and the model's inputs: the tokenizer's additions, the chat template, processors without video."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerFast, ProcessorMixin, Qwen2_5_VLProcessor, Qwen2VLImageProcessorPil

from models.vision_language.efficientnet_visual import FRAMES, MERGE, PATCH
from models.vision_language.smollm2 import CONTEXT

VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
"""Special: they go when text is decoded without special tokens, and text of the world cannot contain them."""
HERMES_TOKENS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
"""Not special: a reply is parsed by them."""
NEW_TOKENS = VISION_TOKENS + HERMES_TOKENS

MIN_PIXELS, MAX_PIXELS = 96 * 96, 224 * 224
"""Of a picture after scaling: 9 to 49 tokens."""

CHAT_TEMPLATE = """\
{%- macro parts(content) -%}
    {%- if content is string %}{{- content }}
    {%- else %}
        {%- for part in content or [] %}
            {%- if part.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}{%- else %}{{- part.text }}{%- endif %}
        {%- endfor %}
    {%- endif %}
{%- endmacro -%}
{%- set told = messages[0].role == 'system' %}
{%- if tools or told %}
    {{- '<|im_start|>system\\n' }}
    {%- if told %}{{- parts(messages[0].content) }}{%- endif %}
    {%- if tools %}
        {%- if told %}{{- '\\n\\n' }}{%- endif %}
        {{- '# Tools\\n' }}
        {%- for tool in tools %}
            {%- set tool = tool.function or tool %}
            {{- tool.name ~ '(' ~ ((tool.parameters or {}).properties or {}) | join(', ') ~ '): ' ~ (tool.description or '') | replace('\\n', ' ') ~ '\\n' }}
        {%- endfor %}
        {{- 'A call: <tool_call>\\n{"name": "...", "arguments": {...}}\\n</tool_call>' }}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'system' %}
        {%- if not loop.first %}{{- '<|im_start|>system\\n' ~ parts(message.content) ~ '<|im_end|>\\n' }}{%- endif %}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant\\n' }}
        {%- generation %}
            {{- parts(message.content) }}
            {%- for call in message.tool_calls or [] %}
                {%- set call = call.function or call %}
                {%- if message.content or not loop.first %}{{- '\\n' }}{%- endif %}
                {{- '<tool_call>\\n{"name": "' ~ call.name ~ '", "arguments": ' }}
                {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
            {{- '<|im_end|>' }}
        {%- endgeneration %}
        {{- '\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' ~ parts(message.content) ~ '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- else %}
        {{- '<|im_start|>' ~ message.role ~ '\\n' ~ parts(message.content) ~ '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
"""Hermes tool calls in ChatML, pictures in any message; a tool is one line (its whole schema would be hundreds of tokens). What is said
first stays as it is when more is said."""


class EmbeddedProcessor(Qwen2_5_VLProcessor):  # type: ignore[misc]
    """Qwen2.5-VL's processor without the video part, which alone would need torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None, **kwargs: Any) -> None:
        super().__init__(image_processor, tokenizer, None, chat_template=chat_template)

    @classmethod
    def get_attributes(cls) -> list[str]:
        return ["image_processor", "tokenizer"]

    def check_argument_for_proper_class(self, *args: Any, **kwargs: Any) -> None:
        return None


def make_processor(tokenizer: Any, min_pixels: int = MIN_PIXELS, max_pixels: int = MAX_PIXELS) -> EmbeddedProcessor:
    """A processor around a `tokenizers.Tokenizer`, which gets the new tokens; pictures have `min_pixels` to `max_pixels` after scaling."""
    from tokenizers import AddedToken

    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",  # noqa: S106
        eos_token="<|im_end|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
        unk_token="<|endoftext|>",  # noqa: S106
        padding_side="left",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.add_tokens([AddedToken(token, special=True, normalized=False) for token in VISION_TOKENS], special_tokens=True)
    fast.add_tokens([AddedToken(token, special=False, normalized=False) for token in HERMES_TOKENS])
    fast.chat_template = CHAT_TEMPLATE
    pictures = Qwen2VLImageProcessorPil(
        patch_size=PATCH,
        merge_size=MERGE,
        temporal_patch_size=FRAMES,
        size={"shortest_edge": min_pixels, "longest_edge": max_pixels},
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
    )
    return EmbeddedProcessor(pictures, fast, chat_template=CHAT_TEMPLATE)


def image_only(kind: str) -> type[ProcessorMixin]:
    """The stock processor class of a Qwen-VL model type without the video part. Raises KeyError for another type."""
    import transformers

    base = {"qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor", "qwen3_vl": "Qwen3VLProcessor"}[kind]
    stock: Any = getattr(transformers, base)

    class ImageOnly(stock):  # type: ignore[misc]
        def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None, **kwargs: Any) -> None:
            stock.__init__(self, image_processor, tokenizer, None, chat_template=chat_template)

        @classmethod
        def get_attributes(cls) -> list[str]:
            return ["image_processor", "tokenizer"]

        def check_argument_for_proper_class(self, *args: Any, **kwargs: Any) -> None:
            return None

    ImageOnly.__name__ = base
    return ImageOnly
