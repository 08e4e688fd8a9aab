"""A language model as a judge of long answers: optional, beside the exact score, claim by claim."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, StrictBool

import prompts
from evals.judge import JudgeError
from evals.place_questions.question import Claim
from evals.place_questions.score import Marked
from evals.strict_reply import read_object, strict_reply
from tools.quote import quoted

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MAX_ANSWER = 2000
_NAMES = 6


class ClaimVerdicts(BaseModel):
    """The reply that counts."""

    model_config = ConfigDict(extra="forbid")

    claims: list[StrictBool]


class ClaimJudge:
    """Asks a chat model which claims an answer states."""

    def __init__(self, model: BaseChatModel, name: str, *, retries: int = 2, timeout_s: float = 60.0) -> None:
        """Raises JudgeError for a model that is set to a temperature above 0."""
        temperature = getattr(model, "temperature", None)
        if temperature:
            raise JudgeError(f"a judge answers at temperature 0, but {name} is set to {temperature}")
        self.model, self.name, self.retries, self.timeout_s = model, name, retries, timeout_s
        self.failures: Counter[str] = Counter()
        """Why answers got no verdict."""

    async def share(self, claims: Sequence[Claim], answer: str) -> float | None:
        """Share of the claims that the answer states; None where the judge failed. An empty answer states none and is not sent."""
        if not answer.strip():
            return 0.0
        lines = [
            f"{number}. {claim.what}: {' / '.join(quoted(name, 80) for name in claim.accepted[:_NAMES])}"
            for number, claim in enumerate(claims, 1)
        ]
        prompt = prompts.fill("judge_claims", claims="\n".join(lines), answer=quoted(answer, MAX_ANSWER))

        def read(reply: str) -> ClaimVerdicts | str:
            found = read_object(reply, ClaimVerdicts)
            if isinstance(found, ClaimVerdicts) and len(found.claims) != len(claims):
                return f"there are {len(claims)} claims, and {len(found.claims)} verdicts"
            return found

        verdicts, why = await strict_reply(self.model, prompt, read, retries=self.retries, timeout_s=self.timeout_s)
        if verdicts is None:
            self.failures[why] += 1
            return None
        return sum(verdicts.claims) / len(claims)


def judged(marked: Sequence[Marked], judge: ClaimJudge, workers: int = 4) -> dict[str, Any]:
    """What the judge says of the long answers: its mean, the exact mean on the same answers, how far they are apart, and its failures.

    Means are None where the judge gave no verdict at all. Not for use inside an event loop.
    """
    long = [one for one in marked if one.question.claims and not one.answer.error]

    async def ask() -> list[float | None]:
        gate = asyncio.Semaphore(max(1, workers))

        async def one(item: Marked) -> float | None:
            async with gate:
                return await judge.share(item.question.claims, item.answer.text)

        return list(await asyncio.gather(*(one(item) for item in long)))

    shares = asyncio.run(ask())
    pairs = [
        (share, item.verdict.score)
        for share, item in zip(shares, long, strict=True)
        if share is not None and item.verdict.score is not None
    ]
    mean = {"judge": None, "exact": None, "apart": None} if not pairs else {
        "judge": sum(a for a, _ in pairs) / len(pairs), "exact": sum(b for _, b in pairs) / len(pairs),
        "apart": sum(abs(a - b) for a, b in pairs) / len(pairs),
    }  # fmt: skip
    return {"model": judge.name, "prompt": prompts.digest("judge_claims"), "answers": len(long), "judged": len(pairs),
            "failures": dict(judge.failures), **mean}  # fmt: skip
