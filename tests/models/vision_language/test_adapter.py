"""Adapters: what is trained, how it is kept, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")

from models.vision_language.adapter import AdapterError, fold_adapter, load_adapter, make_trainable, merged, save_adapter  # noqa: E402
from tests.models.vision_language.tiny_embedded import tiny_embedded  # noqa: E402

CHAT = [
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Where?"}]},
    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "zoom", "arguments": {}}}]},
]


def made(processor: Any) -> Any:
    text = processor.apply_chat_template(CHAT, tokenize=False)
    return processor(text=[text], images=[Image.radial_gradient("L").convert("RGB")], return_tensors="pt")


def trained(steps: int = 3, **shape: Any) -> tuple[Any, Any, list[float]]:
    """A tiny model after some steps on one conversation, its inputs, and the losses."""
    base, processor = tiny_embedded()
    model, given = make_trainable(base, **shape), made(processor)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        logits = model(**given).logits
        loss = torch.nn.functional.cross_entropy(logits[0, :-1], given["input_ids"][0, 1:])
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    return model, given, losses


def test_what_learns_stays_float32_beside_weights_in_bfloat16() -> None:
    base, processor = tiny_embedded()
    given = made(processor)
    with torch.no_grad():
        exact = base(**given).logits
    model = make_trainable(base.reads_in(torch.bfloat16), lora_rank=4, lora_alpha=8)
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert {p.dtype for p in learned.values()} == {torch.float32}
    assert model.get_base_model().model.language_model.layers[0].mlp.up_proj.base_layer.weight.dtype == torch.bfloat16
    logits = model(**given).logits
    assert logits.dtype == torch.bfloat16
    assert torch.allclose(logits.float(), exact, atol=0.05 * float(exact.abs().max()))
    logits.float().logsumexp(-1).sum().backward()
    assert all(p.grad is not None for p in learned.values())


def test_only_what_should_learn_learns() -> None:
    before, _ = tiny_embedded()
    model, _, losses = trained(lora_rank=4, lora_alpha=8)
    assert losses[-1] < losses[0]
    after = dict(model.get_base_model().named_parameters())
    names = {name for name, p in after.items() if p.requires_grad}
    assert {name.split(".")[-1] for name in names if "visual" in name} == {"weight", "bias", "rows", "columns"}
    assert sum("lora_" in name for name in names) == 2 * 7 * 2
    for name, value in before.named_parameters():
        if "visual.cnn" in name or "embed_tokens.weight" in name:
            assert torch.equal(value, after[name])
    own = model.get_base_model().get_input_embeddings().own
    assert own.shape == (8, 48)
    assert not torch.allclose(own, before.get_input_embeddings().weight[-8:])


def test_rows_of_their_own_are_the_table_s() -> None:
    model, processor = tiny_embedded()
    given = made(processor)
    model.requires_grad_(True)
    whole = model(**given).logits
    whole.logsumexp(-1).sum().backward()
    wanted = model.get_input_embeddings().weight.grad[-8:].clone()
    model.requires_grad_(False)
    own = model.grow()
    split = model(**given).logits
    split.logsumexp(-1).sum().backward()
    assert torch.allclose(whole, split, atol=1e-4)
    assert torch.allclose(own.grad, wanted, atol=1e-3)


def test_gradients_end_below_the_lowest_adapter() -> None:
    model, given, _ = trained(1, lora_rank=2, layers=1, projector=False)
    base = model.get_base_model()
    assert sum("lora_" in name for name, p in base.named_parameters() if p.requires_grad) == 14
    assert base.get_input_embeddings().own.grad is not None
    seen = []
    base.model.language_model.layers[0].register_forward_hook(lambda module, args, out: seen.append(out.requires_grad))
    model(**given)
    assert seen == [False]


def test_all_of_the_language_model_can_be_trained() -> None:
    model, _, losses = trained(lora_rank=0)
    assert losses[-1] < losses[0]
    assert all(p.requires_grad for p in model.model.language_model.parameters())
    with pytest.raises(AdapterError, match="save_pretrained"):
        save_adapter(model, Path("never"), {})


def test_an_adapter_comes_back(tmp_path: Path) -> None:
    model, given, _ = trained(lora_rank=4, lora_alpha=12, layers=1)
    save_adapter(model, tmp_path / "a", {"recipe": "x"})
    card = json.loads((tmp_path / "a" / "adapter.json").read_text())
    assert card["lora"] == {"rank": 4, "alpha": 12, "layers": 1}
    assert card["provenance"] == {"recipe": "x"}
    again = load_adapter(tiny_embedded()[0], tmp_path / "a")
    folded = fold_adapter(tiny_embedded()[0], tmp_path / "a")
    base, _ = tiny_embedded()
    with torch.inference_mode():
        wanted, got, plain = model(**given).logits, again(**given).logits, base(**given).logits
        assert float((wanted - got).abs().max()) < 0.1 < float((wanted - plain).abs().max())  # bfloat16
        assert torch.allclose(got, folded(**given).logits, atol=1e-4)
        assert torch.allclose(got, merged(again).eval()(**given).logits, atol=1e-4)


def _card(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def do(folder: Path) -> None:
        card = json.loads((folder / "adapter.json").read_text())
        change(card)
        (folder / "adapter.json").write_text(json.dumps(card))

    return do


def _tensors(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def do(folder: Path) -> None:
        import hashlib

        from safetensors.torch import load_file, save_file

        state = load_file(folder / "adapter.safetensors")
        change(state)
        save_file(state, folder / "adapter.safetensors")
        digest = hashlib.sha256((folder / "adapter.safetensors").read_bytes()).hexdigest()
        _card(lambda card: card.update(sha256=digest))(folder)

    return do


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "adapter.json").unlink(), "holds no adapter"),
        (lambda folder: (folder / "adapter.json").write_text("[" * 100_000), "cannot be read"),
        (lambda folder: (folder / "adapter.safetensors").write_bytes(b"x"), "SHA-256"),
        (lambda folder: (folder / "adapter.safetensors").unlink(), "cannot be read"),
        (_card(lambda card: card.update(version=2)), "this version"),
        (_card(lambda card: card["base"].update(smollm2="0" * 64)), "another base"),
        (_card(lambda card: card["lora"].update(rank=0)), "make sense"),
        (_card(lambda card: card["lora"].update(layers=1)), "lacks tensors"),
        (_card(lambda card: card.update(lora=[4, 8, 2])), "make sense"),
        (_tensors(lambda state: state.pop("new_tokens")), "lacks tensors"),
        (_tensors(lambda state: state.update(more=torch.zeros(1))), "lacks tensors"),
        (_tensors(lambda state: state.update(new_tokens=torch.zeros(7, 48))), "new_tokens"),
        (_tensors(lambda state: state["visual.rows"].fill_(float("nan"))), "finite"),
        (_tensors(lambda state: state.update(new_tokens=torch.zeros(8, 48, dtype=torch.int8))), "new_tokens"),
    ],
)
def test_what_is_no_such_adapter_is_refused(
    tmp_path: Path, fresh: Any, kept: Path, spoil: Callable[[Path], Any], words: str
) -> None:
    import shutil

    folder = tmp_path / "a"
    shutil.copytree(kept, folder)
    spoil(folder)
    model, _ = fresh
    before = model.visual.proj.weight.clone()
    for load in (load_adapter, fold_adapter):
        with pytest.raises(AdapterError, match=words) as failure:
            load(model, folder)
        assert len(str(failure.value).splitlines()) == 1
    assert torch.equal(model.visual.proj.weight, before)


@pytest.fixture(scope="module")
def fresh() -> tuple[Any, Any]:
    """Never changed."""
    return tiny_embedded()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, _, _ = trained(1, lora_rank=4)
    folder = tmp_path_factory.mktemp("adapter")
    save_adapter(model, folder, {})
    return folder


def test_numbers_that_make_no_sense_are_refused() -> None:
    model, _ = tiny_embedded()
    wrongs: list[dict[str, Any]] = [{"lora_rank": -1}, {"lora_rank": 1000}, {"lora_alpha": 0}, {"layers": 3}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="makes no sense"):
            make_trainable(model, **wrong)


def test_the_adapter_of_the_assembled_model_is_small(assembled: tuple[Any, Any]) -> None:
    from models.vision_language.adapter import MOST_BYTES, LoraShape, _shapes

    model, _ = assembled
    numbers = sum(torch.Size(shape).numel() for shape in _shapes(model, LoraShape(16, 32, 30)).values())
    assert 2 * numbers + 100_000 < MOST_BYTES
