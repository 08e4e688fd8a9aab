"""Coordinates in writing: `41.15, -8.61`, `41°54'10"N 12°29'47"E`, `geo:41.15,-8.61`, a map's URL.

What cannot be read for sure is None, never a point: a lone number, three numbers, 91° of latitude, N twice, `41,15` (which is one
number with a decimal comma, or two).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LatLon = tuple[float, float]

_LONGEST = 400
_SAME_MARK = str.maketrans("′’‘´`ʹ″”“ʺº˚ᵒ−–‐，；（）\u00a0\u202f\u2009", "''''''\"\"\"\"°°°---,;()   ")
_NUMBER = r"[+-]?\d{1,3}(?:[.,]\d{1,17})?"
_WHOLE = r"[+-]?\d{1,3}"
_SMALL = r"\d{1,2}(?:[.,]\d{1,12})?"
_MARKED = rf"(?:{_WHOLE}\s?°\s?{_SMALL}\s?'(?:\s?{_SMALL}\s?\")?|{_NUMBER}(?:\s?°)?)"
_LOOSE = rf"(?:{_WHOLE}(?:\s?[°:]\s?|\s){_SMALL}(?:(?:\s?[':]\s?|\s){_SMALL}(?:\s?\")?|\s?')?|{_MARKED})"
_HEMISPHERE = r"(?:north|south|east|west|[NSEW])(?![A-Za-z])"
_BEFORE = r"(?:north|south|east|west|[NSEW])"
_GAP = r"(?:\s?[,;/|]\s{0,3}|\s{1,3})"

_HEMISPHERES = (
    rf"(?P<a>{_LOOSE})\s?(?P<ha>(?:north|south|east|west|[NSEW])(?![A-Za-z]))(?:{_GAP})?(?P<b>{_LOOSE})\s?(?P<hb>{_HEMISPHERE})",
    rf"(?P<ha>{_BEFORE})\s?(?P<a>{_LOOSE})(?:{_GAP})?(?P<hb>{_BEFORE})\s?(?P<b>{_LOOSE})",
)
_ONE_HEMISPHERE = (
    rf"(?P<a>{_LOOSE})\s?(?P<ha>{_HEMISPHERE}){_GAP}(?P<b>{_MARKED})",
    rf"(?P<a>{_MARKED}){_GAP}(?P<b>{_LOOSE})\s?(?P<hb>{_HEMISPHERE})",
)
_PLAIN = rf"(?P<a>{_MARKED})(?P<gap>{_GAP})(?P<b>{_MARKED})"
_LABEL = re.compile(r"\b(?:lat(?:itude)?|lon(?:g|gitude)?|lng)\b\.?\s?[:=]?\s?", re.IGNORECASE)
_HEMISPHERE_RES = tuple(re.compile(p, re.IGNORECASE) for p in _HEMISPHERES)
_WHOLE_RES = tuple(re.compile(p, re.IGNORECASE) for p in (*_HEMISPHERES, *_ONE_HEMISPHERE, _PLAIN))
_DECIMAL = r"[+-]?\d{1,3}(?:\.\d{1,17})?"
_LINKS = (
    re.compile(rf"^geo:(?P<a>{_DECIMAL}),(?P<b>{_DECIMAL})(?:,{_DECIMAL})?(?:[;?]\S*)?$", re.IGNORECASE),
    re.compile(rf"(?:^|/)@(?P<a>{_DECIMAL}),(?P<b>{_DECIMAL})(?=$|[,/?&\s])"),
    re.compile(
        rf"^https?://\S*[?&](?:q|ll|query|center|mlat)=(?:loc:)?(?P<a>{_DECIMAL})(?:,|%2C|&mlon=)(?P<b>{_DECIMAL})(?=$|[&#,])"
    ),
    re.compile(rf"^https?://\S*#map=\d{{1,2}}(?:\.\d+)?/(?P<a>{_DECIMAL})/(?P<b>{_DECIMAL})(?=$|[&/])"),
)
_IN_TEXT = re.compile(
    r"(?P<label>\b(?:lat|latitude|coord\w{0,8}|gps|position|location)\b[^\d+-]{0,12})?(?<![\d.,/-])(?<![A-Za-z])"
    r"(?P<a>[+-]?\d{1,3}\.(?P<da>\d{2,17}))\s?°?\s?[,;]\s?(?P<b>[+-]?\d{1,3}\.(?P<db>\d{2,17}))(?![\d\w%€$£]|\.\d|\s?[,;/-]\s?\d|\s?[€$£%])",
    re.IGNORECASE,
)


def parse_coordinates(text: str) -> LatLon | None:
    """`(lat, lon)` in degrees when `text` is one pair of coordinates and nothing else, else None.

    Reads decimal degrees, hemispheres in either order, degrees with minutes and seconds, decimal commas, `geo:` URIs (RFC 5870)
    and the URLs of web maps. Without hemispheres the first number is the latitude; numbers are never swapped to make them fit.
    """
    if len(text) > _LONGEST:
        return None
    text = text.translate(_SAME_MARK).replace("''", '"').strip()
    for link in _LINKS:
        if match := link.search(text):
            return _pair(_angle(match["a"]), _angle(match["b"]), "", "")
    text = _LABEL.sub(" ", text.strip("()[]{}").strip()).strip()
    for pattern in _WHOLE_RES:
        match = pattern.fullmatch(text)
        if match and not _comma_is_unclear(match):
            return _read(match)
    return None


def find_coordinates(text: str) -> list[LatLon]:
    """Every unmistakable pair `(lat, lon)` inside longer `text`, in order, without repeats.

    A pair counts when it has hemispheres, or three decimals on both sides (two with a sign or a word such as `GPS` before it,
    because `12.50, 13.50` are prices), or when it is a `geo:` URI or a map's URL.
    """
    text = text[:100_000].translate(_SAME_MARK).replace("''", '"')
    found = [pair for _, pair in sorted(_pairs_in(text))]
    return list(dict.fromkeys(found))


def _pairs_in(text: str) -> Iterator[tuple[int, LatLon]]:
    for word in re.finditer(r"\S{6,400}", text):
        if "geo:" in word[0] or "@" in word[0] or "://" in word[0]:
            pair = parse_coordinates(word[0].strip("()<>[]\"'.,;"))
            if pair:
                yield word.start(), pair
    for pattern in _HEMISPHERE_RES:
        for match in pattern.finditer(text):
            before, after = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
            if not (before.isalnum() or after.isalnum() or before in {".", "-"}) and _is_exact(match):
                pair = _read(match)
                if pair:
                    yield match.start(), pair
    for match in _IN_TEXT.finditer(text):
        places = min(len(match["da"]), len(match["db"]))
        signed = match["a"][0] in "+-" or match["b"][0] in "+-"
        pair = _pair(float(match["a"]), float(match["b"]), "", "")
        third = re.search(r"\d\s?[,;]\s?$", text[max(0, match.start("a") - 4) : match.start("a")])
        if pair and not third and (places >= 3 or signed or match["label"]):
            yield match.start("a"), pair


def _is_exact(match: re.Match[str]) -> bool:
    """Whether both angles have decimals or a degree sign: `5 N 7 E` may be anything."""
    return all("°" in match[name] or re.search(r"\d[.,]\d", match[name]) for name in "ab")


def _comma_is_unclear(match: re.Match[str]) -> bool:
    """Whether a comma between or inside the two numbers may be a decimal comma as well as a separator."""
    commas = ["," in match["a"], "," in match["b"]]
    dots = "." in match["a"] or "." in match["b"]
    gap = match.groupdict().get("gap") or ""
    if any(commas):
        return dots or (not all(commas) and "gap" in match.groupdict()) or gap.rstrip() != gap.strip() or gap == ","
    return gap == "," and not dots and match["a"].isdigit() and match["b"].isdigit()


def _read(match: re.Match[str]) -> LatLon | None:
    groups = match.groupdict()
    ha, hb = (groups.get("ha") or "")[:1].upper(), (groups.get("hb") or "")[:1].upper()
    if any(hemisphere and groups[name][0] in "+-" for name, hemisphere in (("a", ha), ("b", hb))):
        return None
    return _pair(_angle(groups["a"]), _angle(groups["b"]), ha, hb)


def _angle(text: str) -> float | None:
    """Degrees of `41.9`, `41°54'10"` or `41 54.2`, or None for 60 minutes and more, or fractions above the last part."""
    parts = re.findall(r"[+-]?\d+(?:[.,]\d+)?", text)
    numbers = [float(part.replace(",", ".")) for part in parts]
    if any("." in part or "," in part for part in parts[:-1]) or any(n >= 60 for n in numbers[1:]):
        return None
    size = abs(numbers[0]) + sum(n / 60.0**power for power, n in enumerate(numbers[1:], start=1))
    return -size if text.lstrip().startswith("-") else size


def _pair(a: float | None, b: float | None, ha: str, hb: str) -> LatLon | None:
    """`(lat, lon)` of two angles and their hemispheres (`""` where none is written), or None where they do not fit."""
    if a is None or b is None:
        return None
    first_is_lon, second_is_lat = ha in {"E", "W"}, hb in {"N", "S"}
    if (ha and hb and first_is_lon != second_is_lat) or (ha and ha in "NS" and second_is_lat):
        return None
    a, b = (-a if ha in {"S", "W"} else a), (-b if hb in {"S", "W"} else b)
    lat, lon = (b, a) if first_is_lon or second_is_lat else (a, b)
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        return None
    return lat + 0.0, lon + 0.0
