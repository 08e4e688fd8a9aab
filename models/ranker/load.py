"""Rankers by folder, whatever their kind."""

from __future__ import annotations

from pathlib import Path

from models.geolocator import ModelError
from models.model_folder import read_card
from models.ranker.scorer import CandidateScorer


def load_ranker(folder: Path) -> CandidateScorer:
    """The light ranker or the one that looks, as the card of the folder says. Raises ModelError, one line."""
    from models.ranker import ranker, vlm_ranker

    kind = str(read_card(folder)["kind"])
    if kind == ranker.KIND:
        return ranker.Ranker.load(folder)
    if kind == vlm_ranker.KIND:
        return vlm_ranker.VlmRanker.load(folder)
    raise ModelError(f"{folder} holds a model of kind {kind[:40]!r}, not a ranker")
