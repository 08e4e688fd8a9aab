"""Rollouts: the compiled graph that answers users, run for many cases at once, and what each leaves behind as one stream of tokens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from agent.act import in_daemon
from agent.case import Case, CaseState
from agent.chatml import SAMPLED, ChatML, Stream
from agent.graph import Graph, build_graph
from agent.locate import run_case, trajectory_of
from agent.photo import PhotoError
from agent.policies.policy_card import PolicyCard
from agent.think import offered_tools, sent_messages
from agent.trajectory import StopReason
from evals.record import Record
from evals.truth import complete
from rl_training.episode import Episode
from rl_training.folded import folded
from rl_training.reward import score

if TYPE_CHECKING:
    from agent.policies.in_process import InProcess
    from rl_training.world import World
    from tools.toolbox import ToolSettings


class RolloutError(ValueError):
    """Rollouts in which nothing but the model itself can be at fault. One line."""


class Rollouts:
    """A source of scored episodes. One model and one sampler serve all cases; each case has a number of its own, so that what it samples
    does not depend on which others run beside it."""

    def __init__(
        self,
        world: World,
        card: PolicyCard,
        chat: InProcess,
        *,
        group: int,
        weights: Mapping[str, float] | None = None,
        fold: bool = False,
    ) -> None:
        """`fold`: whether LoRA is folded into the weights meanwhile."""
        self.world, self.card, self.chat, self.group, self.weights, self.fold = world, card, chat, group, weights, fold
        self.graph: Graph = build_graph()

    def __call__(self, model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        """`groups` tasks of a step, `group` rollouts of each, scored."""
        records = self.world.draw(step, groups, salt)
        sampler = self.chat.sampler
        sampler.model = model
        sampler.forget()
        was_training = bool(model.training)
        model.eval()
        try:
            with folded(model) if self.fold else nullcontext():
                episodes = asyncio.run(self.play([record for record in records for _ in range(self.group)], step, salt))
        finally:
            model.train(was_training)
        if episodes and all(episode.end == StopReason.POLICY_ERROR.value for episode in episodes):
            raise RolloutError(f"the model failed in all {len(episodes)} rollouts: {episodes[0].trajectory.get('error')}")
        return [episodes[i : i + self.group] for i in range(0, len(episodes), self.group)]

    def at_temperature(self, temperature: float) -> Rollouts:
        """The same, sampling at another temperature."""
        other = copy(self)
        other.chat = self.chat.model_copy(update={"temperature": temperature})
        return other

    async def play(self, records: Sequence[Record], step: int = 0, salt: int = 0) -> list[Episode]:
        """One episode for each record, in order; as many at once as the world allows."""
        self.world.new_loop()
        places = asyncio.Semaphore(self.world.settings.at_once)

        async def one(number: int, record: Record) -> Episode:
            async with places:
                chat = self.chat.model_copy(update={"salt": (step * 1009 + salt) * 10_007 + number % self.group})
                episode = await episode_of(record, self.world, self.card, chat, self.graph)
                return scored(episode, record, number // self.group, self.weights)

        return list(await asyncio.gather(*(one(number, record) for number, record in enumerate(records))))


def scored(episode: Episode, record: Record, group: int, weights: Mapping[str, float] | None) -> Episode:
    """The episode with its group, truth and reward."""
    truth = complete([record.truth])[0]
    return replace(episode, group=group, truth=truth, reward=score(episode.trajectory, truth, weights, end=episode.end))


async def episode_of(record: Record, world: World, card: PolicyCard, chat: InProcess, graph: Graph) -> Episode:
    """One case from its first turn to its end."""
    policy = card.policy("in-training", chat)
    try:
        photo = await world.photo(record)
    except (PhotoError, OSError) as error:
        failed = {
            "photo": record.id,
            "stop": StopReason.PHOTO_ERROR.value,
            "error": str(error)[:300],
            "steps": [],
            "messages": [],
        }
        return Episode(record.id, [], [], [], [], StopReason.PHOTO_ERROR.value, trajectory=failed)
    case = Case(photo, policy, world.tools, world.limits, beliefs=world.beliefs)
    began = datetime.now(UTC)
    state = await run_case(case, graph, record.id, lambda event: None)
    trajectory = await asyncio.wrap_future(in_daemon(lambda: trajectory_of(record.id, case, world.tool_settings, state, began)))
    stream, whole = sampled_stream(case, state, chat.chatml)
    end = end_of(state, whole)
    return Episode(record.id, stream.ids, stream.mask, stream.logp, stream.images, end, trajectory=trajectory)


def sampled_stream(case: Case, state: CaseState, chatml: ChatML) -> tuple[Stream, bool]:
    """Everything up to the policy's last reply, as it was sampled; and whether each reply was sampled after exactly what precedes it
    here. Where it was not, the history was changed on the way."""
    messages = sent_messages(case, state)
    last = max((row for row, message in enumerate(messages) if isinstance(message, AIMessage)), default=-1)
    tools = offered_tools(case)
    stream = chatml.written(messages[: last + 1], tools)
    while stream.mask and not stream.mask[-1]:  # the line break after the last reply
        stream.ids.pop(), stream.mask.pop(), stream.logp.pop()
    starts = [i for i, (now, before) in enumerate(zip(stream.mask, [0, *stream.mask], strict=False)) if now and not before]
    read = [m.usage_metadata["input_tokens"] for m in messages if isinstance(m, AIMessage) and m.usage_metadata and m.response_metadata.get(SAMPLED)]  # fmt: skip
    return stream, starts == read


def end_of(state: CaseState, whole: bool) -> str:
    """How the episode ended, in more words than the graph has: a cut reply, a tool that took too long, a fault of the world."""
    if not whole:
        return "rewritten"
    replies = [m for m in state["messages"] if isinstance(m, AIMessage)]
    sampled = [m.response_metadata[SAMPLED] for m in replies if m.response_metadata.get(SAMPLED)]
    if state["stop"] == StopReason.POLICY_ERROR.value and "TooLong" in str(state["error"]):
        return "max_tokens"
    if state["stop"] == StopReason.POLICY_ERROR.value:
        return state["stop"]
    if sampled and sampled[-1]["end"] == "length" and state["stop"] not in {"answered", "cannot_tell"}:
        return "no_eos"
    faults = {str(step["data"].get("error")) for step in state["steps"] if step["data"].get("error")}
    if "timeout" in faults:
        return "tool_timeout"
    return "world_error" if faults else state["stop"]


# -- rows of SFT


def taught_episode(
    trajectory: Mapping[str, Any], photo: Any, card: PolicyCard, world: World, chatml: ChatML, tools: ToolSettings | None = None
) -> Episode:
    """A stored trajectory as the student would have lived it: its own rules and prompt, the same results, the teacher's calls.

    Calls of tools that the student is not offered are left out. Raises ValueError for a trajectory that cannot be shown.
    """
    import prompts
    from agent.render import message_from_json

    case = Case(photo, card.policy("student", None), world.tools, world.limits)
    messages = [message_from_json(data) for data in trajectory["messages"]]
    rules = prompts.fill(card.prompt, max_turns=str(world.limits.max_turns), max_calls=str(world.limits.max_calls))
    offered = {tool["function"]["name"] for tool in offered_tools(case)}
    state: CaseState = {"messages": _taught(messages, rules, offered, card.belief_line), "views": trajectory["views"]}
    shown = sent_messages(case, state)
    last = max((row for row, message in enumerate(shown) if isinstance(message, AIMessage)), default=-1)
    if last < 0:
        raise ValueError(f"{trajectory['photo']}: no reply is left that could be learned")
    stream = chatml.written(shown[: last + 1], offered_tools(case), recorded=False)
    while stream.mask and not stream.mask[-1]:
        stream.ids.pop(), stream.mask.pop(), stream.logp.pop()
    return Episode(
        str(trajectory["photo"]),
        stream.ids,
        stream.mask,
        stream.logp,
        stream.images,
        str(trajectory["stop"]),
        trajectory=trajectory,
    )


def _taught(messages: Sequence[Any], rules: str, offered: set[str], belief_line: bool) -> list[Any]:
    """The conversation with the student's rules, without what it is not offered or shown, and without the teacher's words beside calls."""
    dropped: set[str] = set()
    kept: list[Any] = []
    for message in messages:
        if message.type == "system":
            message = message.model_copy(update={"content": rules})
        elif isinstance(message, AIMessage):
            dropped |= {call["id"] or "" for call in message.tool_calls if call["name"] not in offered}
            calls = [call for call in message.tool_calls if call["name"] in offered]
            if message.tool_calls and not calls:
                continue
            message = AIMessage(content="" if calls else message.content, tool_calls=calls)
        elif message.type == "tool" and message.tool_call_id in dropped:
            continue
        elif message.type == "tool" and not belief_line:
            message = message.model_copy(update={"content": _without_belief(message.content)})
        kept.append(message)
    return kept


def _without_belief(content: Any) -> Any:
    if isinstance(content, str):
        return re.sub(r"\nbelief: [^\n]*$", "", content)
    return [{**b, "text": _without_belief(b["text"])} if isinstance(b, dict) and b.get("type") == "text" else b for b in content]
