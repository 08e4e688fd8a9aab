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
from importlib import resources
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from PIL import Image

ToolsAs = Literal["schemas", "names"]

SAMPLED = "sampled"
"""Key in `AIMessage.response_metadata`: `{"ids": [...], "logp": [...], "end": "stop" | "length"}`."""

CONTROL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
    "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
)  # fmt: skip
"""What a template keeps text from making where the tokenizer's own control tokens are not given."""

_PICTURE = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>")
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


class _Pen:
    """Writes a stream. Text between two control tokens is tokenized in one go, as it would be by any server that fills in a template."""

    def __init__(self, chatml: ChatML) -> None:
        self.stream = Stream()
        self._chatml, self._text, self._written = chatml, "", False

    def text(self, text: str, written: bool = False) -> None:
        """Text of any origin: nothing in it becomes a control token."""
        if written != self._written:
            self.lift()
            self._written = written
        self._text += text

    def own(self, text: str, written: bool = False) -> None:
        """Text of this module, with its control tokens."""
        for part in self._chatml.control.split(text):
            if part in self._chatml.vocabulary:
                self.ids([self._chatml.vocabulary[part]], written)
            else:
                self.text(part, written)

    def ids(self, ids: Sequence[int], written: bool = False, logp: Sequence[float] | None = None) -> None:
        self.lift()
        self.stream.add(ids, written, logp)

    def lift(self) -> Stream:
        """The stream with all that was written."""
        self.stream.add(self._chatml.text(self._text), self._written)
        self._text = ""
        return self.stream


class ChatML:
    """Writes conversations for one processor. `tools_as="names"` names the tools instead of printing their schemas: for small models
    that were trained on these tools."""

    def __init__(self, processor: Any, tools_as: ToolsAs = "schemas") -> None:
        self.tokenizer, self.image_processor = processor.tokenizer, processor.image_processor
        self.tools_as = tools_as
        self.vocabulary: dict[str, int] = dict(self.tokenizer.get_added_vocab())
        """The control tokens and their ids."""
        longest_first = sorted(self.vocabulary, key=len, reverse=True)
        self.control = re.compile(f"({'|'.join(map(re.escape, longest_first))})" if longest_first else r"((?!))")
        self.end = self.vocabulary["<|im_end|>"]

    @staticmethod
    def fits(processor: Any) -> bool:
        """Whether the model speaks ChatML with Qwen-VL's picture tokens."""
        tokenizer = getattr(processor, "tokenizer", None)
        if tokenizer is None or not hasattr(getattr(processor, "image_processor", None), "merge_size"):
            return False
        return {"<|im_start|>", "<|im_end|>", *_PICTURE} <= set(tokenizer.get_added_vocab())

    def template(self) -> str:
        """The Jinja form of this class, for programs that fill in a chat template."""
        return chat_template(self.tools_as, sorted(self.vocabulary))

    def prompt(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] | None) -> Stream:
        """The conversation up to where the assistant begins."""
        pen = self._write(messages, tools, recorded=True)
        pen.own("<|im_start|>assistant\n")
        return pen.lift()

    def written(
        self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] | None, recorded: bool = True
    ) -> Stream:
        """The whole conversation. Without `recorded`, replies are written out anew instead of as they were sampled: the rows of SFT."""
        return self._write(messages, tools, recorded).lift()

    def text(self, text: str) -> list[int]:
        """Text of any origin as ids, none of which is a control token."""
        ids: list[int] = []
        at = 0
        while match := self.control.search(text, at):
            ids += self._plain(text[at : match.start() + 1])  # a control token that is cut in two is ordinary text
            at = match.start() + 1
        return ids + self._plain(text[at:])

    # -- the parts

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False)) if text else []

    def _write(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] | None, recorded: bool) -> _Pen:
        pen, rest = _Pen(self), list(messages)
        system = rest.pop(0) if rest and rest[0].type == "system" else None
        if system is not None or tools:
            self._system(pen, system, tools)
        for row, message in enumerate(rest):
            if isinstance(message, ToolMessage):
                self._tool(pen, message, rest, row)
            elif isinstance(message, AIMessage):
                self._assistant(pen, message, recorded)
            else:
                pen.own(f"<|im_start|>{_role(message)}\n")
                self._content(pen, message.content)
                pen.own("<|im_end|>\n")
        return pen

    def _system(self, pen: _Pen, system: BaseMessage | None, tools: Sequence[Mapping[str, Any]] | None) -> None:
        pen.own("<|im_start|>system\n")
        if system is not None:
            pen.text(_text_of(system))
        if tools:
            pen.text("\n\n" if system is not None else "")
            if self.tools_as == "names":
                pen.text("Tools: " + ", ".join(str(tool["function"]["name"]) for tool in tools))
            else:
                pen.own(_TOOLS_HEAD)
                pen.text("".join(f"\n{json.dumps(tool, ensure_ascii=False)}" for tool in tools))
                pen.own(_TOOLS_TAIL)
        pen.own("<|im_end|>\n")

    def _assistant(self, pen: _Pen, message: AIMessage, recorded: bool) -> None:
        pen.own("<|im_start|>assistant\n")
        sampled = message.response_metadata.get(SAMPLED) if recorded else None
        if sampled:
            pen.ids(sampled["ids"], True, sampled["logp"])
            ended = bool(sampled["ids"]) and sampled["ids"][-1] == self.end
            pen.own("\n" if ended else "<|im_end|>\n")
            return
        words = _text_of(message)
        pen.text(words, True)
        for number, call in enumerate(message.tool_calls):
            pen.own("\n<tool_call>\n" if words or number else "<tool_call>\n", True)
            name, arguments = (json.dumps(part, ensure_ascii=False) for part in (call["name"], call["args"]))
            pen.text(f'{{"name": {name}, "arguments": {arguments}}}', True)
            pen.own("\n</tool_call>", True)
        pen.own("<|im_end|>", True)
        pen.own("\n")

    def _tool(self, pen: _Pen, message: ToolMessage, rest: Sequence[BaseMessage], row: int) -> None:
        """Results that follow each other share one user turn, as in Qwen's template."""
        if row == 0 or not isinstance(rest[row - 1], ToolMessage):
            pen.own("<|im_start|>user")
        pen.own("\n<tool_response>\n")
        self._content(pen, message.content)
        pen.own("\n</tool_response>")
        if row + 1 == len(rest) or not isinstance(rest[row + 1], ToolMessage):
            pen.own("<|im_end|>\n")

    def _content(self, pen: _Pen, content: Any) -> None:
        for block in content if isinstance(content, list) else [content]:
            if isinstance(block, dict) and block.get("type") == "image_url":
                image, key = picture(block["image_url"]["url"])
                first, pad, last = (self.vocabulary[token] for token in _PICTURE)
                pen.ids([first, *[pad] * self.image_tokens(image), last])
                pen.stream.images.append(image)
                pen.stream.keys.append(key)
            else:
                pen.text(block if isinstance(block, str) else str(block.get("text", "")))

    def image_tokens(self, image: Image.Image) -> int:
        """How many tokens the picture takes."""
        patches = self.image_processor.get_number_of_image_patches(image.height, image.width)
        return int(patches) // int(self.image_processor.merge_size) ** 2


def chat_template(tools_as: ToolsAs, control: Sequence[str] = CONTROL) -> str:
    """A chat template that gives the same tokens as `ChatML` does. `control` are the tokens that text of the world is kept from making."""
    given = {"spoken": tools_as, "control": list(control), "head": _TOOLS_HEAD, "tail": _TOOLS_TAIL}
    first = "".join(f"{{%- set {name} = {json.dumps(value)} -%}}\n" for name, value in given.items())
    return first + resources.files("agent").joinpath("chat_template.jinja").read_text(encoding="utf-8")


def picture(url: str) -> tuple[Image.Image, str]:
    """The picture of a data URL and its digest. Raises ValueError for anything else: nothing is fetched."""
    head, _, data = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise ValueError("pictures are given as data URLs")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        return image.convert("RGB"), hashlib.sha256(data.encode()).hexdigest()[:16]
    except (binascii.Error, OSError, Image.DecompressionBombError) as error:
        raise ValueError("a picture of the conversation could not be read") from error


def _role(message: BaseMessage) -> str:
    return {"human": "user", "ai": "assistant"}.get(message.type, message.type)


def _text_of(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(b if isinstance(b, str) else str(b.get("text", "")) for b in message.content)
