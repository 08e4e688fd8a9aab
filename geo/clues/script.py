"""Scripts: the alphabet of a sign says where it stands; for Chinese characters, which of them are used.

Whether a Chinese character is of the simplified, traditional or Japanese form is read from the national character sets (GB 2312,
Big5, JIS X 0208 level 1, KS X 1001) that Python's codecs carry.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

from geo.clues.clue import Clue, names, regional
from geo.clues.tables import rows, weights

_LETTERS_NEEDED = {"Han": 2, "Hangul": 2, "Kana": 2}
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,}")
_RARE = 0.03
_FORMS = {"simplified": "CN SG:0.2 MY:0.12 HK:0.05 MO:0.05 TW:0.02 JP:0.01",
          "traditional": "TW HK MO:0.8 CN:0.06 SG:0.08 MY:0.08 KR:0.03 JP:0.03",
          "Japanese": "JP", "Korean": "KR:0.08"}  # fmt: skip


def script_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """One clue for each script other than Latin of which there is a run of letters on `lines`."""
    counts: Counter[str] = Counter()
    longest: dict[str, str] = {}
    for line in lines:
        for script, pattern in _patterns().items():
            for run in pattern.findall(line):
                if len(run) >= _LETTERS_NEEDED.get(script, 3):
                    counts[script] += len(run)
                    longest[script] = max(longest.get(script, ""), run, key=len)
    if counts["Kana"]:
        counts["Han"] = 0
    return [_clue(script, count, longest[script], lines, tool, citation) for script, count in counts.most_common(6) if count]


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {row["script"]: re.compile(f"[{row['letters']}]+") for row in rows("scripts")}


def _clue(script: str, count: int, text: str, lines: Sequence[str], tool: str, citation: str) -> Clue:
    row = next(row for row in rows("scripts") if row["script"] == script)
    regions = weights(row["regions"])
    claim = f"the script is {row['name']}"
    if script == "Han":
        form, regions = _han(lines)
        claim = f"the characters are Chinese{form}"
    # OCR engines dream up a letter or two in textures; a whole line of them is a line.
    reliability = float(row["reliability"]) - (0.2 if count < 4 else 0.08 if count < 8 else 0.0)
    return regional("script", text, regions, f"{claim}: {names(regions, 5)}", f"script:{script}", reliability, tool, citation)


def _han(lines: Sequence[str]) -> tuple[str, dict[str, float]]:
    """How the characters are written, in words, and weights by country."""
    used = sorted({c for line in lines for run in _HAN.findall(line) for c in run})[:400]
    # The likelihood of the characters under each form; six of them decide, more are no better than six.
    logs = {form: sum(math.log(_has(form, c)) for c in used) * min(1.0, 6.0 / max(len(used), 1)) for form in _FORMS}
    top = max(logs.values())
    mixed: dict[str, float] = defaultdict(float)
    for form, value in logs.items():
        for region, weight in weights(_FORMS[form]).items():
            mixed[region] += weight * math.exp(value - top)
    best = sorted(set(logs) - {"Korean"}, key=lambda form: -logs[form])
    name = f" in {best[0]} form" if logs[best[0]] - logs[best[1]] > 1.0 else ""
    return name, dict(mixed)


def _has(form: str, character: str) -> float:
    codec = {"simplified": "gb2312", "traditional": "big5", "Japanese": "euc_jp", "Korean": "euc_kr"}[form]
    try:
        code = character.encode(codec)
    except UnicodeEncodeError:
        return _RARE
    if form == "Japanese" and not (len(code) == 2 and code[0] <= 0xCF):
        return 3 * _RARE
    return 1.0
