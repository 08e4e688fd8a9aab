"""How much of what is written in public is in which language, by country.

Speakers and official status are CLDR's (Unicode licence) through `babel`; regions inside countries and corrections are
`language_regions.csv`.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

from geo.clues.tables import countries, rows

# CLDR counts speakers; an official language is on signs whatever its speakers, an unofficial one much less than it is spoken.
_OFFICIAL = {"official": (0.3, 0.7), "de_facto_official": (0.25, 0.7), "official_regional": (0.0, 0.4)}
_OTHER = (0.0, 0.05)
_AS_ONE = {"nb": "no", "nn": "no", "fil": "tl", "hr": "sh", "bs": "sh", "ary": "ar", "arz": "ar", "arq": "ar", "apc": "ar",
           "aeb": "ar", "ayl": "ar", "ajp": "ar", "acm": "ar", "prs": "fa", "zsm": "ms", "gsw": "de", "ku": "ckb",
           "kmr": "ckb"}  # fmt: skip
# CLDR's entries for a second script; those that the tables here do not tell apart are left out.
_SCRIPTS = {"sr_Latn": "sh", "bs_Cyrl": "sr"}
_LEFT_OUT = {"uz_Cyrl", "az_Arab", "az_Cyrl", "kk_Arab", "ky_Arab", "ms_Arab"}


@cache
def shares(language: str) -> dict[str, float]:
    """Shares in [0, 1] of public writing in `language` (a code of `languages.csv`) by country, and by region where it differs."""
    return dict(_all_shares().get(language, {}))


def shares_in(country: str) -> dict[str, float]:
    """Shares of public writing in a country by language; empty for one that is not known."""
    return {language: where[country] for language, where in _all_shares().items() if where.get(country, 0.0) > 0}


def language_code(name: str) -> str | None:
    """The code under which `shares` knows a language by its English name (`Croatian` gives `sh`); None for no such name."""
    from babel import Locale

    wanted = name.casefold()
    code = next((code for code, called in Locale("en").languages.items() if called.casefold() == wanted), None)
    return _AS_ONE.get(code, code) if code else None


@cache
def _all_shares() -> dict[str, dict[str, float]]:
    from babel.core import get_global

    table: dict[str, dict[str, float]] = defaultdict(dict)
    spoken: dict[str, dict[str, dict[str, Any]]] = get_global("territory_languages")
    for country in countries():
        for language, share in _country(spoken.get(country, {})).items():
            table[language][country] = share
    for row in rows("language_regions"):
        table[row["language"]][row["region"]] = float(row["share"])
    return table


def _country(spoken: dict[str, dict[str, Any]]) -> dict[str, float]:
    uses: dict[str, float] = defaultdict(float)
    for code, use in spoken.items():
        language = _SCRIPTS.get(code, code.partition("_")[0])
        base, slope = _OFFICIAL.get(use["official_status"] or "", _OTHER)
        amount = base + slope * min(1.0, use["population_percent"] / 100.0)
        if code not in _LEFT_OUT:
            language = _AS_ONE.get(language, language)
            uses[language] = max(uses[language], amount)
    total = sum(uses.values())
    return {language: amount / total for language, amount in uses.items()} if total else {}
