"""Models of a folder as policies: a real, tiny, random Qwen2.5-VL, an exported embedded model, one of another family, the whole loop."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.policies import Policy, PolicyError, make_policy
from agent.policies.in_process import InProcess
from agent.policies.policy_card import PolicyCard
from agent.render import image_block
from tests.tiny_models import save_tiny_qwen_vl

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

TOOLS = [{"type": "function", "function": {"name": "zoom", "parameters": {}}}]
CARD = PolicyCard("system_brief", "names", ("zoom",), "tool", "pixel", 700, 10_000, 5, belief_line=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen_vl(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A merged model of the embedded kind as an export is: everything in one folder."""
    from tests.models.vision_language.tiny_embedded import tiny_embedded

    into = tmp_path_factory.mktemp("embedded")
    model, processor = tiny_embedded()
    model.save_pretrained(str(into))
    processor.save_pretrained(str(into))
    CARD.save(into)
    return into


def conversation() -> list[BaseMessage]:
    red = image_block(Image.new("RGB", (90, 60), "red"))
    call = {"name": "zoom", "args": {"box": [0, 0, 1, 1]}, "id": "c", "type": "tool_call"}
    return [
        SystemMessage("rules"),
        HumanMessage([red, {"type": "text", "text": "where?"}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage([{"type": "text", "text": "a crop"}, red], tool_call_id="c"),
    ]


def asked(policy: Policy) -> AIMessage:
    reply: AIMessage = policy.model.bind_tools(TOOLS).invoke(conversation())
    assert reply.usage_metadata is not None
    return reply


def test_a_model_of_the_family_is_spoken_to_in_tokens(folder: Path) -> None:
    from agent.policies.transformers_vl import load

    policy = load("hf:tiny", str(folder), 0.7, "norm1000")
    assert isinstance(policy.model, InProcess)
    assert (policy.name, policy.box_space, policy.images_in, policy.same_tools) == ("hf:tiny", "norm1000", "tool", True)
    assert (policy.model.temperature, policy.model.chatml.tools_as, policy.model.max_new_tokens) == (0.7, "schemas", 1024)
    policy.model.max_new_tokens = 4
    reply = asked(policy)
    assert 0 < reply.usage_metadata["output_tokens"] <= 4  # type: ignore[index]
    assert reply.usage_metadata["input_tokens"] == len(policy.model.prompt(conversation(), TOOLS).ids)  # type: ignore[index]


def test_the_card_beside_the_weights_is_read(embedded: Path) -> None:
    policy = make_policy(f"hf:{embedded}")
    assert isinstance(policy.model, InProcess)
    assert replace(CARD.policy(policy.name, None), model=policy.model) == policy
    assert (policy.model.chatml.tools_as, policy.model.max_new_tokens) == ("names", 5)
    assert "Tools: zoom<|im_end|>" in policy.model.chatml.tokenizer.decode(policy.model.prompt(conversation(), TOOLS).ids)
    assert 0 < asked(policy).usage_metadata["output_tokens"] <= 5  # type: ignore[index]
    assert make_policy(f"hf:{embedded}", box_space="norm1000").box_space == "norm1000"


def test_a_processor_of_the_embedded_kind_is_known_without_its_model(embedded: Path) -> None:
    from agent.policies.transformers_vl import load_processor

    processor = load_processor(str(embedded))
    assert type(processor).__name__ == "EmbeddedProcessor"
    assert processor.tokenizer.padding_side == "left"
    assert processor.image_processor.size["longest_edge"] == 224 * 224


def test_other_families_go_through_their_own_template(folder: Path) -> None:
    """The same model without the mark that tells it from others."""
    from agent.policies.transformers_vl import TransformersVL, around, load, load_processor

    chat: Any = load("x", str(folder)).model
    model, processor = chat.sampler.model, load_processor(str(folder))
    image_processor, processor.image_processor = processor.image_processor, None
    policy = around("hf:other", model, processor, PolicyCard(max_new_tokens=4))
    processor.image_processor = image_processor
    assert isinstance(policy.model, TransformersVL)
    assert (policy.images_in, policy.at_once, policy.same_tools) == ("user", 1, False)
    text, images = policy.model.prompt_text(conversation(), TOOLS)
    assert len(images) == text.count("<|image_pad|>") == 2
    assert '"name": "zoom"' in text
    assert text.endswith("<|im_start|>assistant\n")
    assert 0 < asked(policy).usage_metadata["output_tokens"] <= 4  # type: ignore[index]


def test_pictures_from_elsewhere_are_refused() -> None:
    from agent.policies.transformers_vl import to_hf_chat

    for url in ("http://127.0.0.1/x.png", "file:///etc/passwd", "data:image/png;base64,@@@"):
        with pytest.raises(ValueError, match="picture"):
            to_hf_chat([HumanMessage([{"type": "image_url", "image_url": {"url": url}}])])


def test_the_loop_ends_with_a_reason_under_a_policy_that_babbles(folder: Path, tmp_path: Path) -> None:
    from agent.find_photos import find_photos
    from agent.limits import Limits
    from agent.locate import Settings, locate_sync

    Image.linear_gradient("L").resize((80, 60)).save(tmp_path / "p.png")
    policy = make_policy(f"hf:{folder}")
    policy.model.max_new_tokens = 8  # type: ignore[attr-defined]
    (trajectory,) = locate_sync(
        list(find_photos([str(tmp_path / "p.png")])), policy, Settings(Limits(max_turns=3), out=tmp_path / "out")
    )
    assert trajectory["stop"] in {"no_answer", "max_turns", "cannot_tell", "answered"}
    saved = json.loads(Path(trajectory["trajectory"]).read_text("utf-8"))
    assert all(m["sampled"]["ids"] for m in saved["messages"] if m["role"] == "assistant"), "what was sampled stays on record"


def broken(folder: Path, into: Path, file: str, content: bytes | None) -> Path:
    shutil.copytree(folder, into)
    if content is None:
        (into / file).unlink()
    else:
        (into / file).write_bytes(content)
    return into


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", None), ("config.json", b"{"), ("config.json", b'{"model_type": "poem"}'), ("model.safetensors", None),
     ("model.safetensors", b"\x00" * 40), ("tokenizer.json", b"{}"), ("geosleuth.json", b"[]"), ("geosleuth.json", b'{"prompt": "x"}')],
)  # fmt: skip
def test_a_folder_that_is_no_model_is_refused_in_one_line(folder: Path, tmp_path: Path, file: str, content: bytes | None) -> None:
    for source in (broken(folder, tmp_path / "m", file, content), tmp_path / "nowhere"):
        with pytest.raises(PolicyError, match=r"^cannot load hf:") as caught:
            make_policy(f"hf:{source}")
        assert "\n" not in str(caught.value)


def test_a_model_that_does_not_see_is_refused(folder: Path, tmp_path: Path, caplog: Any) -> None:
    into = broken(folder, tmp_path / "m", "preprocessor_config.json", None)
    with pytest.raises(PolicyError, match=r"^cannot load hf:"):
        make_policy(f"hf:{into}")
