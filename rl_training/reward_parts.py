"""What a finished investigation earns, part by part: bounded numbers made of the evaluation's own row of it.

Where the policy did not end the investigation itself (a cap did), there is no answer, whatever the belief would have said: the parts
about the place, `calibration` and `evidence` are 0. A "cannot tell" is no answer either, but an end: it states the photo prior.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.answer import MIN_GAIN_BITS
from evals.metrics.values import distances
from evals.record import Truth
from evals.row import Row
from evals.run_folder import RunFolder
from geo.names import fold
from geo.score import geoscore, hit
from tools.read_text import ReadText

BETA = 2.0
"""GeoVista's: each finer level is worth so many times the one above it."""

STEPS = ((0.5, 1.0), (2.0, 0.8), (10.0, 0.6), (25.0, 0.4), (200.0, 0.2), (750.0, 0.1))
"""Kilometres, and what an answer strictly nearer than that earns: the steps of Thinking with Map."""

LEAST_BITS, MOST_BITS = -8.0, 24.0
"""Where the log score is clipped. An own answer that is wrong costs at most 4.3 bits (its reliability is at most 0.95), so the lower
bound is met where wrong clues of several tools add up; the upper one is a spread of some kilometres where few photos are taken."""

UNTOLD = 0.5
"""Evidence for a "cannot tell" where nothing was found: neither supported nor contradicted."""

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


@dataclass(frozen=True)
class Outcome:
    """One finished investigation, with the evaluation's row of it."""

    trajectory: Mapping[str, Any]
    row: Row
    """`row.answer` is None where no answer counts."""
    ended: bool
    """Whether the policy ended it, with an answer or a "cannot tell"."""
    counts: bool
    """Whether what it ended with counts: where the policy ended it, or where the belief's answer is taken for the policy's."""


class _OneRun(RunFolder):
    """A run of a single record that lies on no disk: what the evaluation makes its rows of."""

    def __init__(self, trajectory: Mapping[str, Any], truth: Truth) -> None:
        self._trajectory, self._truth = dict(trajectory), truth

    def manifest(self) -> dict[str, Any]:
        return {}

    def records(self) -> list[dict[str, Any]]:
        return [{"id": "one", "kind": "photo", "truth": self._truth.to_json(), "columns": {}}]

    def trajectories(self) -> dict[str, dict[str, Any]]:
        return {"one": self._trajectory}


def outcome_of(
    trajectory: Mapping[str, Any], truth: Truth, *, ended: bool, guess_counts: bool = False, unfinished_counts: bool = False
) -> Outcome:
    """The outcome of a trajectory. With `guess_counts` the best guess is the answer of a "cannot tell", with `unfinished_counts` the
    belief's answer that of a run which the policy did not end."""
    from evals.rows import rows_of  # loads the whole agent, which looking at the parts need not

    counts = ended or unfinished_counts
    answer = trajectory["best_guess" if guess_counts else "answer"] if counts else None
    shown = {**trajectory, "answer": answer if answer and _is_point(answer) else None}
    return Outcome(trajectory, rows_of(_OneRun(shown, truth))[0], ended, counts)


def _is_point(place: Mapping[str, Any]) -> bool:
    lat, lon = float(place["lat"]), float(place["lon"])
    return math.isfinite(lon) and abs(lat) <= 90.0


# -- the place


def levels(outcome: Outcome) -> float:
    """GeoVista's hierarchical reward (equation 4, beta = 2): 4 for the right city, 2 for the region, 1 for the country, else 0.

    By place ids and no judge (`evals/levels`). A level that the truth does not give cannot be earned: 2 is the most for a truth
    without a city, 1 for one without a region, too.
    """
    right = outcome.row.levels
    return BETA**2 if right["city"] else BETA if right["region"] else 1.0 if right["country"] else 0.0


def levels_flat(outcome: Outcome) -> float:
    """1 for the right city, else 0; of a truth without a city, for the finest level that it gives (GeoVista's ablation)."""
    verdicts = (outcome.row.levels[level] for level in ("city", "region", "country"))
    return float(bool(next(verdict for verdict in verdicts if verdict is not None)))


def distance(outcome: Outcome) -> float:
    """exp(-d / 1492.7 km): GeoGuessr's world score as a share of 5000 (`geo.score.geoscore`); 0 without an answer."""
    return float(geoscore(distances([outcome.row])[0])) / 5000.0


def distance_steps(outcome: Outcome) -> float:
    """Thinking with Map's reward: 1 / 0.8 / 0.6 / 0.4 / 0.2 / 0.1 nearer than 0.5 / 2 / 10 / 25 / 200 / 750 km, else 0.

    As in its `reward_score/localization.py`; the distance is that on the sphere, as everywhere here.
    """
    far = distances([outcome.row])[0]
    return max((value for km, value in STEPS if hit(km)(far)), default=0.0)


# -- how sure, and why


def calibration(outcome: Outcome) -> float | None:
    """The log score of the answer's density at the truth in bits over the photo prior, clipped to [-8, 24] and scaled to [0, 1].

    That is `bits_prior` of the evaluation: candidates, radii and probabilities of the answer become a density together with the photo
    prior and what the tools found, and what is scored is that density. The log score is strictly proper, up to the clipping: a radius
    pays most when it is honest about how far the truth lies among the places where photos are taken.
    A "cannot tell" states the prior: 0 bits, 0.25. None where the trajectory holds no belief that can be read.
    """
    if not outcome.counts:
        return 0.0
    bits = outcome.row.bits_prior if outcome.row.answer else 0.0
    return None if bits is None else share_of_bits(bits)


def share_of_bits(bits: float) -> float:
    """Bits over the photo prior as a number from 0 to 1."""
    return (min(max(bits, LEAST_BITS), MOST_BITS) - LEAST_BITS) / (MOST_BITS - LEAST_BITS)


def evidence(outcome: Outcome) -> float:
    """1 - 2^-s, where s is what the tools' observations say for the answer, in bits net of what they say against it; 0 where s <= 0.

    - Counted is what calls of tools found (`for_answer_bits` of the ledger), never the policy's own judgement or votes. Clues of one
      source are one observation: their factors are averaged, as in the belief, so that asking twice adds nothing.
    - All of it counts, for and against, so that there is nothing to pick; and s saturates, so that there is nothing to pile up.
    - A name or a distance that the policy said it saw in the photo must stand, as written, in what `read_text` read before or in what
      the user said. One that does not is no observation: it adds nothing, and what it would say for the answer is taken off.

    A "cannot tell" earns 0.5 where the evidence tells less than 1 bit in all, and 0 where it withholds what was found.
    """
    if not outcome.counts:
        return 0.0
    trajectory = outcome.trajectory
    if outcome.row.answer is None:
        gain = float((trajectory.get("belief") or {}).get("gain_bits", 0.0))
        return UNTOLD if gain < MIN_GAIN_BITS else 0.0
    said = supports(trajectory)
    net = math.fsum(bits if is_held else -max(bits, 0.0) for bits, is_held in said.values())
    return 1.0 - 2.0**-net if net > 0 else 0.0


def supports(trajectory: Mapping[str, Any]) -> dict[str, tuple[float, bool]]:
    """For each source that a call observed: the bits that it says for the answer, and whether an observation holds what it claims."""
    held = _held(trajectory)
    factors: dict[str, list[float]] = defaultdict(list)
    sound: dict[str, bool] = defaultdict(bool)
    for entry in trajectory.get("ledger", ()):
        if entry["call"] in held:  # the policy's own answer and its votes are calls of no tool
            factors[entry["source"]].append(2.0 ** min(max(float(entry["for_answer_bits"]), -64.0), 64.0))
            sound[entry["source"]] |= held[entry["call"]]
    return {source: (math.log2(math.fsum(values) / len(values)), sound[source]) for source, values in factors.items()}


def _held(trajectory: Mapping[str, Any]) -> dict[str, bool]:
    """For each call that was carried out: whether what it says was seen stands in what was read before."""
    seen = [fold(str(trajectory.get("context") or ""))]
    held: dict[str, bool] = {}
    for step in trajectory.get("steps", ()):
        held[step["id"]] = all(_stands(words, seen) for words in _said_seen(step["args"]))
        if step["tool"] == ReadText.name:
            lines = [fold(str(line["text"])) for line in (step.get("data") or {}).get("lines", ())]
            seen += [*lines, " ".join(lines)]  # names run over several lines
    return held


def _said_seen(args: Mapping[str, Any]) -> list[str]:
    """The folded words that the arguments of a call say were seen: a name, and a distance beside it.

    Where a line is named by its number (`region`), the tool itself takes the words from what was read.
    """
    named = args.get("name") or args.get("query")
    words = [fold(str(named))] if named and args.get("seen_in_photo") else []
    return [*words, fold(f"{float(args['distance_km']):g}")] if args.get("distance_km") else words


def _stands(name: str, texts: Sequence[str]) -> bool:
    """Whether a folded name stands in one of the folded texts: as whole words, where its script has spaces."""
    if not name:
        return False
    return any(name in text if _UNSPACED.search(name) else f" {name} " in f" {text} " for text in texts)


# -- manners


def well_formed(outcome: Outcome) -> float | None:
    """(replies that were well formed + 1 for an accepted answer) / (replies + 1).

    A reply is well formed when it holds calls and each was carried out: its tool exists, its arguments were accepted, its budget was
    not spent, no answer stood beside it. A call that failed by a fault of the world is well formed; a silent reply is not, and neither
    is one that asks for calls where an answer was demanded. None where the trajectory holds no replies.
    """
    replies = [message for message in outcome.trajectory.get("messages", ()) if message.get("role") == "assistant"]
    if not replies:
        return None
    carried_out = {step["id"]: bool(step["ok"] or step.get("data")) for step in outcome.trajectory.get("steps", ())}
    good = [
        bool(calls := reply.get("tool_calls")) and all(carried_out.get(call["id"], False) for call in calls) for reply in replies
    ]
    if outcome.ended and not replies[-1].get("tool_calls"):
        good[-1] = True  # the answer was given in words
    return (sum(good) + outcome.ended) / (len(replies) + 1)


def calls(outcome: Outcome) -> float | None:
    """-(calls used / calls allowed), at least -1; None where the trajectory does not say."""
    limits, used = outcome.trajectory.get("limits"), outcome.trajectory.get("calls")
    if limits is None or used is None:
        return None
    return -min(used / limits["max_calls"], 1.0) if limits["max_calls"] else 0.0
