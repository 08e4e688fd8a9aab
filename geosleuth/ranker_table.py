"""Accuracies of rankings as a table, in per cent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def accuracy_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """One row for each way to rank; `–` where there is nothing to count."""
    lines = [f"{'':<8} {'<25 km':>8} {'<200 km':>8} {'<750 km':>8} {'mean km':>9}"]
    for name, row in figures.items():
        cells = [f"{100 * row[f'accuracy@{km}']:.1f} %" for km in (25, 200, 750)]
        far = "–" if row["mean_km"] is None else f"{row['mean_km']:,.0f}"
        lines.append(f"{name:<8} {cells[0]:>8} {cells[1]:>8} {cells[2]:>8} {far:>9}")
    return "\n".join(lines)
