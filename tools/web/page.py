"""From the bytes of a page to its title, the text a reader sees, and the coordinates it states."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.web.fetch import Fetched
from tools.web.hidden import drop_hidden

_CHARSETS = re.compile(
    r"(?:utf-?(?:8|16|32)(?:-?[bl]e)?|us-?ascii|iso-?8859-?\d+|latin-?\d+|(?:windows|cp)-?\d+|koi8-?[rtu]|gb(?:k|2312|18030)"
    r"|big5(?:-?hkscs)?|euc-?(?:jp|kr)|shift[_-]?jis|iso-?2022-?(?:jp|kr)|tis-?620|mac(?:intosh|-?roman))",
    re.I,
)
"""Charsets of pages. Python knows others (punycode, unicode_escape) that no page needs and some are slow on purpose."""
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
_MOST_POINTS = 8


@dataclass(frozen=True)
class Page:
    """A page as text. Everything in it is world text and goes through `tools.quote` before a policy sees it."""

    url: str
    title: str
    text: str
    points: tuple[tuple[float, float], ...] = ()
    """Coordinates that the page states for machines (schema.org geo, geo meta tags)."""


def page_of(fetched: Fetched) -> Page:
    """The readable side of what was fetched. A page that cannot be parsed has an empty text."""
    markup = decoded(fetched.body, fetched.charset)
    if fetched.media_type == "text/plain":
        return Page(fetched.url, "", markup)
    tree = _parsed(markup)
    if tree is None:
        return Page(fetched.url, "", "")
    title = " ".join((tree.findtext(".//title") or "").split())
    points = tuple(dict.fromkeys(_points(tree)))[:_MOST_POINTS]
    drop_hidden(tree)
    return Page(fetched.url, title, _text(tree), points)


def decoded(body: bytes, claimed: str | None) -> str:
    """Bytes as text: byte order mark, then the claimed charset, then the page's own, then UTF-8, then Windows-1252."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    own = _META_CHARSET.search(body[:4096])
    for name in (claimed, own and own[1].decode("ascii", "replace")):
        if name and _CHARSETS.fullmatch(name):
            try:
                return body.decode(name, "replace")
            except LookupError:
                continue
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace") if _mostly_utf8(body) else body.decode("cp1252", "replace")


def _mostly_utf8(body: bytes) -> bool:
    """Whether broken bytes are few (a page cut in the middle of a letter) and not the rule (another charset)."""
    text = body.decode("utf-8", "replace")
    return text.count("\ufffd") * 4 < sum(c > "\x7f" for c in text)


def _parsed(markup: str) -> Any:
    from lxml import etree, html

    # Letters that XML forbids end the parsing of what follows them; an own parser keeps a declaration in the page out.
    markup = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", " ", markup)
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        return html.document_fromstring(markup.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


def _text(tree: Any) -> str:
    """The main text by trafilatura; the whole visible text where that finds none (maps, tables, short pages)."""
    import trafilatura
    from lxml import etree

    try:
        found = trafilatura.extract(tree, include_comments=False, include_tables=True, include_links=False, include_images=False)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, RecursionError):
        found = None
    if found and len(found) >= 80:
        return str(found)
    body = tree.find(".//body")
    lines = (" ".join(piece.split()) for piece in (tree if body is None else body).itertext())
    whole = "\n".join(line for line in lines if line)
    return whole if len(whole) > len(found or "") else str(found)


def _points(tree: Any) -> Iterator[tuple[float, float]]:
    for script in list(tree.iter("script"))[:50]:
        if script.get("type", "").strip().lower() == "application/ld+json":
            yield from _points_of_json(script.text or "")
    meta = {(tag.get("name") or tag.get("property") or "").lower(): tag.get("content") or "" for tag in tree.iter("meta")}
    for key in ("geo.position", "icbm"):
        lat, _, lon = meta.get(key, "").replace(";", ",").partition(",")
        yield from _pair(lat, lon)
    for prefix in ("place:location:", "og:", "geo:"):
        yield from _pair(meta.get(prefix + "latitude", ""), meta.get(prefix + "longitude", ""))
    for tag in list(tree.iterfind(".//*[@itemprop='geo']"))[:20]:
        yield from _pair(*(_itemprop(tag, name) for name in ("latitude", "longitude")))


def _itemprop(tag: Any, name: str) -> str:
    found = tag.find(f".//*[@itemprop='{name}']")
    return "" if found is None else found.get("content") or found.text or ""


def _points_of_json(text: str) -> Iterator[tuple[float, float]]:
    try:
        queue = [json.loads(text[:200_000])]
    except (ValueError, RecursionError):
        return
    for _ in range(5000):
        if not queue:
            return
        value = queue.pop()
        if isinstance(value, list):
            queue += value
        elif isinstance(value, dict):
            if "latitude" in value and "longitude" in value:
                yield from _pair(value["latitude"], value["longitude"])
            queue += list(value.values())


def _pair(lat: Any, lon: Any) -> Iterator[tuple[float, float]]:
    try:
        point = float(lat), float(lon)
    except (TypeError, ValueError, OverflowError):
        return
    # (0, 0) is what a form says that nobody filled in.
    if all(map(math.isfinite, point)) and abs(point[0]) <= 90 and abs(point[1]) <= 180 and point != (0.0, 0.0):
        yield point
