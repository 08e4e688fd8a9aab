"""What road signs say: `Salaspils 57 km` names a town and tells how far away it is by road."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from geo.clues import is_sign_word
from geo.evidence import Kernels, Likelihood, Ring
from geo.names import fold
from geo.sphere import destination
from tools.observation import Region, ToolContext
from tools.quote import quoted
from tools.views import find_region

DETOUR = 1.3
"""A way by road over the great circle. Country-wide means lie between about 1.2 and 1.4 (Ballou et al., Transportation Research A
36, 2002; Boscoe et al., The Professional Geographer 64, 2012), higher in mountains and round water."""
_SPREAD, _LEAST_KM = 0.12, 2.0
"""The standard deviation of a great circle that is had from a road distance: how detours differ, and what is measured to where."""
MAX_ROAD_KM = 3000.0
"""A post that says more shows the way as the crow flies, for fun."""
_STEP = 1.5
"""Kernels stand this many standard deviations apart along a circle: the density then ripples by 2·exp(−2π²/1.5²), less than a thousandth."""
_MOST_RUNS, _MOST_WORDS, _LONGEST_RUN = 30, 12, 5
_MIN_LATIN_LETTERS = 4
_GAP, _SAME_ROW = 2.0, 0.5

_UNITS: dict[str, float] = {
    **dict.fromkeys(("km", "kms", "км", "kм", "кm", "㎞", "χλμ", "კმ", "կմ", "ק״מ", 'ק"מ', "كم", "کم", "كيلومتر", "کیلومتر",
                     "किमी", "कि.मी", "কিমি", "কি.মি", "กม", "ก.ม", "公里", "千米", "キロ", "킬로미터"), 1.0),
    **dict.fromkeys(("mi", "mile", "miles", "英里", "マイル"), 1.609344),
}  # fmt: skip
_UNSPACED = frozenset({"公里", "千米", "キロ", "英里", "マイル", "กม", "ก.ม"})
_SPELLINGS = "|".join(
    re.escape(unit) + ("" if unit in _UNSPACED else r"(?!\w)") for unit in sorted(_UNITS, key=lambda unit: -len(unit))
)
_DISTANCE = re.compile(
    rf"(?<![A-Za-z\d.,/:+-])(?P<number>\d{{1,3}}(?:[., ]\d{{3}})+(?!\d)|\d{{1,5}}(?:[.,]\d{{1,2}})?)\s?(?P<unit>{_SPELLINGS})(?!\s?[/²³])\.?",
    re.IGNORECASE,
)
_ROAD_NUMBER = re.compile(r"(?<!\w)[A-Z]{1,2}[ -]?\d{1,4}(?!\w)")


def read_line(number: int, context: ToolContext) -> tuple[tuple[str, ...], float | None]:
    """What may be the place name in a line that was read, the likeliest first, and the distance by road in km that goes with it.

    Raises ValueError with one plain sentence where the region is no line or holds no name.
    """
    line = find_region(number, context)
    text = text_of(line)
    if text is None:
        raise ValueError(f"Region {number} is no line that was read; read it with read_text first.")
    found = distance_in(text)
    names = names_on(found[1] if found else text)
    if not names:
        raise ValueError(f"Line {number} ({quoted(text, 60)}) holds no name; give the line with the name.")
    return tuple(names), found[0] if found else distance_beside(line, context.regions)


def line_naming(name: str, context: ToolContext) -> tuple[bool, float | None]:
    """Whether a line that was read holds `name`, whole words of it, and the distance by road in km that goes with it."""
    wanted = f" {fold(name)} "
    for region in context.regions.values():
        text = text_of(region)
        if text is not None and len(wanted) > 4 and wanted in f" {fold(text)} ":
            found = distance_in(text)
            return True, found[0] if found else distance_beside(region, context.regions)
    return False, None


def distance_in(text: str) -> tuple[float, str] | None:
    """The first distance with a unit in `text`, in km, and the text of its town: what stands before it, or else after it.

    None where there is no distance: a number without a unit is a bus line or a road, and `50 km/h` is a speed.
    """
    found = _DISTANCE.search(text)
    if found is None:
        return None
    number = found["number"].replace(" ", "")
    number = re.sub(r"[.,](?=\d{3}(?!\d))", "", number).replace(",", ".")
    km = float(number) * _UNITS[found["unit"].casefold()]
    before, after = text[: found.start()], text[found.end() :]
    following = _DISTANCE.search(after)
    return (km, before if _trimmed(before) else after[: following.start() if following else None]) if km > 0 else None


def names_on(text: str) -> list[str]:
    """What in a line may be a place name, to be tried in this order: the line without its numbers, then runs of its words."""
    whole = _trimmed(_ROAD_NUMBER.sub(" ", text)) or _trimmed(text)
    words = [word for word in map(_trimmed, whole.split()[:_MOST_WORDS]) if word]
    runs = (" ".join(words[start : start + length]) for length in range(min(len(words) - 1, _LONGEST_RUN), 0, -1)
            for start in range(len(words) - length + 1))  # fmt: skip
    return list(dict.fromkeys(filter(None, (whole, *(run for run in runs if _may_be_a_name(run))))))[:_MOST_RUNS]


def _trimmed(text: str) -> str:
    """`text` without numbers and punctuation at its ends; "" where no letter is left. Vowel signs are not punctuation."""
    kept = [i for i, c in enumerate(text) if unicodedata.category(c)[0] in "LM"]
    return " ".join(text[kept[0] : kept[-1] + 1].split()) if kept else ""


def _may_be_a_name(run: str) -> bool:
    letters = [c for c in run if c.isalpha()]
    short = len(letters) < _MIN_LATIN_LETTERS and all(ord(c) < 0x250 for c in letters)
    return not short and not is_sign_word(run)


def distance_beside(line: Region, regions: Mapping[int, Region]) -> float | None:
    """The distance, in km, that was read as a line of its own in the same row as `line`, as the numbers of road signs are."""
    rows = [(row, km) for other, km in _distances(regions) if other.number != line.number and (row := _row(line, other))]
    return max(rows)[1] if rows else None


def _distances(regions: Mapping[int, Region]) -> Iterator[tuple[Region, float]]:
    for region in regions.values():
        found = distance_in(text_of(region) or "")
        if found and not _trimmed(found[1]):
            yield region, found[0]


def _row(line: Region, other: Region) -> float:
    """Share of the lower of two boxes that the other stands beside; 0 where they are in different rows or far apart."""
    left, top, right, bottom = line.box
    x0, y0, x1, y1 = other.box
    share = (min(bottom, y1) - max(top, y0)) / max(min(bottom - top, y1 - y0), 1e-9)
    gap = max(x0 - right, left - x1)
    return share if share >= _SAME_ROW and gap <= _GAP * (right - left + x1 - x0) else 0.0


def text_of(region: Region) -> str | None:
    """The text of a line that `read_text` found; None where the region is none."""
    label = region.label
    return label[1:-1].removesuffix("…") if label[:1] == "“" and label[-1:] == "”" else None


def great_circle_km(road_km: float) -> tuple[float, float]:
    """The straight distance that a distance by road most likely stands for, and its standard deviation, both in km."""
    straight = road_km / DETOUR
    return straight, _SPREAD * straight + _LEAST_KM


def around(points: Sequence[tuple[float, float, float]], road_km: float) -> Likelihood:
    """The likelihood of `road_km` by road from one of the points `(lat, lon, weight)`.

    One point gives a `Ring`; several give the mixture of their circles by weight, each made of von Mises-Fisher kernels that
    stand so close that the density along it is even.
    """
    radius, sigma = great_circle_km(road_km)
    if len(points) == 1:
        return Ring(points[0][0], points[0][1], radius, sigma)
    count = max(6, math.ceil(2.0 * math.pi * radius / (_STEP * sigma)))
    bearings = np.arange(count) * 360.0 / count
    lat, lon, weight = [], [], []
    for point_lat, point_lon, share in points:
        on_lat, on_lon = destination(point_lat, point_lon, bearings, radius)
        lat += on_lat.round(4).tolist()
        lon += on_lon.round(4).tolist()
        weight += [share / count] * count
    return Kernels(tuple(lat), tuple(lon), (sigma,) * len(lat), tuple(weight))
