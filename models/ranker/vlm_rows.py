"""Pairs of a photo and a candidate as inputs of a vision-language model: each its own sequence, so that no candidate can touch another's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.geolocator import ModelError
from models.ranker.candidates import Candidate
from models.ranker.pictures import fitted
from models.ranker.scorer import Seen
from models.ranker.vlm_words import Turn, control_tokens, turns

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Pair:
    """What the model is shown of one candidate."""

    photo: Image.Image
    candidate: Image.Image | None
    turn: Turn

    @property
    def pictures(self) -> list[Image.Image]:
        return [self.photo] if self.candidate is None else [self.photo, self.candidate]


class Rows:
    """Makes inputs with one processor."""

    def __init__(self, processor: Any, max_pixels: int, negatives: int) -> None:
        """Raises ModelError for a processor that has no chat template."""
        self.processor, self.max_pixels, self.negatives = processor, max_pixels, negatives
        self.control = control_tokens(processor.tokenizer)
        if not (getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)):
            raise ModelError("the base has no chat template: take a model that was trained to follow instructions")
        if processor.tokenizer.pad_token is None:
            processor.tokenizer.pad_token = processor.tokenizer.eos_token
        self._expected: dict[tuple[bool, str], list[int]] = {}

    def pairs(self, candidates: Sequence[Candidate], seen: Seen | None, rows: Sequence[int] | None = None) -> list[Pair]:
        """One for each of `rows` of the candidates (all, where none are named), in their order; `seen` has one entry a row.

        Raises ModelError where there is no photo, or not one entry for each row.
        """
        if seen is None or seen.photo is None:
            raise ModelError("a ranker that looks needs the photo")
        rows = range(len(candidates)) if rows is None else rows
        for given in (seen.candidate_photos, seen.places):
            if given and len(given) != len(rows):
                raise ModelError("photos or names of candidates are not as many as the candidates")
        photo = fitted(seen.photo, self.max_pixels)
        pictures = [picture and fitted(picture, self.max_pixels) for picture in seen.candidate_photos or [None] * len(rows)]
        said = turns(candidates, rows, seen.places, self.negatives, self.control)
        return [Pair(photo, picture, turn) for picture, turn in zip(pictures, said, strict=True)]

    def batch(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        """Tensors for one forward pass over the pairs. Raises ModelError where a text would have become more than text."""
        texts = [self._chat(pair.turn, pair.candidate is not None) for pair in pairs]
        inputs = dict(self.processor(text=texts, images=[pair.pictures for pair in pairs], padding=True, return_tensors="pt"))
        attended = inputs["attention_mask"].bool()
        for row, pair in enumerate(pairs):
            if self._marks(inputs["input_ids"][row][attended[row]].tolist()) != self._expected_marks(pair):
                raise ModelError("the name of a candidate would be read as a control token")
        return inputs

    def _chat(self, turn: Turn, pictured: bool) -> str:
        between = [{"type": "image"}] if pictured else []
        after = [{"type": "text", "text": turn.after}] if turn.after else []
        content = [{"type": "image"}, {"type": "text", "text": turn.before}, *between, *after]
        return str(
            self.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False)
        )

    def _expected_marks(self, pair: Pair) -> list[int]:
        """The control tokens of such a turn in which no text of the world stands."""
        key = pair.candidate is not None, pair.turn.after
        if key not in self._expected:
            self._expected.clear()  # the negative examples are another list's
            text = self._chat(Turn("How far?", pair.turn.after), key[0])
            inputs = self.processor(text=[text], images=[pair.pictures], return_tensors="pt")
            self._expected[key] = self._marks(inputs["input_ids"][0].tolist())
        return self._expected[key]

    def _marks(self, ids: Sequence[int]) -> list[int]:
        """The control tokens among the ids, runs of equal ones (the places of a picture) as one."""
        special = set(self.control.values())
        marks = [number for number in ids if number in special]
        return [number for row, number in enumerate(marks) if row == 0 or number != marks[row - 1]]
