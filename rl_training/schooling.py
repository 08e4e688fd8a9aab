"""What the tiny policy learns before any task: to read the protocol and to copy from it, on made-up conversations.

    python -m rl_training.schooling FOLDER

Large language models bring this with them. The conversations have the form of real ones; names are syllables, and which line is asked about
is drawn: nothing in them says what is worth looking at. Only what can be known from what stands before has a part in the loss.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rl_training.episode import Episode

STEPS, BATCH = 800, 16
LEARNING_RATE, WARMUP = 3e-3, 40
MOST_LINES = 9
"""In the photo of a made-up conversation."""
_SYLLABLES = (
    "ba",
    "de",
    "fi",
    "go",
    "hu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "ra",
    "se",
    "ti",
    "vo",
    "wa",
    "zu",
    "an",
    "el",
    "in",
    "or",
    "un",
    "st",
)
_KINDS = {"find_place": ("\n{}. “",), "zoom": ("region {}", ", {}.")}
"""How the numbers that a call may ask for stand in the text."""
_MOST_NUMBER = 40
_KNOWN, _DRAWN = True, False

Piece = tuple[str, bool]
"""Text, and whether it can be known from what stands before."""


def conversation(rng: random.Random, most: int = MOST_LINES) -> Iterator[Piece]:
    """One made-up investigation, with at most `most` lines in the photo."""
    yield "<|im_start|>assistant\n", _DRAWN
    yield from _calls(('{"name": "read_text", "arguments": {}}',))
    lines = {number: _name(rng) for number in range(1, rng.randint(2, most) + 1)}
    unread = list(range(len(lines) + 1, len(lines) + 1 + rng.randint(1, min(4, most))))
    yield "\n<tool_response>\nRead ", _KNOWN
    yield str(len(lines)), _DRAWN
    yield f" line{'s' * (len(lines) != 1)} in photo:", _KNOWN
    yield from _listed(lines)
    yield f"\nSomething like writing that cannot be read: region {unread[0]}", _KNOWN
    yield (
        "".join(f", {number}" for number in unread[1:])
        + ". Zoom in to look.\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
        _DRAWN,
    )
    looks = rng.randint(1, 3)
    yield from _calls(tuple(f'{{"name": "zoom", "arguments": {{"region": {_one_of(unread, rng)}}}}}' for _ in range(looks)))
    for view in range(1, looks + 1):
        yield f"\n<tool_response>\nV{view} shows pixels ", _KNOWN
        yield f"{rng.randrange(10, 99)}–{rng.randrange(10, 99)} × {rng.randrange(10, 99)}–{rng.randrange(10, 99)}", _DRAWN
        yield " of the photo (320×240).\n</tool_response>", _KNOWN
    yield "<|im_end|>\n<|im_start|>assistant\n", _KNOWN
    yield from _calls(('{"name": "read_text", "arguments": {"view": "v1"}}',))
    new = {number: _name(rng) for number in range(unread[-1] + 1, unread[-1] + 1 + rng.randint(1, min(3, most)))}
    yield "\n<tool_response>\nRead ", _KNOWN
    yield f"{len(new)} line{'s' * (len(new) != 1)}", _DRAWN
    yield " in v1:", _KNOWN
    yield from _listed(new)
    yield "\n</tool_response><|im_end|>\n<|im_start|>assistant\n", _KNOWN
    lines |= new
    asked = [_one_of(sorted(lines), rng) for _ in range(rng.randint(1, 4))]
    yield from _calls(tuple(f'{{"name": "find_place", "arguments": {{"region": {number}}}}}' for number in asked))
    for number in asked:
        yield f"\n<tool_response>\nfind_place “{lines[number]}”, from the offline gazetteer: ", _KNOWN
        yield "no place of that name.\n</tool_response>", _DRAWN
    yield "<|im_end|>\n<|im_start|>assistant\n", _KNOWN
    yield from _calls(('{"name": "answer", "arguments": {}}',))


def _calls(calls: tuple[str, ...]) -> Iterator[Piece]:
    yield "\n".join(f"<tool_call>\n{call}\n</tool_call>" for call in calls) + "<|im_end|>", _KNOWN
    yield "\n<|im_start|>user", _KNOWN


def _listed(lines: dict[int, str]) -> Iterator[Piece]:
    for number, name in lines.items():
        yield f"\n{number}. “", _KNOWN
        yield name, _DRAWN
        yield "” (0.99)", _KNOWN


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 2))).capitalize()


def _one_of(numbers: list[int], rng: random.Random) -> int:
    """The first, the newest, or any."""
    return rng.choice((numbers[0], numbers[-1], rng.choice(numbers)))


def row(rng: random.Random, tokenizer: Any, most: int = MOST_LINES) -> Episode:
    """A conversation as tokens, those marked that can be known."""
    pieces = list(conversation(rng, most))
    text = "".join(piece for piece, _ in pieces)
    known = [mark for piece, mark in pieces for _ in piece]
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    mask = [int(number > 0 and all(known[start:end])) for number, (start, end) in enumerate(read["offset_mapping"])]
    return Episode("schooling", list(read["input_ids"]), mask, [0.0] * len(mask), [], "answered")


def begin_with_copying(model: Any, tokenizer: Any) -> None:
    """Weights from which copying is learnt in hundreds of steps, where random ones take thousands.

    Attention begins with keys like queries and outputs that undo values, so that tokens look at what is like them and carry it along
    (mimetic initialisation, arXiv 2305.09828). The vector of a token with the number of a line or region is that of its kind plus that of
    the number; the vector of what stands where a call asks for a number is that of the kinds it may ask for.
    """
    import torch

    with torch.no_grad():
        for layer in model.model.language_model.layers:
            attention = layer.self_attn
            torch.nn.init.orthogonal_(attention.q_proj.weight)
            torch.nn.init.orthogonal_(attention.v_proj.weight)
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.o_proj.weight.copy_(attention.v_proj.weight.T)
        vectors = model.get_input_embeddings().weight
        scale = float(vectors.std())
        for call, forms in _KINDS.items():
            asks = _first(tokenizer, f'\n{{"name": "{call}", "arguments": {{"region": ')
            vectors[asks] = 0.0
            for form in forms:
                kind = torch.randn_like(vectors[0]) * scale
                vectors[asks] += kind
                for number in range(_MOST_NUMBER):
                    vectors[_first(tokenizer, form.format(number))] = kind + vectors[_first(tokenizer, str(number))]


def _first(tokenizer: Any, text: str) -> int:
    """The first token of a text."""
    return int(tokenizer.encode(text, add_special_tokens=False)[0])


def school(model: Any, processor: Any, steps: int, batch: int, told: Callable[[int, float], None], seed: int = 0) -> None:
    """Train a model in place, on short conversations first; `told` gets the step and its loss, nats a token."""
    import torch

    from rl_training.batch import to_batch
    from rl_training.config import OptimiserSettings
    from rl_training.losses import score, sft_loss
    from rl_training.schedule import learning_rate

    optimiser = OptimiserSettings(learning_rate=LEARNING_RATE, warmup_steps=min(WARMUP, steps), schedule="cosine")
    adam = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    rng = random.Random(seed)  # noqa: S311
    model.train()
    for step in range(steps):
        most = 2 + min(MOST_LINES - 2, 2 * (MOST_LINES - 2) * step // steps)
        rows = [row(rng, processor.tokenizer, most) for _ in range(batch)]
        for group in adam.param_groups:
            group["lr"] = learning_rate(optimiser, step, steps)
        loss = sft_loss(score(model, to_batch(rows, processor)).logp_N, sum(one.written for one in rows))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        told(step, float(loss.detach()))
    model.eval()


def main() -> None:
    """School a new model and write its weights, as half-precision numbers, and its vocabulary."""
    import torch
    from safetensors.torch import save_file

    from rl_training.tiny import TOKENIZER, WEIGHTS, unschooled
    from rl_training.tiny_vocabulary import vocabulary

    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    made = vocabulary()
    model, processor = unschooled(made)
    begin_with_copying(model, processor.tokenizer)
    school(model, processor, STEPS, BATCH, _tell)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: weight.half().contiguous() for name, weight in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, str(folder / WEIGHTS))
    made.save(str(folder / TOKENIZER), pretty=False)


def _tell(step: int, loss: float) -> None:
    if step % 20 == 0:
        sys.stdout.write(f"step {step}, loss {loss:.4f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
