"""A case with evidence that is known, so that replies can be checked."""

from __future__ import annotations

from agent.beliefs import Beliefs
from agent.conversation.case_file import DONE, CaseFile, CasePhoto
from agent.conversation.whole import Whole
from geo.evidence import Evidence, Regions, near

PORTO, LISBON = (41.15, -8.61), (38.72, -9.14)


def evidence() -> list[Evidence]:
    return [
        Evidence(Regions({"PT": 1.0}), "the domain is .pt", "domain:pt", "read_text", 0.95, ("photo",)),
        Evidence(
            near([PORTO[0]], [PORTO[1]], [10.0], [1.0]),
            "“Porto” is Porto (PT)",
            "place:porto",
            "find_place",
            0.9,
            ("geonames:2735943",),
        ),
    ]


def case_file(found: list[Evidence] | None = None) -> CaseFile:
    ledger = [{**one.to_json(), "call": f"t1c{number}"} for number, one in enumerate(evidence() if found is None else found, 1)]
    trajectory = {"ledger": ledger, "messages": [], "steps": [], "views": {}, "regions": {}, "sources": {}}
    return CaseFile(
        "case", "", "2026-05-01", photos=[CasePhoto(1, "a.jpg", "pictures/case/1.jpg", "0" * 64, (64, 48), DONE, trajectory)]
    )


def whole(found: list[Evidence] | None = None) -> Whole:
    return Whole(case_file(found), Beliefs())
