"""Events are numbered; those of an investigation are kept while it goes on."""

from __future__ import annotations

from agent.serve import record as record_module
from agent.serve.record import Record


def test_events_are_numbered_and_kept_while_asked_for() -> None:
    record = Record()
    record.tell("a", {"event": "step"})
    assert (record.latest, record.so_far("a")) == (1, [])
    record.begin("a")
    for event in ("start", "asked", "belief", "step", "belief"):
        record.tell("a", {"event": event, **({"map": {}} if event == "belief" else {})})
    record.tell("b", {"event": "step"})
    assert record.latest == 7
    assert [(event["event"], event["seq"], "map" in event) for event in record.so_far("a")] == [
        ("start", 2, False), ("belief", 4, False), ("step", 5, False), ("belief", 6, True),
    ]  # fmt: skip
    record.end("a")
    assert record.so_far("a") == []


def test_only_the_latest_are_kept() -> None:
    record = Record()
    record.begin("a")
    for _ in range(record_module.MOST_KEPT + 5):
        record.tell("a", {"event": "step"})
    assert [event["seq"] for event in record.so_far("a")] == list(range(6, record_module.MOST_KEPT + 6))
