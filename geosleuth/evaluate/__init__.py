"""`geosleuth eval`: benchmarks, runs, scores, reports."""

from __future__ import annotations

import click

from geosleuth.lazy_group import LazyGroup

_COMMANDS = {
    name: (f"geosleuth.evaluate.{module}", f"{name}_command", text)
    for name, module, text in (
        ("run", "run", "Run a policy over a benchmark; goes on where it was stopped."),
        ("score", "results", "Score a run from its trajectories alone."),
        ("compare", "results", "Compare two runs over the same records."),
        ("report", "results", "Write one HTML page, a Markdown table and JSON."),
        ("list", "benchmarks", "Benchmarks that are known, and whether they are here."),
        ("import", "exchange", "Make a run of another system's predictions."),
        ("export", "exchange", "Write a run as an Inspect log or as a table of predictions."),
        ("judge", "judge", "Have a language model judge the answers, beside the exact metrics."),
        ("leaks", "leaks", "Look for the benchmark's photos and places in a gallery."),
    )
}


@click.group(name="eval", cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def evaluate() -> None:
    """Evaluate agents: GeoBench-style benchmarks, exact metrics, runs that resume, reports."""
