"""EfficientNet-Lite2 in torch, and pictures out of patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_the_network_is_that_of_the_encoder() -> None:
    from models.encoders.efficientnet_lite import EfficientNetLite
    from models.vision_language.efficientnet_visual import EfficientNetLite2, efficientnet_state, read_weights

    network = EfficientNetLite2()
    network.load_state_dict(efficientnet_state(read_weights()))
    inputs = np.random.default_rng(1).normal(0, 0.7, (2, 3, 96, 160)).astype(np.float32)
    with torch.inference_mode():
        maps = network(torch.from_numpy(inputs)).numpy()
    assert maps.shape == (2, 1280, 3, 5)
    np.testing.assert_allclose(maps, EfficientNetLite.load().forward(inputs)[0], atol=1e-4)


def test_patches_become_the_picture_again(tiny: tuple[Any, Any]) -> None:
    from models.vision_language.efficientnet_visual import unpatchified

    _, processor = tiny
    pictures = [noise(128, 96), noise(224, 224, 1)]
    made = processor.image_processor(pictures, return_tensors="pt")
    assert made["image_grid_thw"].tolist() == [[1, 6, 8], [1, 14, 14]]
    for tensor, picture in zip(unpatchified(made["pixel_values"], made["image_grid_thw"]), pictures, strict=True):
        wanted = (np.asarray(picture, dtype=np.float64).transpose(2, 0, 1) - 127) / 128
        np.testing.assert_allclose(tensor.numpy(), wanted, atol=1e-6)


def test_a_picture_is_seen_alike_alone_and_among_others(tiny: tuple[Any, Any]) -> None:
    model, processor = tiny
    pictures = [noise(128, 96), noise(96, 128, 1), noise(200, 200, 2), noise(128, 96, 3)]
    together = processor.image_processor(pictures, return_tensors="pt")
    with torch.inference_mode():
        tokens = model.visual(together["pixel_values"], together["image_grid_thw"]).pooler_output
        alone = [
            model.visual(one["pixel_values"], one["image_grid_thw"]).pooler_output
            for one in (processor.image_processor([picture], return_tensors="pt") for picture in pictures)
        ]
    assert [len(one) for one in alone] == [12, 12, 36, 12]
    assert torch.equal(tokens, torch.cat(alone))
    assert not torch.allclose(alone[0], alone[3])


def test_rows_and_columns_tell_where_a_token_is(tiny: tuple[Any, Any]) -> None:
    model, _ = tiny
    with torch.inference_mode():
        tokens = model.visual.project(torch.ones(1280, 2, 70)).view(2, 70, -1)
    assert not torch.allclose(tokens[0, 0], tokens[0, 1])
    assert not torch.allclose(tokens[0, 0], tokens[1, 0])
    assert torch.equal(tokens[:, 63], tokens[:, 69])


def test_patches_that_do_not_fit_are_refused(tiny: tuple[Any, Any]) -> None:
    model, _ = tiny
    for rows, grid in ((15, [1, 4, 4]), (16, [2, 4, 2])):
        with pytest.raises(ValueError, match="grids"):
            model.visual(torch.zeros(rows, 1536), torch.tensor([grid]))
