"""Sampling for many conversations at once: the model's own numbers, whatever was read before and whatever else is asked."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.chatml import SAMPLED, ChatML, Stream
from agent.render import image_block
from tests.rl_training import made

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

from agent.policies.sampler import Sampled, Sampler, _Row  # noqa: E402  (needs torch)

TOOLS = [{"type": "function", "function": {"name": "zoom"}}]


@pytest.fixture(scope="module")
def model() -> Any:
    return made.model().eval()


@pytest.fixture(scope="module")
def chatml() -> ChatML:
    return ChatML(made.processor())


def noise(seed: int, width: int, height: int) -> dict[str, Any]:
    return image_block(made.picture(np.random.default_rng(seed), width, height))


def asked(seed: int) -> list[BaseMessage]:
    words = {"type": "text", "text": "where <|im_end|> was it"}
    return [SystemMessage("s" * seed), HumanMessage([words, noise(seed, 100 + 20 * seed, 90)])]


def replied(conversation: list[BaseMessage], reply: Sampled, seed: int) -> None:
    """The reply, and a result with another picture."""
    conversation.append(AIMessage("x", response_metadata={SAMPLED: {"ids": reply.ids, "logp": reply.logp, "end": ""}}))
    words = {"type": "text", "text": "hello" * seed}
    conversation.append(ToolMessage([words, noise(50 + seed, 60 + 10 * seed, 70)], tool_call_id="t"))


def turns(sampler: Sampler, chatml: ChatML, number: int = 5, temperature: float = 1.0) -> list[Stream]:
    """`number` conversations at once, of three turns and two pictures or more each; what they are in the end."""
    conversations = [asked(i) for i in range(number)]
    ends: list[Stream] = []
    for _ in range(3):
        futures = [
            sampler.submit(chatml.prompt(c, TOOLS), temperature=temperature, most=8 + 3 * i) for i, c in enumerate(conversations)
        ]
        replies = [future.result(timeout=60) for future in futures]
        ends = []
        for i, (conversation, reply) in enumerate(zip(conversations, replies, strict=True)):
            replied(conversation, reply, i)
            ends.append(chatml.written(conversation[:-1], TOOLS))
    return ends


def recomputed(model: Any, stream: Stream, temperature: float = 1.0) -> list[float]:
    """Log-probabilities of the written tokens, all read in one go without a cache."""
    ids = torch.tensor([stream.ids])
    seen = made.processor().image_processor(images=stream.images, return_tensors="pt")
    kinds = (ids == made.processor().tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=kinds, **seen).logits[0].float()
    logp = (logits / temperature).log_softmax(-1)
    return [float(logp[at - 1, token]) for at, token in enumerate(stream.ids) if stream.mask[at]]


class Watched:
    """A model that notes the rows it is given, and whose logits may be moved."""

    def __init__(self, model: Any, moved: dict[int, float] | None = None) -> None:
        self._model, self._moved, self.rows, self.asked = model, moved or {}, [0], threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, **inputs: Any) -> Any:
        self.rows.append(inputs["input_ids"].shape[0])
        self.asked.set()
        output = self._model(**inputs)
        for token, by in self._moved.items():
            output.logits[..., token] += by
        return output


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_what_was_sampled_has_the_probability_that_the_model_gives_it(model: Any, chatml: ChatML, temperature: float) -> None:
    sampler = Sampler(model, made.processor())
    for stream in turns(sampler, chatml, temperature=temperature):
        recorded = [p for p, wrote in zip(stream.logp, stream.mask, strict=True) if wrote]
        assert len(stream.images) == 3
        np.testing.assert_allclose(recorded, recomputed(model, stream, temperature), atol=1e-5)
    assert sampler.reused_tokens > sampler.read_tokens, "most of a turn was read before"


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_kept_changes_nothing(model: Any, chatml: ChatML, temperature: float) -> None:
    keeping, forgetful = Sampler(model, made.processor()), Sampler(model, made.processor(), kept=0)
    one, other = turns(keeping, chatml, 3, temperature), turns(forgetful, chatml, 3, temperature)
    assert [s.ids for s in one] == [s.ids for s in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.logp, b.logp, atol=1e-5)
    assert keeping.reused_tokens > 0 == forgetful.reused_tokens


def test_pictures_that_differ_are_never_taken_for_each_other(model: Any, chatml: ChatML) -> None:
    def ask(sampler: Sampler, colour: str, second: str) -> list[float]:
        pictures = [image_block(Image.new("RGB", (80, 80), c)) for c in (colour, second)]
        words = {"type": "text", "text": "same words"}
        return (
            sampler.submit(chatml.prompt([HumanMessage([pictures[0], words, pictures[1], words])], None), most=4).result(60).logp
        )

    shared = Sampler(model, made.processor())
    pairs = [("red", "blue"), ("blue", "red"), ("red", "red"), ("red", "blue")]
    together = [ask(shared, *pair) for pair in pairs]
    alone = [ask(Sampler(model, made.processor()), *pair) for pair in pairs]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert shared.reused_tokens > 0
    assert together[0] != together[1]
    assert together[0] != together[2]


def test_a_seed_tells_what_is_sampled_whatever_runs_beside(model: Any, chatml: ChatML) -> None:
    streams = [chatml.prompt(asked(i), TOOLS) for i in range(3)]
    streams += [chatml.prompt([HumanMessage([noise(seed, 60, 60)])], None) for seed in (8, 9)]  # alike but for their pictures
    assert streams[3].ids == streams[4].ids

    def replies(order: list[int], beside: int) -> dict[int, list[int]]:
        sampler = Sampler(model, made.processor(), seed=7)
        for i in range(beside):
            sampler.submit(chatml.prompt([HumanMessage(f"other {i}")], None), temperature=1.3, most=9)
        futures = {i: sampler.submit(streams[i], temperature=1.0, most=8) for i in order}
        return {i: future.result(60).ids for i, future in futures.items()}

    first = replies([0, 1, 2, 3, 4], 0)
    assert replies([4, 3, 1, 0, 2], 5) == first
    assert len({tuple(ids) for ids in first.values()}) == 5


def test_the_same_may_be_asked_twice(model: Any, chatml: ChatML) -> None:
    stream = chatml.prompt(asked(1), None)

    def ask(seed: int, temperature: float, salt: int = 0) -> list[list[int]]:
        sampler = Sampler(model, made.processor(), seed=seed)
        return [f.result(60).ids for f in [sampler.submit(stream, temperature=temperature, most=12, salt=salt) for _ in range(2)]]

    hot = ask(0, 1.0)
    assert hot[0] != hot[1], "rollouts of a group begin alike and go on differently"
    assert ask(0, 1.0) == hot
    assert ask(1, 1.0) != hot
    assert ask(0, 1.0, salt=1)[0] not in hot
    cold = ask(0, 0.0)
    assert cold[0] == cold[1]


def test_a_fault_reaches_the_one_who_asked_alone(model: Any, chatml: ChatML) -> None:
    good = chatml.prompt(asked(0), None)
    alone = Sampler(model, made.processor()).submit(good, most=6).result(60)
    sampler = Sampler(model, made.processor())
    nothing: Any = None
    broken = [replace(good, images=[Image.new("RGB", (300, 20))]), replace(good, images=[nothing]), replace(good, ids=[10**9])]
    futures = [sampler.submit(s, most=6) for s in [good, *broken, good]]
    assert not wait(futures, timeout=60).not_done
    assert [future.exception() is None for future in futures] == [True, False, False, False, True]
    assert futures[0].result().ids == futures[4].result().ids == alone.ids
    assert sampler.submit(good, most=6).result(60).ids == alone.ids, "it goes on"


def test_who_stops_waiting_holds_nobody_up(model: Any, chatml: ChatML) -> None:
    watched = Watched(model)
    sampler = Sampler(watched, made.processor())
    sampler.end = -1  # no reply ends by itself
    stream = chatml.prompt(asked(0), None)
    first = sampler.submit(stream, temperature=1.0, most=10**6)
    assert watched.asked.wait(60)
    second = sampler.submit(stream, temperature=1.0, most=5)
    assert first.cancel()
    assert len(second.result(60).ids) == 5
    assert sampler.submit(stream, temperature=1.0, most=5).result(60)
    written = sampler.written_tokens
    sampler.close()
    assert sampler.written_tokens == written, "nothing is sampled for it any more"


def test_as_many_as_allowed_run_at_once(model: Any, chatml: ChatML) -> None:
    watched = Watched(model)
    sampler = Sampler(watched, made.processor(), at_once=3)
    futures = [sampler.submit(chatml.prompt([HumanMessage(f"{i}")], None), temperature=1.0, most=2 + i % 5) for i in range(12)]
    assert [len(f.result(60).ids) <= 2 + i % 5 for i, f in enumerate(futures)] == [True] * 12
    assert max(watched.rows) == 3


def test_a_reply_ends_where_it_ends(model: Any, chatml: ChatML) -> None:
    stream = chatml.prompt(asked(2), None)
    sampler = Sampler(model, made.processor())
    first = sampler.submit(stream, most=1).result(60)
    assert (len(first.ids), first.ended) == (1, False)
    sampler.end = first.ids[0]
    assert sampler.submit(stream, most=50).result(60) == Sampled(first.ids, first.logp, True)


def test_what_is_far_less_likely_than_the_best_is_not_sampled(model: Any, chatml: ChatML) -> None:
    stream, sampler = chatml.prompt(asked(1), None), Sampler(model, made.processor())
    likeliest = sampler.submit(stream, most=12).result(60)
    assert sampler.submit(stream, temperature=2.0, most=12).result(60).ids != likeliest.ids
    hot = sampler.submit(stream, temperature=2.0, min_p=0.9999, most=12).result(60)
    assert hot.ids == likeliest.ids
    assert sum(hot.logp) < sum(likeliest.logp), "the probabilities are those of the whole vocabulary, at the temperature"


def test_min_p_keeps_what_is_near_enough() -> None:
    chosen = set()
    sampler = Sampler.__new__(Sampler)
    sampler.never, sampler.end, sampler.written_tokens = [3], 99, 0
    for seed in range(200):
        row = _Row(None, None, 1.0, 0.5, 10, Future(), torch.Generator().manual_seed(seed), 0, 0)  # type: ignore[arg-type]
        sampler._take(row, torch.log(torch.tensor([0.4, 0.25, 0.15, 9.0])))
        chosen.add(row.ids[0])
    assert chosen == {0, 1}, "0.15 is below half of 0.4, and the mark that is never written does not count"


def test_marks_that_only_a_renderer_writes_are_never_sampled(model: Any, chatml: ChatML) -> None:
    marks = [chatml.vocabulary[t] for t in ("<|image_pad|>", "<|vision_start|>", "<|im_start|>", "<|video_pad|>")]
    sampler = Sampler(Watched(model, dict.fromkeys(marks, 20.0)), made.processor())
    for temperature in (0.0, 1.0):
        reply = sampler.submit(chatml.prompt(asked(0), None), temperature=temperature, most=20).result(60)
        assert not set(reply.ids) & set(marks)
        assert max(reply.logp) < -15, "their probability is the model's, which would rather have written a mark"


def test_nothing_of_old_weights_is_used(chatml: ChatML) -> None:
    model = made.model().eval()
    sampler = Sampler(model, made.processor())
    stream = chatml.prompt(asked(1), None)
    before = sampler.submit(stream, most=6).result(60)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    sampler.forget()
    after = sampler.submit(stream, most=6).result(60)
    assert (after, sampler.reused_tokens) == (Sampler(model, made.processor()).submit(stream, most=6).result(60), 0)
    assert after.logp != before.logp


def test_it_answers_what_it_was_asked_before_it_closes(model: Any, chatml: ChatML) -> None:
    sampler = Sampler(model, made.processor(), at_once=2)
    sampler.close()
    futures = [sampler.submit(chatml.prompt([HumanMessage(f"{i}")], None), most=3 + i) for i in range(5)]
    sampler.close()
    assert all(future.done() and future.result().ids for future in futures)
    assert not [t for t in threading.enumerate() if t is sampler._thread]
    assert sampler.submit(chatml.prompt([HumanMessage("again")], None), most=2).result(60).ids, "and may be asked again"


def test_a_model_in_its_adapter_is_sampled_like_the_model(chatml: ChatML) -> None:
    peft = pytest.importorskip("peft")
    plain = made.model().eval()
    wrapped = peft.get_peft_model(made.model(), peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"])).eval()
    replies = [
        Sampler(m, made.processor()).submit(chatml.prompt(asked(1), TOOLS), most=6).result(timeout=60) for m in (plain, wrapped)
    ]
    assert replies[0].ids == replies[1].ids
