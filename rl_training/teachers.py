"""Teachers: policies whose trajectories the student learns from.

Any policy can teach. `novice` knows the tools and nothing else: from it a policy learns how to ask, and what is worth asking for only by
reinforcement. `informed` needs no language model: it follows the checklist's order, and is told which of a drawn scene's signs
decide and which mislead (`Record.clues`). What it does must be learnt from what stands in the photo, so that it never uses a fact that
no tool has shown: names and distances from lines that were read, the country from the belief.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field
from rapidfuzz.fuzz import partial_ratio

from agent.answer import ANSWER_TOOL
from agent.policies import Policy, make_policy
from agent.policies.checklist import lines_of
from evals.record import Record
from geo.gazetteer import gazetteer
from geo.names import fold
from tools.road_distance import distance_in, names_on

Call = tuple[str, dict[str, Any]]

PLACES = frozenset({"city_name", "distance", "stop", "region_name"})
"""Kinds of clues whose line names a place that is worth looking up."""
NUMBERS = frozenset({"area_code"})
"""Kinds of clues that tell more once the country is known."""
_ALIKE = 80.0
_SURE = 0.8
_MOST_ZOOMS = 3
_NEWEST = 0.4
"""How often a novice takes the newest."""

MakePolicy = Callable[[Record], Policy]


class Informed(BaseChatModel):
    """Reads, zooms into what decides and is too small, looks up what names the place, answers from the belief."""

    clues: Sequence[Mapping[str, Any]] = Field(default=(), exclude=True)
    country: str | None = None
    """ISO code of the truth, for what the belief must show before it is used."""
    by_name: bool = False
    """Whether lines are named by their text, which a language model copies easily, instead of by their number."""
    bound: tuple[str, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "informed"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.model_copy(update={"bound": tuple(tool["function"]["name"] for tool in tools)})

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        results = [m for m in messages if isinstance(m, ToolMessage)]
        turn = sum(isinstance(m, AIMessage) for m in messages)
        asked = {_key(call["name"], call["args"]) for m in messages if isinstance(m, AIMessage) for call in m.tool_calls}
        calls = [call for call in self._next(turn, results) if call[0] in self.bound and _key(*call) not in asked]
        if any("country" in call["args"] for m in messages if isinstance(m, AIMessage) for call in m.tool_calls):
            calls = [call for call in calls if "country" not in call[1]]  # a line that is read again has a new number
        return _reply(calls or [(ANSWER_TOOL, {})])

    def _next(self, turn: int, results: Sequence[ToolMessage]) -> list[Call]:
        if turn == 0:
            return [("read_text", {}), ("estimate", {})]
        last = {m.name for m in _last_turn(results)}
        if "zoom" in last:
            return [("read_text", {"view": view}) for view in _new_views(results)]
        if "zoom" not in {m.name for m in results} and (zooms := list(self._zooms(results))):
            return zooms
        return [*self._lookups(results), *self._numbers(results)]

    def _zooms(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        """Regions over deciding clues whose text was not read well."""
        regions = _regions(results)
        for clue in self._deciding(PLACES | NUMBERS | {"domain", "phone"}):
            line = _line_of(clue, results)
            if line is None or line["confidence"] < _SURE:
                over = [number for number, box in regions.items() if _share(box, clue["box"]) > 0.3]
                if over:
                    yield "zoom", {"region": over[0], "contrast": True}

    def _lookups(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        """Lines with the names that decide, as far as the gazetteer knows what was read."""
        for clue in self._deciding(PLACES):
            line = _line_of(clue, results)
            if line is not None:
                yield "find_place", {"name": _name_on(line["text"])} if self.by_name else {"region": line["number"]}

    def _numbers(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        """Telephone numbers read again for the country that the belief shows."""
        shown = _believed(results)
        if self.country is None or shown != self.country:
            return
        name = gazetteer().countries[self.country].name
        for clue in self._deciding(NUMBERS):
            line = _line_of(clue, results)
            if line is not None:
                yield "read_text", {"country": name} if self.by_name else {"region": line["number"], "country": name}

    def _deciding(self, kinds: Iterable[str]) -> list[Mapping[str, Any]]:
        return [clue for clue in self.clues if clue["decisive"] and clue["kind"] in kinds]


class Novice(BaseChatModel):
    """Reads the photo, zooms into something that could not be read, reads that, looks a line up, answers.

    Of what could not be read, and of the lines that it has, it takes the first or the newest, as a coin falls that likes the first better.
    """

    seed: str = ""
    bound: tuple[str, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "novice"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.model_copy(update={"bound": tuple(tool["function"]["name"] for tool in tools)})

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        results = [m for m in messages if isinstance(m, ToolMessage)]
        turn = sum(isinstance(m, AIMessage) for m in messages)
        calls = self._next(turn, results, random.Random(f"{self.seed}:{turn}"))  # noqa: S311
        return _reply([call for call in calls if call[0] in self.bound] or [(ANSWER_TOOL, {})])

    def _next(self, turn: int, results: Sequence[ToolMessage], rng: random.Random) -> list[Call]:
        used, last = {m.name for m in results}, {m.name for m in _last_turn(results)}
        if turn == 0:
            return [("read_text", {})]
        if "zoom" in last:
            return [("read_text", {"view": view}) for view in _new_views(results)]
        unread = _unread(results)
        if unread and "zoom" in self.bound and "zoom" not in used:
            return [("zoom", {"region": _either(unread, rng)})]
        lines = sorted(line["number"] for line in lines_of(results))
        return [("find_place", {"region": _either(lines, rng)})] if lines and "find_place" not in used else []


def _either(numbers: Sequence[int], rng: random.Random) -> int:
    return numbers[-1] if rng.random() < _NEWEST else numbers[0]


def novice(record: Record) -> Policy:
    """A novice, who draws otherwise for each record."""
    return Policy("novice", Novice(seed=record.id), sees=False)


def informed(record: Record) -> Policy:
    """The teacher for one drawn scene."""
    return Policy("informed", Informed(clues=record.clues, country=record.truth.country), sees=False)


def informed_by_name(record: Record) -> Policy:
    """The same, naming lines by their text."""
    model = Informed(clues=record.clues, country=record.truth.country, by_name=True)
    return Policy("informed:names", model, sees=False)


def make_teacher(spec: str, **settings: Any) -> MakePolicy:
    """`informed` (which names lines by number), `informed:names`, `novice`, or any policy by its short name. Raises PolicyError."""
    if own := {"informed": informed, "informed:names": informed_by_name, "novice": novice}.get(spec):
        return own
    policy = make_policy(spec, **settings)
    return lambda record: policy


def knows(spec: str) -> str:
    """What a teacher is told beside the photo, for the manifest."""
    return (
        "the scene's own list of clues: which signs decide and which mislead"
        if spec.startswith("informed")
        else "nothing but the photo"
    )


def _reply(calls: Sequence[Call]) -> ChatResult:
    tool_calls = [ToolCall(name=name, args=args, id=f"c{i}", type="tool_call") for i, (name, args) in enumerate(calls)]
    return ChatResult(generations=[ChatGeneration(message=AIMessage(content="", tool_calls=tool_calls))])


def _key(name: str, args: Mapping[str, Any]) -> str:
    return f"{name}:{sorted(args.items())}"


def _last_turn(results: Sequence[ToolMessage]) -> list[ToolMessage]:
    """The results of the latest reply, by the turn in their ids (`t3c1`)."""
    turn = results[-1].tool_call_id.partition("c")[0] if results else ""
    return [m for m in results if m.tool_call_id.partition("c")[0] == turn]


def _new_views(results: Sequence[ToolMessage]) -> list[str]:
    return [m.artifact["view"]["id"] for m in _last_turn(results) if m.name == "zoom" and m.status == "success" and isinstance(m.artifact, dict)][:_MOST_ZOOMS]  # fmt: skip


def _name_on(text: str) -> str:
    """The name in a line, without numbers and distances."""
    found = distance_in(text)
    names = names_on(found[1] if found else text)
    return names[0] if names else text


def _regions(results: Sequence[ToolMessage]) -> dict[int, tuple[float, ...]]:
    """Boxes of all lines that were read, and of writing that could not be."""
    found: dict[int, tuple[float, ...]] = {}
    for message in results:
        if message.name == "read_text" and isinstance(message.artifact, dict):
            found |= {line["number"]: tuple(line["box"]) for line in message.artifact.get("lines", [])}
            found |= {int(item["number"]): tuple(item["box"]) for item in message.artifact.get("unread", [])}
    return found


def _unread(results: Sequence[ToolMessage]) -> list[int]:
    """Numbers of what looks like writing and could not be read."""
    artifacts = [m.artifact for m in results if m.name == "read_text" and isinstance(m.artifact, dict)]
    return [int(item["number"]) for artifact in artifacts for item in artifact.get("unread", [])]


def _share(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over the smaller of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    least = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return width * height / least if width > 0 and height > 0 and least > 0 else 0.0


def _line_of(clue: Mapping[str, Any], results: Sequence[ToolMessage]) -> dict[str, Any] | None:
    """The line in which a clue was read: alike in its text, or what stands in its place; the latest reading first."""
    wanted = fold(re.sub(r"\d+\s*(km|mi)?\s*$", "", clue["text"])) or fold(clue["text"])
    lines = lines_of(results)
    alike = [line for line in lines if partial_ratio(wanted, fold(line["text"]) or line["text"]) >= _ALIKE
             and len(fold(line["text"])) >= 0.6 * len(wanted)]  # fmt: skip
    in_place = [line for line in alike if _share(line["box"], clue["box"]) > 0.3]
    return next(iter(in_place or alike), None)


def _believed(results: Sequence[ToolMessage]) -> str | None:
    """The country that the last line of belief puts first."""
    text = str(results[-1].content) if results else ""
    line = text.rsplit("belief: ", 1)[-1].partition(",")[0].partition(";")[0]
    code = re.search(r"\(([A-Z]{2})\)", line)
    if code:
        return code[1]
    name = re.sub(r"^<?\d+ % ", "", line).strip()
    return gazetteer().country_code(name)
