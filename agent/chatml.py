"""From messages to the tokens of a ChatML model (Qwen-VL, GeoVista, the embedded policy), with a mask of what the policy wrote.

The one renderer of inference, SFT rows and GRPO rollouts. Replies that carry the tokens they were sampled as keep them: nothing is
tokenized twice. Text of the world can never become a control token: only this module writes those.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from PIL import Image

ToolsAs = Literal["schemas", "names"]

SAMPLED = "sampled"
"""Key in `AIMessage.response_metadata`: `{"ids": [...], "logp": [...], "end": "stop" | "length"}`."""

_TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
_TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)


@dataclass
class Stream:
    """Tokens with what training needs to know of each; all lists are [L]."""

    ids: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    """1 where the policy wrote the token."""
    logp: list[float] = field(default_factory=list)
    """Log-probability of sampled tokens, 0 elsewhere."""
    images: list[Image.Image] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """A digest of each picture."""

    def add(self, ids: Sequence[int], written: bool = False, logp: Sequence[float] | None = None) -> None:
        self.ids += ids
        self.mask += [int(written)] * len(ids)
        self.logp += logp if logp is not None else [0.0] * len(ids)


class ChatML:
    """Writes conversations for one processor. `tools_as="names"` names the tools instead of printing their schemas: for small models
    that were trained on these tools."""

    def __init__(self, processor: Any, tools_as: ToolsAs = "schemas") -> None:
        self.tokenizer, self.image_processor = processor.tokenizer, processor.image_processor
        self.tools_as = tools_as
        control = sorted(self.tokenizer.get_added_vocab(), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, control))) if control else re.compile(r"(?!)")
        one = self.tokenizer.convert_tokens_to_ids
        self.begin, self.end = one("<|im_start|>"), one("<|im_end|>")
        self.vision = one("<|vision_start|>"), one("<|image_pad|>"), one("<|vision_end|>")

    @staticmethod
    def fits(processor: Any) -> bool:
        """Whether the model speaks ChatML with Qwen-VL's picture tokens."""
        tokenizer = getattr(processor, "tokenizer", None)
        if tokenizer is None or not hasattr(getattr(processor, "image_processor", None), "merge_size"):
            return False
        return {"<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"} <= set(tokenizer.get_vocab())

    def prompt(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] | None) -> Stream:
        """The conversation up to where the assistant begins."""
        stream = self.written(messages, tools)
        stream.add([self.begin, *self._plain("assistant\n")])
        return stream

    def written(
        self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] | None, recorded: bool = True
    ) -> Stream:
        """The whole conversation. Without `recorded`, replies are written out anew instead of as they were sampled: the rows of SFT."""
        stream = Stream()
        rest = list(messages)
        if rest and rest[0].type == "system" or tools:
            system = rest.pop(0) if rest and rest[0].type == "system" else None
            self._system(stream, system, tools)
        for row, message in enumerate(rest):
            if isinstance(message, ToolMessage):
                self._tool(stream, message, rest, row)
            elif isinstance(message, AIMessage):
                self._assistant(stream, message, recorded)
            else:
                stream.add([self.begin, *self._plain(f"{_role(message)}\n")])
                self._content(stream, message.content)
                stream.add([self.end, *self._plain("\n")])
        return stream

    def text(self, text: str) -> list[int]:
        """Text of any origin as ids, none of which is a control token."""
        ids, at = [], 0
        for match in self._control.finditer(text):
            ids += self._plain(text[at : match.start() + 1])  # a control token that is cut in two is ordinary text
            at = match.start() + 1
        return ids + self._plain(text[at:])

    def call(self, name: str, arguments: Mapping[str, Any]) -> list[int]:
        """One call in the Hermes form."""
        body = f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {json.dumps(arguments, ensure_ascii=False)}}}'
        return [*self._plain("<tool_call>\n"), *self.text(body), *self._plain("\n</tool_call>")]

    # -- the parts

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False)) if text else []

    def _system(self, stream: Stream, system: BaseMessage | None, tools: Sequence[Mapping[str, Any]] | None) -> None:
        stream.add([self.begin, *self._plain("system\n")])
        if system is not None:
            stream.add(self.text(_text_of(system)))
        if tools:
            stream.add(self._plain("\n\n") if system is not None else [])
            if self.tools_as == "names":
                stream.add(self.text("Tools: " + ", ".join(str(tool["function"]["name"]) for tool in tools)))
            else:
                stream.add(self._plain(_TOOLS_HEAD))
                stream.add(self.text("".join(f"\n{json.dumps(tool, ensure_ascii=False)}" for tool in tools)))
                stream.add(self._plain(_TOOLS_TAIL))
        stream.add([self.end, *self._plain("\n")])

    def _assistant(self, stream: Stream, message: AIMessage, recorded: bool) -> None:
        stream.add([self.begin, *self._plain("assistant\n")])
        sampled = message.response_metadata.get(SAMPLED) if recorded else None
        if sampled:
            stream.add(sampled["ids"], True, sampled["logp"])
            ended = bool(sampled["ids"]) and sampled["ids"][-1] == self.end
            stream.add([] if ended else [self.end])
        else:
            words = _text_of(message)
            stream.add(self.text(words), True)
            for number, call in enumerate(message.tool_calls):
                stream.add(self._plain("\n") if words or number else [], True)
                stream.add(self.call(call["name"], call["args"]), True)
            stream.add([self.end], True)
        stream.add(self._plain("\n"))

    def _tool(self, stream: Stream, message: ToolMessage, rest: Sequence[BaseMessage], row: int) -> None:
        """Results that follow each other share one user turn, as in Qwen's template."""
        if row == 0 or not isinstance(rest[row - 1], ToolMessage):
            stream.add([self.begin, *self._plain("user")])
        stream.add(self._plain("\n<tool_response>\n"))
        self._content(stream, message.content)
        stream.add(self._plain("\n</tool_response>"))
        if row + 1 == len(rest) or not isinstance(rest[row + 1], ToolMessage):
            stream.add([self.end, *self._plain("\n")])

    def _content(self, stream: Stream, content: Any) -> None:
        for block in content if isinstance(content, list) else [content]:
            if isinstance(block, dict) and block.get("type") == "image_url":
                image, key = picture(block["image_url"]["url"])
                first, pad, last = self.vision
                stream.add([first, *[pad] * self.image_tokens(image), last])
                stream.images.append(image)
                stream.keys.append(key)
            else:
                stream.add(self.text(block if isinstance(block, str) else str(block.get("text", ""))))

    def image_tokens(self, image: Image.Image) -> int:
        """How many tokens the picture takes."""
        patches = self.image_processor.get_number_of_image_patches(image.height, image.width)
        return int(patches) // int(self.image_processor.merge_size) ** 2


def picture(url: str) -> tuple[Image.Image, str]:
    """The picture of a data URL and its digest. Raises ValueError for anything else: nothing is fetched."""
    head, _, data = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise ValueError("pictures are given as data URLs")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        return image.convert("RGB"), hashlib.sha256(data.encode()).hexdigest()[:16]
    except (binascii.Error, OSError) as error:
        raise ValueError("a picture of the conversation could not be read") from error


def _role(message: BaseMessage) -> str:
    return {"human": "user", "ai": "assistant"}.get(message.type, message.type)


def _text_of(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(b if isinstance(b, str) else str(b.get("text", "")) for b in message.content)
