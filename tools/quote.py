"""Text that came from the world (signs, pages, metadata, users of the web) made safe to show to a policy.

It is data: cut to size, control and hidden characters dropped, and every chat control token neutralised, so that it can
neither close a turn, nor call a tool, nor hide from the reader.
"""

from __future__ import annotations

import re
import unicodedata

# Angle and square brackets open every control token in use (<|im_start|>, <tool_call>, [INST], <image>, <<SYS>>); the look-alikes below read
# the same and mean nothing to a tokenizer.
_LOOK_ALIKES = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")"})
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SPACES = re.compile(r"[ \t\u00a0]+")


def clean(text: str, limit: int = 400) -> str:
    """World text as one plain line of at most `limit` characters; cut text ends in `…`."""
    lines = clean_lines(text, limit=limit).split("\n")
    return " ".join(line for line in lines if line)


def clean_lines(text: str, limit: int = 4000) -> str:
    """As `clean`, line breaks kept."""
    text = unicodedata.normalize("NFC", text[: 8 * limit])
    text = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"} or c == "\t")
    text = _SPACES.sub(" ", text.translate(_LOOK_ALIKES))
    text = re.sub(r" ?\n ?", "\n", text).strip()
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def quoted(text: str, limit: int = 400) -> str:
    """`clean` text in quotation marks of its own, which the text cannot close."""
    return "“" + clean(text, limit).replace("“", '"').replace("”", '"') + "”"
