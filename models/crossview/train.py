"""Training a cross-view model: the networks (or the heads of an encoder), and its calibration on held-out pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from models.crossview.calibrate import calibrated
from models.crossview.model import CrossView, load_crossview, reader_of, save_crossview
from models.crossview.pairs import CrossViewPair
from models.crossview.pictures import FilePictures, PairPictures
from models.crossview.settings import CrossViewSettings
from models.geolocator import ModelError
from models.training_data import Told, silent

CHECKPOINT = "checkpoint.pt"


def train(pairs: Sequence[CrossViewPair], source: str, settings: CrossViewSettings, folder: Path, told: Told = silent,
          pictures: Callable[[Sequence[CrossViewPair]], PairPictures] = FilePictures) -> CrossView:  # fmt: skip
    """Train on pairs of the split `train`, calibrate on `validation`, keep the model in `folder`, whose name it takes.

    Where no pair is of the split `validation`, a share of the places is held out; `test` pairs are not touched. A training that was killed
    goes on after its last whole epoch when it is started again with the same pairs and settings, to the same result. `told` hears what `fit`
    and `calibrated` tell. Needs torch. Raises ModelError for pairs that nothing can be learned from, OSError.
    """
    learn, held = split(pairs, settings)
    encoder_digest = ""
    if settings.encoder:
        from models.crossview.heads_fit import fit_heads
        from models.encoders.make import make_encoder

        encoder = make_encoder(settings.encoder)
        encoder_digest = encoder.digest
        arrays = fit_heads(pictures(learn), encoder, settings, told)
    else:
        from models.crossview.fit import fit

        arrays = fit(pictures(learn), settings, folder / CHECKPOINT, told)
    reader = reader_of(settings.encoder, encoder_digest, arrays)
    known, figures = calibrated(
        reader, pictures(held), settings.radius_m, settings.jitter_m, settings.same_place_m, settings.seed, told
    )
    card = {"encoder": settings.encoder, "encoder_digest": encoder_digest, "trained_on": source, "radius_m": settings.radius_m,
            "spacing_m": max(2.0 * settings.jitter_m, 1.0), "calibration": known.to_json(), "settings": settings.to_json(), "pairs": len(learn),
            "held_out_pairs": len(held), "held_out": figures}  # fmt: skip
    save_crossview(folder, arrays, card)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return load_crossview(folder)


def split(pairs: Sequence[CrossViewPair], settings: CrossViewSettings) -> tuple[list[CrossViewPair], list[CrossViewPair]]:
    """Pairs to learn from and to calibrate on; whole places go to either side. Raises ModelError where one side is empty."""
    usable = [pair for pair in pairs if pair.split != "test" and pair.kind != "drone"]
    held = [pair for pair in usable if pair.split == "validation"]
    learn = [pair for pair in usable if pair.split == "train"]
    if not held:
        held = [pair for pair in learn if _share(pair.place, settings.seed) < settings.validation_share]
        learn = [pair for pair in learn if _share(pair.place, settings.seed) >= settings.validation_share]
    if not learn or not held:
        raise ModelError(
            f"{len(learn)} pairs to learn from and {len(held)} to calibrate on: both are needed (pictures from the air and the split test do not count)"
        )
    return learn, held


def _share(place: str, seed: int) -> float:
    """A number in [0, 1) that depends on the place alone, whatever the order of pairs."""
    return int.from_bytes(hashlib.sha256(f"{seed} {place}".encode()).digest()[:7], "big") / 2**56
