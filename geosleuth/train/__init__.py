"""`geosleuth train`: traces of a teacher, SFT, GRPO, curves, export."""

from __future__ import annotations

import click

from geosleuth.lazy_group import LazyGroup

_COMMANDS = {
    name: (f"geosleuth.train.{module}", f"{name}_command", text)
    for name, module, text in (
        ("collect", "collect", "Collect what a teacher does, to learn from; goes on where it was stopped."),
        ("sft", "fit", "Teach a policy to do as the teacher did."),
        ("grpo", "fit", "Reinforce a policy on its own investigations."),
        ("curves", "curves", "Draw curves of runs as a picture."),
        ("export", "export", "Write a trained policy as a folder that can be loaded, and to the hub."),
        ("recipes", "recipes", "List the built-in recipes, or print one."),
    )
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def train() -> None:
    """Train policies on the loop that answers users: SFT on a teacher's traces, then GRPO."""
