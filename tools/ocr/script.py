"""Scripts: which one a text is written in, and which readers read it."""

from __future__ import annotations

import unicodedata

# First letters of a character's Unicode name -> script
_NAMES = {
    "LATIN": "Latin", "CYRILLIC": "Cyrillic", "GREEK": "Greek", "ARABIC": "Arabic", "HEBREW": "Hebrew", "THAI": "Thai",
    "HANGUL": "Hangul", "DEVANAGARI": "Devanagari", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "CJK": "Chinese",
    "GEORGIAN": "Georgian", "ARMENIAN": "Armenian", "BENGALI": "Bengali", "TAMIL": "Tamil", "TELUGU": "Telugu",
    "KANNADA": "Kannada", "MALAYALAM": "Malayalam", "GUJARATI": "Gujarati", "GURMUKHI": "Gurmukhi", "SINHALA": "Sinhala",
    "KHMER": "Khmer", "LAO": "Lao", "MYANMAR": "Burmese", "ETHIOPIC": "Ethiopic", "TIBETAN": "Tibetan",
}  # fmt: skip

SCRIPT_OF_MODEL = {
    "eng": "Latin", "rus": "Cyrillic", "ukr": "Cyrillic", "bul": "Cyrillic", "srp": "Cyrillic", "bel": "Cyrillic",
    "mkd": "Cyrillic", "kaz": "Cyrillic", "ell": "Greek", "ara": "Arabic", "fas": "Arabic", "urd": "Arabic",
    "heb": "Hebrew", "tha": "Thai", "kor": "Hangul", "hin": "Devanagari", "nep": "Devanagari", "mar": "Devanagari",
    "kat": "Georgian", "hye": "Armenian", "ben": "Bengali", "tam": "Tamil", "tel": "Telugu", "kan": "Kannada",
    "mal": "Malayalam", "guj": "Gujarati", "pan": "Gurmukhi", "sin": "Sinhala", "khm": "Khmer", "lao": "Lao",
    "mya": "Burmese", "amh": "Ethiopic", "bod": "Tibetan",
}  # fmt: skip
"""Tesseract's models -> the script that each reads."""

TRIED_FIRST = (
    "rus",
    "ukr",
    "ell",
    "ara",
    "heb",
    "tha",
    "kor",
    "hin",
    "kat",
    "hye",
    "ben",
    "tam",
    "khm",
    "lao",
    "mya",
    "sin",
    "amh",
)
"""One or two models a script, the commoner on signs first: these find out which script it is."""

_MODELS_OF_LANGUAGE = {
    "ru": ("rus",), "uk": ("ukr",), "bg": ("bul", "rus"), "sr": ("srp", "rus"), "mk": ("mkd", "rus"),
    "be": ("bel", "rus"), "kk": ("kaz", "rus"), "mn": ("rus",), "el": ("ell",), "ar": ("ara",), "fa": ("fas", "ara"),
    "ur": ("urd", "ara"), "he": ("heb",), "th": ("tha",), "ko": ("kor",), "hi": ("hin",), "ne": ("nep", "hin"),
    "mr": ("mar", "hin"), "ka": ("kat",), "hy": ("hye",), "bn": ("ben",), "ta": ("tam",), "te": ("tel",), "kn": ("kan",),
    "ml": ("mal",), "gu": ("guj",), "pa": ("pan",), "si": ("sin",), "km": ("khm",), "lo": ("lao",), "my": ("mya",),
    "am": ("amh",), "bo": ("bod",),
}  # fmt: skip
_ALWAYS_READ = frozenset(
    ["en", "de", "fr", "es", "pt", "it", "nl", "sv", "no", "da", "fi", "pl", "cs", "sk", "sl", "hr", "hu", "ro", "tr", "vi", "id",
     "ms", "et", "lv", "lt", "is", "ga", "ca", "eu", "zh", "ja", "latin", "chinese", "japanese"]
)  # fmt: skip


def script_of(text: str) -> str:
    """The script of most letters of `text`; "" where it has none. Japanese wins over Chinese by a single kana."""
    counts: dict[str, int] = {}
    for character in text:
        if unicodedata.category(character)[0] in "LM":
            script = _NAMES.get(unicodedata.name(character, "").partition(" ")[0], "")
            counts[script] = counts.get(script, 0) + 1
    counts.pop("", None)
    if "Japanese" in counts and "Chinese" in counts:
        counts["Japanese"] += counts.pop("Chinese")
    return max(counts, key=lambda script: counts[script]) if counts else ""


def share_of(script: str, text: str) -> float:
    """The share of the letters of `text` that belong to `script`, 0 to 1; 0 for a text without letters."""
    letters = [c for c in text if unicodedata.category(c)[0] in "LM"]
    own = [c for c in letters if _NAMES.get(unicodedata.name(c, "").partition(" ")[0]) == script]
    return len(own) / len(letters) if letters else 0.0


def models_for(languages: list[str], installed: tuple[str, ...]) -> list[str]:
    """The installed models for ISO 639-1 codes, script names or Tesseract's own codes; languages that need none give none.

    Raises ValueError with one plain sentence for a language that nothing here reads.
    """
    found: list[str] = []
    for language in languages:
        asked = language.strip().lower().partition("-")[0]
        of_script = tuple(model for model in TRIED_FIRST if SCRIPT_OF_MODEL[model].lower() == asked)
        wanted = _MODELS_OF_LANGUAGE.get(asked) or of_script or ((asked,) if asked in SCRIPT_OF_MODEL else ())
        usable = [model for model in wanted if model in installed]
        if not usable and asked not in _ALWAYS_READ:
            raise ValueError(f"Writing in {asked[:20]!r} cannot be read here; leave `languages` out to let the reader find out.")
        found += [model for model in usable if model not in found]
    return found
