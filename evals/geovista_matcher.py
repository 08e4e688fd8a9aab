"""GeoVista's published rule matcher, for comparison with published tables only; verdicts that count come from `evals.levels`.

Written from its formula (arXiv:2511.15705, code at ekonwang/GeoVista, eval/utils_level_wise_eval.py, January 2026): both sides are
decomposed (NFKD), reduced to ASCII, lower-cased, everything but letters and digits becomes a space, spaces are squeezed. A gold name is hit when
`(?<!\\w)name(?!\\w)` is found anywhere in the answer. City: city hit. Region: region or city hit. Country: any hit.

What it therefore does: it gives credit for names that are denied or only weighed ("Not Kunming, this is Hanoi"), and for homonyms
("Paris, Texas"); none for exonyms or other scripts. A gold name of which nothing is left (北京) never matches.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from evals.row import LEVELS, Verdicts

MAX_MESSAGE = 4000
"""Of the last message this many characters were judged, its `<think>` included."""


def published_verdicts(names: Mapping[str, str], text: str) -> Verdicts:
    """Verdicts on a text by the gold `country`, `region` and `city` names; None where the benchmark gives no name for a level.

    For the column `final` the text is the final answer; for `original` the whole last message. Of both the first 4,000 characters are read.
    (Their own code counts a level without a name as wrong; in GeoBench every record has all three.)
    """
    answer = normalised(text[:MAX_MESSAGE])
    hit = {level: _contains(answer, normalised(names.get(level) or "")) for level in LEVELS}
    region = hit["region"] or hit["city"]
    right = {"country": hit["country"] or region, "region": region, "city": hit["city"]}
    return {level: right[level] if names.get(level) else None for level in LEVELS}


def normalised(text: str) -> str:
    """ASCII letters and digits in lower case with single spaces."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return " ".join(re.sub(r"[^a-z0-9\s]", " ", ascii_text).split())


def _contains(answer: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", answer) is not None
