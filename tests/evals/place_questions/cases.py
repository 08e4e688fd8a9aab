"""Questions written by hand."""

from __future__ import annotations

from typing import Any

from evals.place_questions.question import PlaceQuestion


def asked(kind: str, answer: Any, **more: Any) -> PlaceQuestion:
    """A question near the middle of the drawn town."""
    options = {"A": "Kluuvi", "B": "Kutxabank", "C": "A bank", "D": "Santander Bank"} if kind == "choice" else {}
    fields: dict[str, Any] = {"id": "q", "lat": 60.0, "lon": 24.0, "kind": kind, "question": "Which bank is nearest to this point?",
                              "options": options, "answer": answer}  # fmt: skip
    return PlaceQuestion.model_validate({**fields, **more})
