"""Facts of countries that help to place a photo, joined from GeoNames, CLDR and the clue tables."""

from __future__ import annotations

import re
from typing import Any

_LOCALES = re.findall(
    r"\w+",
    """en fr es pt de it nl sv nb da fi et lv lt pl cs sk hu ro bg sr hr sl mk sq el tr uk be ru kk uz ka hy az he ar fa ur ps hi
    bn pa gu ta te kn ml si ne my th lo km vi id ms fil ja ko zh zh_Hant mn am sw af zu is ga cy eu ca gl mt lb""",
)
"""The languages whose names for countries are searchable."""

_GONE = frozenset({"AN", "CS"})
"""Codes that GeoNames still lists and that no longer name a country."""


def country_facts(geonames: dict[str, dict[str, Any]], driving_side: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Facts by ISO 3166 alpha-2 code; `names` lists the country's name in many languages, English first."""
    from babel import Locale

    english = Locale("en")
    continents = {"AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania",
                  "SA": "South America"}  # fmt: skip
    facts = {}
    for code, row in geonames.items():
        if code in _GONE:
            continue
        neighbours = [geonames[n]["name"] for n in (row["neighbours"] or "").split(",") if n in geonames]
        facts[code] = {
            "name": row["name"],
            "codes": f"{code} {row['iso3']}",
            "capital": row["capital"],
            "continent": continents[row["continentcode"]],
            "currency": f"{row['currencyname']} ({row['currencycode']}{_sign(code, row['currencycode'])})"
            if row["currencycode"]
            else "",
            "languages": ", ".join(_languages(english, code)),
            "internet_domain": row["tld"],
            "phone_code": "+" + str(row["phone"]).lstrip("+") if row["phone"] else "",
            "drives_on_the": driving_side.get(code, ""),
            "postal_code": row["postalcoderegex"],
            "neighbours": ", ".join(neighbours),
            "area_km2": row["areakm2"],
            "population": row["population"],
            "names": _names(code, row["name"]),
        }
    return facts


def _languages(english: Any, code: str) -> list[str]:
    """Languages that are official or spoken by a fifth of the people, the most spoken first."""
    from babel.core import get_global

    spoken = get_global("territory_languages").get(code, {})
    kept = [(-info["population_percent"], tag) for tag, info in spoken.items()
            if info["official_status"] or info["population_percent"] >= 20]  # fmt: skip
    return [_language_name(english, tag) for _, tag in sorted(kept)]


def _language_name(english: Any, tag: str) -> str:
    name: str = english.languages.get(tag) or english.languages.get(tag.split("_")[0]) or tag
    return name


def _sign(code: str, currency: str) -> str:
    """The sign on the country's own price tags, where it differs from the code: `, ₹`."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    spoken = get_global("territory_languages").get(code, {})
    official = [tag for tag, info in spoken.items() if info["official_status"] == "official"] or ["en"]
    try:
        sign = str(Locale.parse(f"{official[0]}_{code}").currency_symbols.get(currency, currency))
    except (UnknownLocaleError, ValueError):
        return ""
    return f", {sign}" if sign != currency else ""


def _names(code: str, name: str) -> list[str]:
    from babel import Locale

    names = [name, *(str(Locale.parse(tag).territories.get(code, "")) for tag in _LOCALES)]
    return list(dict.fromkeys(n for n in names if n))
