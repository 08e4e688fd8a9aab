"""What the agent did: how runs ended, what they cost, and what each tool's evidence was worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.metrics.bootstrap import RESAMPLES, estimate, quantile, ratios, resampled, rounded
from evals.metrics.values import NOT_RUN
from evals.row import Row, ToolCall

MOVED_BITS = 0.05
"""A call moved the belief when it changed the density at the truth by more than this."""


def agent_summary(rows: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Counts of `StopReason`s, unanswered records by kind, totals of tokens, money and seconds, and a table of tools."""
    seconds = np.array([np.nan if row.stop == NOT_RUN else row.seconds for row in rows], dtype=np.float64)
    (median, medians), (slow, slows) = resampled(len(rows), [quantile(seconds, 0.5), quantile(seconds, 0.9)], resamples, seed)
    costs, ran = [row.usd for row in rows if row.usd is not None], int((~np.isnan(seconds)).sum())
    return {
        "stops": dict(sorted(Counter(row.stop for row in rows).items())),
        "unanswered": {
            kind: _unanswered([row for row in rows if row.kind == kind]) for kind in sorted({row.kind for row in rows})
        },
        "tokens_in": sum(row.tokens_in for row in rows),
        "tokens_out": sum(row.tokens_out for row in rows),
        "usd": rounded(sum(costs)) if costs else None,
        "usd_n": len(costs),
        "seconds": rounded(float(np.nansum(seconds))) if ran else None,
        "seconds_median": rounded(float(median[0])),
        "seconds_90": rounded(float(slow[0])),
        "intervals": {
            "seconds_median": estimate(float(median[0]), medians[:, 0], ran).to_json(),
            "seconds_90": estimate(float(slow[0]), slows[:, 0], ran).to_json(),
        },
        "tools": {
            tool: tool_summary(rows, tool, resamples, seed) for tool in sorted({c.tool for row in rows for c in row.calls})
        },
    }


def _unanswered(rows: Sequence[Row]) -> dict[str, Any]:
    """Of the records of a kind those without an answer, by how they ended: refusals (`cannot_tell`) and failures."""
    stops = Counter(row.stop for row in rows if row.answer is None)
    return {"n": len(rows), "unanswered": stops.total(), "stops": dict(sorted(stops.items()))}


def tool_summary(rows: Sequence[Row], tool: str, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Calls of one tool, and the bits by which their evidence changed the belief's density at the truth.

    `bits_per_call` is Σ bits / Σ calls over calls whose bits are known; `toward`, `away` and `nothing` are shares of these calls. The
    bootstrap draws records, not calls, since calls of one record go together; `n` counts calls.
    """
    calls = [[call for call in row.calls if call.tool == tool] for row in rows]
    flat = [call for part in calls for call in part]
    sums = np.array([_sums(part) for part in calls], dtype=np.float64).reshape(-1, 5)
    ((value, draws),) = resampled(len(rows), [ratios(sums[:, :4], sums[:, 4:])], resamples, seed)
    n = int(sums[:, 4].sum())
    bits, *shares = (estimate(float(value[i]), draws[:, i], n) for i in range(4))
    named = dict(zip(("toward", "away", "nothing"), shares, strict=True))
    return {
        "calls": len(flat),
        "failed": sum(not call.ok for call in flat),
        "records": sum(bool(part) for part in calls),
        "seconds_mean": rounded(float(np.mean([call.seconds for call in flat]))) if flat else None,
        "bits_per_call": bits.to_json(),
        **{name: share.value for name, share in named.items()},
        "intervals": {name: share.to_json() for name, share in named.items()},
    }


def _sums(calls: Sequence[ToolCall]) -> tuple[float, int, int, int, int]:
    """Over the calls of a record: their bits, how many moved the belief toward the truth, away from it, not at all, and how many."""
    bits = [call.bits for call in calls if call.bits is not None]
    toward, away = sum(b > MOVED_BITS for b in bits), sum(b < -MOVED_BITS for b in bits)
    return sum(bits), toward, away, len(bits) - toward - away, len(bits)
