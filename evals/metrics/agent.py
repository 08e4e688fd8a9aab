"""What the agent did: how runs ended, what they cost, and what each tool's evidence was worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.metrics.bootstrap import RESAMPLES, estimate, ratio_draws, rounded
from evals.row import Row, ToolCall

MOVED_BITS = 0.05
"""A call moved the belief when it changed the density at the truth by more than this."""


def agent_summary(rows: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Counts of `StopReason`s, totals of tokens, money and seconds, and a table of tools."""
    seconds = np.array([row.seconds for row in rows if row.stop != "not_run"])
    costs = [row.usd for row in rows if row.usd is not None]
    return {
        "stops": dict(sorted(Counter(row.stop for row in rows).items())),
        "tokens_in": sum(row.tokens_in for row in rows),
        "tokens_out": sum(row.tokens_out for row in rows),
        "usd": rounded(sum(costs)) if costs else None,
        "seconds": rounded(float(seconds.sum())) if len(seconds) else None,
        "seconds_median": rounded(float(np.median(seconds))) if len(seconds) else None,
        "seconds_90": rounded(float(np.quantile(seconds, 0.9))) if len(seconds) else None,
        "tools": {
            tool: tool_summary(rows, tool, resamples, seed) for tool in sorted({c.tool for row in rows for c in row.calls})
        },
    }


def tool_summary(rows: Sequence[Row], tool: str, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Calls of one tool, and the bits by which their evidence changed the belief's density at the truth.

    `bits_per_call` is Σ bits / Σ calls over calls whose bits are known; the bootstrap draws records, not calls. `toward`, `away` and
    `nothing` are shares of these calls.
    """
    calls = [[call for call in row.calls if call.tool == tool] for row in rows]
    flat = [call for part in calls for call in part]
    bits = np.array([call.bits for call in flat if call.bits is not None])
    per_record = np.array([_sum_and_count(part) for part in calls], dtype=np.float64).reshape(-1, 2)
    value, draws = ratio_draws(per_record[:, :1], per_record[:, 1:], resamples, seed)
    return {
        "calls": len(flat),
        "failed": sum(not call.ok for call in flat),
        "records": sum(bool(part) for part in calls),
        "seconds_mean": rounded(float(np.mean([call.seconds for call in flat]))),
        "bits_per_call": estimate(float(value[0]), draws[:, 0], len(bits)).to_json(),
        "toward": rounded(float((bits > MOVED_BITS).mean())) if len(bits) else None,
        "away": rounded(float((bits < -MOVED_BITS).mean())) if len(bits) else None,
        "nothing": rounded(float((np.abs(bits) <= MOVED_BITS).mean())) if len(bits) else None,
    }


def _sum_and_count(calls: Sequence[ToolCall]) -> tuple[float, int]:
    known = [call.bits for call in calls if call.bits is not None]
    return sum(known), len(known)
