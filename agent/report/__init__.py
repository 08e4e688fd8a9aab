"""The report page: one HTML file that shows what was found, why, and how sure that is."""

from agent.report.belief import belief_of
from agent.report.page import report_html

__all__ = ["belief_of", "report_html"]
