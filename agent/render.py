"""From the stored conversation to what a policy is sent. The only place where pictures are put into messages.

Stored messages name views (`{"type": "view", "view": "v2"}`) and hold no pixels. Providers differ on pictures in tool
messages, so by default the text of all tool results comes first and the pictures follow in one user message.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.chatml import SAMPLED

Block = dict[str, Any]
ShowView = Callable[[str], Block]
ImagesIn = Literal["user", "tool"]


def view_block(view: str) -> Block:
    """The stored form of a picture in a message."""
    return {"type": "view", "view": view}


def image_block(image: Image.Image) -> Block:
    """A picture in the portable form: a JPEG data URL."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=90)
    url = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": url}}


def to_chat(
    messages: Sequence[BaseMessage], show: ShowView, images_in: ImagesIn = "user", keep: int = 6, result_chars: int | None = None
) -> list[BaseMessage]:
    """The messages to send: the photo and the latest `keep` − 1 views as pictures, older ones as a word.

    With `images_in="user"` pictures of tool results come after the whole block of results, in one user message. Results longer than
    `result_chars` lose their middle.
    """
    shown = _shown(messages, keep)
    chat: list[BaseMessage] = []
    waiting: list[Block] = []
    for row, message in enumerate(messages):
        if waiting and not isinstance(message, ToolMessage):
            chat.append(HumanMessage(content=list(waiting)))
            waiting = []
        blocks: list[Any] = []
        for column, block in enumerate(_blocks(message)):
            if not _is_view(block):
                blocks.append(_shortened(block, result_chars) if isinstance(message, ToolMessage) else block)
            elif (row, column) not in shown:
                blocks.append({"type": "text", "text": f"(view {block['view']} is no longer shown)"})
            elif isinstance(message, ToolMessage) and images_in == "user":
                waiting += [{"type": "text", "text": f"view {block['view']}:"}, show(block["view"])]
            else:
                blocks.append(show(block["view"]))
        chat.append(message.model_copy(update={"content": _plain(blocks, message), "artifact": None} if isinstance(message, ToolMessage)
                                       else {"content": _plain(blocks, message)}))  # fmt: skip
    if waiting:
        chat.append(HumanMessage(content=list(waiting)))
    return chat


def _shown(messages: Sequence[BaseMessage], keep: int) -> set[tuple[int, int]]:
    places = [(r, c) for r, m in enumerate(messages) for c, b in enumerate(_blocks(m)) if _is_view(b)]
    return set(places[:1]) | set(places[1:][-(keep - 1) :] if keep > 1 else ())


def _blocks(message: BaseMessage) -> list[Any]:
    return message.content if isinstance(message.content, list) else [message.content] if message.content else []


def _is_view(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "view"


def _shortened(block: Any, limit: int | None) -> Any:
    """A block of text without its middle: what was found stands at the beginning, what it means at the end."""
    text = block if isinstance(block, str) else block.get("text", "")
    if limit is None or len(text) <= limit:
        return block
    end = max(limit // 3, len(text) - text.rfind("\n"))
    short = text[: max(limit - end, 0)].rstrip() + "\n…" + text[-end:]
    return short if isinstance(block, str) else {**block, "text": short}


def _plain(blocks: list[Any], message: BaseMessage) -> Any:
    """Text alone is sent as a string, which every server accepts."""
    if not isinstance(message.content, list):
        return "".join(blocks)
    if all(isinstance(b, dict) and b.get("type") == "text" for b in blocks):
        return "\n".join(b["text"] for b in blocks)
    return blocks


# -- the stored form in trajectories

_ROLES = {"system": SystemMessage, "user": HumanMessage}


def message_to_json(message: BaseMessage) -> dict[str, Any]:
    """A message as plain data, for the trajectory."""
    data: dict[str, Any] = {
        "role": {"human": "user", "ai": "assistant"}.get(message.type, message.type),
        "content": message.content,
    }
    if isinstance(message, AIMessage):
        data["tool_calls"] = [{"id": c["id"], "name": c["name"], "args": c["args"]} for c in message.tool_calls]
        if message.usage_metadata:
            data["usage"] = {key: message.usage_metadata[key] for key in ("input_tokens", "output_tokens")}
        if sampled := message.response_metadata.get(SAMPLED):
            data[SAMPLED] = sampled
    if isinstance(message, ToolMessage):
        data["tool_call_id"], data["name"] = message.tool_call_id, message.name
    return data


def message_from_json(data: Mapping[str, Any]) -> AnyMessage:
    """The inverse of `message_to_json`. Raises ValueError for an unknown role."""
    role, content = data["role"], data["content"]
    if role == "assistant":
        metadata = {SAMPLED: data[SAMPLED]} if SAMPLED in data else {}
        calls = [{**c, "type": "tool_call"} for c in data.get("tool_calls", [])]
        return AIMessage(content=content, tool_calls=calls, response_metadata=metadata)
    if role == "tool":
        return ToolMessage(content=content, tool_call_id=data["tool_call_id"], name=data.get("name"))
    if role in _ROLES:
        message: AnyMessage = _ROLES[role](content=content)
        return message
    raise ValueError(f"no message has the role {role!r}")
