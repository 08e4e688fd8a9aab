"""The model that is trained: what of it requires gradients, where it begins, what a run has left."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.chatml import ChatML
from agent.policies.policy_card import PolicyCard
from rl_training.config import GrpoSettings, ModelSettings, RunSettings, TrainSettings, WorldSettings
from rl_training.policy_model import ModelError, card_of, load_policy_model, load_trained, trainable
from tests.tiny_models import save_tiny_qwen_vl

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen_vl(tmp_path_factory.mktemp("base"))


def settings(base: Path | str, seed: int = 0, **model: Any) -> TrainSettings:
    return TrainSettings(model=ModelSettings(base=str(base), lora_rank=2, lora_alpha=4, **model), run=RunSettings(seed=seed))


def trained_names(model: Any) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=torch.arange(1, 25)[None]).logits


def moved(model: Any) -> Any:
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def test_the_card_says_how_the_policy_is_spoken_to() -> None:
    model = ModelSettings(prompt="system_brief", tools_as="names", images_in="user", result_chars=700, max_pixels=50176)
    told = TrainSettings(
        model=model, world=WorldSettings(tools=("zoom",), belief_line=False), grpo=GrpoSettings(max_new_tokens=96)
    )
    assert card_of(told) == PolicyCard("system_brief", "names", ("zoom",), "user", "unit", 700, 50176, 96, belief_line=False)
    assert card_of(TrainSettings()).result_chars is None, "0 leaves results whole"
    with pytest.raises(ValueError, match="prompt is one of"):
        card_of(TrainSettings(model=ModelSettings(prompt="poem")))


def test_all_of_a_model_may_be_trained(base: Path) -> None:
    model, processor = load_policy_model(settings(base, train="full", max_pixels=56 * 56))
    assert len(trained_names(model)) == len(list(model.named_parameters()))
    assert processor.image_processor.size["longest_edge"] == 56 * 56
    assert processor.image_processor.size["shortest_edge"] == 28 * 28
    picture = Image.new("RGB", (900, 900))
    assert ChatML(processor).image_tokens(picture) == 4, "pictures are scaled down to it"
    assert int(processor.image_processor(images=[picture], return_tensors="np")["image_grid_thw"].prod()) == 16
    assert processor.tokenizer.padding_side == "left"
    assert next(model.parameters()).dtype == torch.float32
    half, _ = load_policy_model(settings(base, train="full", dtype="bfloat16"))
    assert next(half.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize(("layers", "projector"), [(0, True), (1, False)])
def test_an_adapter_lies_on_the_language_model_alone(base: Path, layers: int, projector: bool) -> None:
    model, _ = load_policy_model(settings(base, lora_layers=layers, train_projector=projector))
    names = trained_names(model)
    lora = {name for name in names if "lora_" in name}
    assert lora
    assert all(".language_model.layers." in name for name in lora)
    assert {name.split(".layers.")[1][0] for name in lora} == ({"0", "1"} if not layers else {"1"})
    assert {name.split("_proj.")[0].rsplit(".", 1)[1] for name in lora} == {"q", "k", "v", "o", "gate", "up", "down"}
    rest = names - lora
    assert bool(rest) == projector
    assert all("visual.merger" in name for name in rest)
    assert torch.equal(logits(model.eval()), logits(load_policy_model(settings(base, train="full"))[0].eval())), (
        "it begins with nothing"
    )


def test_a_seed_tells_the_first_weights(base: Path) -> None:
    def weights(seed: int) -> dict[str, Any]:
        model, _ = load_policy_model(settings(base, seed=seed))
        return {name: p.detach().clone() for name, p in model.named_parameters() if "lora_A" in name}

    one, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_the_embedded_kind_has_an_adapter_of_its_own(tmp_path: Path) -> None:
    from models.vision_language.adapter import save_adapter
    from tests.models.vision_language.tiny_embedded import tiny_embedded

    model, processor = tiny_embedded()
    model.save_pretrained(str(tmp_path / "base"))
    processor.save_pretrained(str(tmp_path / "base"))
    trained, again = load_policy_model(settings(tmp_path / "base"))
    assert type(again).__name__ == "EmbeddedProcessor"
    names = trained_names(trained)
    assert any(name.endswith("own") for name in names), "the rows of the new tokens"
    assert any("visual.proj" in name for name in names)
    (tmp_path / "adapter").mkdir()
    before = logits(trained.eval())
    moved(trained)
    save_adapter(trained, tmp_path / "adapter", {"made": "for a test"})
    taken_up, _ = load_policy_model(settings(tmp_path / "base", adapter=str(tmp_path / "adapter")))
    assert (logits(taken_up.eval()) - logits(trained.eval())).abs().max() < 0.05, "adapters are kept in half precision"
    assert (logits(taken_up) - before).abs().max() > 1.0
    assert trained_names(taken_up) == names, "and goes on to be trained"


@pytest.mark.parametrize("train", ["lora", "full"])
def test_what_a_run_has_left_comes_back(base: Path, train: str, tmp_path: Path) -> None:
    from rl_training import checkpoints
    from rl_training.run_record import begin

    told = settings(base, train=train)
    run = begin(replace(told, run=replace(told.run, out=str(tmp_path / "run"))), "sft")
    with pytest.raises(ModelError, match="neither a run's checkpoint nor an adapter"):
        load_trained(run)
    model = moved(load_policy_model(told)[0])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 0.1)
    checkpoints.write(run, "sft", 2, model, optimizer, [], keep=3)
    moved(model)
    checkpoints.write(run, "sft", 3, model, optimizer, [], keep=3)
    again, processor, read = load_trained(run)
    assert not again.training
    assert torch.equal(logits(again), logits(model.eval()))
    assert (read.model.base, read.model.train) == (str(base), train)
    assert processor.tokenizer.encode("Lisboa")
    goes_on, _ = load_policy_model(replace(told, model=replace(told.model, adapter=str(run))))
    assert trained_names(goes_on) == trained_names(model)


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", None), ("config.json", b"{"), ("model.safetensors", b"\x00" * 40), ("tokenizer.json", None)],
)
def test_a_folder_that_is_no_model_is_refused_in_one_line(base: Path, tmp_path: Path, file: str, content: bytes | None) -> None:
    shutil.copytree(base, tmp_path / "m")
    (tmp_path / "m" / file).write_bytes(content) if content is not None else (tmp_path / "m" / file).unlink()
    for source in (tmp_path / "m", tmp_path / "nowhere"):
        with pytest.raises(ModelError, match=r"^cannot load ") as caught:
            load_policy_model(settings(source))
        assert "\n" not in str(caught.value)


def test_a_model_of_its_own_is_made_in_code() -> None:
    told = settings("tiny", seed=3, train="full", max_pixels=4 * 28 * 28)
    (one, processor), (again, _) = load_policy_model(told), load_policy_model(told)
    assert sum(p.numel() for p in one.parameters()) < 2_000_000
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert processor.tokenizer.padding_side == "left"
    assert trained_names(trainable(one, told.model)) == {name for name, _ in one.named_parameters()}
