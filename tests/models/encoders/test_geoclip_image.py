from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.encoders.encoder import EncoderError, unit_rows
from models.encoders.geoclip_image import GeoClipEncoder, read_layers
from models.encoders.transformers_vision import TransformersEncoder
from tests.models.encoders import tiny_towers
from tests.models.encoders.pictures import waves

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

_PICTURES = [waves(60, 40, seed) for seed in range(3)]


@pytest.fixture
def mlp() -> Any:
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(24, 24), torch.nn.ReLU(), torch.nn.Linear(24, 16))


def _wanted(clip: Path, mlp: Any) -> np.ndarray:
    features = TransformersEncoder("clip", str(clip), device="cpu").features(_PICTURES)
    return unit_rows(mlp(torch.from_numpy(features)).detach().numpy())


def _wheel(folder: Path, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package geoclip with its weights alone."""
    file = folder / "model" / "weights" / "image_encoder_mlp_weights.pth"
    file.parent.mkdir(parents=True)
    torch.save(mlp.state_dict(), file)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(folder)]))
    return file


def _release(folder: Path, mlp: Any, backbone: dict[str, str] | None) -> Path:
    from safetensors.torch import save_file

    folder.mkdir()
    tensors = {f"image_encoder.mlp.{name}": value for name, value in mlp.state_dict().items()}
    save_file({**tensors, "logit_scale": torch.tensor(2.0)}, folder / "model.safetensors")
    (folder / "config.json").write_text(
        json.dumps({"model_type": "geoclip-geolocation", "format_version": 1, "backbone": backbone})
    )
    return folder


def test_the_packages_mlp_on_a_clip_of_ones_own(tmp_path: Path, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tiny_towers.save_clip(tmp_path / "clip")
    _wheel(tmp_path / "geoclip", mlp, monkeypatch)
    encoder = GeoClipEncoder(str(clip), device="cpu", batch=2)
    assert encoder.encode(_PICTURES) == pytest.approx(_wanted(clip, mlp), abs=1e-6)
    assert (encoder.name, encoder.dim, encoder.licence) == (f"geoclip:{clip}", 16, "MIT")
    assert encoder.encode([]).shape == (0, 16)
    assert len(encoder.digest) == 16


def test_a_release_with_its_backbone_in_it(tmp_path: Path, mlp: Any) -> None:
    release = _release(tmp_path / "release", mlp, None)
    clip = tiny_towers.save_clip(release / "backbone")
    assert GeoClipEncoder(str(release), device="cpu").encode(_PICTURES) == pytest.approx(_wanted(clip, mlp), abs=1e-6)


def test_a_release_that_names_a_repository_which_is_not_cached(tmp_path: Path, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    release = _release(tmp_path / "release", mlp, {"repo_id": "openai/no-such-clip", "revision": "0" * 40})
    with pytest.raises(EncoderError, match=r"openai/no-such-clip is not in the Hugging Face cache .*HF_HUB_OFFLINE is set"):
        GeoClipEncoder(str(release))
    nameless = _release(tmp_path / "nameless", mlp, None)
    with pytest.raises(EncoderError, match="does not say which CLIP"):
        GeoClipEncoder(str(nameless))


def test_a_clip_of_another_width_is_refused(tmp_path: Path, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tiny_towers.save_clip(tmp_path / "clip", projection=20)
    _wheel(tmp_path / "geoclip", mlp, monkeypatch)
    with pytest.raises(EncoderError, match=r"GeoCLIP reads 24 image features, and .* gives 20"):
        GeoClipEncoder(str(clip))


def test_files_that_run_code_or_do_not_fit_are_refused(tmp_path: Path, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _wheel(tmp_path / "geoclip", mlp, monkeypatch)
    torch.save({**mlp.state_dict(), "2.weight": torch.zeros(16, 23)}, file)
    with pytest.raises(EncoderError, match="do not fit"):
        read_layers(file)
    torch.save({"0.weight": Path("x")}, file)
    with pytest.raises(EncoderError, match="cannot be read"):
        read_layers(file)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match="pip install --no-deps geoclip"):
        GeoClipEncoder()
