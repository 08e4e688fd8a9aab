"""Which trajectories are worth learning from: each filter is a pure function of a trajectory and its record, None or the reason
against it.

A reason begins with its kind (`wrong`, `leak`, `dead turn`, …), which is what is counted, then says more after a colon.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evals.levels import levels_of_points
from evals.record import Record, Truth
from evals.row import LEVELS, Verdicts
from geo.sphere import haversine_km
from rl_training.episode import FINISHED, WORLD_FAULTS
from rl_training.leaks import no_leak

Trajectory = Mapping[str, Any]
Filter = Callable[[Trajectory, Record], str | None]

CountTokens = Callable[[Trajectory, Record], int]
"""How many tokens a trajectory is for the student that is to be trained."""

KEEPS = "right, all, within:KM, level:LEVEL"
WITHIN_KM = 25.0
"""With `right`, for a truth that names no level: so near is right."""

_NOT_CALLS = frozenset({"answer", "votes"})
"""What evidence may come from beside calls: the policy's own answer, and its votes."""


class FilterError(ValueError):
    """A filter that there is not; one line."""


def reason_against(trajectory: Trajectory, record: Record, filters: Iterable[Filter]) -> str | None:
    """What the first filter that objects says; None where none does."""
    return next((reason for one in filters if (reason := one(trajectory, record))), None)


def kind_of(reason: str) -> str:
    """What a reason is counted as."""
    return reason.partition(":")[0]


def standard_filters(keep: str = "right", count_tokens: CountTokens | None = None, max_tokens: int | None = None) -> list[Filter]:
    """All filters in the order in which they are asked, the costly one last. Raises FilterError."""
    length = [within_tokens(count_tokens, max_tokens)] if count_tokens and max_tokens else []
    return [ended_by_an_answer, answer_filter(keep), no_dead_turns, citations_hold, no_leak, *length]


# -- the end and the answer


def ended_by_an_answer(trajectory: Trajectory, record: Record) -> str | None:
    """The policy must have ended it, with an answer or a "cannot tell"; faults of the world are told apart from caps."""
    stop = str(trajectory.get("stop"))
    if stop in WORLD_FAULTS:
        return f"failed: {stop}"
    return None if stop in FINISHED else f"no answer: {stop}"


def answer_filter(keep: str) -> Filter:
    """What the answer must be: `right` (`right_answer`), `all` (anything), `within:KM`, `level:city` (or `region`, `country`).

    Raises FilterError.
    """
    name, _, value = keep.partition(":")
    if keep == "right":
        return right_answer
    if keep == "all":
        return lambda trajectory, record: None
    if name == "level" and value in LEVELS:
        return lambda trajectory, record: _against_level(verdicts_of(trajectory, record.truth), value)
    if name == "within" and (km := _positive(value)):
        return lambda trajectory, record: _against_distance(trajectory, record.truth, km)
    raise FilterError(f"{keep[:40]!r} is nothing that can be kept: there are {KEEPS} (such as within:25 or level:city)")


def right_answer(trajectory: Trajectory, record: Record) -> str | None:
    """Right at the finest level that the photo tells: what a drawn scene says of itself, else the finest that the truth names."""
    verdicts = verdicts_of(trajectory, record.truth)
    told = record.columns.get("finest")
    if told in LEVELS:
        return _against_level(verdicts, told)
    level = next((level for level in reversed(LEVELS) if verdicts[level] is not None), None)
    return _against_level(verdicts, level) if level else _against_distance(trajectory, record.truth, WITHIN_KM)


def verdicts_of(trajectory: Trajectory, truth: Truth) -> Verdicts:
    """Whether the answer is right at each level, as evaluations have it (`evals.levels`)."""
    lat, lon = _point(trajectory) or (math.nan, math.nan)
    return levels_of_points([truth], [lat], [lon])[0]


def _against_level(verdicts: Verdicts, level: str) -> str | None:
    verdict = verdicts[level]
    if verdict is None:
        return f"no verdict: the truth does not say the {level}"
    return None if verdict else f"wrong: the {level}"


def _against_distance(trajectory: Trajectory, truth: Truth, km: float) -> str | None:
    if truth.lat is None or truth.lon is None:
        return "no verdict: the truth has no coordinates"
    away = answer_distance_km(trajectory, truth)
    if math.isinf(away):
        return "wrong: no answer"
    return None if away <= km else f"wrong: {away:.0f} km away"


def answer_distance_km(trajectory: Trajectory, truth: Truth) -> float:
    """From the answer to the truth, which has coordinates; infinite without an answer."""
    point = _point(trajectory)
    return math.inf if point is None else float(haversine_km(truth.lat or 0.0, truth.lon or 0.0, *point))


def _point(trajectory: Trajectory) -> tuple[float, float] | None:
    place = trajectory.get("answer")
    return (float(place["lat"]), float(place["lon"])) if place else None


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 < value < math.inf else None


# -- how it came about


def no_dead_turns(trajectory: Trajectory, record: Record) -> str | None:
    """No reply without a call before the last, no call that was refused, failed or not carried out, and none made twice word for
    word."""
    steps = {step["id"]: step for step in trajectory.get("steps", [])}
    replies = [message for message in trajectory["messages"] if message["role"] == "assistant"]
    asked: set[str] = set()
    for number, reply in enumerate(replies, 1):
        calls = reply.get("tool_calls") or []
        if not calls and number < len(replies):
            return "dead turn: a reply without a call"
        for call in calls:
            name, key = str(call["name"])[:40], json.dumps([call["name"], call["args"]], sort_keys=True)
            step = steps.get(call["id"])
            if key in asked:
                return f"dead turn: {name} was called twice in the same words"
            if step is None or not step["ok"]:
                return f"dead turn: {name} was {'not carried out' if step is None else 'refused or failed'}"
            asked.add(key)
    return None


def citations_hold(trajectory: Trajectory, record: Record) -> str | None:
    """Every piece of evidence comes from a call that was carried out and claimed it, and cites views and pages that there are."""
    steps = {step["id"]: step for step in trajectory.get("steps", [])}
    known = {*trajectory.get("views", {}), *trajectory.get("sources", {})}
    for entry in trajectory.get("ledger", []):
        call = entry["call"]
        if call not in _NOT_CALLS and (call not in steps or entry["claim"] not in steps[call].get("claims", ())):
            return f"unfounded: no call claimed {str(entry['claim'])[:80]!r}"
        cited = [cite for cite in entry.get("citations", ()) if re.fullmatch(r"[vw]\d{1,4}", cite)]
        if missing := [cite for cite in cited if cite not in known]:
            return f"unfounded: there is no {missing[0]}"
    named = re.findall(r"(?<![\w.])[vw]\d{1,4}(?![\w.]*\w)", str(trajectory.get("reason") or ""))
    missing = [name for name in named if name not in known]
    return f"unfounded: the answer names {missing[0]}, which there is not" if missing else None


def within_tokens(count: CountTokens, most: int) -> Filter:
    """At most `most` tokens, as `count` counts them; longer ones are left out and never cut."""

    def against(trajectory: Trajectory, record: Record) -> str | None:
        tokens = count(trajectory, record)
        return f"too long: {tokens} tokens" if tokens > most else None

    return against


# -- duplicates


class Duplicates:
    """Remembers what was kept; says which earlier trajectory has the same photo or the same messages."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def reason(self, trajectory: Trajectory) -> str | None:
        """The reason against a trajectory that says nothing new."""
        photo, messages = (self._kept.get(key) for key in _digests(trajectory))
        return f"duplicate: the photo of {photo}" if photo else f"duplicate: the messages of {messages}" if messages else None

    def add(self, trajectory: Trajectory) -> None:
        """Remember one that is kept."""
        for key in _digests(trajectory):
            self._kept.setdefault(key, str(trajectory["photo"])[:200])


def _digests(trajectory: Trajectory) -> tuple[str, str]:
    return f"photo {trajectory.get('sha256')}", f"messages {messages_digest(trajectory)}"


def messages_digest(trajectory: Trajectory) -> str:
    """SHA-256 of who said what, calls included; ids and token counts left out."""
    said = [
        [m["role"], m["content"], [[c["name"], c["args"]] for c in m.get("tool_calls") or []]] for m in trajectory["messages"]
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
