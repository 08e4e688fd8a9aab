"""Drop what a page holds and a reader of the page does not see: the place where instructions to machines are hidden.

Reads inline styles and the rules of the page's own `<style>` blocks whose selectors are tags, classes, ids and descendants
of these. Style sheets in other files are not fetched, so this is hygiene and no proof: what is left stays untrusted data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

_UNSEEN_TAGS = ("script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "canvas", "datalist", "head")
_NEVER_DROPPED = frozenset({"html", "body"})
_STYLE_LIMIT = 200_000
_MOST_RULES = 2000
_MOST_CHECKS = 300_000
"""Comparisons of an element with a rule in one page; an element that comes after them counts as hidden."""
_PART = re.compile(r"(\*|[a-z][a-z0-9-]*)?((?:[.#][\w-]+)*)")
_NUMBER = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))([a-z%]*)")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "vw": 10.0, "vh": 10.0, "%": 10.0, "ch": 8.0, "ex": 8.0}
_FAR_PX = 400.0


@dataclass(frozen=True)
class _Compound:
    """`tag.class#id` of a selector."""

    tag: str | None
    classes: frozenset[str]
    ids: frozenset[str]

    def fits(self, element: Any) -> bool:
        if self.tag is not None and element.tag != self.tag:
            return False
        return self.classes <= set(element.get("class", "").split()) and self.ids <= {element.get("id", "")}


Selector = tuple[_Compound, ...]
"""Compounds from the outermost ancestor to the element itself."""


class _Rules:
    """The rules of a page that hide, found by the last class, id or tag of their selectors."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._by_key: dict[str, list[Selector]] = {}
        self._checks_left = _MOST_CHECKS
        for selector in dict.fromkeys(selectors):
            self._by_key.setdefault(_key(selector[-1]), []).append(selector)

    def hide(self, element: Any) -> bool:
        if not self._by_key:
            return False
        keys = [f".{name}" for name in element.get("class", "").split()[:50]] + [f"#{element.get('id', '')}", element.tag, "*"]
        return any(self._fits(selector, element) for key in keys for selector in self._by_key.get(key, ()))

    def _fits(self, selector: Selector, element: Any) -> bool:
        self._checks_left -= 1
        if self._checks_left < 0:
            return True
        if not selector[-1].fits(element):
            return False
        wanted = list(selector[:-1])
        for ancestor in element.iterancestors() if wanted else ():
            self._checks_left -= 1
            if wanted[-1].fits(ancestor):
                wanted.pop()
            if not wanted:
                break
        return not wanted


def drop_hidden(tree: Any) -> None:
    """Remove from an lxml HTML tree, in place, comments and every element that is not shown."""
    found = (selector for style in tree.iter("style") for selector in _hiding_selectors(style.text or ""))
    rules = _Rules(islice(found, _MOST_RULES))
    for element in list(tree.iter()):
        shown = element.tag in _NEVER_DROPPED or (
            isinstance(element.tag, str) and not _hidden_by_itself(element) and not rules.hide(element)
        )
        if not shown:
            _remove(element)


def _remove(element: Any) -> None:
    """Take an element out and leave the text that follows it."""
    parent = element.getparent()
    if parent is None:
        return
    before = element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _hidden_by_itself(element: Any) -> bool:
    if (
        element.tag in _UNSEEN_TAGS
        or element.get("hidden") is not None
        or element.get("aria-hidden", "").strip().lower() == "true"
    ):
        return True
    if element.tag == "input" and element.get("type", "").strip().lower() == "hidden":
        return True
    if element.tag == "dialog" and element.get("open") is None:
        return True
    return hides(element.get("style") or "")


def _key(compound: _Compound) -> str:
    if compound.ids:
        return "#" + min(compound.ids)
    return "." + min(compound.classes) if compound.classes else compound.tag or "*"


def hides(style: str) -> bool:
    """Whether the declarations of one style (`display:none; …`) keep an element from being seen."""
    parts = (part.partition(":") for part in _plain(style[:4000]).split(";"))
    declared = {name.strip(): value.replace("!important", "").strip()[:200] for name, _, value in parts}
    if declared.get("display") == "none" or declared.get("visibility") in {"hidden", "collapse"}:
        return True
    if declared.get("content-visibility") == "hidden" or declared.get("color") == "transparent":
        return True
    if _px(declared.get("font-size")) < 2 or _px(declared.get("opacity")) < 0.06 or "opacity(0" in declared.get("filter", ""):
        return True
    return _off_screen(declared) or _no_size(declared)


def _off_screen(declared: dict[str, str]) -> bool:
    if _px(declared.get("text-indent"), 0) <= -_FAR_PX or abs(_px(declared.get("text-indent"), 0)) >= 5 * _FAR_PX:
        return True
    if any(_px(declared.get(side), 0) <= -_FAR_PX for side in ("margin-left", "margin-top", "margin-right")):
        return True
    placed = declared.get("position") in {"absolute", "fixed", "relative"}
    if placed and any(abs(_px(declared.get(side), 0)) >= 5 * _FAR_PX for side in ("left", "top", "right", "bottom")):
        return True
    if placed and any(_px(declared.get(side), 0) <= -_FAR_PX for side in ("left", "top", "right", "bottom")):
        return True
    moved = declared.get("transform", "")
    return bool(re.search(r"scale[xy]?\(\s*0*\.?0*\s*[,)]", moved)) or bool(re.search(r"translate\w*\([^)]*-\d{4,}", moved))


def _no_size(declared: dict[str, str]) -> bool:
    clip = declared.get("clip", "") + declared.get("clip-path", "")
    if re.search(r"rect\(\s*(?:0|1)(?:px)?[\s,]+(?:0|1)(?:px)?[\s,]+(?:0|1)(?:px)?[\s,]+(?:0|1)(?:px)?\s*\)", clip):
        return True
    if re.search(r"inset\(\s*(?:50|100)%|circle\(\s*0", clip):
        return True
    cut = declared.get("overflow", declared.get("overflow-y", declared.get("overflow-x", ""))) in {"hidden", "clip"}
    sizes = [_px(declared.get(key)) for key in ("width", "height", "max-width", "max-height", "line-height")]
    return cut and min(sizes) <= 1


def _px(value: str | None, missing: float = float("inf")) -> float:
    """A CSS length in pixels or a plain number, `missing` where it is none."""
    match = _NUMBER.fullmatch(value.strip()) if value and len(value) < 40 else None
    if match is None or match[2] not in _PIXELS:
        return missing
    return float(match[1]) * _PIXELS[match[2]]


def _plain(style: str) -> str:
    """Without comments, in lower case; escapes (`d\\69splay`) resolved, as a browser would."""
    style = re.sub(r"/\*.*?(?:\*/|$)", " ", style, flags=re.S)
    style = re.sub(r"\\([0-9a-fA-F]{1,6})\s?", lambda m: chr(min(int(m[1], 16), 0x10FFFF)), style)
    return style.replace("\\", "").lower()


def _hiding_selectors(sheet: str) -> Iterator[Selector]:
    """Selectors of the rules that hide, of all media but print."""
    sheet = re.sub(r"/\*.*?(?:\*/|$)", " ", sheet[:_STYLE_LIMIT], flags=re.S)
    preludes: list[str] = []
    pieces = re.split(r"([{}])", sheet)
    for text, brace in zip(pieces[::2], pieces[1::2], strict=False):
        if brace == "{":
            preludes.append(text.rpartition(";")[2].strip())
            continue
        rule = preludes.pop() if preludes else ""
        around = " ".join(preludes).lower()
        if rule and not rule.startswith("@") and "print" not in around and "keyframes" not in around and hides(text):
            yield from filter(None, map(_selector, rule.split(",")))


def _selector(text: str) -> Selector | None:
    """A selector of tags, classes, ids and descendants; None for any other."""
    parts = text.replace(">", " ").split()
    compounds = []
    for part in parts[:8]:
        match = _PART.fullmatch(part if part[:1] in {".", "#"} else part.lower())
        if match is None or not part:
            return None
        names = re.findall(r"([.#])([\w-]+)", match[2])
        compounds.append(_Compound(
            match[1] if match[1] and match[1] != "*" else None,
            frozenset(name for kind, name in names if kind == "."),
            frozenset(name for kind, name in names if kind == "#")))  # fmt: skip
    return tuple(compounds) or None
