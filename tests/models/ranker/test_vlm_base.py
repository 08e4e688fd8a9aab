"""Models that a ranker may stand on: folders with stock classes, what is refused, and eyes that remember."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")
import torch

from models.geolocator import ModelError
from models.ranker.vlm_base import fingerprint, load_base
from models.ranker.vlm_network import lora_targets
from models.ranker.vlm_settings import VlmSettings
from models.ranker.vlm_train import train_vlm
from tests.models.ranker.seen_world import one_list, seen_data
from tests.tiny_models import save_tiny_qwen_vl

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

SETTINGS = VlmSettings(negatives=1, batch=8, group=3, max_pixels=6272, held_lists=3, projector=True, lora_rank=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen_vl(tmp_path_factory.mktemp("qwen"))


def test_a_qwen_vl_of_a_folder_is_trained_with_lora_and_comes_back(folder: Path, tmp_path: Path) -> None:
    from models.ranker.vlm_ranker import VlmRanker

    made = train_vlm(seen_data(tmp_path / "p", 24), str(folder), SETTINGS, tmp_path / "ranker")
    one = one_list(tmp_path / "p", np.random.default_rng(4), 0)
    before = made.raw_scores_of(one)
    back = VlmRanker.load(tmp_path / "ranker")
    assert (back.raw_scores_of(one) == before).all()
    names = made.network.trained()
    assert sum("lora_A" in name for name in names) == 6, "queries, keys, values of two layers"
    assert any("visual.merger" in name for name in names)
    assert not any("visual" in name and "lora" in name for name in names)


def test_the_published_class_scores(folder: Path, tmp_path: Path) -> None:
    """Qwen2-VL, which GeoRanker stands on."""
    from transformers import AutoConfig, Qwen2VLConfig, Qwen2VLForConditionalGeneration

    from models.ranker.vlm_network import ValueNetwork
    from models.ranker.vlm_rows import Rows

    known = AutoConfig.from_pretrained(folder)
    text = {
        key: value for key, value in known.text_config.to_dict().items() if key not in {"model_type", "dtype", "architectures"}
    }
    vision = {"depth": 1, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14, "spatial_merge_size": 2,
              "temporal_patch_size": 2}  # fmt: skip
    ids = {
        name: getattr(known, name)
        for name in ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    }
    base = shutil.copytree(folder, tmp_path / "qwen2")
    (base / "model.safetensors").unlink()
    Qwen2VLForConditionalGeneration(
        Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
    ).save_pretrained(base)
    found = load_base(str(base), 6272, "cpu")
    one = one_list(tmp_path / "p", np.random.default_rng(4), 0)
    rows = Rows(found.processor, 6272, 1)
    scores = ValueNetwork(found.model, SETTINGS)(rows.batch(rows.pairs(one.candidates, one.sights.open(6272))))
    assert scores.shape == (4,)
    assert bool(scores.isfinite().all())
    assert len(set(scores.tolist())) == 4


def test_another_base_is_noticed(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from models.ranker.vlm_ranker import VlmRanker

    base = shutil.copytree(folder, tmp_path / "base")
    train_vlm(seen_data(tmp_path / "p", 24), str(base), SETTINGS, tmp_path / "ranker")
    state = load_file(base / "model.safetensors")
    name = next(name for name in state if "q_proj.weight" in name)
    state[name][0, 0] += 1.0
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="other weights"):
        VlmRanker.load(tmp_path / "ranker")


def test_the_fingerprint_is_that_of_the_weights_in_every_precision(folder: Path) -> None:
    model = load_base(str(folder), 6272, "cpu").model
    for weight in model.parameters():
        weight.data = weight.data.to(torch.bfloat16).float()  # as a model that was published in bfloat16
    known = fingerprint(model)
    assert fingerprint(model.to(torch.bfloat16)) == known


def test_an_adapter_stands_on_the_language_model_alone(folder: Path) -> None:
    model = load_base(str(folder), 6272, "cpu").model
    assert all("language_model.layers." in name for name in lora_targets(model, 0))
    assert {name.split(".layers.")[1][0] for name in lora_targets(model, 1)} == {"1"}


@pytest.mark.parametrize("spec", ["", "nowhere", "hf:", "hf:a/b/c", "hf:no/such-model", "a\nb", "\x00", "~none"])
def test_what_is_no_base_gives_one_line(spec: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        load_base(spec, 6272)
    assert "\n" not in str(error.value)


def test_a_folder_without_safetensors_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    state = {"lm_head.weight": torch.zeros(2, 2)}
    (copy / "model.safetensors").unlink()
    torch.save(state, copy / "pytorch_model.bin")  # may hold anything, and is never opened
    with pytest.raises(ModelError, match="cannot load"):
        load_base(str(copy), 6272)


def test_eyes_remember_what_they_saw_to_the_last_bit() -> None:
    from PIL import Image

    from models.ranker.vlm_eyes import remembering

    base = load_base("tiny", 9216, "cpu")
    visual = base.model.model.visual
    pictures = [Image.new("RGB", (96, 96), colour) for colour in ("red", "blue", "red")]
    inputs = base.processor.image_processor(pictures, return_tensors="pt")
    before = visual.features(inputs["pixel_values"], inputs["image_grid_thw"])
    remembering(base.model, most_bytes=2 * before[0].nbytes)
    for _ in range(2):
        after = visual.features(inputs["pixel_values"], inputs["image_grid_thw"])
        assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))
    assert len(visual.features.known) == 2
    many = base.processor.image_processor([Image.new("RGB", (96, 96), (i, 0, 0)) for i in range(5)], return_tensors="pt")
    visual.features(many["pixel_values"], many["image_grid_thw"])
    assert visual.features.bytes <= 2 * before[0].nbytes
