"""A case: photos of one place, what was found in them, what the user stated, and the conversation about it. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.conversation.statements import Statement

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass
class CasePhoto:
    """One photo of a case."""

    number: int
    """From 1, in the order in which they came."""
    name: str
    """As the user called it, made safe; no path."""
    file: str
    """Where it is kept, relative to the store's folder."""
    sha256: str
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    state: str = WAITING
    trajectory: dict[str, Any] | None = None
    """Of its investigation, follow-ups included (`agent/trajectory.py`)."""
    error: str | None = None
    coarse_km: float = 0.0
    """Places are shown no finer than this, by the guard; 0 shows them as they are."""
    coarse_reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "name": self.name, "file": self.file, "sha256": self.sha256, "size": list(self.size),
                "state": self.state, "trajectory": self.trajectory, "error": self.error, "coarse_km": self.coarse_km,
                "coarse_reason": self.coarse_reason}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CasePhoto:
        width, height = data["size"]
        return cls(**{**data, "size": (int(width), int(height))})


@dataclass
class Turn:
    """One message of the conversation."""

    role: str
    """`user` or `geosleuth`."""
    text: str
    at: str
    """UTC, ISO 8601."""
    data: dict[str, Any] = field(default_factory=dict)
    """What the words were made from: numbers, places, element ids."""

    def to_json(self) -> dict[str, Any]:
        return {"role": self.role, "text": self.text, "at": self.at, "data": self.data}


@dataclass
class CaseFile:
    """Everything about a case that is kept."""

    id: str
    """Unguessable: 128 random bits."""
    owner: str
    """Who may see it; empty where there is one user."""
    created: str
    title: str = ""
    area: str | None = None
    """Where to search, as `geo.area.parse_area` reads it."""
    context: str = ""
    photos: list[CasePhoto] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)

    def photo(self, number: int) -> CasePhoto:
        """Raises LookupError where there is no photo of that number."""
        for photo in self.photos:
            if photo.number == number:
                return photo
        raise LookupError(f"the case has no photo {number}")

    def stated(self) -> list[Statement]:
        """The statements that stand."""
        return [statement for statement in self.statements if not statement.retracted]

    def ledger(self, stated: bool = True) -> list[dict[str, Any]]:
        """All evidence: of each photo in order (`p1:t2c1`), then what the user `stated`."""
        found = [
            {**entry, "call": f"p{photo.number}:{entry['call']}"}
            for photo in self.photos
            if photo.trajectory
            for entry in photo.trajectory["ledger"]
        ]
        standing = self.stated() if stated else []
        said = [{**statement.evidence, "call": f"user:{statement.id}"} for statement in standing if statement.evidence]
        return found + said

    def coarse(self) -> tuple[float, str]:
        """How finely places may be shown, in km (0: as they are), and why."""
        return max(((photo.coarse_km, photo.coarse_reason) for photo in self.photos), default=(0.0, ""))

    def last_date(self) -> str:
        """What was last stated about when it was; "" where nothing was."""
        return next((statement.date for statement in reversed(self.stated()) if statement.date), "")

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "owner": self.owner, "created": self.created, "title": self.title, "area": self.area, "context": self.context,
            "photos": [photo.to_json() for photo in self.photos], "statements": [one.to_json() for one in self.statements],
            "turns": [turn.to_json() for turn in self.turns],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CaseFile:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            str(data["id"]), str(data["owner"]), str(data["created"]), str(data["title"]), data["area"], str(data["context"]),
            [CasePhoto.from_json(one) for one in data["photos"]], [Statement.from_json(one) for one in data["statements"]],
            [Turn(**one) for one in data["turns"]],
        )  # fmt: skip
