"""What answers are worth, from rows alone: no answer counts as wrong, and every number has an interval and a denominator."""

from evals.metrics.bootstrap import Estimate
from evals.metrics.glossary import METRICS
from evals.metrics.summary import summarise

__all__ = ["METRICS", "Estimate", "summarise"]
