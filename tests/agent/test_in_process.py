"""A model in this process as a chat model: what is sent and what is recorded, bounds, faults, other loops."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import Future
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.chatml import SAMPLED, ChatML, Stream
from agent.policies.in_process import InProcess, TooLong
from agent.render import image_block
from tests.rl_training import made

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

from agent.policies.sampler import Sampled  # noqa: E402  (needs torch)

TOOLS = [{"type": "function", "function": {"name": "zoom", "parameters": {}}}]


class Says:
    """A sampler that says what it is told to."""

    def __init__(self, *replies: Sampled) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Stream, dict[str, Any]]] = []

    def submit(self, stream: Stream, **how: Any) -> Future[Sampled]:
        self.asked.append((stream, how))
        future: Future[Sampled] = Future()
        future.set_result(self.replies.pop(0))
        return future


@pytest.fixture(scope="module")
def chatml() -> ChatML:
    return ChatML(made.processor())


def reply(chatml: ChatML, words: str, ended: bool = True) -> Sampled:
    ids = chatml.text(words) + ([chatml.end] if ended else [])
    return Sampled(ids, [-0.1234567] * len(ids), ended)


def question() -> list[BaseMessage]:
    return [
        SystemMessage("rules"),
        HumanMessage([image_block(Image.new("RGB", (90, 60), "red")), {"type": "text", "text": "where?"}]),
    ]


def test_what_is_sampled_is_recorded_as_tokens_and_told_as_words(chatml: ChatML) -> None:
    said = reply(chatml, "\n<tool_call>{}</tool_call> é ")
    sampler = Says(said)
    chat = InProcess(sampler=sampler, chatml=chatml, temperature=0.5, max_new_tokens=7, salt=3)
    message = chat.bind_tools(TOOLS).invoke(question())
    assert message.content == "<tool_call>{}</tool_call> é"
    stream, how = sampler.asked[0]
    assert how == {"temperature": 0.5, "min_p": 0.0, "most": 7, "salt": 3}
    assert stream.ids == chatml.prompt(question(), TOOLS).ids == chat.prompt(question(), TOOLS).ids
    assert message.usage_metadata == {
        "input_tokens": len(stream.ids),
        "output_tokens": len(said.ids),
        "total_tokens": len(stream.ids + said.ids),
    }
    assert message.response_metadata[SAMPLED] == {"ids": said.ids, "logp": [-0.123457] * len(said.ids), "end": "stop"}
    again = chatml.written([*question(), message], TOOLS)
    assert again.ids[len(stream.ids) :][: len(said.ids)] == said.ids


def test_a_reply_that_was_cut_says_so(chatml: ChatML) -> None:
    message = InProcess(sampler=Says(reply(chatml, "I th", ended=False)), chatml=chatml).invoke("?")
    assert (message.content, message.response_metadata[SAMPLED]["end"]) == ("I th", "length")


def test_a_conversation_has_a_bound(chatml: ChatML) -> None:
    length = len(chatml.prompt(question(), None).ids)
    sampler = Says(reply(chatml, "a"), reply(chatml, "b"))
    chat = InProcess(sampler=sampler, chatml=chatml, max_new_tokens=100, max_tokens=length + 5)
    chat.invoke(question())
    assert sampler.asked[0][1]["most"] == 5, "a reply gets what is left"
    full = chat.model_copy(update={"max_tokens": length})
    with pytest.raises(TooLong, match=f"{length} tokens, and {length} are allowed"):
        full.invoke(question())
    with pytest.raises(TooLong):
        asyncio.run(full.ainvoke(question()))
    assert len(sampler.asked) == 1


def test_many_loops_and_threads_share_a_sampler() -> None:
    chat = InProcess.of(made.model().eval(), made.processor(), max_new_tokens=5)
    conversations = [[SystemMessage(f"rules {i}"), *question()[1:]] for i in range(4)]

    async def together() -> list[AIMessage]:
        return await asyncio.gather(*(chat.ainvoke(c) for c in conversations))

    first, second = asyncio.run(together()), asyncio.run(together())
    alone = [chat.invoke(c) for c in conversations]
    assert [m.response_metadata[SAMPLED]["ids"] for m in first] == [m.response_metadata[SAMPLED]["ids"] for m in alone]
    assert [m.content for m in first] == [m.content for m in second]
    assert chat.sampler.reused_tokens > 0
    chat.sampler.close()


def test_a_request_that_is_given_up_leaves_the_others() -> None:
    chat = InProcess.of(made.model().eval(), made.processor(), temperature=1.0, max_new_tokens=10**6)
    chat.sampler.end = -1  # no reply ends by itself
    short = chat.model_copy(update={"max_new_tokens": 5})

    async def impatient() -> list[Any]:
        endless = asyncio.wait_for(chat.ainvoke(question()), 0.3)
        return await asyncio.gather(endless, *(short.ainvoke([HumanMessage(f"{i}")]) for i in range(3)), return_exceptions=True)

    given_up, *others = asyncio.run(impatient())
    assert isinstance(given_up, TimeoutError)
    assert all(isinstance(other, AIMessage) for other in others)
    chat.sampler.close()


def test_a_broken_picture_is_a_fault_of_its_own_request() -> None:
    chat = InProcess.of(made.model().eval(), made.processor(), max_new_tokens=3)
    cut = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    broken = [HumanMessage([{"type": "image_url", "image_url": {"url": cut}}])]

    async def both() -> Any:
        return await asyncio.gather(chat.ainvoke(broken), chat.ainvoke(question()), return_exceptions=True)

    fault, fine = asyncio.run(both())
    assert isinstance(fault, ValueError)
    assert "picture" in str(fault)
    assert isinstance(fine, AIMessage)
    chat.sampler.close()


def test_calls_in_a_reply_go_back_as_they_were_sampled(chatml: ChatML) -> None:
    words = '<tool_call>\n{"name":  "zoom","arguments":{"box":[0,0,.5,1]}}\n</tool_call>'
    sampler = Says(reply(chatml, words), reply(chatml, "done"))
    chat = InProcess(sampler=sampler, chatml=chatml)
    first = chat.invoke(question())
    call = {"name": "zoom", "args": {"box": [0, 0, 0.5, 1]}, "id": "t1c1", "type": "tool_call"}
    kept = AIMessage("", tool_calls=[call], response_metadata=first.response_metadata)
    chat.invoke([*question(), kept, ToolMessage("closer", tool_call_id="t1c1")])
    written = chatml.tokenizer.decode(sampler.asked[1][0].ids, skip_special_tokens=False)
    assert words in written, "spaces and all"
