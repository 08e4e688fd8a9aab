"""Places in words, and words as numbers: what the text tower reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.clues import drives_on_left
from geo.gazetteer import gazetteer
from geo.names import fold
from models.encoders.encoder import Vectors, unit_rows
from models.geolocator import ModelError

HASHED_DIM = 4096
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WITH_ARTICLE = frozenset(
    ("AE", "BS", "CC", "CD", "CF", "CG", "CK", "DO", "FK", "FO", "GB", "IM", "KM", "KY", "MH", "MP", "MV", "NL", "PH", "PN", "SB", "SC",
     "TC", "TF", "US", "VG", "VI")
)  # fmt: skip
"""Countries and territories whose English name takes "the"."""
_MAX_TEXT = 1000
_CLIP_BATCH = 64


@dataclass(frozen=True)
class PlaceFacts:
    """What a caption may say of a photo; empty or None where not known."""

    country: str
    """ISO 3166 alpha-2, or a name."""
    region: str = ""
    city: str = ""
    time: str = ""
    """ISO 8601 or its beginning; the month is read from it."""
    heading_deg: float | None = None
    """Where the camera looks, clockwise from north."""


def place_text(country: str, region: str = "", city: str = "") -> str:
    """G3's template, `A street view photo taken in City, Region, Country`, missing parts dropped; empty where all are missing.

    A country given by its ISO code is named in English.
    """
    parts = [part for part in (city, region, country_name(country)) if part]
    return f"A street view photo taken in {', '.join(parts)}" if parts else ""


def country_name(country: str) -> str:
    """The English name of a country given by its ISO code; any other text as it is."""
    known = gazetteer().countries.get(country)
    return known.name if known else country


def captions(facts: Sequence[PlaceFacts], rng: np.random.Generator) -> list[str]:
    """A synthetic caption for each photo, drawn anew at each call, with the probabilities of PIGEON's Street View set (arXiv 2307.05845).

    `A Street View photo [close to the town of X (0.4)] [in the region of Y (0.6)] in COUNTRY.` and then, in any order, the side
    of the road (0.3), where the camera looks (0.3) and the month (0.3), each where it is known. PIGEON's climate sentences are
    left out, since there is no climate table here; as in PIGEON for photos without a climate, the place is always named.
    A photo without a country gets an empty text.
    """
    return [_caption(one, rng) for one in facts]


def _caption(facts: PlaceFacts, rng: np.random.Generator) -> str:
    town, region, side, facing, when = rng.random(5)
    extras = [
        text for text, draw in ((_side(facts), side), (_facing(facts), facing), (_month(facts), when)) if text and draw < 0.3
    ]
    order = rng.permutation(len(extras))
    if not facts.country:
        return ""
    near = f" close to the town of {facts.city}" if facts.city and town < 0.4 else ""
    within = f" in the region of {facts.region}" if facts.region and region < 0.6 else ""
    name = country_name(facts.country)
    name = f"the {name.removeprefix('The ')}" if facts.country in _WITH_ARTICLE else name
    return " ".join([f"A Street View photo{near}{within} in {name}.", *(extras[i] for i in order)])


def _side(facts: PlaceFacts) -> str:
    if facts.country not in gazetteer().countries:
        return ""
    return f"In this location, people drive on the {'left' if facts.country in drives_on_left() else 'right'} side of the road."


def _facing(facts: PlaceFacts) -> str:
    if facts.heading_deg is None or not np.isfinite(facts.heading_deg):
        return ""
    quarter = ("north", "east", "south", "west")[int(((facts.heading_deg + 45.0) % 360.0) // 90.0) % 4]
    return f"This photo is facing {quarter}."


def _month(facts: PlaceFacts) -> str:
    found = re.match(r"\d{4}-(0[1-9]|1[0-2])(?!\d)", facts.time)
    return f"The photo was taken in {_MONTHS[int(found[1]) - 1]}." if found else ""


def hashed_features(texts: Sequence[str], dim: int = HASHED_DIM) -> Vectors:
    """Unit vectors [n, dim] of texts: words and the trigrams of their letters, each added to one place with one sign by its hash.

    Signed hashing keeps inner products right on average (Weinberger et al. 2009). The same on every machine; an empty text is a row of
    zeros. Only the first 1,000 characters count.
    """
    rows = np.zeros((len(texts), dim), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        hashes = _hashes(text[:_MAX_TEXT])
        np.add.at(row, (hashes >> np.uint64(1)) % np.uint64(dim), np.where(hashes & np.uint64(1), 1.0, -1.0).astype(np.float32))
    return unit_rows(rows)


@lru_cache(maxsize=100_000)
def _hashes(text: str) -> NDArray[np.uint64]:
    tokens: list[str] = []
    for word in fold(text).split():
        edged = f"^{word}$"
        tokens += [word, *(f"#{edged[i : i + 3]}" for i in range(len(edged) - 2))]
    return np.array([_token_hash(token) for token in tokens], dtype=np.uint64)


@lru_cache(maxsize=1_000_000)
def _token_hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")


def clip_text_features(source: str, texts: Sequence[str]) -> Vectors:
    """Unit vectors [n, d] of texts by the text tower of a CLIP model, a hub name or folder. Raises ModelError where it cannot be loaded."""
    if not texts:
        raise ModelError("there are no texts to describe")
    try:
        import torch
        from transformers import AutoTokenizer, CLIPTextModelWithProjection

        tokenizer: Any = AutoTokenizer.from_pretrained(source)
        model: Any = CLIPTextModelWithProjection.from_pretrained(source).eval()
    except (ImportError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"the text tower of {source} cannot be loaded ({' '.join(str(error).split())[:120]})") from error
    longest = int(model.config.max_position_embeddings)
    parts = []
    for start in range(0, len(texts), _CLIP_BATCH):
        some = [text[:_MAX_TEXT] for text in texts[start : start + _CLIP_BATCH]]
        tokens = tokenizer(some, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        with torch.no_grad():
            parts.append(
                model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).text_embeds.float().numpy()
            )
    return unit_rows(np.concatenate(parts))
