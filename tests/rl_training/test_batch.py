from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from rl_training.batch import NO_LABEL, BatchError, check_pictures, image_token_id, model_inputs, to_batch
from rl_training.losses import score
from tests.rl_training import made


def test_rows_are_padded_on_the_left_and_keep_their_tokens() -> None:
    rows = [made.episode(1, turns=3), made.episode(2, pictures=0, turns=1), made.episode(3, pictures=1)]
    batch = to_batch(rows, made.processor())
    pad = made.processor().tokenizer.pad_token_id
    length = max(len(row.ids) for row in rows)
    for i, row in enumerate(rows):
        empty = length - len(row.ids)
        assert batch["input_ids"][i].tolist() == [pad] * empty + row.ids
        assert batch["attention_mask"][i].tolist() == [0] * empty + [1] * len(row.ids)
        assert batch["loss_mask"][i].tolist() == [False] * empty + [bool(m) for m in row.mask]
        wanted = [NO_LABEL] * empty + [t if m else NO_LABEL for t, m in zip(row.ids, row.mask, strict=True)]
        assert batch["labels"][i].tolist() == wanted
    kinds = batch["mm_token_type_ids"]
    assert torch.equal(kinds == 1, batch["input_ids"] == image_token_id(made.processor()))
    assert int(batch["image_grid_thw"].prod(dim=1).sum()) == batch["pixel_values"].shape[0] == int(kinds.sum()) * 4
    assert set(model_inputs(batch)) == {"input_ids", "attention_mask", "mm_token_type_ids", "pixel_values", "image_grid_thw"}


def test_a_batch_without_pictures_has_no_pixels_and_the_model_reads_it() -> None:
    batch = to_batch([made.episode(1, pictures=0), made.episode(2, pictures=0)], made.processor())
    assert set(model_inputs(batch)) == {"input_ids", "attention_mask"}
    assert score(made.model(), batch).logp_N.shape == (20,)


@pytest.mark.parametrize("change", ["fewer tokens", "a picture too many", "none at all"])
def test_pictures_that_do_not_fit_their_tokens_name_the_row(change: str) -> None:
    good, bad = made.episode(1), made.episode(2)
    if change == "fewer tokens":
        at = bad.ids.index(image_token_id(made.processor()))
        bad = dataclasses.replace(
            bad, **{name: getattr(bad, name)[:at] + getattr(bad, name)[at + 1 :] for name in ("ids", "mask", "logp")}
        )
    else:
        more = [*bad.images, made.picture(np.random.default_rng(0))] if change == "a picture too many" else []
        bad = dataclasses.replace(bad, images=more)
    with pytest.raises(BatchError, match=r"row 1 \(t2\): \d+ image tokens, but its \d pictures make \d+"):
        to_batch([good, bad], made.processor())
    with pytest.raises(BatchError, match=r"row 1 \(t2\)"):
        check_pictures([good, bad], made.processor())
    check_pictures([good, good], made.processor())


@pytest.mark.parametrize(
    ("change", "words"),
    [({"mask": [0]}, "one length"), ({"ids": [], "mask": [], "logp": []}, "one length"), ({"mask": "first"}, "first token")],
)
def test_rows_that_make_no_sense_are_named(change: dict[str, object], words: str) -> None:
    row = made.episode(5)
    changed = {"mask": [1, *row.mask[1:]]} if change["mask"] == "first" else change
    with pytest.raises(BatchError, match=rf"row 0 \(t5\).*{words}"):
        to_batch([dataclasses.replace(row, **changed)], made.processor())
    with pytest.raises(BatchError, match="at least one row"):
        to_batch([], made.processor())


def test_positions_in_a_batch_are_those_of_each_row_alone_beside_a_neighbour_that_was_cut() -> None:
    """M-RoPE takes the pictures of a batch in order: hiding a cut neighbour's image tokens would shift everybody's."""
    cut = dataclasses.replace(made.episode(2, turns=3), end="no_eos")
    rows, model = [made.episode(1, turns=3), cut, made.episode(3, pictures=1), made.episode(4)], made.model()
    batch = to_batch(rows, made.processor())
    keys = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
    together, _ = model.model.get_rope_index(**{key: batch[key] for key in keys})
    for i, row in enumerate(rows):
        one = to_batch([row], made.processor())
        alone, _ = model.model.get_rope_index(**{key: one[key] for key in keys})
        assert torch.equal(together[:, i, -len(row.ids) :], alone[:, 0])
    hidden = batch["attention_mask"].clone()
    hidden[1, -(len(cut.ids) - cut.prompt_length) :] = 0  # as TRL's mask_truncated_completions does
    try:
        shifted, _ = model.model.get_rope_index(**{**{key: batch[key] for key in keys}, "attention_mask": hidden})
    except RuntimeError:  # where the shapes of the wrong picture do not even fit
        return
    assert not torch.equal(shifted[:, 2:], together[:, 2:])


def test_log_probabilities_of_sampling_are_those_computed_anew() -> None:
    """Three turns, two pictures, rows of different lengths: sampled with a cache, scored in one left-padded batch."""
    model, processor = made.model().eval(), made.processor()
    torch.manual_seed(0)
    rows = [made.sampled(model, seed, turns=3, pictures=2, temperature=0.7) for seed in range(3)]
    assert len({len(row.ids) for row in rows}) > 1
    with torch.no_grad():
        found = score(model, to_batch(rows, processor), temperature=0.7)
    assert found.logp_N.numel() == sum(row.written for row in rows)
    assert float((found.logp_N - found.sampled_N).abs().max()) < 1e-5
