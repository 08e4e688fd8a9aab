"""Questions about the place itself: languages, money, the side of the road, telephone code, the sun, what is near.

Where the place is a belief and not a point, an answer is a probability: each country counts by its share.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from agent.answer import label_of
from agent.conversation.dates import StatedDate, date_in
from agent.conversation.reply import Reply, km, percent
from agent.conversation.whole import Whole
from geo.belief import Belief
from geo.clues.road import drives_on_left
from geo.naming import country_mass
from geo.sphere import Floats, wrap_lon
from geo.sun import Day, day_of_sun

LEAST_SHARE = 0.02
POINTS = 400
"""Points that stand for the belief."""
_POINT_KM = 30.0
"""A belief with 90 % within this is spoken of as one place for the sun."""


def facts(whole: Whole, today: date) -> Reply:
    """What is to be known about the place in some lines."""
    guess = whole.result()["best_guess"]
    parts = [
        Reply(f"{label_of(guess)} ({guess['lat']:.4f}, {guess['lon']:.4f}), {percent(guess['probability'])} by the evidence.")
    ]
    parts += [languages(whole), money(whole), driving(whole), telephone(whole), sun(whole, "", "", today)]
    return Reply("\n".join(part.text for part in parts), {key: value for part in parts for key, value in part.data.items()})


def languages(whole: Whole) -> Reply:
    """Languages of public writing, by the shares of the countries they are written in."""
    from babel import Locale

    spoken = _by_country(whole.belief(), _languages_of)
    called = Locale("en").languages
    words = ", ".join(f"{called.get(code, code)} {percent(share)}" for code, share in spoken.items())
    return Reply(f"Languages on signs there: {words}." if words else "I have no languages for that place.", {"languages": spoken})


def _languages_of(country: str) -> dict[str, float]:
    from geo.clues.language_share import shares_in

    return shares_in(country)


def money(whole: Whole) -> Reply:
    """Currencies in use today."""
    from babel import Locale
    from babel.numbers import get_territory_currencies

    def of(country: str) -> dict[str, float]:
        found = get_territory_currencies(country, start_date=date.today())
        return {found[0]: 1.0} if found else {}

    used = _by_country(whole.belief(), of)
    called = Locale("en").currencies
    words = ", ".join(f"{called.get(code, code)} ({code}) {percent(share)}" for code, share in used.items())
    return Reply(f"Money: {words}." if words else "I do not know the money of that place.", {"currencies": used})


def driving(whole: Whole) -> Reply:
    """The side of the road that traffic keeps to."""
    sides = _by_country(whole.belief(), lambda country: {"left" if country in drives_on_left() else "right": 1.0})
    words = ", ".join(f"{side} {percent(share)}" for side, share in sides.items())
    return Reply(f"Traffic keeps: {words}." if words else "No road is likely there.", {"driving": sides})


def telephone(whole: Whole) -> Reply:
    """Country calling codes."""
    import phonenumbers

    codes = _by_country(
        whole.belief(), lambda country: {f"+{code}": 1.0} if (code := phonenumbers.country_code_for_region(country)) else {}
    )
    words = ", ".join(f"{code} {percent(share)}" for code, share in codes.items())
    return Reply(f"Telephone: {words}." if words else "I know no telephone code for that place.", {"calling_codes": codes})


def _by_country(belief: Belief, of: Any) -> dict[str, float]:
    """Probability of each value of something that a country has, at least `LEAST_SHARE`, the most probable first."""
    total: dict[str, float] = defaultdict(float)
    for country, share in country_mass(belief).items():
        for value, part in of(country).items():
            total[value] += share * part
    held = {value: round(share, 4) for value, share in total.items() if share >= LEAST_SHARE}
    return dict(sorted(held.items(), key=lambda item: -item[1]))


def sun(whole: Whole, text: str, stated: str, today: date) -> Reply:
    """Sunrise and sunset on the day that is asked about, or that was stated, or today, in UTC and, where it is one, local time."""
    asked = date_in(text, today.year) or (StatedDate(stated, "", (0, 0)) if stated else None)
    day = (asked.day(today.year) if asked else None) or today
    guess = whole.result()["best_guess"]
    lat, lon = float(guess["lat"]), float(guess["lon"])
    found = day_of_sun(day, lat, lon)
    near = float(guess["radius90_km"])
    head = f"On {day.day} {day:%B %Y} at {label_of(guess)}"
    data: dict[str, Any] = {
        "day": day.isoformat(),
        "lat": lat,
        "lon": lon,
        "noon_altitude_deg": round(found.noon_altitude_deg, 2),
    }
    if found.rise is None or found.set is None:
        always = found.noon_altitude_deg > 0
        return Reply(
            f"{head} the sun {'does not set' if always else 'does not rise'} (highest {found.noon_altitude_deg:.1f}°).", data
        )
    data |= {"rise": found.rise.isoformat(timespec="minutes"), "set": found.set.isoformat(timespec="minutes")}
    zone = _zone(guess.get("country"))
    words = f"{head} the sun rises at {_clock(found.rise, zone)} and sets at {_clock(found.set, zone)}; at noon it stands {found.noon_altitude_deg:.1f}° high."
    if near > _POINT_KM:
        words += f" That is for this point; the 90 % radius is {km(near)}, {_spread(whole.belief(), day, found)}."
    return Reply(words, data)


def _clock(moment: datetime, zone: str | None) -> str:
    """`17:42 UTC (18:42 Europe/Vienna)`."""
    words = f"{moment:%H:%M} UTC"
    if zone:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
            words += f" ({moment.astimezone(ZoneInfo(zone)):%H:%M} {zone})"
    return words


def _zone(country: str | None) -> str | None:
    """The time zone of a country that has one."""
    from babel.core import get_global

    zones = get_global("territory_zones").get(country or "", [])
    return str(zones[0]) if len(zones) == 1 else None


def _spread(belief: Belief, day: date, here: Day) -> str:
    """How far sunset differs over the 90 % region, in words: judged at its outermost cells."""
    rows = np.flatnonzero(belief.credible_cells(0.9))
    lat, lon = belief.cells.lat[rows], wrap_lon(belief.cells.lon[rows])
    ends = {int(end) for values in (lat, lon, lat + lon, lat - lon) for end in (np.argmin(values), np.argmax(values))}
    sunsets = [day_of_sun(day, float(lat[end]), float(lon[end])).set for end in ends]
    assert here.set is not None
    off = [abs((moment - here.set).total_seconds()) / 60.0 for moment in sunsets if moment]
    if len(off) < len(ends):
        return "and in parts of the 90 % region the sun does not set at all"
    return f"within which sunset differs by up to {max(off):.0f} minutes"


def points_of(belief: Belief) -> tuple[Floats, Floats]:
    """Points [n, 2] and equal weights [n] that stand for the belief: every n-th part of its mass along the order of the cells."""
    ends = np.cumsum(belief.mass)
    rows = np.searchsorted(ends, (np.arange(POINTS) + 0.5) / POINTS * ends[-1])
    where = np.column_stack([belief.cells.lat[rows], wrap_lon(belief.cells.lon[rows])])
    return where, np.full(POINTS, 1.0 / POINTS)


def utc_today() -> date:
    """Today in UTC."""
    return datetime.now(UTC).date()
