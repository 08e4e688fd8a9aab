"""Pages that people read: a run beside its baselines, and what changed between two runs."""

from evals.report.case import Case
from evals.report.compare_page import compare_html
from evals.report.markdown import report_markdown
from evals.report.page import report_html

__all__ = ["Case", "compare_html", "report_html", "report_markdown"]
