"""Our own answers as a file that other programs read, and `read_predictions` too."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evals.row import Row

COLUMNS = ("id", "lat", "lon", "country", "region", "city", "probability", "radius50_km", "radius90_km", "distance_km")


def write_predictions(rows: Iterable[Row], path: Path) -> int:
    """Write an answer a line, as CSV or, where the name ends so, TSV or JSON lines; how many have an answer.

    A record without an answer keeps its line, with nothing but its id. `distance_km` is the distance from the truth. Raises OSError.
    """
    kind = path.suffix.lower()
    answered = 0
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, delimiter="\t" if kind == ".tsv" else ",", lineterminator="\n")
        if kind != ".jsonl":
            table.writeheader()
        for row in rows:
            answered += row.answer is not None
            values = _values(row)
            if kind == ".jsonl":
                file.write(json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n")
            else:
                table.writerow({name: "" if value is None else value for name, value in values.items()})
    temporary.replace(path)
    return answered


def _values(row: Row) -> dict[str, Any]:
    answer = row.answer
    of_answer = {name: getattr(answer, name) if answer else None for name in COLUMNS[1:-1]}
    return {"id": row.id, **of_answer, "distance_km": row.distance_km}
