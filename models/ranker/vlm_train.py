"""Training a vision-language ranker: the network, its calibration on held-out lists, what it gains there, and its card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.geolocator import ModelError
from models.ranker.lists import RankingData, RankingList, digests_of
from models.ranker.losses import SCALE_KM
from models.ranker.scorer import Ranking
from models.ranker.train import LEAST_LISTS, calibration, held_out_figures
from models.ranker.vlm_ranker import VlmRanker
from models.ranker.vlm_settings import VlmSettings
from models.training_data import Told, silent

if TYPE_CHECKING:
    from models.ranker.vlm_base import Base

CARD_FILE = "README.md"


def train_vlm(
    data: RankingData, base: str, settings: VlmSettings, folder: Path, told: Told = silent, device: str = ""
) -> VlmRanker:
    """Train a ranker on `base` (`models.ranker.vlm_base.load_base`) and keep it in `folder`. A training that was cut off goes on there.

    Lists of about `validation_share` of the places are held out: they give the calibration, and the card has the figures on them. The same
    data and settings give the same numbers on the same machine. `told` hears `{"step", "of", "loss", "seconds"}` and `{"held": …, "of": …}`.
    Raises ModelError where torch or the base is missing, and for data that nothing can be learned from.
    """
    from models.ranker.vlm_base import load_base

    learn, held = _divided(data, settings)
    ready = load_base(base, settings.max_pixels, device)
    from models.ranker.vlm_checkpoint import Checkpoints
    from models.ranker.vlm_fit import Fit
    from models.ranker.vlm_network import ValueNetwork

    ids = digests_of(one.id for one in [*learn, *held])
    ranker = VlmRanker(
        folder.resolve().name, data.source, ready, ValueNetwork(ready.model, settings), settings, 1.0, (0.0, 0.0), ids
    )
    level = float(np.concatenate([np.log1p(one.distance_km / SCALE_KM) for one in learn]).mean())
    checkpoints = Checkpoints(folder, _key(ready, settings, learn))
    losses = Fit(ranker.network, ranker.rows, settings, -level).run(learn, checkpoints, told)
    raw = []
    for number, one in enumerate(held, 1):
        raw.append(ranker.raw_scores_of(one))
        told({"held": number, "of": len(held)})
    temperature, curve = calibration(raw, held)
    figures = held_out_figures(raw, [Ranking.of(scores / temperature, curve) for scores in raw], held)
    done = VlmRanker(ranker.name, data.source, ready, ranker.network, settings, temperature, curve, ids)
    facts = {"lists": len(learn), "held_out_lists": len(held), "held_out": figures, "steps": len(losses),
             "loss": [round(float(np.mean(part)), 4) for part in _tenths(losses)], "packages": _packages()}  # fmt: skip
    done.save(folder, **facts)
    (folder / CARD_FILE).write_text(card_text(done, facts), encoding="utf-8")
    checkpoints.forget()
    return done


def _divided(data: RankingData, settings: VlmSettings) -> tuple[list[RankingList], list[RankingList]]:
    """Lists to learn from and lists held out, all with a choice and a photo. Raises ModelError where there are too few."""
    seen = [one for one in data.lists if one.sights.photo and Path(one.sights.photo).is_file()]
    if not seen:
        raise ModelError(f"{data.source}: no list names a photo that is there; make lists with --pictures")
    lists = [one for one in seen if len(one) > 1 and float(np.ptp(one.distance_km)) > 0.0]
    if len(lists) < LEAST_LISTS:
        raise ModelError(f"{data.source}: {len(lists)} lists hold a photo and a choice; at least {LEAST_LISTS} are needed")
    learn, held = RankingData(lists, data.source).split(settings.validation_share, settings.seed)
    if not learn or not held:
        raise ModelError(f"{data.source} lies at too few places to hold some out")
    return learn, held[: settings.held_lists]


def _key(base: Base, settings: VlmSettings, learn: Sequence[RankingList]) -> str:
    """Stands for all that a training depends on. How often it is saved is no part of it."""
    own = {name: value for name, value in settings.to_json().items() if name not in {"save_every", "held_lists"}}
    lists = hashlib.sha256()
    for one in learn:
        lists.update(json.dumps(one.to_json(), sort_keys=True).encode())
    return hashlib.sha256(json.dumps([base.spec, base.fingerprint, own, lists.hexdigest()], sort_keys=True).encode()).hexdigest()


def _tenths(losses: Sequence[float]) -> list[list[float]]:
    """The losses in at most ten parts, in their order."""
    return [part.tolist() for part in np.array_split(np.array(losses), min(10, len(losses)))]


def _packages() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "peft", "numpy")}


def card_text(ranker: VlmRanker, facts: dict[str, Any]) -> str:
    """The model card, for people."""
    own, figures = ranker.settings, facts["held_out"]
    rows = [f"| {name} | {100 * row['accuracy@25']:.1f} % | {100 * row['accuracy@200']:.1f} % | {100 * row['accuracy@750']:.1f} % |"
            for name, row in figures.items() if isinstance(row, dict)]  # fmt: skip
    return "\n".join([
        f"# {ranker.name}: a ranker of candidate places that looks at pictures", "",
        f"A value head on the last hidden state of `{ranker.base.spec}`, trained after GeoRanker (arXiv 2505.13731). This folder holds what was "
        "trained; the base is needed beside it.", "",
        f"- Trained on: {ranker.trained_on} ({facts['lists']:,} lists, {facts['steps']:,} steps)",
        f"- Objective: {own.objective}, K = {own.k}, weight of the first order {own.weight:g}, groups of {own.group}",
        f"- Trained weights: {own.train}" + (f", rank {own.lora_rank}" if own.train == "lora" else ""),
        f"- Licence of the base: {ranker.base.licence or 'see its own card'}", "",
        f"On {facts['held_out_lists']:,} lists of held-out places the first candidate lies within", "",
        "| first candidate by | 25 km | 200 km | 750 km |", "|---|---|---|---|", *rows, "",
        "Scores are comparable within one list alone; probabilities hold for lists like those it learned from. It finds where photos were taken: "
        "do not use it on people who have not agreed to be found.", "",
    ])  # fmt: skip
