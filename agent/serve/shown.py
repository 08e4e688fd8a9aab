"""A case as pages and programs see it: what was found, without what is only of use inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.conversation.case_file import RUNNING, WAITING, CaseFile, CasePhoto
from agent.conversation.desk import Desk
from agent.report.answer import headline
from agent.report.picture import Mark, texts_of, zooms_of
from agent.report.steps import belief_lines
from agent.report.words import area_name, ending, km, percent, place_name, square_km

_OF_ENTRY = ("claim", "tool", "reliability", "bits", "for_answer_bits", "call", "source")
NO_RESULT: dict[str, Any] = {"answer": None, "best_guess": None, "alternatives": [], "belief": None}


def shown_case(desk: Desk, file: CaseFile, busy: bool) -> dict[str, Any]:
    """Everything that a page draws. Works the belief out where it is not known: call it in a thread."""
    hidden = bool(file.coarse()[0])
    return {
        "id": file.id, "title": file.title, "created": file.created, "area": file.area, "context": file.context, "busy": busy,
        "photos": [_photo(photo, hidden, busy) for photo in file.photos],
        **shown_view(file, desk.view(file) if has_result(file) else None),
        "turns": [{"role": turn.role, "text": turn.text, "at": turn.at, **said(turn.data)} for turn in file.turns],
    }  # fmt: skip


def has_result(file: CaseFile) -> bool:
    """Whether anything is known of the place; before that there is no best guess to speak of."""
    return any(photo.trajectory for photo in file.photos) or any(statement.evidence for statement in file.stated())


def shown_view(file: CaseFile, view: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `Desk.view` gives, with the ledger cut to what is read."""
    sources = {key: one for photo in file.photos if photo.trajectory for key, one in photo.trajectory["sources"].items()}
    statements = [
        {"id": one.id, "text": one.text, "kind": one.kind, "claim": one.claim, "retracted": one.retracted}
        for one in file.statements
    ]
    if view is None:
        return {"result": None, "words": None, "map": None, "ledger": [], "statements": statements}
    ledger = [shown_entry(entry, sources) for entry in view["ledger"]]
    return {
        "result": view["result"],
        "words": words_of(view["result"]),
        "map": view["map"],
        "ledger": ledger,
        "statements": statements,
    }


def words_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result as it is written on a page, in the words of the report."""
    answer, guess, belief = result["answer"], result["best_guess"], result["belief"]
    large, small = headline(result)
    if answer is None:
        small = f"What was found does not name a place. If it had to be one point: {', '.join(filter(None, place_name(guess)))}."
    facts = [
        {"name": "Within 50 km", "value": percent(float(guess["probability"])), "note": ""},
        {"name": "50 % lies within", "value": km(float(guess["radius50_km"])), "note": ""},
        {
            "name": "90 % lies within",
            "value": km(float(guess["radius90_km"])),
            "note": square_km(float(belief["credible90_km2"])) if belief else "",
        },
    ]
    places = [
        {"name": area_name(place), "share": float(place["probability"]), "percent": percent(float(place["probability"])),
         "detail": f"90 % within {km(float(place['radius90_km']))}" if place.get("radius90_km") is not None else ""}
        for place in result["alternatives"]
    ]  # fmt: skip
    return {"large": large, "small": small, "sure": answer is not None, "point": f"{guess['lat']:.5f}, {guess['lon']:.5f}", "facts": facts,
            "places": places, "withheld": result.get("withheld") or ""}  # fmt: skip


def shown_entry(entry: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    """One piece of evidence; what it cites with address and title where they are known."""
    cited = [
        {"id": str(name), "title": str(known.get("title") or ""), "url": str(known.get("url") or "")}
        for name in entry.get("citations") or ()
        for known in (sources.get(str(name)) or {},)
    ]
    return {**{key: entry.get(key) for key in _OF_ENTRY}, "citations": cited}


def said(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a page needs of a reply's numbers."""
    return {key: data[key] for key in ("refused", "changed", "found", "photo", "retracted") if key in data}


def shown_event(event: Mapping[str, Any], file: CaseFile | None) -> dict[str, Any]:
    """An event as watchers get it."""
    if event["event"] == "result" and file is not None:
        return {"event": "result", "seq": event.get("seq"), **shown_view(file, event)}
    if event["event"] == "reply":
        return {"event": "reply", "seq": event.get("seq"), "text": event["text"], **said(event["data"])}
    if event["event"] == "step":
        zooms = zooms_of({"views": {view["id"]: view for view in event["views"]}})
        texts = texts_of({"regions": {str(region["number"]): region for region in event["regions"]}})
        return {**{key: value for key, value in event.items() if key != "regions"}, "views": [view["id"] for view in event["views"]],
                "zooms": _marks(zooms), "texts": _marks(texts)}  # fmt: skip
    return dict(event)


def _marks(marks: list[Mark]) -> list[dict[str, Any]]:
    return [{"name": mark.name, "box": list(mark.box), "words": mark.words} for mark in marks]


def _photo(photo: CasePhoto, hidden: bool, busy: bool) -> dict[str, Any]:
    made = photo.trajectory if photo.trajectory and not hidden else None
    return {
        "number": photo.number, "name": photo.name, "size": list(photo.size), "error": photo.error,
        "state": WAITING if photo.state == RUNNING and not busy else photo.state,
        "steps": _steps(made) if made else [],
        "zooms": _marks(zooms_of(made)) if made else [], "texts": _marks(texts_of(made)) if made else [],
        "ended": ending(made["stop"]) if made else None, "seconds": made["seconds"] if made else None,
        "reason": (made.get("reason") or "") if made else "",
    }  # fmt: skip


def _steps(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps in order; the last of each turn has the belief's line after it."""
    lines, steps = belief_lines(made["steps"], made["messages"]), made["steps"]
    last = {step["turn"]: row for row, step in enumerate(steps)}
    return [
        {**{key: step.get(key) for key in ("turn", "tool", "args", "ok", "text", "seconds", "views")},
         "belief": lines.get(step["turn"]) if last[step["turn"]] == row else None}
        for row, step in enumerate(steps)
    ]  # fmt: skip
