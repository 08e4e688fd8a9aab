from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from rl_training import checkpoints
from rl_training.checkpoints import CheckpointError
from rl_training.random_state import kept_random, random_state, set_random_state


def model(width: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Linear(width, 2))
    made[1].bias.requires_grad_(False)
    return made


def stepped(made: torch.nn.Module) -> torch.optim.AdamW:
    optimizer = torch.optim.AdamW(p for p in made.parameters() if p.requires_grad)
    made(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    return optimizer


def keep(out: Path, step: int, newest: int = 3) -> Path:
    made = model()
    return checkpoints.write(out, "sft", step, made, stepped(made), [random_state()], newest)


def test_everything_comes_back_exactly(tmp_path: Path) -> None:
    made = model()
    optimizer = stepped(made)
    folder = checkpoints.write(tmp_path, "sft", 12, made, optimizer, [random_state()], 3)
    assert sorted(f.name for f in folder.iterdir()) == ["optimizer.safetensors", "state.json", "weights.safetensors"]
    other = model()
    again = torch.optim.AdamW((p for p in other.parameters() if p.requires_grad), lr=0.5)
    state = checkpoints.read(folder, "sft", other, again)
    assert (state["step"], len(state["random"])) == (12, 1)
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), other.parameters(), strict=True))
    for mine, theirs in zip(optimizer.state.values(), again.state.values(), strict=True):
        assert mine.keys() == theirs.keys() == {"step", "exp_avg", "exp_avg_sq"}
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert again.param_groups[0]["lr"] == 0.5  # a setting, not state


def test_only_the_newest_are_kept_and_torn_ones_are_passed_over(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    for step in (2, 4, 6, 8):
        keep(tmp_path, step, newest=3)
    root = tmp_path / checkpoints.FOLDER
    assert sorted(f.name for f in root.iterdir()) == ["step-00000004", "step-00000006", "step-00000008"]
    (root / ".writing-x").mkdir()
    (root / "step-00000009").mkdir()
    (root / "step-00000008" / "weights.safetensors").write_bytes(b"half")
    assert checkpoints.newest(tmp_path) == root / "step-00000006"
    (root / "step-00000006" / "state.json").write_text("{", encoding="utf-8")
    assert checkpoints.newest(tmp_path) == root / "step-00000004"
    keep(tmp_path, 10)
    assert not (root / ".writing-x").exists()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    keep(tmp_path, 1)
    made = model()
    optimizer = stepped(made)
    with pytest.raises(TypeError):
        checkpoints.write(tmp_path, "sft", 2, made, optimizer, [{"torch": object()}], 3)
    assert [f.name for f in (tmp_path / checkpoints.FOLDER).iterdir()] == ["step-00000001"]


def test_another_run_or_model_is_told(tmp_path: Path) -> None:
    folder = keep(tmp_path, 1)
    made = model()
    optimizer = stepped(made)
    with pytest.raises(CheckpointError, match="a run of sft, not of grpo"):
        checkpoints.read(folder, "grpo", made, optimizer)
    with pytest.raises(CheckpointError, match=r"0.weight is \[3, 4\], the model has \[5, 4\]"):
        checkpoints.load_weights(model(5), folder)
    made[1].bias.requires_grad_(True)
    with pytest.raises(CheckpointError, match=r"other parameters than are trained here: 1.bias and 0 more"):
        checkpoints.load_weights(made, folder)
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**state, "version": 2}))
    with pytest.raises(CheckpointError, match="not a whole checkpoint of this version"):
        checkpoints.read_state(folder)
    (folder / "weights.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoints.load_weights(model(), folder)


def test_random_states_come_back_through_json() -> None:
    def draw() -> tuple[float, float, float, float]:
        return random.random(), float(np.random.rand()), float(np.random.standard_normal()), float(torch.rand(()))  # noqa: NPY002

    random.gauss()
    state = json.loads(json.dumps(random_state()))
    first = draw()
    set_random_state(state)
    assert draw() == first
    set_random_state(state)
    with kept_random():
        draw()
        torch.manual_seed(99)
    assert draw() == first
    with pytest.raises(ValueError, match="not the random state"):
        set_random_state({"python": [3, [1], None]})
