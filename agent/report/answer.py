"""The answer in large: the place and how sure it is, or honestly that one cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.report.markup import Html, join, tag
from agent.report.words import area_name, counted, ending, km, percent, place_name, seconds, square_km
from agent.trajectory import StopReason


def headline(trajectory: Mapping[str, Any]) -> tuple[str, str]:
    """The page's largest words for a photo, and those below them.

    A town is named in large where it is likelier than not; else the country is, and the town tells only where the point lies.
    """
    if answer := trajectory.get("answer"):
        large, small = place_name(answer)
        country = str(answer.get("country_name") or answer.get("country") or "")
        if float(answer.get("probability") or 0.0) >= 0.5 or not country:
            return large, small
        town = ", ".join(part for part in (str(answer.get("city") or ""), str(answer.get("region") or "")) if part)
        return country, f"best single point: near {town}" if town else ""
    if trajectory.get("stop") == StopReason.PHOTO_ERROR:
        return "Not investigated", ""
    return "Cannot tell", ""


def answer_header(trajectory: Mapping[str, Any], number: int | None) -> Html:
    """Place, coordinates, radii, how the run ended, and the sentence that the policy gave as its reason."""
    large, small = headline(trajectory)
    answer = trajectory.get("answer")
    back = tag("a", str(number), href="#top", class_="rank", title="back to the overview") if number else None
    run = f"{trajectory.get('photo') or 'photo'} · policy {trajectory.get('policy') or 'unknown'}"
    return tag(
        "header",
        tag("p", join(back, tag("span", run)), class_="eyebrow"),
        tag("h2", large, tag("small", small) if small else None, class_=None if answer else "unsure"),
        None if answer else _honest(trajectory),
        _facts(trajectory, answer) if trajectory.get("best_guess") else None,
        _reason(trajectory),
        _error(trajectory),
        class_="answer",
    )


def _honest(trajectory: Mapping[str, Any]) -> Html | None:
    """What can be said when no place can be named."""
    guess = trajectory.get("best_guess")
    if not guess:
        return None
    places = [place for place in trajectory.get("alternatives") or [] if float(place.get("probability") or 0) >= 0.01][:4]
    possible = ", ".join(f"{area_name(place)} ({percent(float(place['probability']))})" for place in places)
    told = float((trajectory.get("belief") or {}).get("gain_bits") or 0.0)
    why = (f"The evidence tells only {told:.1f} bits more than where photos are taken anyway; that does not name a place."
           if trajectory.get("ledger") else "Nothing was found that says where the photo was taken.")  # fmt: skip
    still = f" Still possible: {possible}." if possible else ""
    return tag("p", why + still, class_="lead")


def _facts(trajectory: Mapping[str, Any], answer: Mapping[str, Any] | None) -> Html:
    guess = answer or trajectory["best_guess"]
    coordinates = f"{float(guess['lat']):.5f}, {float(guess['lon']):.5f}"
    copy = tag(
        "button", "Copy", type="button", data_copy=coordinates, class_="copy", aria_label=f"copy the coordinates {coordinates}"
    )
    place = "" if answer else ", ".join(dict.fromkeys(p for p in place_name(guess) if p))
    belief = trajectory.get("belief") or {}
    facts = [
        _fact("Coordinates" if answer else f"If it had to be one point: {place}", tag("span", tag("code", coordinates), copy)),
        _fact("Within 50 km", percent(float(guess.get("probability") or 0.0)), bar=float(guess.get("probability") or 0.0)),
        _fact("50 % lies within", km(float(guess["radius50_km"])), _area(belief.get("credible50_km2")))
        if "radius50_km" in guess
        else None,
        _fact("90 % lies within", km(float(guess["radius90_km"])), _area(belief.get("credible90_km2")))
        if "radius90_km" in guess
        else None,
        _fact("Ended", _capital(ending(trajectory.get("stop"))), _spent(trajectory)),
    ]
    return tag("dl", [fact for fact in facts if fact is not None], class_="facts")


def _fact(name: str, value: str, detail: str = "", bar: float | None = None) -> Html:
    meter = (
        tag("span", tag("i", style=f"width:{100 * min(1.0, max(0.0, bar)):.1f}%"), class_="bar", aria_hidden="true")
        if bar is not None
        else None
    )
    return tag("div", tag("dt", name), tag("dd", value, meter, tag("small", detail) if detail else None))


def _area(value: Any) -> str:
    return f"smallest region {square_km(float(value))}" if value is not None else ""


def _spent(trajectory: Mapping[str, Any]) -> str:
    parts = [
        counted(int(trajectory[key]), noun)
        for key, noun in (("turns", "turn"), ("calls", "call"))
        if trajectory.get(key) is not None
    ]
    return ", ".join([*parts, seconds(float(trajectory.get("seconds") or 0.0))])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reason(trajectory: Mapping[str, Any]) -> Html | None:
    reason = str(trajectory.get("reason") or "").strip()
    return tag("blockquote", reason, class_="reason") if reason else None


def _error(trajectory: Mapping[str, Any]) -> Html | None:
    problems = [str(trajectory[key]) for key in ("error", "save_error") if trajectory.get(key)]
    return (
        tag("p", tag("b", _capital(ending(trajectory.get("stop"))) + ": "), "; ".join(problems), class_="problem")
        if problems
        else None
    )
