"""Telephone numbers: the country of an international number, the countries where a national one fits.

Numbering plans and area names are those of libphonenumber (Apache 2.0) through the package `phonenumbers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from geo.area import Area
from geo.clues.clue import Clue, names, regional

_LABEL = (
    r"(?:tel|t[eé]l[eé]fono?|t[eé]l[eé]phone|telephone|telefone?|telefon|telefax|phone|fon|ph|fax|mob|mobile?|cell?|cel|call|whats\s?app|m[oó]vil|handy|tlf|"
    r"tfno|puh|telp?|hp|[tτ]ηλ|тел|телефон|моб|факс|電話|电话|电話|โทร|전화|هاتف|تلفن|ت|फोन|मो|☎|☏|✆|📞)"
)
_LABELLED = re.compile(rf"(?<!\w){_LABEL}(?:\s?(?:nr|no|n[°º]|/\s?fax))?\s?[.:)]{{0,2}}\s?[:：]?\s{{0,3}}$", re.IGNORECASE)
_NANP_WITH_1 = r"(?=1[-. ]\(?[2-9]\d\d\)?[-. ]\d{3}[-. ]\d{4}\b)"
_INTERNATIONAL = re.compile(
    rf"(?<![\w.,/-])(?<!\d\s)(?P<plus>\+\s?|00\s?(?=[1-9])|{_NANP_WITH_1})(?P<rest>[1-9](?:[ .\-/()·]{{0,3}}\d){{6,13}})(?!\d)"
)
_NATIONAL = re.compile(r"(?<![\w.,/+-])(?<!\d:)\(?\d(?:[ .\-/()·]{0,2}\d){6,11}(?![\d:%€$£°]|[.,/-]\d)(?!\w)")
_TOKEN_WITH_OH = re.compile(r"(?<![^\s/])[+(]{0,2}[\dOoIl][\dOoIl()./-]{2,}(?![^\s,;])")
_DATE = re.compile(
    r"\b(?:[0-3]?\d\s?[./-]\s?[01]?\d\s?[./-]\s?(?:1[89]|20)?\d\d|(?:1[89]|20)\d\d\s?[./-]\s?[01]?\d\s?[./-]\s?[0-3]?\d|(?:1[89]|20)\d\d\s?[-–/]\s?(?:1[89]|20)\d\d)\b"
)
_HOURS = re.compile(r"\b[0-2]?\d[.:hH][0-5]\d\s?(?:[-–—]|a|to|bis|à)?\s?(?:[0-2]?\d[.:hH][0-5]\d)")
_UNSPACED = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?=[+(]?\d)")
"""Between a label in Chinese, Japanese or Korean and its number, where no space is written (`电话0711…`)."""
_MOST = 3
_MOST_TRIED = 24


@dataclass(frozen=True)
class _Found:
    text: str
    labelled: bool
    international: bool


def phone_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "", area: Area | None = None) -> list[Clue]:
    """Clues of the telephone numbers on `lines`; national numbers are tried in the countries of `area` alone where it names some.

    At most three international and three national numbers are read.
    """
    clues: dict[str, Clue] = {}
    read = {True: 0, False: 0}
    for found in islice((item for line in lines for item in _numbers_in(line)), _MOST_TRIED):
        if read[found.international] >= _MOST:
            continue
        clue = _international(found, tool, citation) if found.international else _national(found, tool, citation, area)
        if clue and clue.evidence.source not in clues:
            read[found.international] += 1
            clues[clue.evidence.source] = clue
    return list(clues.values())


def _numbers_in(line: str) -> Iterator[_Found]:
    """Pieces of `line` that are written as telephone numbers are: not dates, hours, prices, bar codes."""
    line = _TOKEN_WITH_OH.sub(_digits_for_letters, _UNSPACED.sub(" ", line[:2000]))
    taken: list[tuple[int, int]] = []
    for match in _INTERNATIONAL.finditer(line):
        labelled = bool(_LABELLED.search(line[: match.start()][-30:]))
        if match["plus"].strip() == "+" or labelled or not _is_bar_code(match[0]):
            taken.append(match.span())
            yield _Found(match[0].strip(), labelled or match["plus"].strip() == "+", True)
    for match in _NATIONAL.finditer(line):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        labelled = bool(_LABELLED.search(line[: match.start()][-30:]))
        if (labelled or _looks_dialled(match[0])) and not _is_something_else(match[0], line, match, labelled):
            yield _Found(match[0].strip(), labelled, False)


def _digits_for_letters(match: re.Match[str]) -> str:
    """`O21 234 56 78` with the letter is `021 …`, when the word is digits for the most part."""
    word = match[0]
    digits = sum(c.isdigit() for c in word)
    letters = sum(c.isalpha() for c in word)
    return word if digits < 2 or digits < 2 * letters else word.translate(str.maketrans("OoIl", "0011"))


def _groups(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def _looks_dialled(text: str) -> bool:
    """Whether a number without a label is grouped as telephone numbers are: `01 42 68 53 00`, `(212) 555-0187`."""
    groups = _groups(text)
    lengths = [len(group) for group in groups]
    if len(groups) < 2 or not 9 <= sum(lengths) <= 12 or lengths[0] > 5 or lengths[-1] < 2:
        return False
    if re.match(r"\d{3}[-.]\d{3}[-.]\d{4}$|\(\d{2,5}\)\s?\d{3,5}[-. ]\d{3,4}$", text):
        return True
    if lengths[1:] == [2] * (len(groups) - 1) and all(group in {"00", "15", "30", "45"} for group in groups[1::2]):
        return False  # 08 00 12 00: hours that lost their colons
    starts = text.startswith(("0", "(0")) and not groups[0].startswith("00")
    return starts and lengths[0] >= 2 and all(length >= 2 for length in lengths[1:])


def _is_something_else(text: str, line: str, match: re.Match[str], labelled: bool) -> bool:
    if _DATE.search(text) or _HOURS.search(text):
        return True
    if labelled:
        return False
    near = line[max(0, match.start() - 4) : match.start()] + "|" + line[match.end() : match.end() + 4]
    return bool(re.search(r"[€$£¥₹%°]|:\d|\b(?:Kč|zł|kr|Ft)\b|\d", near)) or _is_bar_code(text) or len(set(_digits(text))) <= 2


def _digits(text: str) -> str:
    return "".join(_groups(text))


def _is_bar_code(text: str) -> bool:
    """Whether the digits, in one or in the two or three pieces of a printed EAN, end in a correct check digit."""
    digits, lengths = _digits(text), [len(group) for group in _groups(text)]
    if len(digits) not in {8, 12, 13} or not (len(lengths) == 1 or lengths in ([1, 6, 6], [4, 4], [1, 5, 5, 1])):
        return False
    body = [int(d) for d in reversed(digits[:-1])]
    return (sum(3 * d for d in body[::2]) + sum(body[1::2]) + int(digits[-1])) % 10 == 0


def _international(found: _Found, tool: str, citation: str) -> Clue | None:
    number = "+" + _digits(re.sub(r"^(?:\+|00)", "", re.sub(r"\(0\)", "", found.text)))
    read = _read_international(number)
    if read is None or not (read[1] or found.labelled):
        return None
    weights, valid, hint, country = read
    claim = f"phone number {number[:6]}…: {names(weights)}" + (f", area code of {hint}" if hint else "")
    return regional("phone", found.text, weights, claim, f"phone:{number}", 0.92 if valid else 0.7, tool, citation, hint, country)


@lru_cache(maxsize=512)
def _read_international(number: str) -> tuple[dict[str, float], bool, str, str] | None:
    """Weights by region, whether the number is assigned, a place and its country; None for what is no country's number."""
    import phonenumbers

    try:
        parsed: Any = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    regions = [code for code in phonenumbers.region_codes_for_country_code(parsed.country_code) if len(code) == 2]
    if not regions or not phonenumbers.is_possible_number(parsed):
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None or region == "001":
        # Misread digits or a freephone number of a shared code: the main country of the code first.
        return {code: 1.0 if code == regions[0] else 0.1 for code in regions}, region is not None, "", ""
    hint = _place(parsed, region)
    state = _state(hint, region)
    if state:
        return {region: 0.15, state: 1.0}, True, hint, region
    return {region: 1.0}, True, hint, region


def _national(found: _Found, tool: str, citation: str, area: Area | None) -> Clue | None:
    digits = _digits(found.text)
    groups = tuple(len(group) for group in _groups(found.text))
    wanted = tuple(sorted(area.countries)) if area and area.countries else ()
    weights, hint, country = _read_national(digits, groups, wanted)
    if not weights or len(weights) > 60:
        return None
    claim = f"phone number {found.text[:20]} has the form used in {names(weights, 6)}" + (
        f", area code of {hint}" if hint else ""
    )
    reliability = 0.8 if found.labelled else 0.72
    return regional("phone", found.text, weights, claim, f"phone:{digits}", reliability, tool, citation, hint, country)


@lru_cache(maxsize=512)
def _read_national(digits: str, groups: tuple[int, ...], wanted: tuple[str, ...]) -> tuple[dict[str, float], str, str]:
    """Weights of the countries where `digits` is a number (less where it is grouped otherwise), a place, its country."""
    import phonenumbers

    fits: dict[str, Any] = {}
    usual: set[str] = set()
    near: set[str] = set()
    for region in wanted or _may_fit(digits):
        try:
            parsed = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            continue
        if not phonenumbers.is_valid_number_for_region(parsed, region):
            continue
        fits[region] = parsed
        written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        shape = tuple(len(group) for group in _groups(written))
        if shape == groups and _digits(written) == digits:
            usual.add(region)
        elif shape[:1] == groups[:1] and _digits(written) == digits:
            near.add(region)
    weights = {region: 1.0 if region in usual or not usual else 0.5 if region in near else 0.1 for region in fits}
    likely = (usual | near) or set(fits)
    if len(likely) != 1:
        return weights, "", ""
    region = next(iter(likely))
    return weights, _place(fits[region], region), region


def _may_fit(digits: str) -> list[str]:
    """The countries whose pattern `digits` matches, with or without the trunk prefix: a quick sieve before the reading."""
    return [
        region
        for region, prefix, pattern in _general_patterns()
        if pattern.fullmatch(digits)
        or (prefix and digits.startswith(prefix) and pattern.fullmatch(digits, len(prefix)))
        or prefix is None
    ]


@cache
def _general_patterns() -> list[tuple[str, str | None, re.Pattern[str]]]:
    """Region, trunk prefix (None where numbers are rewritten before they are read) and the pattern of all its numbers."""
    import phonenumbers

    patterns = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        plan: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
        rewritten = plan.national_prefix_transform_rule or (plan.national_prefix_for_parsing or "") != (
            plan.national_prefix or ""
        )
        prefix = None if rewritten and plan.country_code != 1 else plan.national_prefix or ""
        patterns.append((region, prefix, re.compile(plan.general_desc.national_number_pattern)))
    return patterns


def _place(parsed: Any, region: str) -> str:
    """The English name of a number's area (`Florence`), empty where it is the whole country."""
    from phonenumbers import geocoder

    place = str(geocoder.description_for_number(parsed, "en"))
    return "" if place == geocoder.country_name_for_number(parsed, "en") or place == region else place


_STATES = {"Alberta": "01", "British Columbia": "02", "Manitoba": "03", "New Brunswick": "04", "Newfoundland and Labrador": "05",
           "Ontario": "08", "Quebec": "10", "Saskatchewan": "11", "AB": "01", "BC": "02", "MB": "03", "NB": "04", "NL": "05",
           "NS": "07", "ON": "08", "PE": "09", "QC": "10", "SK": "11"}  # fmt: skip


def _state(place: str, region: str) -> str:
    """`US.NY` of `New York, NY`, `CA.10` of `Montreal, QC`; empty elsewhere."""
    last = place.rpartition(", ")[2]
    if region == "US":
        state = last if re.fullmatch("[A-Z]{2}", last) else _us_states().get(last, "")
        return f"US.{state}" if state else ""
    return f"CA.{_STATES[last]}" if region == "CA" and last in _STATES else ""


def _us_states() -> dict[str, str]:
    from geo.clues.tables import rows

    return {row["name"]: row["code"] for row in rows("us_states")}
