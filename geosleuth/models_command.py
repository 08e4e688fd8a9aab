"""`geosleuth models`: train, fetch, list and show learned geolocators and encoders."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.geolocator import Geolocator
    from models.training_data import TrainingData

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_VALIDATED = 300
_SETTINGS = {"geocells": "GeocellSettings", "alignment": "AlignmentSettings", "flow": "FlowSettings"}
"""Kinds that can be trained, and the class of their settings."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """Learned geolocators: train, fetch, list, show."""


@models.command("list")
@_JSON
@plain_errors
def list_command(as_json: bool) -> None:
    """Trained models that are here, and the encoders that are known."""
    from models.encoders.make import ENCODERS
    from models.geolocator import ModelError
    from models.model_folder import read_card
    from models.registry import model_folder, model_names

    trained: list[dict[str, Any]] = []
    for name in model_names():
        try:
            card = read_card(model_folder(name))
            trained.append({"name": name, **{key: card.get(key) for key in ("kind", "encoder", "trained_on", "validation")}})
        except ModelError as error:
            trained.append({"name": name, "error": str(error)})
    if as_json:
        known = {name: {"about": info.line, "licence": info.licence} for name, info in ENCODERS.items()}
        click.echo(json.dumps({"models": trained, "encoders": known}, ensure_ascii=False))
        return
    for model in trained:
        about = model.get("error") or f"{model['kind']} on {model['encoder']}, trained on {model['trained_on']}"
        click.echo(f"{click.style(model['name'], bold=True)}  {about}")
    if not trained:
        click.echo("no model is trained yet: geosleuth models train geocells --data GALLERY --name NAME")
    click.echo("encoders (gallery build --encoder …):")
    for name, info in ENCODERS.items():
        click.echo(f"  {name:<12} {info.line}; licence: {info.licence}")


@models.command("get")
@click.argument("name")
@click.option(
    "--from",
    "source",
    metavar="WHEEL_OR_REPO",
    help="For geoclip: its wheel, a folder or a repository, instead of the installed package.",
)
@_JSON
@plain_errors
def get_command(name: str, source: str | None, as_json: bool) -> None:
    """Fetch published weights by NAME: an encoder (clip, siglip, dinov2, streetclip, each with :REPO_OR_DIR), or geoclip (geoclip:REPO_OR_DIR
    with another CLIP), which becomes a model that `locate` can ask: picture encoder, location encoder and the gallery of 100,000 places."""
    from models.encoders.make import is_non_commercial, make_encoder
    from models.registry import GEOCLIP

    encoder = make_encoder(name)
    found: dict[str, Any] = {"encoder": encoder.name, "dim": encoder.dim, "digest": encoder.digest, "licence": encoder.licence}
    if is_non_commercial(encoder.licence):
        click.echo(f"note: the licence of these weights is {encoder.licence}: not for commercial use", err=True)
    if name.partition(":")[0] == GEOCLIP:
        from models.alignment.geoclip import load_geoclip
        from models.alignment.stored import save_alignment
        from models.registry import model_folder

        folder = model_folder(GEOCLIP)
        aligned = load_geoclip(encoder.digest, source, encoder=encoder.name, cache=folder, told=_Lines(GEOCLIP))
        save_alignment(aligned, folder)
        found |= {"model": GEOCLIP, "folder": str(folder)}
    click.echo(json.dumps(found) if as_json else ", ".join(f"{key} {value}" for key, value in found.items()))


@models.command("train")
@click.argument("kind", type=click.Choice(list(_SETTINGS)))
@click.option("--data", "gallery", required=True, metavar="GALLERY", help="Gallery whose vectors and places are learned from.")
@click.option("--name", help="What the model is called; KIND-GALLERY by default.")
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a setting; repeatable. An unknown one lists all."
)
@click.option("--anew", is_flag=True, help="Forget an earlier training of this name instead of going on with it.")
@_JSON
@plain_errors
def train_command(kind: str, gallery: str, name: str | None, changes: Sequence[str], anew: bool, as_json: bool) -> None:
    """Train a geolocator of KIND on a gallery. A training that was stopped goes on when the same command is run again."""
    from models.gallery.catalogue import open_named
    from models.gallery.training import training_data
    from models.registry import model_folder

    train, settings = _trainer(kind, changes)
    opened = open_named(gallery)
    folder = model_folder(name or f"{kind}-{opened.name}")
    data = training_data(opened)
    if anew:
        _forget(folder)
    click.echo(f"{len(data):,} photos of gallery {opened.name}, vectors of {data.encoder}", err=True)
    model = train(data, settings, folder, _Lines(kind))
    figures = _validated(model, data.split(settings.validation_share, settings.seed)[1], folder)
    click.echo(
        json.dumps({"model": model.name, "folder": str(folder), "validation": figures}) if as_json else _figures(folder, figures)
    )


def _trainer(kind: str, changes: Sequence[str]) -> tuple[Any, Any]:
    """The function that trains a kind, and its settings. Raises ValueError where what it needs is not installed."""
    import importlib

    from models.settings_text import with_changes

    try:
        for package in ("torch", "sklearn"):
            importlib.import_module(package)
    except ImportError as error:
        raise ValueError(f"training needs {error.name}: pip install 'geosleuth[learn]'") from error
    settings = getattr(importlib.import_module(f"models.{kind}.settings"), _SETTINGS[kind])
    return importlib.import_module(f"models.{kind}.train").train, with_changes(settings(), changes)


def _forget(folder: Path) -> None:
    """Remove a model, or what an unfinished training left. Raises ValueError for a folder that holds neither."""
    if not folder.exists():
        return
    if not any((folder / name).is_file() for name in ("model.json", "checkpoint.pt")):
        raise ValueError(f"{folder} holds no model and no unfinished training: it is left alone; choose another --name")
    shutil.rmtree(folder)


def _validated(model: Geolocator, held_out: TrainingData, folder: Path) -> dict[str, Any]:
    """Figures on places that the weights were not fitted to (they chose the epoch and the calibration), kept in the model's card."""
    import numpy as np

    from models.model_folder import read_card, write_json
    from models.validation import validate

    chosen = np.random.default_rng(0).permutation(len(held_out))[:_VALIDATED]
    held_out = held_out.pick(np.sort(chosen))
    if not len(held_out):
        return {}
    told = _Lines("validation")
    evidence = [[model.evidence(vector)] for vector in held_out.vectors]
    figures = validate(evidence, held_out.lat, held_out.lon, lambda done, of: told({"step": done, "of": of})).to_json()
    write_json(folder / "model.json", {**read_card(folder), "validation": figures})
    return figures


def _figures(folder: Path, figures: Mapping[str, Any]) -> str:
    return "\n".join([f"wrote {folder}", *(f"  {name:<10} {value}" for name, value in figures.items())])


@models.command("show")
@click.argument("name")
@_JSON
@plain_errors
def show_command(name: str, as_json: bool) -> None:
    """What a trained model is: kind, encoder, data, settings, figures."""
    from models.model_folder import read_card
    from models.registry import load_geolocator, model_folder

    card = read_card(model_folder(name))
    if as_json:
        click.echo(json.dumps(card, ensure_ascii=False))
        return
    click.echo(load_geolocator(name).rests_on())
    for key, value in card.items():
        text = json.dumps(value, ensure_ascii=False)
        click.echo(f"  {key:<16} {text if len(text) <= 300 else text[:299] + '…'}")


class _Lines:
    """Progress: one line that is written over on a terminal, a line now and then elsewhere."""

    def __init__(self, what: str) -> None:
        self.what, self._shown = what, 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        text = ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in event.items())
        if sys.stderr.isatty():
            click.echo(f"\r{self.what}: {text}\x1b[K", err=True, nl=False)
            if event.get("step") == event.get("of"):
                click.echo("", err=True)
            return
        last = event.get("step") == event.get("of") or "step" not in event
        self._shown += 1
        if last or self._shown % 100 == 1:
            click.echo(f"{self.what}: {text}", err=True)
