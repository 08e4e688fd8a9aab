"""A language model asked for one JSON object and nothing else; what fails after the retries has no reply, and a reason."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from tools.quote import clean

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

Form = TypeVar("Form", bound=BaseModel)
MAX_REPLY = 2000


async def strict_reply(
    model: BaseChatModel, prompt: str, read: Callable[[str], Form | str], *, retries: int, timeout_s: float
) -> tuple[Form | None, str]:
    """What `read` makes of the reply, or None and why. A reply that it cannot use is sent back with what is wrong with it."""
    from langchain_core.messages import AIMessage, HumanMessage

    chat: list[BaseMessage] = [HumanMessage(prompt)]
    why = ""
    for _ in range(retries + 1):
        try:
            async with asyncio.timeout(timeout_s):
                reply = await model.ainvoke(chat)
        except Exception as error:  # any fault of a model or its server is a failure of the judge, never of the run
            why = "timeout" if isinstance(error, TimeoutError) else f"error: {type(error).__name__}"
            continue
        text = str(reply.text)
        found = read(text)
        if not isinstance(found, str):
            return found, ""
        why = "unreadable reply"
        chat += [
            AIMessage(text[:MAX_REPLY] or "(nothing)"),
            HumanMessage(f"That reply cannot be used: {found}. Reply with the JSON object alone."),
        ]
    return None, why


def read_object(reply: str, form: type[Form]) -> Form | str:
    """A reply that is one JSON object of this form and nothing else, or one sentence that says what is wrong.

    Reasoning in `<think>` and a code fence around the object are allowed; other text is not, since it may quote the answer.
    """
    text = re.sub(r"<think>.*?</think>", "", reply[: MAX_REPLY * 10], flags=re.S).strip()
    if fenced := re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, flags=re.S):
        text = fenced[1]
    try:
        return form.model_validate(json.loads(text, object_pairs_hook=_without_repeats))
    except ValidationError as error:
        first = error.errors()[0]
        return clean(": ".join([*map(str, first["loc"]), first["msg"]]), 200)
    except (ValueError, RecursionError):
        return "it is not one JSON object"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)
