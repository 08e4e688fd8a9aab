"""`geosleuth classes`: pictures of the same kind of place, from the ground and from above."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.class_retrieval.evaluate import Encoded
    from models.class_retrieval.folder import ClassFolder
    from models.class_retrieval.head import ClassHead
    from models.class_retrieval.settings import HeadSettings
    from models.encoders.encoder import Encoder

_FOLDER = click.Path(file_okay=False, path_type=Path)
_MOST_NAMED = 20
_SAID_EVERY = 160


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def classes() -> None:
    """Kinds of places (stadium, river, ship …): find aerial pictures of the kind a ground picture shows, and the other way round."""


@classes.command("score")
@click.argument("folder", type=_FOLDER)
@click.option("--train", is_flag=True, help="Train a head on the training pictures and score it too.")
@click.option("--head", "head_folder", type=_FOLDER, help="Score a head that was saved, instead of training one.")
@click.option("--save", type=_FOLDER, help="Keep the trained head here.")
@click.option("--encoder", "spec", default="", metavar="SPEC", help="Encoder (embedded; with --head the one of the head).")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Of the training: loss, dim, steps …; repeatable.")
@click.option(
    "--test-share",
    type=click.FloatRange(0.05, 0.95),
    default=0.5,
    show_default=True,
    help="Of the pictures, where FOLDER has no train and test.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of that split and the training.")
@plain_errors
def score_command(folder: Path, train: bool, head_folder: Path | None, save: Path | None, spec: str, changes: Sequence[str], test_share: float, seed: int) -> None:  # fmt: skip
    """Rank pictures across views by class and print mAP, P@k, R@k and NDCG@k of both directions as JSON.

    FOLDER holds ground/CLASS and aerial/CLASS (or CLASS/ground and CLASS/aerial), with or without train and test above them.
    """
    from models.class_retrieval.folder import read_class_folder
    from models.class_retrieval.head import ClassHead
    from models.class_retrieval.settings import HeadSettings
    from models.encoders.make import make_encoder
    from models.settings_text import with_changes

    if train and head_folder:
        raise click.UsageError("give --train or --head, not both")
    if (save or changes) and not train:
        raise click.UsageError("--save and --set go with --train")
    settings = with_changes(HeadSettings(seed=seed), changes)
    head = ClassHead.load(head_folder) if head_folder else None
    encoder = make_encoder(spec or (head.encoder if head else "embedded"))
    if head is not None:
        head.check_encoder(encoder.digest)
    found = read_class_folder(folder)
    learned, tested = found.split(test_share, seed) if train or found.has_splits else (None, found)
    said: dict[str, Any] = {"folder": str(folder), "classes": list(found.classes), "skipped_files": found.skipped,
                            "encoder": {"name": encoder.name, "digest": encoder.digest, "licence": encoder.licence}}  # fmt: skip
    said |= _scores(encoder, learned if train else None, tested, head, settings, save)
    click.echo(json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False))


def _scores(encoder: Encoder, learned: ClassFolder | None, tested: ClassFolder, head: ClassHead | None, settings: HeadSettings, save: Path | None) -> dict[str, Any]:  # fmt: skip
    """Scores by method and direction, with what was left out."""
    from models.class_retrieval.evaluate import both_directions, chance_both
    from models.class_retrieval.train import centring_head, train_head

    test = _encode(tested, encoder, "test")
    methods = {"chance": chance_both(test.data), "encoder": both_directions(test.data)}
    failed, said = list(test.failed), {"test_pictures": len(test.data)}
    if learned is not None:
        training = _encode(learned, encoder, "training")
        named = (learned.classes, encoder.name, encoder.digest, learned.root.name or "pictures")
        methods["encoder_centred"] = both_directions(test.data, centring_head(training.data, *named))
        head = train_head(training.data, *named, settings, _told)
        failed += training.failed
        said["training_pictures"] = len(training.data)
    if head is not None:
        methods["head"] = both_directions(test.data, head)
    scores = {name: {way: of.to_json(tested.classes) for way, of in ways.items()} for name, ways in methods.items()}
    if head is not None and save is not None:
        head.save(save, held_out=scores["head"])
    return {**said, "unreadable": len(failed), "unreadable_first": failed[:_MOST_NAMED], "scores": scores}


def _encode(folder: ClassFolder, encoder: Encoder, noun: str) -> Encoded:
    from geosleuth.gallery.describe import vectors_folder
    from models.class_retrieval.evaluate import encode_folder
    from models.encoders.cache import VectorCache

    def progress(done: int, of: int) -> None:
        if done % _SAID_EVERY == 0 or done == of:
            click.echo(f"{done} of {of} {noun} pictures", err=True)

    with VectorCache(vectors_folder(), encoder.digest, encoder.dim) as cache:
        return encode_folder(folder, encoder, cache, progress)


def _told(event: Mapping[str, Any]) -> None:
    click.echo(f"step {event['step']} of {event['of']}, loss {event['loss']:.4f}", err=True)
