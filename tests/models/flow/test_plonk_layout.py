from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.flow.network import network
from models.flow.plonk_layout import load_plonk, plonk_arrays
from models.flow.settings import FlowSettings
from models.flow.sphere_flow import SphereFlow
from models.flow.tangent import uniform_points
from models.geolocator import ModelError

DIM, DEPTH, CONDITION = 32, 2, 12


def published(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A state dict as `diff-plonk` 0.4 gives it, names and shapes written out."""
    d = DIM
    shapes: dict[str, tuple[int, ...]] = {
        "time_embedder.encode_time.freqs": (d // 8,),
        "time_embedder.map_time.0.weight": (d, d // 4), "time_embedder.map_time.0.bias": (d,),
        "time_embedder.map_time.2.weight": (d, d), "time_embedder.map_time.2.bias": (d,),
        "cond_mapper.weight": (d, CONDITION), "cond_mapper.bias": (d,),
        "initial_mapper.weight": (d, 3), "initial_mapper.bias": (d,),
        "final_adaln.1.weight": (2 * d, d), "final_adaln.1.bias": (2 * d,),
        "final_linear.weight": (3, d), "final_linear.bias": (3,),
    }  # fmt: skip
    for i in range(DEPTH):
        shapes |= {
            f"blocks.{i}.mlp.0.weight": (4 * d, d), f"blocks.{i}.mlp.0.bias": (4 * d,),
            f"blocks.{i}.mlp.3.weight": (d, 4 * d), f"blocks.{i}.mlp.3.bias": (d,),
            f"blocks.{i}.ada_map.1.weight": (3 * d, d), f"blocks.{i}.ada_map.1.bias": (3 * d,),
        }  # fmt: skip
    return {name: (0.2 * rng.normal(size=shape)).astype(np.float32) for name, shape in shapes.items()}


STATE = published(np.random.default_rng(0))
OTHER = {name: 2.0 * value for name, value in STATE.items()}


def written(kind: str, folder: Path) -> Path:
    """The state in one of the layouts in which PLONK's weights come."""
    import torch
    from safetensors.numpy import save_file

    if kind == "release":
        save_file(STATE, folder / "model.safetensors")
        (folder / "config.json").write_text('{"input_dim": 3}')
        return folder
    tensors = {name: torch.from_numpy(value) for name, value in STATE.items()}
    if kind == "state dict":
        torch.save(tensors, folder / "pytorch_model.bin")
        return folder / "pytorch_model.bin"
    both = {f"ema_network.{name}": value for name, value in tensors.items()}
    both |= {f"network.{name}": torch.from_numpy(value) for name, value in OTHER.items()}
    torch.save({"state_dict": both, "epoch": 3}, folder / "last.ckpt")
    return folder


@pytest.mark.parametrize("kind", ["release", "state dict", "checkpoint"])
def test_all_layouts_give_the_same_head(kind: str, tmp_path: Path) -> None:
    arrays = plonk_arrays(written(kind, tmp_path))
    assert set(arrays) == set(STATE) - {"time_embedder.encode_time.freqs"}
    assert all(np.array_equal(arrays[name], STATE[name]) for name in arrays)


def test_the_head_computes_what_torch_does_with_those_weights(tmp_path: Path) -> None:
    import torch

    net = network(FlowSettings(dim=DIM, depth=DEPTH), CONDITION)
    own = {name: torch.from_numpy(value) for name, value in STATE.items() if name != "time_embedder.encode_time.freqs"}
    net.load_state_dict(own)  # strict: the names are the same
    model = load_plonk(written("release", tmp_path), "dinov2", "f" * 16, vector_length=2.0)
    assert isinstance(model.distribution, SphereFlow)
    rng = np.random.default_rng(1)
    points, vector = uniform_points((1, 20), rng), rng.normal(size=(1, CONDITION)).astype(np.float32)
    value = model.distribution.field(vector)(points, 0.7)[0]
    with torch.no_grad():
        tensors = torch.tensor(points[0], dtype=torch.float32), torch.full((20,), 700.0), torch.tensor(2.0 * vector)
        expected = net(tensors[0], tensors[1], tensors[2].expand(20, -1)).numpy()
    assert np.abs(value[0] - expected).max() < 1e-4
    assert model.rests_on().endswith("not calibrated")
    assert np.isfinite(model.log_density(vector[0], np.zeros(3), np.arange(3.0))).all()


def test_what_is_no_such_head_is_refused_in_one_line(tmp_path: Path) -> None:
    import torch
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros((2, 2), dtype=np.float32)}, tmp_path / "other.safetensors")
    save_file({k: v for k, v in STATE.items() if "blocks.1.mlp.3" not in k}, tmp_path / "half.safetensors")
    torch.save(["no", "tensors"], tmp_path / "list.bin")
    (tmp_path / "noise.bin").write_bytes(b"\x80\x04noise")
    (tmp_path / "noise.safetensors").write_bytes(b"\xff" * 100)
    for name in ("other.safetensors", "half.safetensors", "list.bin", "noise.bin", "noise.safetensors", "missing.bin", "."):
        with pytest.raises(ModelError) as error:
            load_plonk(tmp_path / name, "dinov2", "f" * 16)
        assert "\n" not in str(error.value)
