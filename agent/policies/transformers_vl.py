"""A vision-language model in this process, through transformers: a folder or a hub repository.

Tools go through the model's chat template, calls come back as Hermes `<tool_call>`, pictures may stand in any message.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatResult
from PIL import Image
from pydantic import ConfigDict, PrivateAttr

from agent.chatml import ChatML, picture
from agent.policies import Policy, PolicyError
from agent.policies.in_process import InProcess
from agent.policies.policy_card import FILE, PolicyCard, read_card
from agent.reply import BoxSpace
from models.vision_language.processor import image_only

_TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<end_of_turn>")


class TransformersVL(BaseChatModel):
    """One model and its processor. Calls are serialised: a model is one resource."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Any
    processor: Any
    max_new_tokens: int = 1024
    temperature: float = 0.0
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "transformers-vl"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=list(tools), **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, tools: Any = None, **kwargs: Any
    ) -> ChatResult:
        text, images = self.prompt_text(messages, tools)
        with self._lock, torch.inference_mode():
            inputs = self.processor(text=[text], images=images or None, return_tensors="pt").to(self.model.device)
            read = int(inputs["input_ids"].shape[1])
            sampling = {"do_sample": True, "temperature": self.temperature} if self.temperature > 0 else {"do_sample": False}
            output = self.model.generate(**inputs, max_new_tokens=self.max_new_tokens, **sampling)
        tokenizer = getattr(self.processor, "tokenizer", self.processor)
        reply = tokenizer.decode(output[0, read:], skip_special_tokens=False)
        for end in _TURN_ENDS:
            reply = reply.split(end)[0]
        wrote = int(output.shape[1]) - read
        usage = {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=reply.strip(), usage_metadata=usage))])

    def prompt_text(self, messages: Sequence[BaseMessage], tools: Any) -> tuple[str, list[Image.Image]]:
        """The prompt that the chat template makes, ending where the assistant begins, and its pictures in order."""
        chat, images = to_hf_chat(messages)
        text = self.processor.apply_chat_template(chat, tools=tools or None, add_generation_prompt=True, tokenize=False)
        return str(text), images


def to_hf_chat(messages: Sequence[BaseMessage]) -> tuple[list[dict[str, Any]], list[Image.Image]]:
    """Messages in the form chat templates read, and the pictures in order. Only `data:` pictures are accepted."""
    images: list[Image.Image] = []
    chat: list[dict[str, Any]] = []
    for message in convert_to_openai_messages(list(messages)):
        content = message.get("content") or ""
        if isinstance(content, list):
            content = [_hf_block(block, images) for block in content]
        entry: dict[str, Any] = {"role": message["role"], "content": content}
        if message.get("tool_calls"):
            entry["tool_calls"] = [
                {
                    "type": "function",
                    "function": {"name": c["function"]["name"], "arguments": json.loads(c["function"]["arguments"])},
                }
                for c in message["tool_calls"]
            ]
        chat.append(entry)
    return chat, images


def _hf_block(block: dict[str, Any], images: list[Image.Image]) -> dict[str, Any]:
    if block["type"] != "image_url":
        return {"type": "text", "text": block.get("text", "")}
    images.append(picture(block["image_url"]["url"])[0])
    return {"type": "image"}


def load(name: str, source: str, temperature: float = 0.0, box_space: BoxSpace = "unit") -> Policy:
    """The model in a folder or a hub repository as a policy, on a GPU when there is one.

    Models that speak ChatML (Qwen-VL, GeoVista, ours) are rendered by `agent/chatml.py` and continue many conversations at once;
    others go through their own template, one at a time. Raises PolicyError with one plain line.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    try:
        card = _card(source)
        processor = load_processor(source)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        model = AutoModelForImageTextToText.from_pretrained(source, dtype=dtype).to(device).eval()
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PolicyError(f"cannot load hf:{source}: {why[:300]}") from error
    return around(name, model, processor, card if box_space == "unit" else replace(card, box_space=box_space), temperature)


def _card(source: str) -> PolicyCard:
    """The card that lies beside the model, in a folder or a hub repository; the defaults where there is none."""
    from transformers.utils import cached_file

    found = cached_file(source, FILE, _raise_exceptions_for_gated_repo=False, _raise_exceptions_for_missing_entries=False,
                        _raise_exceptions_for_connection_errors=False)  # fmt: skip
    return read_card(Path(found).parent) if found else PolicyCard()


def around(name: str, model: Any, processor: Any, card: PolicyCard, temperature: float = 0.0) -> Policy:
    """A loaded model as a policy."""
    if ChatML.fits(processor):
        chat = InProcess.of(model, processor, tools_as=card.tools_as, temperature=temperature, max_new_tokens=card.max_new_tokens)
        return card.policy(name, chat)
    stock = TransformersVL(model=model, processor=processor, temperature=temperature, max_new_tokens=card.max_new_tokens)
    return replace(card.policy(name, stock, at_once=1), images_in="user", same_tools=False)


def load_processor(source: str) -> Any:
    """The model's processor; for Qwen-VL models one without the video part, which alone would need torchvision."""
    from transformers import AutoConfig, AutoProcessor

    from models.vision_language.embedded import register

    register()
    kind = AutoConfig.from_pretrained(source).model_type
    if kind in {"qwen2_vl", "qwen2_5_vl", "qwen3_vl"} and not _has_torchvision():
        return image_only(kind).from_pretrained(source)
    processor = AutoProcessor.from_pretrained(source)
    if not hasattr(processor, "image_processor"):
        raise ValueError("it has no image processor: not a vision-language model, or files are missing")
    return processor


def _has_torchvision() -> bool:
    import importlib.util

    return importlib.util.find_spec("torchvision") is not None
