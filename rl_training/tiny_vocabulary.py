"""The vocabulary of the tiny policy: byte pairs of what the agent's protocol says again and again, so that a call is five tokens and an
observation some dozens. Numbers below 100 are one token each, and so are the heads of lines (`\n7. “`), so that one look finds a number."""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

VOCABULARY = 1536
"""Tokens, the 256 bytes and the control tokens included."""
LONGEST_TOKEN = 64
"""Bytes. A sentence that is always the same is a few tokens."""
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
HERMES = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")

_APART = r"\n\d{1,2}\. “|region \d{1,2}|, \d{1,2}(?=[.,])|0\.\d\d|\d{1,2}"
"""Never part of a longer token: numbers, and the number of a line or region with what it is known by."""
_FIXED = (
    "\n", "user\n", "assistant\n", "system\n", "\n\nTools: zoom, read_text, find_place, answer",
    "Tools: read_text, find_place, zoom, answer", '\n{"name": "read_text", "arguments": {}}\n', '\n{"name": "answer", "arguments": {}}\n',
    "No text can be read in v1.", "What the text suggests:\n- the text is ", "- the text is English, which is written everywhere",
    ", from the offline gazetteer: no place of that name.", "belief: no evidence so far", "- the script is ",
    "This view exists already: v1 shows pixels ", " The box was too small and was grown to at least 16 pixels.",
    " is a number plate as in ", "” means street in ", " is the name of ", "a price in ", " belongs to ", "- plate “", "Line 7 (“", "”) holds no name; ",
    "give the line with the name.", "\n- ", "\n…", "” (0.99)\n", "Read 1 line in v1:\n", "Read 2 lines in v1:\n",
    "There is no region 7: no observation has proposed regions yet; give a box.", "Your last message held neither a tool call",
)  # fmt: skip
_MOST_LINES = 40
_REPEATED = 400
"""So often each fixed text stands in the corpus."""


def vocabulary() -> Any:
    """A `tokenizers.Tokenizer`, the same each time."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    # Words are not kept apart, so that what is always said in the same words becomes few tokens; numbers are.
    raw.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_APART), "isolated"),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])  # fmt: skip
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - len(CONTROL) - len(HERMES), show_progress=False, max_token_length=LONGEST_TOKEN,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    raw.train_from_iterator(corpus(), trainer)
    raw.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    raw.add_tokens([AddedToken(token, special=False, normalized=False) for token in HERMES])
    return raw


def corpus() -> Iterator[str]:
    """What the protocol says in its own words, with names of cities for training and numbers drawn by a fixed seed."""
    import prompts

    rules = prompts.fill("system_brief", max_turns="5", max_calls="6")
    asked = prompts.fill("photo", width="320", height="240", context="")
    last = prompts.fill("last_turn", reason="5 turns are used")
    for text in (rules, asked, last, *_FIXED):
        yield from itertools.repeat(text, _REPEATED)
    for number in range(100):
        yield from itertools.repeat(str(number), _REPEATED)
    for number in range(_MOST_LINES):
        yield from itertools.repeat(f"\n{number}. “region {number}, {number}.", _REPEATED)
    for country in dict.fromkeys(country for _, country in _cities()):
        for text in (country, f", {country}", f": {country}, "):
            yield from itertools.repeat(text, _REPEATED // 10)
    rng = random.Random(0)  # noqa: S311
    for name, country in _cities():
        yield from _said_of(name, country, rng)


def _said_of(name: str, country: str, rng: random.Random) -> Iterator[str]:
    """Calls and results about one city."""
    k, m, n = rng.randrange(1, 17), rng.randrange(1, 9), rng.randrange(10, 99)
    yield f'\n{{"name": "zoom", "arguments": {{"region": {k}, "contrast": true}}}}\n'
    yield f'\n{{"name": "read_text", "arguments": {{"view": "v{m}"}}}}\n'
    yield f'\n{{"name": "find_place", "arguments": {{"region": {k}}}}}\n'
    yield f"\nRead {m} lines in photo:\n{k}. “{name}” (0.99)\n{m}. “VISIT” (0.99)\n"
    yield f"Read 1 line in v{m}:\n{k}. “{name} {n}” (0.99)"
    yield f"Something like writing that cannot be read: region {k}, {m}. Zoom in to look.\nWhat the text suggests:\n- "
    yield f"V{m} shows pixels {n}–{n} × {n}–{n} of the photo (320×240), {n}×{n} at full resolution."
    yield f"find_place “{name}”, from the offline gazetteer: {m} candidates\n{m}. {name}, {country}: {n}.{n}, {n}.{n}; population {n},{n}; exact"
    yield f"\nevidence: “{name}” is {name} ({country[:2].upper()}), {n} km away by road\nbelief: {n} % {name}, {country}, <1 % "
    yield f"; 90 % within {n} km of {name}, {country}"


@cache
def _cities() -> list[tuple[str, str]]:
    """Names in Latin letters of places that scenes for training may stand in, and their countries."""
    from evals.splits import split_of_city
    from geo.gazetteer import gazetteer

    path = resources.files("evals.practice") / "places.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    rows = [row for row in rows if int(row["population"]) >= 50_000 and split_of_city(int(row["id"])) == "train"]
    return [(row["name"], gazetteer().countries[row["country"]].name) for row in rows]
