"""Place names brought to one form, so that case, accents and punctuation do not matter when two are compared."""

from __future__ import annotations

import re
import unicodedata
import zlib

# Accents and vowel points of the alphabets that are commonly written without them. The vowel signs of Indic scripts and of Thai
# are letters in all but name and stay.
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff]"
)
_APOSTROPHES = re.compile("['`´‘’‛′ʹʻʼʽʾʿˈˊˋ״׳]")
_SEPARATORS = re.compile(
    "[\x00-\x09\x0b-\x2f\x3a-\x40\x5b-\x60\x7b-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u055a-\u055f\u05be\u060c\u061b\u061f"
    "\u066a-\u066d\u2000-\u206f\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30a0\u30fb\ufe10-\ufe6f]+"
)
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŋ": "n",
                          "ə": "e", "ƙ": "k", "ɓ": "b", "ɗ": "d", "ٱ": "ا", "ی": "ي", "ى": "ي", "ک": "ك"})  # fmt: skip


def fold_lines(text: str) -> str:
    """`fold` of every line of a text at once; the lines keep their places."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFC", _MARKS.sub("", text)).casefold().translate(_LETTERS)
        text = unicodedata.normalize("NFC", _MARKS.sub("", text))
    text = _SEPARATORS.sub(" ", _APOSTROPHES.sub("", text.lower()))
    return re.sub("(?m)^ | $", "", text)


def fold(name: str) -> str:
    """The comparable form of a name: `fold("Saint-Étienne") == fold("SAINT ETIENNE")`; "" where nothing is left of it."""
    return fold_lines(name.replace("\n", " "))


def name_hash(folded: str) -> int:
    """24 bits of CRC-32 of a folded name, as the name table stores them; equal hashes are always checked against the names."""
    return zlib.crc32(folded.encode("utf-8", "replace")) >> 8
