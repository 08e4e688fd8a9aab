"""Exported policies behind `transformers serve`: what it sends the model is what the policy was trained on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.chatml import ChatML
from agent.policies.openai_compatible import chat_model
from agent.policies.policy_card import PolicyCard
from agent.render import image_block
from tests.models.vision_language.tiny_embedded import tiny_embedded
from tests.tiny_models import save_tiny_qwen_vl

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")

ROOT = Path(__file__).parents[2]
TOOLS = [
    {
        "type": "function",
        "function": {"name": "zoom", "description": "Looks closer.", "parameters": {"type": "object", "properties": {}}},
    }
]
CARD = PolicyCard("system_brief", "names", ("zoom",), max_pixels=5000)


def told() -> list[BaseMessage]:
    call = {"name": "zoom", "args": {"box": [0, 0, 0.5, 1]}, "id": "t1c1", "type": "tool_call"}
    return [
        SystemMessage("Find the place."),
        HumanMessage([image_block(Image.new("RGB", (90, 60), "red")), {"type": "text", "text": "Where “é”?"}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage("v1 shows the left half.\nbelief: <1 % Poland", tool_call_id="t1c1"),
        HumanMessage([{"type": "text", "text": "view v1:"}, image_block(Image.new("RGB", (50, 60), "blue"))]),
    ]


def exported(kind: str, into: Path) -> Path:
    """A folder as `geosleuth train export` writes it; replies of its model are short, since many tokens end them."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    from agent.policies.transformers_vl import load_processor

    if kind == "embedded":
        model, processor = tiny_embedded()
    else:
        base = save_tiny_qwen_vl(into.with_name("base"))
        model, processor = Qwen2_5_VLForConditionalGeneration.from_pretrained(base), load_processor(str(base))
    model.generation_config.eos_token_id = [processor.tokenizer.eos_token_id, *range(40, 250)]
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(str(into))
    processor.save_pretrained(str(into))
    (into / "chat_template.jinja").write_text(ChatML(processor, CARD.tools_as).template(), "utf-8")
    CARD.save(into)
    return into


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: exported(kind, tmp_path_factory.mktemp(kind) / "policy") for kind in ("qwen", "embedded")}


def prompt(folder: Path) -> list[int]:
    from agent.policies.transformers_vl import load_processor

    return ChatML(load_processor(str(folder)), CARD.tools_as).prompt(told(), TOOLS).ids


@pytest.mark.parametrize("kind", ["qwen", "embedded"])
def test_that_server_loads_what_is_exported(kind: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own parts, without the network around them."""
    folder = folders[kind]
    from transformers.cli.serving.model_manager import ModelManager
    from transformers.cli.serving.utils import BaseHandler, Modality, parse_assistant_message
    from transformers.models.auto.modeling_auto import MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES

    from rl_training.serve_with_transformers import prepare

    monkeypatch.setattr(ModelManager, "_load_processor", ModelManager._load_processor)
    monkeypatch.setitem(MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES, "geosleuth_vl", "EmbeddedVL")
    prepare()
    manager = ModelManager(device="cpu", dtype="float32")
    try:
        model, processor = manager.load_model_and_processor(f"{folder}@main")
        assert type(model).__name__ in {"EmbeddedVL", "Qwen2_5_VLForConditionalGeneration"}
        assert manager.get_model_modality(model, processor) == Modality.MULTIMODAL
        asked = [as_openai(message) for message in told()]
        messages = BaseHandler.get_processor_inputs_from_messages(asked, Modality.MULTIMODAL)
        inputs = processor.apply_chat_template(
            messages, add_generation_prompt=True, tools=TOOLS, return_tensors="pt", return_dict=True, tokenize=True
        )
        assert inputs["input_ids"][0].tolist() == prompt(folder)
        for words in ("Hm.", '<tool_call>\n{"name": "zoom"}\n</tool_call>', '<tool_call>\n{"name": "zo'):
            ids = processor.tokenizer.encode(f"{words}<|im_end|>", add_special_tokens=False)
            assert parse_assistant_message(processor, model, ids, inputs["input_ids"], words, TOOLS) == (words, None, None), (
                "as text"
            )
    finally:
        manager.shutdown()


def as_openai(message: BaseMessage) -> dict[str, Any]:
    from langchain_core.messages import convert_to_openai_messages

    data = convert_to_openai_messages(message)
    assert isinstance(data, dict)
    return data


@pytest.fixture(scope="module")
def server(folders: dict[str, Path]) -> Iterator[str]:
    from transformers.utils.import_utils import is_serve_available

    if not is_serve_available():
        pytest.skip("transformers serve lacks a package: pip install 'transformers[serving]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "rl_training.serve_with_transformers",
        str(folders["embedded"]),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if process.poll() is not None:
                pytest.fail(f"the server ended with status {process.returncode}")
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", timeout=1).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def test_it_answers_as_any_server_does(folders: dict[str, Path], server: str, tmp_path: Path) -> None:
    folder = folders["embedded"]
    reply: Any = chat_model(str(folder), server, "none", 0.0).bind_tools(TOOLS).invoke(told())
    assert reply.usage_metadata["input_tokens"] == len(prompt(folder)), "nothing was added or lost on the way"
    assert 0 < reply.usage_metadata["output_tokens"] < 1024
    Image.linear_gradient("L").resize((90, 60)).convert("RGB").save(tmp_path / "p.jpg")
    command = [sys.executable, "-m", "geosleuth", "locate", str(tmp_path / "p.jpg"), "--policy", f"openai:{folder}", "--base-url", server,
               "--offline", "--max-turns", "2", "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["stop"] in {"max_turns", "answered", "cannot_tell", "no_answer"}, done.stderr
    assert line["error"] is None
