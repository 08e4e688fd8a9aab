"""Questions about the reasoning, answered from ledger and belief with numbers: why, why not, how sure, what would change it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from agent.answer import label_of
from agent.conversation.reply import Reply, factor, km, percent, times
from agent.conversation.whole import Whole
from geo.belief import Belief
from geo.named_areas import NamedArea, named_area
from geo.naming import top_places
from geo.sphere import haversine_km
from tools.quote import quoted

MOST_CLAIMS = 6
MOST_LEFT_OUT = 12
"""Clues that are left out one after the other to see what would change; the strongest."""
_MATTERS_BITS = 0.3
_CITY_KM = 50.0


def where(whole: Whole) -> Reply:
    """The answer in words."""
    result = whole.result()
    answer, guess = result["answer"], result["best_guess"]
    others = result["alternatives"][1:4]
    lines = []
    if answer is None:
        lines.append(
            f"I cannot tell where it was taken. If I had to guess: {label_of(guess)} ({guess['lat']:.2f}, {guess['lon']:.2f})."
        )
    else:
        lines.append(
            f"{label_of(answer)} ({answer['lat']:.4f}, {answer['lon']:.4f}): 50 % within {km(answer['radius50_km'])}, "
            f"90 % within {km(answer['radius90_km'])}."
        )
    if others:
        lines.append("Otherwise: " + ", ".join(f"{named(place)} {percent(place['probability'])}" for place in others) + ".")
    return Reply("\n".join(lines), {"answer": answer, "best_guess": guess, "alternatives": result["alternatives"]})


def named(place: Mapping[str, Any]) -> str:
    """A place of the ranking in a few words."""
    return str(place["country_name"]) if place["kind"] == "country" else label_of(place)


def why(whole: Whole) -> Reply:
    """The clues that speak most for the answer, and those against it."""
    if not whole.ledger:
        return Reply("There is no evidence yet.")
    guess = whole.result()["best_guess"]
    rows = sorted(whole.with_bits(), key=lambda entry: -entry["for_answer_bits"])
    for_it = [entry for entry in rows if entry["for_answer_bits"] >= _MATTERS_BITS][:MOST_CLAIMS]
    against = [entry for entry in reversed(rows) if entry["for_answer_bits"] <= -_MATTERS_BITS][:3]
    lines = [f"For {label_of(guess)}:"] + [_claim(entry) for entry in for_it]
    if not for_it:
        lines = [
            f"Nothing that was found speaks clearly for {label_of(guess)}; it is the likeliest place by where photos are taken."
        ]
    if against:
        lines += ["Against it:"] + [_claim(entry) for entry in against]
    return Reply("\n".join(lines), {"for": [short(entry) for entry in for_it], "against": [short(entry) for entry in against]})


def short(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a reply keeps of an entry of the ledger; the likelihood may be large."""
    return {key: entry[key] for key in ("claim", "tool", "bits", "for_answer_bits", "citations")}


def _claim(entry: Mapping[str, Any]) -> str:
    cited = f" ({', '.join(entry['citations'][:3])})" if entry.get("citations") else ""
    return f"- {entry['claim']}: {entry['for_answer_bits']:+.1f} bits, {times(entry['for_answer_bits'])}; {entry['tool']}{cited}"


def why_not(whole: Whole, name: str) -> Reply:
    """What speaks for and against a place that the user names, beside the best guess."""
    area = named_area(name)
    if area is None:
        return Reply(f"I know no place called {quoted(name, 80)}.")
    belief, guess = whole.belief(), whole.result()["best_guess"]
    share, rank = _share(belief, area)
    at = _point(belief, area)
    inside = _holds(area, guess)
    head = f"{area.label}: {percent(share) if share > 0 else '0 %'}"
    head += (
        f", {_ordinal(rank)} of the places that are still possible."
        if rank
        else ", not among the places that are still possible."
    )
    if inside:
        head += f" My best guess, {label_of(guess)}, lies in it."
    if at is None or not whole.ledger:
        return Reply(head, {"place": area.label, "share": share, "rank": rank})
    rows = []
    for row, entry in enumerate(whole.ledger):
        here, there = belief.support_bits(row, *at), belief.support_bits(row, guess["lat"], guess["lon"])
        rows.append(
            {
                "claim": entry["claim"],
                "tool": entry["tool"],
                "here_bits": round(here, 2),
                "guess_bits": round(there, 2),
                "source": entry["source"],
            }
        )
    rows.sort(key=lambda r: abs(r["here_bits"] - r["guess_bits"]), reverse=True)
    decisive = [r for r in rows if abs(r["here_bits"] - r["guess_bits"]) >= _MATTERS_BITS][:MOST_CLAIMS]
    lines = [head]
    if decisive and not inside:
        lines.append(f"Beside {label_of(guess)} ({percent(guess['probability'])}) what counts is:")
        lines += [f"- {r['claim']}: {_beside(r['guess_bits'] - r['here_bits'], area.label)}" for r in decisive]
    elif not inside:
        lines.append("No clue tells the two apart; photos are taken more often where my guess is.")
    return Reply(
        "\n".join(lines),
        {"place": area.label, "share": round(share, 4), "rank": rank, "lat": at[0], "lon": at[1], "clues": decisive},
    )


def _beside(bits: float, label: str) -> str:
    side, than = ("against", "less likely there") if bits > 0 else ("for", "likelier there")
    return f"{abs(bits):.1f} bits {side} {label} ({factor(bits)} times {than})"


def how_sure(whole: Whole) -> Reply:
    """Radii, entropy, and what that means."""
    result = whole.result()
    guess, numbers = result["best_guess"], result["belief"]
    lines = [
        f"Around {label_of(guess)}: 50 % within {km(guess['radius50_km'])}, 90 % within {km(guess['radius90_km'])}.",
        f"The smallest region that holds 90 % has {numbers['credible90_km2']:,.0f} km².",
        f"The evidence tells {numbers['gain_bits']:.1f} bits beyond where photos are usually taken.",
    ]
    return Reply("\n".join(lines), {"best_guess": guess, "belief": numbers})


def what_would_change(whole: Whole) -> Reply:
    """Each of the strongest clues left out in turn: where the answer would go without it."""
    guess = whole.result()["best_guess"]
    strongest = sorted(range(len(whole.ledger)), key=lambda row: -abs(whole.bits()[row]["for_answer_bits"]))[:MOST_LEFT_OUT]
    changes = list(_changes(whole, strongest, guess))
    lines = []
    if changes:
        lines.append("If one of these were wrong, I would think otherwise:")
        lines += [
            f"- without {change['claim']}: {change['label']} ({percent(change['probability'])}), {km(change['km'])} away"
            for change in changes[:5]
        ]
    elif whole.ledger:
        lines.append(
            f"No single clue: whichever of the {len(strongest)} strongest is left out, the best guess stays within {_CITY_KM:.0f} km."
        )
    else:
        lines.append("Any evidence at all: there is none yet.")
    others = [
        place
        for place in whole.result()["alternatives"]
        if haversine_km(guess["lat"], guess["lon"], place["lat"], place["lon"]) > _CITY_KM
    ]
    for place in others[:2]:
        bits = math.log2(max(guess["probability"], 1e-6) / max(place["probability"], 1e-6))
        if bits > 0:
            lines.append(
                f"- new evidence of {bits:.1f} bits for {named(place)} ({factor(bits)} to 1) would put it level with {label_of(guess)}"
            )
    return Reply("\n".join(lines), {"changes": changes})


def _changes(whole: Whole, rows: list[int], guess: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        top = top_places(whole.belief([row]), 1)
        if top and (away := float(haversine_km(guess["lat"], guess["lon"], top[0].lat, top[0].lon))) > _CITY_KM:
            yield {
                "claim": whole.ledger[row]["claim"],
                "label": named(top[0].to_json()),
                "probability": round(top[0].probability, 4),
                "km": round(away, 1),
            }


def _share(belief: Belief, area: NamedArea) -> tuple[float, int]:
    """Probability of the area, and its rank (from 1) among the places that are named; 0 where it is not among them."""
    share = float(area.bounds.on(belief.cells) @ belief.mass)
    places = top_places(belief, 8)
    rank = next((number for number, place in enumerate(places, 1) if _holds(area, place.to_json())), 0)
    return share, rank


def _holds(area: NamedArea, place: Mapping[str, Any]) -> bool:
    import numpy as np

    inside = area.bounds.at(np.array([place["lat"]]), np.array([place["lon"]]), np.array([1.0]))
    return bool(inside[0] > 0.5)


def _point(belief: Belief, area: NamedArea) -> tuple[float, float] | None:
    """The likeliest point of the area: where it is judged at its best."""
    import numpy as np

    inside = area.bounds.on(belief.cells)
    rows = np.flatnonzero(inside > 0.5)
    if not len(rows):
        return (area.lat, area.lon) if area.lat is not None and area.lon is not None else None
    density = belief.density()[rows]
    best = rows[int(np.argmax(density))]
    return float(belief.cells.lat[best]), float(belief.cells.lon[best])


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"number {number}")
