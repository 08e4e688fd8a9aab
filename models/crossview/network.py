"""The embedded twin networks, for torch to train: four convolutions a side, from pictures to a vector a column of directions.

Both sides look alike and share no weights: strips from the ground, [n, 4, 48, 8·columns], and unrolled pictures from above, [n, 4, 32, 128];
the fourth channel says what is known. Height is folded into channels at the end, directions are kept. `models.crossview.forward` runs the
same layers with numpy.
"""

from __future__ import annotations

from typing import Any

from models.crossview.shape import RINGS, STRIP_ROWS

# Kernel, stride and padding, rows first; kernels of 4 with stride 2 keep a mirrored picture mirrored.
GROUND = (((4, 4), (2, 2), (1, 1)), ((4, 4), (2, 2), (1, 1)), ((4, 4), (2, 2), (1, 1)), ((3, 3), (1, 1), (1, 1)))
AERIAL = (((4, 4), (2, 2), (1, 1)), ((4, 4), (2, 2), (1, 1)), ((4, 3), (2, 1), (1, 1)), ((3, 3), (1, 1), (1, 1)))
HIDDEN = 4
"""Width of the last hidden layer, in widths of the first one."""


def widths(width: int) -> tuple[int, ...]:
    """Channels after each convolution."""
    return width, 2 * width, 8 * width // 3, 8 * width // 3


def twin(dim: int, width: int, seed: int) -> Any:
    """A torch module with `ground`, `aerial` and `scale` (the logarithm of the logits' scale); the same seed gives the same weights."""
    import torch
    from torch import nn

    class Side(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self, layers: Any, rows: int, out: int) -> None:
            super().__init__()
            ways = (4, *widths(width))
            self.layers = layers
            self.convs = nn.ModuleList(
                nn.Conv2d(ways[i], ways[i + 1], kernel, stride, bias=False) for i, (kernel, stride, _) in enumerate(layers)
            )
            self.norms = nn.ModuleList(nn.BatchNorm2d(way) for way in ways[1:])
            self.mix = nn.Conv2d(ways[-1] * rows // 8, HIDDEN * width, (1, 3))
            self.out = nn.Conv2d(HIDDEN * width, out, 1)

        def forward(self, x: Any, circle: bool) -> Any:
            """[n, 4, rows, pixels] to [n, columns, out]; `circle`: left and right meet."""
            mode = "circular" if circle else "constant"
            for (_, _, (up, side)), conv, norm in zip(self.layers, self.convs, self.norms, strict=True):
                x = nn.functional.pad(x, (side, side, 0, 0), mode=mode)
                x = norm(conv(nn.functional.pad(x, (0, 0, up, up)))).relu()
            x = x.flatten(1, 2).unsqueeze(2)  # height into channels
            x = self.mix(nn.functional.pad(x, (1, 1, 0, 0), mode=mode)).relu()
            return self.out(x).squeeze(2).transpose(1, 2)

    class Twin(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.ground = Side(GROUND, STRIP_ROWS, dim + 1)  # and how much a column counts
            self.aerial = Side(AERIAL, RINGS, dim)
            self.scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Twin()
