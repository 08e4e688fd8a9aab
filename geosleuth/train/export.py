"""`geosleuth train export`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.train.fit import run_argument
from geosleuth.train.trainers import trainers

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("export")
@run_argument
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder; an earlier export there is replaced.",
)
@click.option("--merged/--adapter", default=True, show_default=True, help="Whole weights, or what was trained alone.")
@click.option("--eval", "evaluations", multiple=True, type=_FOLDER,
              help="A folder of `geosleuth eval run`, scored: its figures go into the card; repeatable.")  # fmt: skip
@click.option("--push", "repo", metavar="OWNER/NAME", help="Upload it to this repository of the Hugging Face hub.")
@click.option("--private/--public", default=True, show_default=True, help="Who sees a repository that --push makes.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@click.pass_context
@plain_errors
def export_command(
    context: click.Context, run: Path, into: Path, merged: bool, evaluations: Sequence[Path], repo: str | None, private: bool, as_json: bool
) -> None:  # fmt: skip
    """Write the trained policy of RUN as a folder: weights, tokenizer, processor, chat template, settings of the policy, model card.

    The folder is a policy, hf:DIR, and loads in transformers and vLLM.
    """
    from rl_training.export import export, push

    parts = trainers(context)
    about = export(run, into, "merged" if merged else "adapter", load=parts.load, evaluations=evaluations)
    address = push(into, repo, private=private, hub=parts.hub) if repo else None
    if as_json:
        click.echo(json.dumps({"folder": str(into), "pushed": address, **about}, ensure_ascii=False))
        return
    size = sum(file["bytes"] for file in about["files"].values())
    click.echo(f"wrote {into} ({about['kind']}, {size / 1e6:.1f} MB); use it as --policy hf:{into}")
    if address:
        click.echo(f"uploaded to {address}")
