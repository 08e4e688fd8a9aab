"""Training on a handful of pairs: it runs, resumes to the same result, and refuses what it cannot use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.drawn_crossview_pairs import write_town_pairs
from models.crossview.fit import fit
from models.crossview.model import load_crossview
from models.crossview.pair_file import read_pairs
from models.crossview.pictures import FilePictures
from models.crossview.samples import Look, plain_sample, sample
from models.crossview.score import gallery_of, score
from models.crossview.settings import CrossViewSettings
from models.crossview.train import CHECKPOINT, split, train
from models.geolocator import ModelError

pytest.importorskip("torch")
SMALL = CrossViewSettings(
    dim=6, width=3, epochs=4, batch=8, neighbours=3, neighbour_range=5, random_epochs=1, mine_from=2, mine_every=1
)


@pytest.fixture(scope="module")
def pairs(town, tmp_path_factory):
    found = read_pairs(write_town_pairs(town, tmp_path_factory.mktemp("pairs"), 60, seed=1, looks=1))
    return [replace(pair, split="train" if i < 18 else "validation") for i, pair in enumerate(found)]


class Killed(Exception):
    pass


def test_a_training_that_was_killed_ends_the_same(pairs, tmp_path):
    pictures, events = FilePictures(pairs[:18]), []
    whole = fit(pictures, SMALL, None, events.append)
    assert [e["by"] for e in events if "by" in e] == ["distance", "likeness", "likeness"]
    assert events[-1]["epoch"] == 4

    def told(event):
        if event.get("epoch") == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(pictures, SMALL, tmp_path / "c.pt", told)
    events.clear()
    again = fit(pictures, SMALL, tmp_path / "c.pt", events.append)
    assert events[0] == {"resumed": 2}
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
    (tmp_path / "c.pt").write_bytes(b"broken")
    events.clear()
    fit(pictures, replace(SMALL, epochs=1), tmp_path / "c.pt", events.append)
    assert "resumed" not in events[0]


def test_a_trained_model_is_kept_with_its_calibration_and_scores(pairs, tmp_path):
    model = train(pairs, "a drawn town", replace(SMALL, epochs=1), tmp_path / "m")
    assert not (tmp_path / "m" / CHECKPOINT).exists()
    assert (model.name, model.trained_on, len(model.calibration.readings)) == ("m", "a drawn town", 16)
    assert load_crossview(tmp_path / "m").digest == model.digest
    assert "cross-view model m (small twin networks), trained on a drawn town" in model.rests_on()
    row = score(model, gallery_of(pairs[:20]), 360.0, 0.0)
    assert (row["queries"], row["references"], row["chance"]["1"]) == (20, 20, 0.05)
    assert 0 <= row["recall_at_1"] <= row["recall_at_5"] <= row["recall_at_10"] <= 1
    assert row["median_m"] >= 0
    assert 0 < row["mean_average_precision"] <= 1


def test_heads_of_an_encoder_are_trained_on_its_vectors(pairs, tmp_path):
    own = replace(SMALL, encoder="tiny", epochs=2, heads_draws=1, dim=8)
    model = train(pairs, "a drawn town", own, tmp_path / "m")
    assert (model.encoder, model.reader.headings, model.reader.dim) == ("tiny", 16, 8)
    assert score(model, gallery_of(pairs[:10]), 75.0, 180.0)["queries"] == 10
    with pytest.raises(ModelError, match="whose heading is known"):
        train([replace(pair, heading_deg=None) for pair in pairs], "x", own, tmp_path / "n")


def test_whole_places_are_held_out_where_the_pairs_do_not_say(pairs):
    every = [replace(pair, split="train") for pair in pairs]
    learn, held = split([*every, *(replace(pair, id=pair.id + "b") for pair in every)], SMALL)
    assert len(learn) + len(held) == 120
    assert held
    assert not {pair.place for pair in learn} & {pair.place for pair in held}
    learn, held = split(pairs, SMALL)
    assert (len(learn), len(held)) == (18, 42)


def test_what_cannot_be_learned_from_is_one_sentence(pairs, tmp_path):
    with pytest.raises(ModelError, match="both are needed"):
        train([replace(pair, kind="drone") for pair in pairs], "x", SMALL, tmp_path / "m")
    with pytest.raises(ModelError, match="fewer than one batch"):
        train([*pairs[:4], *pairs[18:]], "x", SMALL, tmp_path / "m")
    with pytest.raises(ModelError, match="at least 40 are needed to calibrate"):
        train(pairs[:40], "x", replace(SMALL, epochs=1), tmp_path / "m")
    with pytest.raises(ModelError, match=r"No such file|cannot|not"):
        fit(
            FilePictures([replace(pairs[0], query=tmp_path / "none.png")] * 8), replace(SMALL, epochs=1), None, lambda event: None
        )


@pytest.mark.parametrize("wrong", [{"dim": 0}, {"batch": 2}, {"lr": float("nan")}, {"validation_share": 0.9}, {"epochs": True}])
def test_settings_that_are_none(wrong):
    with pytest.raises(ModelError, match="must be a"):
        CrossViewSettings(**wrong)


def test_a_sample_keeps_heading_and_ground_together(pairs):
    """Whatever is drawn (turn, mirror, piece), the right heading relative to the unrolled ground is that of the plain sample."""
    pictures, look = FilePictures(pairs), Look(90.0, 0.0)
    plain = plain_sample(pictures, 0, Look(360.0, 0.0), 56.0, 0.0, np.random.default_rng(0))
    assert plain.polar.rgb.shape == (32, 128, 3)
    for seed in range(6):
        one = sample(pictures, 0, look, 56.0, 0.0, np.random.default_rng(seed))
        turned = np.concatenate([plain.polar.rgb] * 2, axis=1).astype(float)
        mirrored = turned[:, ::-1]
        scores = [
            max(np.corrcoef(t[:, s : s + 128].ravel(), one.polar.rgb.ravel())[0, 1] for s in range(0, 128, 2))
            for t in (turned, mirrored)
        ]
        assert max(scores) > 0.6
        assert one.heading_deg is not None
        assert one.strip.rgb.shape == (48, 72, 3)
