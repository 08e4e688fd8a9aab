"""The evidence table and the ranked places of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agent.report.markup import Html, join, tag, web_link
from agent.report.words import area_name, bits, km, percent

_HEADINGS = (("claim", "What was found"), ("tool", "Tool"), ("reliability", "Reliability"), ("bits", "Tells alone"),
             ("support", "For the answer"))  # fmt: skip

_BITS = (
    "One bit is a factor of two. “Tells alone” is how far the clue by itself moves the belief; “for the answer” is how much more "
    "likely the clue is at the best place than elsewhere, and negative where it speaks against it. Clues from one source are "
    "not counted twice."
)


def evidence_section(trajectory: Mapping[str, Any], number: int) -> Html:
    """The ledger as a table that can be sorted, or a sentence when it is empty."""
    ledger = [entry for entry in trajectory.get("ledger") or [] if isinstance(entry, Mapping)]
    heading = tag("h3", "Evidence", tag("small", str(len(ledger))))
    if not ledger:
        return tag("section", heading, tag("p", "No tool found anything that says where the photo was taken.", class_="none"))
    most = max(1.0, *(abs(_number(entry.get("for_answer_bits"))) for entry in ledger))
    head = tag("tr", [_heading(key, words) for key, words in _HEADINGS])
    rows = [_row(entry, row, most, trajectory.get("sources") or {}) for row, entry in enumerate(ledger)]
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="evidence", id=f"evidence-{number}")
    return tag("section", heading, table, tag("p", _BITS, class_="note"))


def _heading(key: str, words: str) -> Html:
    return tag("th", tag("button", words, type="button", data_sort=key), scope="col", class_=key)


def _row(entry: Mapping[str, Any], row: int, most: float, sources: Mapping[str, Any]) -> Html:
    alone, support, reliability = (_number(entry.get(key)) for key in ("bits", "for_answer_bits", "reliability"))
    claim = str(entry.get("claim") or "")
    return tag(
        "tr",
        tag("td", tag("span", claim, class_="said"), _sources(entry, sources), class_="claim", data_value=claim),
        tag("td", tag("code", str(entry.get("tool") or "")), class_="tool", data_value=str(entry.get("tool") or "")),
        tag("td", percent(reliability), class_="reliability number", data_value=reliability, data_label="Reliability"),
        tag("td", f"{alone:.1f} bits", class_="bits number", data_value=alone, data_label="Tells alone"),
        tag("td", _support(support, most), class_="support", data_value=support, data_label="For the answer"),
        data_row=row,
    )  # fmt: skip


def _support(value: float, most: float) -> Html:
    """A bar from the middle: to the right for the answer, to the left against it."""
    share = min(1.0, abs(value) / most) * 50
    side = "for" if value >= 0 else "against"
    bar = tag("span", tag("i", class_=side, style=f"width:{share:.1f}%"), class_="balance", aria_hidden="true")
    return join(bar, tag("span", f"{bits(value)} bits", class_="number"))


def _sources(entry: Mapping[str, Any], sources: Mapping[str, Any]) -> Html | None:
    items = []
    for citation in entry.get("citations") or []:
        known = sources.get(str(citation))
        if isinstance(known, Mapping):
            items.append(web_link(str(known.get("url") or ""), str(known.get("title") or known.get("url") or citation)))
        else:
            items.append(web_link(str(citation), str(citation)))
    return tag("span", items, class_="sources") if items else None


def _number(value: Any) -> float:
    """A finite number, 0 for anything else."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def places_list(places: Sequence[Mapping[str, Any]], radii: bool = True) -> Html:
    """Ranked places with bars of probability, and what is left for elsewhere."""
    if not places:
        return tag("p", "No place stands out.", class_="none")
    shares = [min(1.0, max(0.0, _number(place.get("probability")))) for place in places]
    rows = [_place(place, share, radii) for place, share in zip(places, shares, strict=True)]
    if (left := 1.0 - sum(shares)) >= 0.005:
        rows.append(_bar("elsewhere", left, "", "rest"))
    return tag("ol", rows, class_="places")


def _place(place: Mapping[str, Any], share: float, radii: bool) -> Html:
    detail = f"90 % within {km(_number(place.get('radius90_km')))}" if radii and place.get("radius90_km") is not None else ""
    return _bar(area_name(place), share, detail, "")


def _bar(name: str, share: float, detail: str, kind: str) -> Html:
    """A line of the list; a full bar is certainty."""
    return tag(
        "li",
        tag("span", name, class_="name"),
        tag("span", percent(share), class_="share"),
        tag("span", tag("i", style=f"width:{100 * share:.1f}%"), class_="bar", aria_hidden="true"),
        tag("span", detail, class_="detail") if detail else None,
        class_=kind or None,
    )


def prior_section(with_prior: Sequence[Mapping[str, Any]], without: Sequence[Mapping[str, Any]] | None) -> Html:
    """The alternatives with the prior beside those of the evidence alone, and a sentence on what the prior did."""
    both = [
        tag(
            "div",
            tag("h4", "With the prior"),
            tag("p", "evidence and where people take photos", class_="note"),
            places_list(with_prior),
        )
    ]
    if without is not None:
        alone = tag("p", "evidence alone, over a uniform Earth", class_="note")
        both.append(tag("div", tag("h4", "Without the prior"), alone, places_list(without, radii=False)))
    sentence = _what_the_prior_did(with_prior, without) if without is not None else None
    return tag("section", tag("h3", "Where it could be"), tag("p", sentence, class_="verdict") if sentence else None,
               tag("div", both, class_="columns"))  # fmt: skip


def _what_the_prior_did(with_prior: Sequence[Mapping[str, Any]], without: Sequence[Mapping[str, Any]]) -> str:
    if not with_prior or not without:
        return "Without the prior no place stands out: what is named here rests on where people take photos."
    first, bare = area_name(with_prior[0]), area_name(without[0])
    share = percent(_number(without[0].get("probability")))
    if first == bare:
        return f"Both name {first} first; the evidence alone gives it {share}."
    lands = [place[0].get("country") if place[0].get("kind") != "sea" else None for place in (with_prior, without)]
    if lands[0] and lands[0] == lands[1]:
        return f"Both lead to the same country. Within it the prior favours {first}, the evidence alone {bare} ({share})."
    return f"The prior decides here: with it {first} leads, while the evidence alone would name {bare} ({share})."
