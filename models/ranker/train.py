"""Training a ranker: the network, its calibration on held-out lists, and what it gains there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geo.sphere import Floats
from models.geolocator import ModelError
from models.ranker.accuracy import accuracy, at_random, by_belief, by_scores, gain, oracle
from models.ranker.calibrate import NEAR_KM, fit_temperature, fit_within, log_softmax
from models.ranker.fit import Padded, fit
from models.ranker.lists import RankingData, RankingList, digests_of
from models.ranker.network import Scaling
from models.ranker.ranker import Ranker
from models.ranker.scorer import Ranking
from models.ranker.settings import RankerSettings
from models.training_data import Told, silent

LEAST_LISTS = 20
"""Fewer lists with a choice than this cannot be learned from."""


def train(data: RankingData, settings: RankerSettings, folder: Path, told: Told = silent) -> Ranker:
    """Train a ranker and keep it in `folder`; the same data and settings give the same numbers.

    Lists of about `validation_share` of the places are held out: they choose the epoch and the calibration, and the card has the figures on
    them. `told` hears `{"epoch": …, "loss": …, "validation": …}`. Raises ModelError for data that nothing can be learned from.
    """
    lists = [one for one in data.lists if len(one) > 1 and float(np.ptp(one.distance_km)) > 0.0]
    if len(lists) < LEAST_LISTS:
        raise ModelError(f"{data.source}: {len(lists)} lists hold a choice; at least {LEAST_LISTS} are needed")
    learn, held = RankingData(lists, data.source).split(settings.validation_share, settings.seed)
    if not learn or not held:
        raise ModelError(f"{data.source} lies at too few places to hold some out")
    scaling = Scaling.of(np.concatenate([one.features for one in learn]))
    weights = fit(Padded.of(learn, scaling), Padded.of(held, scaling), settings, told)
    ids = digests_of(one.id for one in lists)
    ranker = Ranker(folder.resolve().name, data.source, weights, scaling, 1.0, (0.0, 0.0), ids)
    raw = [ranker.raw_scores(one.features) for one in held]
    temperature, curve = calibration(raw, held)
    ranker = replace(ranker, temperature=temperature, within=curve)
    figures = held_out_figures(raw, [Ranking.of(scores / temperature, curve) for scores in raw], held)
    ranker.save(folder, settings=settings.to_json(), lists=len(learn), held_out_lists=len(held), held_out=figures)
    return Ranker.load(folder)


def calibration(raw: Sequence[Floats], held: Sequence[RankingList]) -> tuple[float, tuple[float, float]]:
    """Temperature and curve from the raw scores of held-out lists."""
    far = [one.distance_km for one in held]
    temperature = fit_temperature(raw, far)
    return temperature, fit_within([log_softmax(scores / temperature) for scores in raw], far)


def held_out_figures(raw: Sequence[Floats], ranked: Sequence[Ranking], held: Sequence[RankingList]) -> dict[str, Any]:
    """Accuracy beside the oracle, the belief's order and chance, and how good the probabilities are."""
    scores = {id(one): of for one, of in zip(held, raw, strict=True)}
    own = by_scores(lambda one: scores[id(one)])
    choosers = {"oracle": oracle, "ranker": own, "belief": by_belief, "random": at_random}
    more, error = gain(held, own, by_belief)
    nearest = [math.log(max(float(r.nearest[one.distance_km.argmin()]), 1e-300)) for r, one in zip(ranked, held, strict=True)]
    p = np.concatenate([r.within25 for r in ranked])
    near = np.concatenate([one.distance_km for one in held]) < NEAR_KM
    return {
        **{name: {key: _rounded(value) for key, value in accuracy(held, choose).items()} for name, choose in choosers.items()},
        "gain_over_belief@200": _rounded(more),
        "gain_standard_error": _rounded(error),
        "nll_nearest_nats": _rounded(-float(np.mean(nearest))),
        "brier_within25": _rounded(float(((p - near) ** 2).mean())),
        "brier_within25_of_the_mean": _rounded(float(near.mean() * (1.0 - near.mean()))),
    }


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
