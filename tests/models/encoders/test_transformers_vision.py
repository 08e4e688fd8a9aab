from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.encoders.encoder import EncoderError, unit_rows
from models.encoders.transformers_vision import TransformersEncoder
from tests.models.encoders import tiny_towers
from tests.models.encoders.pictures import waves

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

_PICTURES = [waves(60, 40, seed) for seed in range(5)]


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_towers.save_clip(tmp_path_factory.mktemp("clip"))


def _features(model: Any, processor: Any) -> np.ndarray:
    """Image features by the whole model, the way its documentation does it."""
    said = model.eval().get_image_features(**processor(images=_PICTURES, return_tensors="pt"))
    return unit_rows(said.pooler_output.detach().numpy())


def test_clip_gives_its_projected_image_features(clip_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = TransformersEncoder("clip", str(clip_folder), device="cpu", batch=2)
    wanted = _features(
        transformers.CLIPModel.from_pretrained(clip_folder), transformers.CLIPImageProcessorPil.from_pretrained(clip_folder)
    )
    assert encoder.encode(_PICTURES) == pytest.approx(wanted, abs=1e-6)
    assert encoder.encode(_PICTURES).dtype == np.float32
    assert (encoder.name, encoder.dim, encoder.licence) == (f"clip:{clip_folder}", 24, "unknown")
    assert encoder.encode([]).shape == (0, 24)
    assert capfd.readouterr().out == ""


def test_siglip_gives_its_pooled_head(tmp_path: Path) -> None:
    folder = tiny_towers.save_siglip(tmp_path / "siglip")
    encoder = TransformersEncoder("siglip", str(folder), device="cpu", batch=3)
    wanted = _features(
        transformers.SiglipModel.from_pretrained(folder), transformers.SiglipImageProcessorPil.from_pretrained(folder)
    )
    assert encoder.encode(_PICTURES) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("registers", [False, True])
def test_dinov2_gives_its_class_token(tmp_path: Path, registers: bool) -> None:
    folder = tiny_towers.save_dinov2(tmp_path / "dino", registers)
    vectors = TransformersEncoder("dinov2", str(folder), device="cpu", batch=2).encode(_PICTURES)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    pixels = transformers.BitImageProcessorPil.from_pretrained(folder)(images=_PICTURES, return_tensors="pt")
    assert vectors == pytest.approx(unit_rows(model(**pixels).last_hidden_state[:, 0].detach().numpy()), abs=1e-6)


def test_a_model_of_another_kind_is_refused(clip_folder: Path) -> None:
    with pytest.raises(EncoderError, match="is a model of type clip; siglip takes siglip or siglip_vision_model"):
        TransformersEncoder("siglip", str(clip_folder))


def test_streetclip_may_not_be_used_commercially_whatever_its_folder_says(clip_folder: Path) -> None:
    encoder = TransformersEncoder("streetclip", str(clip_folder), device="cpu")
    assert encoder.licence == "CC-BY-NC-4.0"
    assert encoder.digest != TransformersEncoder("clip", str(clip_folder), device="cpu").digest


def test_the_digest_follows_weights_and_preprocessing(tmp_path: Path, clip_folder: Path) -> None:
    digests = {TransformersEncoder("clip", str(clip_folder), device="cpu").digest}
    again = tiny_towers.save_clip(tmp_path / "again")
    digests.add(TransformersEncoder("clip", str(again), device="cpu").digest)
    assert len(digests) == 1
    other = tiny_towers.save_clip(tmp_path / "other", seed=1)
    digests.add(TransformersEncoder("clip", str(other), device="cpu").digest)
    settings = again / "preprocessor_config.json"
    settings.write_text(settings.read_text().replace('"resample": 3', '"resample": 2'))
    digests.add(TransformersEncoder("clip", str(again), device="cpu").digest)
    assert len(digests) == 3


def test_a_broken_folder_gives_one_line(tmp_path: Path) -> None:
    folder = tiny_towers.save_clip(tmp_path / "clip")
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(EncoderError, match="cannot be loaded") as raised:
        TransformersEncoder("clip", str(folder))
    assert "\n" not in str(raised.value)
    (folder / "config.json").write_text("[]")
    with pytest.raises(EncoderError, match="no object"):
        TransformersEncoder("clip", str(folder))


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EncoderError, match=r"the encoder siglip needs torch and transformers: pip install 'geosleuth\[hf\]'"):
        TransformersEncoder("siglip")
