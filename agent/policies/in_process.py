"""A ChatML vision-language model in this process: what is sent and what is sampled are tokens, recorded with every reply."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict

from agent.chatml import SAMPLED, ChatML, Stream
from agent.policies.sampler import Sampled, Sampler


class InProcess(BaseChatModel):
    """Conversations share the sampler, which continues many at once."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    sampler: Any
    """A `Sampler`."""
    chatml: Any
    """A `ChatML`."""
    temperature: float = 0.0
    min_p: float = 0.0
    """See `Sampler.submit`."""
    max_new_tokens: int = 1024
    max_tokens: int | None = None
    """Of a whole conversation; a reply gets what is left. None: no bound but the model's."""
    salt: int = 0
    """Conversations that begin alike and are to differ have different ones."""

    @classmethod
    def of(
        cls, model: Any, processor: Any, *, tools_as: Any = "schemas", at_once: int = 8, seed: int = 0, **settings: Any
    ) -> InProcess:
        """A policy around a model and its processor."""
        return cls(sampler=Sampler(model, processor, at_once=at_once, seed=seed), chatml=ChatML(processor, tools_as), **settings)

    @property
    def _llm_type(self) -> str:
        return "in-process"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=list(tools), **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, tools: Any = None, **kwargs: Any
    ) -> ChatResult:
        stream = self.chatml.prompt(messages, tools)
        return self._result(stream, self._submit(stream).result())

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, tools: Any = None, **kwargs: Any
    ) -> ChatResult:
        stream = await asyncio.to_thread(self.chatml.prompt, messages, tools)
        return self._result(stream, await asyncio.wrap_future(self._submit(stream)))

    def prompt(self, messages: Sequence[BaseMessage], tools: Any) -> Stream:
        """What is sent, as tokens."""
        stream: Stream = self.chatml.prompt(messages, tools)
        return stream

    def _submit(self, stream: Stream) -> Future[Sampled]:
        left = self.max_new_tokens if self.max_tokens is None else min(self.max_new_tokens, self.max_tokens - len(stream.ids))
        if left < 1:
            raise TooLong(f"the conversation has {len(stream.ids)} tokens, and {self.max_tokens} are allowed")
        sampler: Sampler = self.sampler
        return sampler.submit(stream, temperature=self.temperature, min_p=self.min_p, most=left, salt=self.salt)

    def _result(self, stream: Stream, sampled: Sampled) -> ChatResult:
        ids = sampled.ids[:-1] if sampled.ended else sampled.ids
        words = self.chatml.tokenizer.decode(ids, skip_special_tokens=False)
        read, wrote = len(stream.ids), len(sampled.ids)
        record = {
            "ids": sampled.ids,
            "logp": [round(value, 6) for value in sampled.logp],
            "end": "stop" if sampled.ended else "length",
        }
        message = AIMessage(
            content=words.strip(),
            usage_metadata={"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote},
            response_metadata={SAMPLED: record},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


class TooLong(ValueError):
    """A conversation that has grown beyond what was allowed."""
