"""What a case comes to as a whole: one belief from all its photos and statements, and the answer that it gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.answer import answer_from
from agent.beliefs import Beliefs
from agent.conversation.case_file import CaseFile
from geo.area import parse_area
from geo.belief import Belief, belief_from
from geo.evidence import Evidence


class Whole:
    """A case's ledger, belief and result. Evidence of one source counts once, whichever photo it was seen in."""

    def __init__(self, file: CaseFile, beliefs: Beliefs, stated: bool = True) -> None:
        self.ledger = file.ledger(stated)
        self._area, self._beliefs = parse_area(file.area) if file.area else None, beliefs

    def belief(self, leave_out: Sequence[int] = ()) -> Belief:
        """The belief of the ledger, some of its rows left out."""
        rows = [entry for row, entry in enumerate(self.ledger) if row not in leave_out]
        digest = self._digest(rows)
        belief = self._beliefs.get(digest)
        if belief is None:
            belief = belief_from([Evidence.from_json(entry) for entry in rows], area=self._area)
            if not leave_out:
                self._beliefs.keep(digest, belief)
        return belief

    def result(self) -> dict[str, Any]:
        """`answer` (None where it cannot be told), `best_guess`, `alternatives` and numbers, as `agent.answer.answer_from` makes them."""
        found: dict[str, Any] = self._beliefs.result(self._digest(self.ledger), "answer", lambda: answer_from(self.belief()))
        return found

    def bits(self) -> list[dict[str, float]]:
        """For each row of the ledger what it tells alone, and what it says for the best guess, in bits."""
        guess = self.result()["best_guess"]

        def told() -> list[dict[str, float]]:
            belief = self.belief()
            return [{"bits": round(belief.bits_of(row), 2), "for_answer_bits": round(belief.support_bits(row, guess["lat"], guess["lon"]), 2)}
                    for row in range(len(self.ledger))]  # fmt: skip

        found: list[dict[str, float]] = self._beliefs.result(self._digest(self.ledger), "bits", told)
        return found

    def with_bits(self) -> list[dict[str, Any]]:
        """The ledger, each entry with its bits."""
        return [{**entry, **bits} for entry, bits in zip(self.ledger, self.bits(), strict=True)]

    def _digest(self, rows: Sequence[Mapping[str, Any]]) -> str:
        area = self._area.to_text() if self._area else ""
        return hashlib.sha256(f"case {area} {json.dumps(rows, sort_keys=True)}".encode()).hexdigest()
