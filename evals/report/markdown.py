"""A run's tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.report.markup import showable
from agent.report.words import counted
from evals.metrics.table import markdown


def report_markdown(manifest: Mapping[str, Any], summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """What was run, the notes, and all tables. Text that could be markup is escaped."""
    first = next(iter(summaries.values()), {})
    known = [
        str(manifest.get("policy") or ""),
        counted(int(first.get("n") or 0), "record"),
        str(manifest.get("started") or "")[:16].replace("T", " "),
    ]
    head = f"# {_plain(str(manifest.get('benchmark') or 'Evaluation'))}\n\n{_plain(' · '.join(part for part in known if part))}"
    notes = [f"> **{_plain(str(note))}**" for note in manifest.get("notes") or []]
    versions = manifest.get("versions")
    made = ", ".join(f"{key} {value}" for key, value in versions.items()) if isinstance(versions, Mapping) else ""
    parts = [head, *notes, markdown(summaries), f"Versions: {_plain(made)}" if made else ""]
    text = showable("\n\n".join(part for part in parts if part)).rstrip()
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text) + "\n"


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_>\[\]#|])", r"\\\1", " ".join(text.split()))
