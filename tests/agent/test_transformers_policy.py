"""The in-process policy with a real, tiny, random Qwen2.5-VL: loading, pictures in any role, tools, the whole loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.render import image_block
from tests.tiny_models import save_tiny_qwen_vl

pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen_vl(tmp_path_factory.mktemp("qwen"))


def test_pictures_and_tools_go_through_the_chat_template(folder: Path) -> None:
    from agent.policies.transformers_vl import load

    model = load(str(folder), max_new_tokens=4)
    red = image_block(Image.new("RGB", (90, 60), "red"))
    call = {"name": "zoom", "args": {"box": [0, 0, 1, 1]}, "id": "c", "type": "tool_call"}
    messages = [
        SystemMessage("rules"),
        HumanMessage([red, {"type": "text", "text": "where?"}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage([{"type": "text", "text": "a crop"}, red], tool_call_id="c"),
    ]
    tools = [{"type": "function", "function": {"name": "zoom", "parameters": {}}}]
    text, images = model.prompt_text(messages, tools)
    assert len(images) == text.count("<|image_pad|>") == 2
    assert '"name": "zoom"' in text
    assert text.endswith("<|im_start|>assistant\n")
    reply = model.bind_tools(tools).invoke(messages)
    assert reply.usage_metadata is not None
    assert 0 < reply.usage_metadata["output_tokens"] <= 4


def test_pictures_from_elsewhere_are_refused() -> None:
    from agent.policies.transformers_vl import to_hf_chat

    for url in ("http://127.0.0.1/x.png", "file:///etc/passwd", "data:image/png;base64,@@@"):
        with pytest.raises(ValueError, match="picture"):
            to_hf_chat([HumanMessage([{"type": "image_url", "image_url": {"url": url}}])])


def test_the_loop_ends_with_a_reason_under_a_policy_that_babbles(folder: Path, tmp_path: Path) -> None:
    from agent.find_photos import find_photos
    from agent.limits import Limits
    from agent.locate import Settings, locate_sync
    from agent.policies import make_policy

    Image.linear_gradient("L").resize((80, 60)).save(tmp_path / "p.png")
    policy = make_policy(f"hf:{folder}")
    policy.model.max_new_tokens = 8  # type: ignore[attr-defined]
    (trajectory,) = locate_sync(
        list(find_photos([str(tmp_path / "p.png")])), policy, Settings(Limits(max_turns=3), out=tmp_path / "out")
    )
    assert trajectory["stop"] in {"no_answer", "max_turns", "cannot_tell", "answered"}
    assert Path(trajectory["trajectory"]).is_file()


def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    from agent.policies import PolicyError, make_policy

    with pytest.raises(PolicyError) as caught:
        make_policy(f"hf:{tmp_path}")
    assert "\n" not in str(caught.value)
