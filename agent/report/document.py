"""A self-contained HTML document: its styles, scripts and data inside, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files

from agent.report.markup import Html, tag


def resource(name: str, package: str = "agent.report") -> str:
    """The text of a file that lies beside the modules of a package."""
    return (files(package) / name).read_text(encoding="utf-8")


def document(title: str, body: Html, *, style: str, script: str) -> str:
    """A page of one file with the outlines of countries; no network, no script beside this one."""
    parts = {
        "title": tag("title", title),
        "policy": _content_policy(script),
        "style": style,
        "body": body,
        "outlines": resource("outlines.json").strip(),
        "script": script,
    }
    return _filled(resource("page.html"), parts)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Every `{{name}}` filled in one pass, so that nothing inside a part is taken for the place of another."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _content_policy(script: str) -> Html:
    """Nothing from anywhere, pictures from the page itself, and no script beside this very one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "base-uri 'none'",
    ]
    return tag("meta", http_equiv="Content-Security-Policy", content="; ".join([*rules, "form-action 'none'"]))
