"""Replies to what a message asks: from the ledger, the belief and the map; templates with numbers, no language model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, ValidationError

from agent.conversation import about_place, reasoning
from agent.conversation.case_file import CaseFile, CasePhoto
from agent.conversation.follow_up import question_text
from agent.conversation.questions import COMMANDS, Intent, read_scene
from agent.conversation.reply import Reply, percent
from agent.conversation.statements import Statement
from agent.conversation.whole import Whole
from agent.policies import Policy
from agent.policies.second_look import SecondLook
from geo.belief import Belief
from geo.evidence import Evidence
from geo.naming import belief_line
from tools.nearby import Nearby
from tools.observation import Arguments, Observation, Tool, ToolContext, UnitBox
from tools.osm.store import OsmStore
from tools.quote import clean, quoted
from tools.search_scene import SearchScene

_NO_OSM = "I have no OpenStreetMap here: make an extract with `geosleuth osm build` and start with --osm NAME."
_SURPRISING_BITS = 7.0
"""A statement that had less than one chance in 128 before it was made is said to contradict what was found."""
_SURE_KM = 2.0
"""With 90 % of the belief within this, what is near is asked about the point; else about the belief."""


def answered(
    intent: Intent, file: CaseFile, whole: Whole, osm: Mapping[str, Tool], shown_result: Callable[[CaseFile], Mapping[str, Any]]
) -> Reply:
    """The reply to a question. `osm` has the tools of OpenStreetMap that there are; `shown_result` gives the result as it may be shown."""
    today = about_place.utc_today()
    if intent.kind == "help":
        return help_reply(intent.what)
    if intent.kind == "statements":
        return _statements(file)
    if not file.ledger() and not any(photo.trajectory for photo in file.photos):
        return Reply("Nothing was investigated yet. Add a photo first, or state something: /say it is in Portugal.")
    if file.coarse()[0]:
        shown = shown_result(file)
        guess = shown["best_guess"]
        where = f"About {guess['lat']:.1f}, {guess['lon']:.1f} ({guess['country_name'] or 'at sea'})"
        return Reply(f"{where}; {shown['withheld']}.", {"best_guess": guess})
    replies: dict[str, Callable[[], Reply]] = {
        "where": lambda: reasoning.where(whole),
        "why": lambda: reasoning.why(whole),
        "why_not": lambda: reasoning.why_not(whole, intent.what),
        "how_sure": lambda: reasoning.how_sure(whole),
        "change": lambda: reasoning.what_would_change(whole),
        "evidence": lambda: _evidence(whole),
        "facts": lambda: about_place.facts(whole, today),
        "language": lambda: about_place.languages(whole),
        "money": lambda: about_place.money(whole),
        "driving": lambda: about_place.driving(whole),
        "telephone": lambda: about_place.telephone(whole),
        "sun": lambda: about_place.sun(whole, intent.what, file.last_date(), today),
        "nearby": lambda: _nearby(intent, whole, osm.get("nearby")),
        "scene": lambda: _scene(intent, osm.get("search_scene")),
    }
    if intent.kind in replies:
        return replies[intent.kind]()
    return Reply("I did not understand that. " + help_reply("").text)


def help_reply(remark: str) -> Reply:
    lines = [f"{remark.capitalize()}. I know these:" if remark else "You can ask in plain words, or with these:"]
    return Reply("\n".join([*lines, *(f"- {command}: {what}" for command, what in COMMANDS.items())]))


def stated(file: CaseFile, statements: Sequence[Statement], whole_of: Callable[[CaseFile], Whole]) -> Reply:
    """Take statements up; how the belief moved."""
    if not statements:
        return Reply(
            "I could not read a statement there. Say for example: it is in South America; not Lisbon; it was taken in March; cars keep left."
        )
    earlier = whole_of(file).belief()
    before = belief_line(earlier)
    against = [statement for statement in statements if _surprise_bits(statement, earlier) >= _SURPRISING_BITS]
    file.statements += statements
    after = belief_line(whole_of(file).belief())
    lines = [
        f"Noted as {statement.id}: {statement.claim.removeprefix('you say: ')}{_how_sure(statement)}." for statement in statements
    ]
    moved = any(statement.evidence for statement in statements)
    if moved:
        lines += [f"Before, {before}.", f"Now, {after}."]
        lines += [
            f"Mind that {statement.id} contradicts what was found: by that it was all but excluded." for statement in against
        ]
    lines.append(f"Take it back with /retract {statements[0].id.removeprefix('s')}.")
    return Reply("\n".join(lines), {"statements": [one.to_json() for one in statements], "changed": True})


def _surprise_bits(statement: Statement, belief: Belief) -> float:
    """How unlikely the statement was before it was made, in bits; 0 for one that says nothing about the place."""
    if statement.evidence is None or statement.kind not in {"place", "not"}:
        return 0.0
    share = float(Evidence.from_json(statement.evidence).likelihood.on(belief.cells) @ belief.mass)  # type: ignore[attr-defined]
    return -math.log2(max(share, 1e-12))


def _how_sure(statement: Statement) -> str:
    return (
        f" (believed to {percent(statement.evidence['reliability'])})"
        if statement.evidence
        else " (used for the sun; it moves no belief by itself)"
    )


def retracted(file: CaseFile, number: str, whole_of: Callable[[CaseFile], Whole]) -> Reply:
    """Take a statement back."""
    digits = re.search(r"\d{1,6}", number)
    wanted = digits[0] if digits else ""
    for row, statement in enumerate(file.statements):
        if statement.id == f"s{wanted}":
            if statement.retracted:
                return Reply(f"{statement.id} is taken back already.")
            file.statements[row] = statement.taken_back()
            return Reply(f"Taken back: {statement.claim.removeprefix('you say: ')}.\nNow, {belief_line(whole_of(file).belief())}.",
                         {"retracted": statement.id, "changed": True})  # fmt: skip
    known = ", ".join(statement.id for statement in file.stated()) or "there is none"
    return Reply(f"There is no statement {clean(number, 20) or 'without a number'}; those that stand: {known}.")


def _statements(file: CaseFile) -> Reply:
    if not file.statements:
        return Reply("You stated nothing yet. /say not Lisbon, /say taken in March")
    lines = [
        f"- {one.id}: {one.claim.removeprefix('you say: ')}{' (taken back)' if one.retracted else ''}" for one in file.statements
    ]
    return Reply("\n".join(lines), {"statements": [one.to_json() for one in file.statements]})


def _evidence(whole: Whole) -> Reply:
    if not whole.ledger:
        return Reply("There is no evidence yet.")
    rows = sorted(whole.with_bits(), key=lambda entry: -entry["bits"])
    lines = [
        f"- {entry['claim']}: tells {entry['bits']:.1f} bits, {entry['for_answer_bits']:+.1f} for the answer; {entry['tool']}"
        for entry in rows[:40]
    ]
    more = [f"and {len(rows) - 40} more"] if len(rows) > 40 else []
    return Reply("\n".join([*lines, *more]), {"ledger": [reasoning.short(entry) for entry in rows]})


def _nearby(intent: Intent, whole: Whole, tool: Tool | None) -> Reply:
    if not isinstance(tool, Nearby):
        return Reply(_NO_OSM)
    what = [intent.what] if intent.what else []
    guess = whole.result()["best_guess"]
    try:
        if guess["radius90_km"] <= _SURE_KM or not what or not isinstance(tool.source, OsmStore):
            arguments = tool.arguments(lat=guess["lat"], lon=guess["lon"], radius_m=intent.radius_m, what=what)
            found = tool.ask(arguments)
            away = (
                f" This is for my best guess; 90 % of the belief is within {guess['radius90_km']:.0f} km of it."
                if guess["radius90_km"] > _SURE_KM
                else ""
            )
            return Reply(found.text + away, found.data)
        where, weight = about_place.points_of(whole.belief())
        found = tool.of_points(tool.arguments(radius_m=intent.radius_m, what=what), where, weight)
    except ValidationError as error:
        return Reply(f"I cannot ask that: {clean(error.errors()[0]['msg'], 160)}.")
    return Reply(found.text, found.data)


def _scene(intent: Intent, tool: Tool | None) -> Reply:
    if not isinstance(tool, SearchScene):
        return Reply(_NO_OSM)
    scene = read_scene(intent.what)
    if scene is None:
        return Reply("Say it like this: a church within 50 m of a level crossing and a river.")
    try:
        found: Observation = tool.ask(tool.arguments(**scene))
    except ValidationError as error:
        return Reply(f"I cannot search for that: {clean(error.errors()[0]['msg'], 160)}.")
    return Reply(found.text, found.data)


# -- with a policy


def photo_meant(file: CaseFile, number: int | None, text: str) -> CasePhoto | None:
    """The photo that a message is about: the one it numbers, else the latest that was investigated."""
    named = re.search(r"\b(?:photo|picture|image) (\d{1,2})\b", text, re.I)
    wanted = number or (int(named[1]) if named else None)
    if wanted is not None:
        return next((photo for photo in file.photos if photo.number == wanted), None)
    return next((photo for photo in reversed(file.photos) if photo.trajectory), file.photos[-1] if file.photos else None)


def second_look(policy: Policy, box: UnitBox) -> Policy:
    """What looks again where no language model is."""
    return replace(policy, model=SecondLook(box=box), sees=False, offered=())


def question_for_policy(text: str, file: CaseFile, whole: Whole) -> str:
    """The message to a policy, with what the case as a whole comes to."""
    said = "; ".join(statement.claim.removeprefix("you say: ") for statement in file.stated())
    about = [
        f"The user stated: {quoted(said, 800)}" if said else "",
        f"{len(file.photos)} photos are taken to be of one place." if len(file.photos) > 1 else "",
    ]
    return question_text(text, belief_line(whole.belief()).removeprefix("belief: "), " ".join(filter(None, about)))


class CaseArguments(Arguments):
    """Arguments of `ask_case`."""

    about: Literal[
        "where",
        "why",
        "why_not",
        "how_sure",
        "what_would_change",
        "evidence",
        "languages",
        "money",
        "driving",
        "telephone",
        "sun",
    ] = Field(description="what to ask: the reasoning (with numbers), or a fact of the place")
    detail: str = Field(default="", description="a place for why_not, a date for sun", max_length=120)


class AskCase(Tool):
    """The case's own reasoning and facts of the place, for a policy that answers a question."""

    name = "ask_case"
    description = "Ask the case itself: why the answer is what it is, why not another place, what would change it, languages, money, sunrise and sunset there."
    arguments = CaseArguments
    timeout_s = 60.0

    def __init__(self, file: CaseFile, whole: Whole) -> None:
        self._file, self._whole = file, whole

    def run(self, arguments: CaseArguments, context: ToolContext) -> Observation:
        kinds: dict[str, Any] = {"what_would_change": "change", "languages": "language"}
        intent = Intent(kinds.get(arguments.about, arguments.about), arguments.detail)
        reply = answered(intent, self._file, self._whole, {}, lambda _: self._whole.result())
        return Observation(reply.text, data=dict(reply.data))


def case_tools(file: CaseFile, whole: Whole) -> dict[str, Tool]:
    """What a policy may call beside the tools of an investigation."""
    return {"ask_case": AskCase(file, whole)}
