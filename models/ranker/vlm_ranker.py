"""The vision-language ranker: it is shown the photo, each candidate's photo and place, and says how near that is (GeoRanker, arXiv 2505.13731).

Each candidate is scored in a sequence of its own, together with the photo and with negative examples that are chosen by numbers. So no
candidate's text or photo can touch another's score, and the order in which candidates are given cannot matter: there is nothing to average
over permutations. On a CPU the sequences are even worked out one at a time, so that all of this holds to the last bit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.geolocator import ModelError
from models.model_folder import read_arrays, read_card, write_model
from models.ranker.candidates import BeliefSummary, Candidate
from models.ranker.lists import RankingList, known_among
from models.ranker.ranker import read_calibration
from models.ranker.scorer import Ranking, Seen
from models.ranker.vlm_base import Base, load_base
from models.ranker.vlm_rows import Pair, Rows
from models.ranker.vlm_saved import WEIGHTS, read_weights, write_weights
from models.ranker.vlm_settings import VlmSettings
from models.ranker.vlm_words import WORDING

if TYPE_CHECKING:
    from models.ranker.vlm_network import ValueNetwork

KIND = "vlm-ranker"


@dataclass(frozen=True, eq=False)
class VlmRanker:
    """A trained ranker, with its calibration. Calls are serialised: a model is one resource."""

    name: str
    trained_on: str
    base: Base
    network: ValueNetwork
    settings: VlmSettings
    temperature: float
    within: tuple[float, float]
    """Slope and intercept of `models.ranker.calibrate.within`."""
    trained_ids: NDArray[np.uint64]
    """Digests of the ids of the photos that it learned from (`models.ranker.lists.digest_of`), sorted."""
    looks = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def rows(self) -> Rows:
        """What makes its inputs. Raises ModelError."""
        return Rows(self.base.processor, self.settings.max_pixels, self.settings.negatives)

    def raw_scores(self, candidates: Sequence[Candidate], seen: Seen | None) -> Floats:
        """Scores [n] before calibration. Raises ModelError where the photo is missing."""
        return self._scored(self.rows.pairs(candidates, seen)) if candidates else np.zeros(0)

    def raw_scores_of(self, one: RankingList) -> Floats:
        """The same of a list whose pictures are on disk. Raises ModelError where the photo cannot be read."""
        return self.raw_scores(one.candidates, one.sights.open(self.settings.max_pixels))

    def scores(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Floats:
        """[n], higher is nearer to the truth; differences are log odds of being the nearest. The belief is not looked at."""
        return self.raw_scores(candidates, seen) / self.temperature

    def rank(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Ranking:
        """Scores and calibrated probabilities. Raises ModelError for no candidates, and where the photo is missing."""
        if not candidates:
            raise ModelError("there is no candidate to rank")
        return Ranking.of(self.scores(candidates, belief, seen), self.within)

    def lacking(self, candidates: Sequence[Candidate]) -> tuple[str, ...]:
        """Nothing: it reads no parts."""
        return ()

    def learned_from(self, ids: Iterable[str]) -> int:
        """How many of these photos it learned from or was calibrated on."""
        return known_among(ids, self.trained_ids)

    def rests_on(self) -> str:
        """One line for people."""
        return f"ranker that looks, on {self.base.spec}, trained on {self.trained_on}"

    def _scored(self, pairs: Sequence[Pair]) -> Floats:
        import torch

        at_once = self.settings.rows_at_once if self.network.device.type == "cuda" else 1
        # Sequences that share a pass are padded to the longest, which moves the last bits: always the same ones in the same order.
        order = sorted(range(len(pairs)), key=lambda row: (len(pairs[row].turn.before), pairs[row].turn.before, row))
        scores = np.zeros(len(pairs))
        try:
            with self._lock, torch.inference_mode():
                for start in range(0, len(order), at_once):
                    some = order[start : start + at_once]
                    scores[some] = self.network(self.rows.batch([pairs[row] for row in some])).double().cpu().numpy()
        except RuntimeError as error:  # torch's word for too little memory, and for what a damaged base does
            raise ModelError(f"the ranker could not look ({' '.join(str(error).split())[:160]})") from error
        if not np.isfinite(scores).all():
            raise ModelError("the ranker's scores are no numbers: its weights do not fit this base")
        return scores

    def save(self, folder: Path, **more: Any) -> None:
        """Keep what was trained and the card, not the base; `more` goes into the card. Raises OSError."""
        digest = write_weights(folder / WEIGHTS, self.network.trained())
        card = {"kind": KIND, "encoder": "candidates", "encoder_digest": "", "trained_on": self.trained_on,
                "base": {"spec": self.base.spec, "fingerprint": self.base.fingerprint, "licence": self.base.licence},
                "settings": self.settings.to_json(), "wording": WORDING, "sha256": digest,
                "temperature": self.temperature, "within": list(self.within)}  # fmt: skip
        write_model(folder, {**card, **more}, {"trained_ids": self.trained_ids})

    @classmethod
    def load(cls, folder: Path, device: str = "") -> VlmRanker:
        """With its base, which must be there and be the one that it was trained on. Raises ModelError with one line."""
        from models.ranker.vlm_base import missing, needed_line

        card, arrays = read_card(folder), read_arrays(folder)
        if absent := missing():
            raise ModelError(needed_line(absent))
        try:
            settings = _checked(card)
            temperature, curve, ids = read_calibration(card, arrays)
            spec, known = str(card["base"]["spec"]), card["base"]["fingerprint"]
            trained_on = str(card["trained_on"])[:400]
            state = read_weights(folder / WEIGHTS, card["sha256"])
            base = load_base(spec, settings.max_pixels, device)
            if base.fingerprint != known:
                raise ValueError(f"the base {spec[:80]} has other weights than the one that it was trained on")
            network = _network(base, settings)
            network.load(state)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{folder} holds no ranker that can be used: {' '.join(str(error).split())[:200]}") from error
        network.train(False)
        return cls(folder.resolve().name, trained_on, base, network, settings, temperature, curve, ids)


def _checked(card: Mapping[str, Any]) -> VlmSettings:
    """Raises ValueError, KeyError or TypeError."""
    if card["kind"] != KIND:
        raise ValueError(f"it is of kind {str(card['kind'])[:40]!r}")
    if card["wording"] != WORDING:
        raise ValueError("it was asked in other words than this version's; train it again")
    if not isinstance(card["sha256"], str) or not isinstance(card["base"]["spec"], str):
        raise ValueError("its card names no base or no weights")
    return VlmSettings.read(card["settings"])


def _network(base: Base, settings: VlmSettings) -> ValueNetwork:
    from models.ranker.vlm_network import ValueNetwork

    return ValueNetwork(base.model, settings)
