from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.alignment.text import PlaceFacts, captions, clip_text_features, hashed_features, place_text
from models.geolocator import ModelError


def test_the_template_is_that_of_g3() -> None:
    assert place_text("PT", "Lisbon District", "Sintra") == "A street view photo taken in Sintra, Lisbon District, Portugal"
    assert place_text("PT", "", "Sintra") == "A street view photo taken in Sintra, Portugal"
    assert place_text("Portugal") == "A street view photo taken in Portugal"
    assert place_text("", "", "") == ""


def test_captions_say_each_thing_as_often_as_published() -> None:
    facts = PlaceFacts("JP", "Kyoto Prefecture", "Uji", "2019-07-04T12:30:00", 200.0)
    n = 6000
    texts = captions([facts] * n, np.random.default_rng(0))
    for words, share in (
        (" close to the town of Uji", 0.4), (" in the region of Kyoto Prefecture", 0.6), (" in Japan.", 1.0),
        ("In this location, people drive on the left side of the road.", 0.3), ("This photo is facing south.", 0.3),
        ("The photo was taken in July.", 0.3),
    ):  # fmt: skip
        assert sum(words in text for text in texts) / n == pytest.approx(share, abs=0.025)
    assert all(text.startswith("A Street View photo") and "  " not in text for text in texts)
    both = [text for text in texts if "facing" in text and "July" in text]
    assert sum(text.index("facing") < text.index("July") for text in both) / len(both) == pytest.approx(0.5, abs=0.07)
    assert captions([facts] * 50, np.random.default_rng(7)) == captions([facts] * 50, np.random.default_rng(7))


def test_captions_leave_out_what_is_not_known() -> None:
    rng = np.random.default_rng(0)
    bare = captions([PlaceFacts("FR")] * 300, rng)
    drive = "In this location, people drive on the right side of the road."
    assert set(bare) == {"A Street View photo in France.", f"A Street View photo in France. {drive}"}
    assert set(captions([PlaceFacts("Atlantis", time="2019")] * 50, rng)) == {"A Street View photo in Atlantis."}
    assert captions([PlaceFacts("", "somewhere", "else")], rng) == [""]
    assert "in the Netherlands." in captions([PlaceFacts("NL")], rng)[0]
    assert not any("taken in" in text for text in captions([PlaceFacts("FR", time="2019-13-01")] * 50, rng))


@pytest.mark.parametrize(
    ("heading", "word"),
    [
        (0, "north"),
        (44, "north"),
        (316, "north"),
        (-1, "north"),
        (46, "east"),
        (134, "east"),
        (136, "south"),
        (314, "west"),
        (359.9999, "north"),
    ],
)
def test_headings_are_named(heading: float, word: str) -> None:
    texts = captions([PlaceFacts("FR", heading_deg=heading)] * 60, np.random.default_rng(0))
    assert {text.split("facing ")[1].split(".")[0] for text in texts if "facing" in text} == {word}


def test_hashed_texts_are_alike_where_words_are() -> None:
    texts = ["A street view photo taken in Toulouse, Occitanie, France", "A street view photo taken in Montpellier, Occitanie, France",
             "A street view photo taken in Kyoto, Kyoto, Japan", ""]  # fmt: skip
    rows = hashed_features(texts)
    assert rows.shape == (4, 4096)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-6)
    like = rows @ rows.T
    assert like[0, 1] > like[0, 2] + 0.1
    assert hashed_features(["Saint-Étienne"]) == pytest.approx(hashed_features(["SAINT ETIENNE"]))
    # The same on every machine and in every process.
    assert np.flatnonzero(hashed_features(["Porto"], 64)).tolist() == PORTO


PORTO = [27, 28, 40, 45, 61, 63]


def test_signed_hashing_keeps_unlike_texts_apart_on_average() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(chr(97 + c) for c in rng.integers(0, 26, 8)) for _ in range(400)]
    rows = hashed_features(words, 128)
    like = (rows @ rows.T)[np.triu_indices(400, 1)]
    assert abs(like.mean()) < 0.02


def tiny_clip(folder: Path) -> Path:
    """A CLIP text tower of random weights with a tokenizer of letters, saved as a hub repository would be."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedTokenizerFast

    letters = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,. "]
    raw = Tokenizer(models.WordLevel({c: i for i, c in enumerate(["<unk>", "<pad>", "<end>", *letters])}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", unk_token="<unk>", eos_token="<end>").save_pretrained(folder)
    torch.manual_seed(0)
    config = CLIPTextConfig(vocab_size=len(letters) + 3, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                            max_position_embeddings=24, projection_dim=12, eos_token_id=2, bos_token_id=0, pad_token_id=1)  # fmt: skip
    CLIPTextModelWithProjection(config).save_pretrained(folder)
    return folder


def test_a_clip_text_tower_describes_texts(tmp_path: Path) -> None:
    source = str(tiny_clip(tmp_path))
    texts = ["Kyoto, Japan", "a very long text that does not fit into the window of the model at all"] * 40
    rows = clip_text_features(source, texts)
    assert rows.shape == (80, 12)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert rows[0] == pytest.approx(rows[78], abs=1e-5)
    assert clip_text_features(source, texts[:1]) == pytest.approx(rows[:1], abs=1e-5)


def test_a_missing_text_tower_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        clip_text_features(str(tmp_path / "nothing"), ["a"])
    assert "\n" not in str(raised.value)
    with pytest.raises(ModelError, match="no texts"):
        clip_text_features("x", [])
