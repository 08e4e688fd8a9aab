"""What may be shown of a case: result, map, ledger and statements; places no finer than its guard lets them be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from agent.beliefs import Beliefs
from agent.conversation.case_file import CaseFile
from agent.conversation.guard import coarsened
from agent.conversation.whole import Whole
from agent.report.map import map_data
from geo.belief import Belief
from geo.naming import top_places

NO_MAP: Mapping[str, Any] = {"heat": [], "bounds": None, "points": [], "towns": []}


def result_of(file: CaseFile, beliefs: Beliefs) -> dict[str, Any]:
    """The case's result; where places are withheld, `withheld` says why."""
    km, reason = file.coarse()
    if not km:
        return Whole(file, beliefs).result()
    # Statements do not count: by stating one place after the other the true one could be found.
    result = Whole(file, beliefs, stated=False).result()
    coarse: Callable[[Mapping[str, Any]], dict[str, Any]] = partial(coarsened, km=km)
    return {"answer": coarse(result["answer"]) if result["answer"] else None, "best_guess": coarse(result["best_guess"]),
            "alternatives": [coarse(place) for place in result["alternatives"]], "belief": {}, "withheld": reason}  # fmt: skip


def view_of(file: CaseFile, beliefs: Beliefs) -> dict[str, Any]:
    """`result`, `map` (as `map.js` draws it), `ledger` with bits, `statements`."""
    whole, result = Whole(file, beliefs), result_of(file, beliefs)
    hidden = bool(result.get("withheld"))
    drawn = map_data(result, whole.belief())
    return {
        "result": result,
        "map": {**NO_MAP, "points": drawn["points"]} if hidden else drawn,
        "ledger": [] if hidden else whole.with_bits(),
        "statements": [one.to_json() for one in file.statements],
    }


def drawn_map(belief: Belief) -> dict[str, Any]:
    """What `map.js` draws of a belief in the middle of an investigation."""
    places = [place.to_json() for place in top_places(belief, 4)]
    return map_data({"best_guess": places[0], "alternatives": places}, belief) if places else dict(NO_MAP)
