"""Rows, cases and summaries for tests of the pages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evals.metrics.summary import summarise
from evals.record import Truth
from evals.report import Case
from evals.row import Guess, RankedPlace, Row, ToolCall
from geo.density_at import cell_at
from geo.product import mean_of
from tests.agent.report_cases import HOSTILE, PORTO, RECIFE, hostile, painted, trajectory

TRUTH = Truth(41.15, -8.61, "PT", "Porto", "Porto", ("region",), {"country": "Portugal", "region": "Porto", "city": "Porto"})
MANIFEST: dict[str, Any] = {
    "benchmark": "folder:photos", "policy": "checklist", "started": "2026-01-02T03:04:05+00:00", "n": 3, "seed": 7, "checksum": "c0ffee",
    "versions": {"geosleuth": "0.1.0"}, "prompts": {"system": "abc"}, "settings": {"limits": {"max_turns": 12}},
    "notes": ["partial: 1 of 3 records were run; the 2 others count as wrong"],
}  # fmt: skip
CLUES = (
    {"kind": "sign", "text": "Rua"},
    {"kind": "shop", "text": "Farmácia Central"},
    {"kind": "driving_side", "value": "right"},
)


def row(name: str, km: float | None = 3.0, p: float = 0.6, **changes: Any) -> Row:
    """A row whose answer lies `km` to the north of Porto; None is no answer."""
    answer = None if km is None else Guess(41.15 + km / 111.195, -8.61, "Porto, Portugal", "PT", "Porto", "Porto", p, 10.0, 100.0)
    right = km is not None and km < 25
    given: dict[str, Any] = {
        "kind": "photo", "truth": TRUTH, "columns": {"continent": "Europe", "difficulty": "easy"}, "answer": answer, "distance_km": km,
        "levels": {"country": km is not None and km < 400, "region": right, "city": right},
        "published": {"final": {"country": True, "region": None, "city": right}, "original": {"country": True, "region": None, "city": True}},
        "ranked": (RankedPlace(41.15, -8.61, "Porto area, Portugal", 0.6, 0.0, True),),
        "bits_uniform": 9.0, "bits_prior": -1.5 if km is None else 4.0, "stop": "answered" if km is not None else "cannot_tell", "turns": 2,
        "calls": (ToolCall("read_text", True, 0.1, 2.0), ToolCall("zoom", True, 0.1, 0.0)), "seconds": 4.2,
        **changes,
    }  # fmt: skip
    return Row(name, **given)


@cache
def jpeg(width: int = 320, height: int = 240, quality: int = 80, noise: int = 0) -> bytes:
    """A JPEG of a gradient, or of noise that is hard to compress."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=2)
    if noise:
        pixels = np.random.default_rng(noise).integers(0, 256, (height, width, 3))
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def investigated(folder: Path, **changes: Any) -> dict[str, Any]:
    """A trajectory with evidence for Porto and for Recife, with the means that runs save."""
    made = trajectory(painted(folder / "street.png"), PORTO, RECIFE, **changes)
    means = [mean_of(e, True, None)[0] for e in (PORTO, RECIFE)]
    return {**made, "ledger": [{**entry, "mean": mean} for entry, mean in zip(made["ledger"], means, strict=True)]}


def support_bits(evidence: Any) -> float:
    """log2 of how much likelier a clue is at the truth than on average, straight from the definition."""
    from geo.evidence import clue_on

    clue = float(clue_on(evidence.likelihood, cell_at(41.15, -8.61))[0])
    return float(np.log2(evidence.reliability * clue / mean_of(evidence, True, None)[0] + 1.0 - evidence.reliability))


def case_in(folder: Path) -> Any:
    """Every record has a picture, a trajectory and clues."""
    made = Case(jpeg(), investigated(folder), "CC BY 4.0", "A. Painter", CLUES)
    return lambda _: made


def summaries_of(systems: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, Any]]:
    return {name: summarise(rows, resamples=100) for name, rows in systems.items()}


def hostile_row() -> Row:
    """Every text of it tries to get out."""
    truth = Truth(41.15, -8.61, HOSTILE, HOSTILE, HOSTILE, (), dict.fromkeys(("country", "region", "city"), HOSTILE))
    answer = Guess(0.0, 0.0, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 0.9, 1.0, 2.0)
    return row(HOSTILE, 5000.0, truth=truth, kind=HOSTILE, columns={HOSTILE: HOSTILE, "continent": HOSTILE}, answer=answer, stop=HOSTILE, error=HOSTILE,
               ranked=(RankedPlace(0.0, 0.0, HOSTILE, 0.9, 5000.0, False),), calls=(ToolCall(HOSTILE, False, 0.1, -2.0),))  # fmt: skip


def hostile_case(folder: Path) -> Case:
    return Case(
        jpeg(), hostile(painted(folder / "street.png")), HOSTILE, HOSTILE, ({"kind": HOSTILE, "text": HOSTILE, HOSTILE: HOSTILE},)
    )


def hostile_manifest() -> dict[str, Any]:
    texts = dict.fromkeys(("benchmark", "policy", "started", "checksum", "seed"), HOSTILE)
    return {
        **texts,
        "versions": {HOSTILE: HOSTILE},
        "prompts": {HOSTILE: HOSTILE},
        "settings": {HOSTILE: [HOSTILE]},
        "notes": [HOSTILE],
    }
