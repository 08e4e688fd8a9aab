"""The front door. Commands are loaded when they are called, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys

import click

from geosleuth import __version__
from geosleuth.lazy_group import LazyGroup

_COMMANDS = {
    "locate": ("geosleuth.locate_command", "locate", "Find where photos were taken."),
    "chat": ("geosleuth.chat_command", "chat", "Talk about where photos were taken, in the terminal."),
    "serve": ("geosleuth.serve_command", "serve", "The same conversation on a web page, and as an HTTP API."),
    "mcp": ("geosleuth.mcp_command", "mcp", "Serve the tools to MCP clients."),
    "show": ("geosleuth.show", "show", "Print a saved trajectory."),
    "place": ("geosleuth.place", "place", "Ask the offline gazetteer about coordinates or names."),
    "gallery": ("geosleuth.gallery", "gallery", "Galleries: photos whose place is known, found by likeness."),
    "models": ("geosleuth.models_command", "models", "Learned geolocators: train, fetch, list, show."),
    "uav": ("geosleuth.uav_command", "uav", "Aircraft without satellites: index ground tiles, locate frames, follow flights."),
    "classes": ("geosleuth.class_command", "classes", "Kinds of places: ground pictures against aerial ones."),
    "crossview": (
        "geosleuth.crossview_command",
        "crossview",
        "Photos against pictures from above: train, index tiles, locate, score.",
    ),
    "questions": ("geosleuth.questions", "questions", "Questions about places: make, answer, score, import."),
    "sun": ("geosleuth.sun_command", "sun", "Shadows: where they are possible; the sun at a place and time."),
    "osm": ("geosleuth.osm", "osm", "OpenStreetMap extracts: what is near a point, where a scene is found."),
    "ranker": ("geosleuth.ranker_command", "ranker", "Rank pooled candidates: lists, train, score."),
    "train": ("geosleuth.train", "train", "Train policies: traces of a teacher, SFT, GRPO, curves, export."),
    "eval": ("geosleuth.evaluate", "evaluate", "Evaluate agents: benchmarks, runs, scores, reports."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="geosleuth")
def app() -> None:
    """Finds where a photo was taken, shows the evidence, and says how sure it is."""


def main() -> None:
    """Run the command line. A reader that goes away (`| head`) ends it quietly, Ctrl-C with 130."""
    try:
        # Outside its standalone mode click returns the code of `ctx.exit` instead of raising.
        sys.exit(app(prog_name="geosleuth", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
