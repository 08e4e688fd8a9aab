"""A language model as a judge of answers in words: optional, never the default, always beside the exact metric.

It is asked about the final answer alone, which is quoted as data. A reply counts only when it is one JSON object of three booleans in which
a right city implies the region and a right region the country. What fails after the retries has no verdict and is counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, StrictBool, model_validator

import prompts
from evals.record import Truth
from evals.row import LEVELS, Verdicts
from evals.strict_reply import read_object, strict_reply
from geo.gazetteer import gazetteer
from tools.quote import quoted

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MAX_ANSWER = 2000


class JudgeError(ValueError):
    """A judge that cannot be used; one line."""


class LevelVerdicts(BaseModel):
    """The reply that counts."""

    model_config = ConfigDict(extra="forbid")

    country: StrictBool
    region: StrictBool
    city: StrictBool

    @model_validator(mode="after")
    def _upward(self) -> LevelVerdicts:
        if (self.city and not self.region) or (self.region and not self.country):
            raise ValueError("a right city implies the region, and a right region the country")
        return self


class LevelJudge:
    """Asks a chat model for verdicts, one answer at a time."""

    def __init__(self, model: BaseChatModel, name: str, *, retries: int = 2, timeout_s: float = 60.0) -> None:
        """`name` pins the model as its server calls it. Raises JudgeError for a model that is set to a temperature above 0."""
        temperature = getattr(model, "temperature", None)
        if temperature:
            raise JudgeError(f"a judge answers at temperature 0, but {name} is set to {temperature}")
        if not name.strip():
            raise JudgeError("a judge needs the exact name of its model")
        self.model, self.name, self.temperature, self.retries, self.timeout_s = model, name, temperature, retries, timeout_s
        self.failures: Counter[str] = Counter()
        """Why answers got no verdict."""

    def settings(self) -> dict[str, Any]:
        """What the verdicts depend on, to be recorded with them. `temperature` is None where the model has no such setting."""
        return {"model": self.name, "temperature": self.temperature, "prompt": prompts.digest("judge"), "retries": self.retries,
                "timeout_s": self.timeout_s}  # fmt: skip

    async def verdicts(self, truth: Truth, answer: str) -> Verdicts | None:
        """Verdicts on one final answer, None at levels where the truth says nothing; None altogether when the judge failed.

        An empty answer is wrong and is not sent.
        """
        names = names_of(truth)
        if not answer.strip():
            return {level: False if names[level] else None for level in LEVELS}
        found = await self._ask(names, answer)
        if found is None:
            return None
        return {level: getattr(found, level) if names[level] else None for level in LEVELS}

    async def _ask(self, names: dict[str, str], answer: str) -> LevelVerdicts | None:
        slots = {level: quoted(names[level], 200) if names[level] else "not given" for level in LEVELS}
        prompt = prompts.fill("judge", answer=quoted(answer, MAX_ANSWER), **slots)
        found, why = await strict_reply(self.model, prompt, read_verdicts, retries=self.retries, timeout_s=self.timeout_s)
        if found is None:
            self.failures[why] += 1
        return found


def read_verdicts(reply: str) -> LevelVerdicts | str:
    """The verdicts in a reply, or one sentence that says what is wrong with it."""
    return read_object(reply, LevelVerdicts)


def judge_all(judge: LevelJudge, cases: Sequence[tuple[Truth, str]], *, workers: int = 4,
              told: Callable[[int, Verdicts | None], None] = lambda index, verdicts: None) -> list[Verdicts | None]:  # fmt: skip
    """Verdicts on (truth, final answer) in order, `workers` at a time; `told` hears of each as it comes. Not for use inside an event loop."""

    async def _all() -> list[Verdicts | None]:
        gate = asyncio.Semaphore(max(1, workers))

        async def _one(index: int, truth: Truth, answer: str) -> Verdicts | None:
            async with gate:
                verdicts = await judge.verdicts(truth, answer)
            told(index, verdicts)
            return verdicts

        return list(await asyncio.gather(*(_one(index, *case) for index, case in enumerate(cases))))

    return asyncio.run(_all())


def names_of(truth: Truth) -> dict[str, str]:
    """The truth in words, as the benchmark writes it or else as the gazetteer does; "" where it says nothing."""
    country = gazetteer().countries.get(truth.country or "")
    known = {"country": country.name if country else truth.country, "region": truth.region, "city": truth.city}
    return {level: str(truth.names.get(level) or known[level] or "") for level in LEVELS}


def agreement(judged: Sequence[Verdicts | None], exact: Sequence[Verdicts]) -> dict[str, Any]:
    """How far a judge and the exact metric agree: `count`, `failures`, and for each level `count`, `equal` (a share) and `kappa`.

    Cohen's kappa (1960) is (p - e) / (1 - e), p the share of equal verdicts and e the one expected by chance; None where e is 1 or nothing was
    judged. Failures are left out of the shares. Raises ValueError when the two are not of one length.
    """
    if len(judged) != len(exact):
        raise ValueError(f"{len(judged)} judgements, but {len(exact)} verdicts to compare them with")
    pairs = [(one, other) for one, other in zip(judged, exact, strict=True) if one is not None]
    levels = {level: _of_level([(one.get(level), other.get(level)) for one, other in pairs]) for level in LEVELS}
    return {"count": len(judged), "failures": len(judged) - len(pairs), "levels": levels}


def _of_level(pairs: Sequence[tuple[bool | None, bool | None]]) -> dict[str, Any]:
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    n = len(both)
    if not n:
        return {"count": 0, "equal": None, "kappa": None}
    equal = sum(a == b for a, b in both) / n
    first, second = sum(a for a, _ in both) / n, sum(b for _, b in both) / n
    chance = first * second + (1 - first) * (1 - second)
    return {"count": n, "equal": equal, "kappa": (equal - chance) / (1 - chance) if chance < 1 else None}
