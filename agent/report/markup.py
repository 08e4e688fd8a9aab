"""HTML in which text is escaped unless it says that it is markup already."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any

# Control characters, lone surrogates (which no file can hold) and the marks that turn the direction of what follows.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_VOID = frozenset({"br", "img", "meta", "input"})


class Html(str):
    """Markup. Only `tag`, `join` and the templates make it."""

    __slots__ = ()


Child = str | None | Iterable[Html]


def showable(text: str) -> str:
    """Text in which what cannot be shown, or would turn the direction of what follows, is `�`."""
    return _UNSHOWABLE.sub("\ufffd", text)


def escape(text: str) -> Html:
    """Text as markup that shows it."""
    return Html(html.escape(showable(text), quote=True))


def tag(name: str, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """An element. `class_` and `data_x` stand for `class` and `data-x`; None and False leave an attribute out."""
    parts = []
    for key, value in attributes.items():
        if value is not None and value is not False:
            key = key.rstrip("_").replace("_", "-")
            parts.append(f" {key}" if value is True else f' {key}="{escape(str(value))}"')
    opening = f"<{name}{''.join(parts)}>"
    return Html(opening if name in _VOID else f"{opening}{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Children in a row: text escaped, markup as it is, None nothing."""
    return Html("".join(_markup(child) for child in children))


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, str):
        return child if isinstance(child, Html) else escape(child)
    return "".join(_markup(item) for item in child)


def json_block(identifier: str, data: Any) -> Html:
    """Data for the page's script, in a block that no text inside it can close."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json" id="{escape(identifier)}">{text}</script>')


def web_link(url: str, text: str) -> Html:
    """A link where `url` is an http(s) address, else the text alone."""
    if not re.fullmatch(r"https?://[^\s<>\"'\\]{1,2000}", url, flags=re.I):
        return tag("span", text)
    return tag("a", text, href=url, rel="noopener noreferrer nofollow", target="_blank")
