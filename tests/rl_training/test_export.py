"""An exported policy: loads again and says the same; is whole or not there; goes to the hub without giving anything away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import torch

from agent.chatml import ChatML
from agent.policies.policy_card import read_card
from agent.policies.transformers_vl import load_processor
from rl_training.checkpoints import load_weights
from rl_training.config_file import changed, load_settings
from rl_training.export import ExportError, export, push
from rl_training.policy_model import card_of
from rl_training.run_record import RunRecordError, begin
from tests.models.vision_language.tiny_embedded import tiny_embedded
from tests.tiny_models import save_tiny_qwen_vl

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # peft asks for it

TARGETS = r".*language_model\.layers\.\d+\.self_attn\.(q_proj|v_proj)"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen_vl(tmp_path_factory.mktemp("base"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return begin(changed(load_settings("tiny-cpu"), [f"run.out={tmp_path / 'run'}", "model.train=lora"]), "grpo")


def tuned(base: Path) -> tuple[Any, Any]:
    """The tiny model with a LoRA whose weights are not 0, and its projector moved."""
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2_5_VLForConditionalGeneration

    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(base)
    wrapped: Any = get_peft_model(model, LoraConfig(r=2, lora_alpha=4, target_modules=TARGETS, task_type="CAUSAL_LM"))
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "visual.merger" in name:
                parameter.requires_grad_(True)
            if "lora_B" in name or "visual.merger" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return wrapped.eval(), load_processor(str(base))


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return torch.as_tensor(model(input_ids=torch.arange(1, 25)[None]).logits)


def test_a_merged_export_loads_and_says_the_same(run: Path, base: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    into = tmp_path / "out" / "policy"
    model, processor = tuned(base)
    before = logits(model)
    about = export(run, into, load=lambda folder: (model, processor))
    again = AutoModelForImageTextToText.from_pretrained(into, dtype=torch.float32).eval()
    assert torch.allclose(logits(again), before, atol=1e-5)
    assert not torch.allclose(logits(AutoModelForImageTextToText.from_pretrained(base)), before, atol=1e-3)
    assert load_processor(str(into)).tokenizer.encode("Lisboa") == processor.tokenizer.encode("Lisboa")
    names = {path.name for path in into.iterdir()}
    assert {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "preprocessor_config.json", "processor_config.json",
            "chat_template.jinja", "geosleuth.json", "export.json", "README.md"} <= names  # fmt: skip
    assert not names & {"weights.safetensors", "adapter_model.safetensors", "pytorch_model.bin"}
    assert (
        (into / "chat_template.jinja").read_text()
        == ChatML(processor, "names").template()
        == load_processor(str(into)).chat_template
    )
    assert read_card(into) == card_of(load_settings(run))
    assert json.loads((into / "export.json").read_text()) == about
    assert about["made"]["stage"] == "grpo"
    entry = about["files"]["model.safetensors"]
    assert entry["sha256"] == hashlib.sha256((into / "model.safetensors").read_bytes()).hexdigest()
    assert [path.name for path in into.parent.iterdir()] == ["policy"]  # nothing is left beside it


def test_an_adapter_holds_what_was_trained_and_nothing_else(run: Path, base: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import Qwen2_5_VLForConditionalGeneration

    model, processor = tuned(base)
    about = export(run, tmp_path / "adapter", "adapter", load=lambda folder: (model, processor))
    assert about["kind"] == "adapter"
    names = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert {"weights.safetensors", "adapter_model.safetensors", "adapter_config.json", "geosleuth.json", "README.md"} <= names
    assert "model.safetensors" not in names
    fresh, _ = tuned(base)
    with torch.no_grad():
        for parameter in fresh.parameters():
            if parameter.requires_grad:
                parameter.zero_()
    load_weights(fresh, tmp_path / "adapter")
    assert torch.equal(logits(fresh), logits(model))
    stock: Any = PeftModel.from_pretrained(Qwen2_5_VLForConditionalGeneration.from_pretrained(base), str(tmp_path / "adapter"))
    assert torch.allclose(logits(stock.eval()), logits(model), atol=1e-6)  # no picture: the projector has no part


def test_the_embedded_model_is_exported_in_its_own_forms(run: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    from models.vision_language.adapter import load_adapter, make_trainable, merged

    model, processor = tiny_embedded()
    trained = make_trainable(model, 2, 4)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    before = logits(trained.eval())
    export(run, tmp_path / "adapter", "adapter", load=lambda folder: (trained, processor))
    names = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert names == {"adapter.safetensors", "adapter.json", "geosleuth.json", "export.json", "README.md"}
    assert torch.allclose(logits(merged(load_adapter(tiny_embedded()[0], tmp_path / "adapter"))), before, atol=0.05)  # bfloat16
    export(run, tmp_path / "whole", load=lambda folder: (trained, processor))
    again = AutoModelForImageTextToText.from_pretrained(tmp_path / "whole", dtype=torch.float32).eval()
    assert torch.allclose(logits(again), before, atol=1e-4)
    assert load_processor(str(tmp_path / "whole")).tokenizer.encode("<tool_call>") == processor.tokenizer.encode("<tool_call>")


def test_a_run_that_trained_all_weights_has_no_adapter(tmp_path: Path, base: Path) -> None:
    run = begin(changed(load_settings("tiny-cpu"), [f"run.out={tmp_path / 'run'}"]), "sft")
    with pytest.raises(ExportError, match="there is no adapter"):
        export(run, tmp_path / "x", "adapter", load=lambda folder: (SimpleNamespace(), None))
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_no_export_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(ExportError, match="no earlier export"):
        export(run, tmp_path / "photos", load=lambda folder: pytest.fail("nothing is loaded"))
    with pytest.raises(RunRecordError, match="no training run"):
        export(tmp_path, tmp_path / "y", load=lambda folder: pytest.fail("nothing is loaded"))
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"x"


class Broken:
    """A model whose files are never written, or in a form that runs code."""

    generation_config = None
    processor = SimpleNamespace(save_pretrained=lambda folder: None, chat_template="t")

    def __init__(self, file: str) -> None:
        self.file = file

    def eval(self) -> Broken:
        return self

    def save_pretrained(self, folder: str) -> None:
        if not self.file:
            raise OSError(28, "No space left on device")
        (Path(folder) / self.file).write_bytes(b"x")


def test_an_export_is_whole_or_not_there_and_never_pickled(run: Path, tmp_path: Path) -> None:
    into = tmp_path / "policy"
    export(run, into, load=lambda folder: (Broken("model.safetensors"), Broken.processor))
    assert (into / "chat_template.jinja").read_text() == "t"
    with pytest.raises(OSError, match="No space"):
        export(run, into, load=lambda folder: (Broken(""), Broken.processor))
    with pytest.raises(ExportError, match="runs code when it is read"):
        export(run, into, load=lambda folder: (Broken("pytorch_model.bin"), Broken.processor))
    with pytest.raises(ExportError, match="no chat template"):
        export(run, into, load=lambda folder: (Broken("a.safetensors"), SimpleNamespace(save_pretrained=lambda folder: None)))
    assert {path.name for path in into.iterdir()} == {
        "model.safetensors",
        "chat_template.jinja",
        "geosleuth.json",
        "export.json",
        "README.md",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy", "run"]


# -- the hub


class Hub:
    """Keeps what it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.error = error

    def create_repo(self, repo: str, **more: Any) -> None:
        self.told.append((repo, more))
        if self.error:
            raise self.error

    def upload_folder(self, **more: Any) -> Any:
        self.told.append(("upload", more))
        return SimpleNamespace(repo_url="https://huggingface.co/me/policy")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    (tmp_path / "export.json").write_text("{}")
    return tmp_path


def test_an_export_goes_to_a_private_repository(exported: Path) -> None:
    hub = Hub()
    assert push(exported, "me/policy", hub=hub) == "https://huggingface.co/me/policy"
    assert hub.told[0] == ("me/policy", {"repo_type": "model", "private": True, "exist_ok": True})
    assert hub.told[1][1]["folder_path"] == str(exported)
    assert hub.told[1][1]["repo_id"] == "me/policy"


def test_only_an_export_is_uploaded(tmp_path: Path) -> None:
    hub = Hub()
    with pytest.raises(ExportError, match="is no export"):
        push(tmp_path, "me/policy", hub=hub)
    assert hub.told == []


def test_what_the_hub_refuses_is_one_line(exported: Path) -> None:
    from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    for error, words in (
        (LocalTokenNotFoundError("no token"), "hf auth login"),
        (OfflineModeIsEnabled("offline"), "HF_HUB_OFFLINE is set"),
        (HFValidationError("bad"), "OWNER/NAME"),
        (httpx.ConnectError("no route"), "cannot be reached"),
        (ConnectionResetError("gone"), "cannot be reached"),
    ):
        with pytest.raises(ExportError, match=words) as told:
            push(exported, "me/policy", hub=Hub(error))
        assert "\n" not in str(told.value)


class _Refuses(BaseHTTPRequestHandler):
    status = 401

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"error": f"{self.headers.get('Authorization')} is not known"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Refuses)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not know this token"), (403, "may not write there"), (500, "it answered 500")]
)
def test_a_server_that_refuses_gets_no_token_told(
    exported: Path, endpoint: str, status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import HfApi, constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(_Refuses, "status", status)
    with pytest.raises(ExportError, match=words) as told:
        push(exported, "me/policy", hub=HfApi(endpoint=endpoint, token="hf_secretsecretsecret"))
    assert "secret" not in str(told.value)
