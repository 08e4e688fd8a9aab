"""The heads for training, in torch; the names of their weights are the published ones (`GeoAdaLNMLP` and its von Mises-Fisher forms)."""

from __future__ import annotations

from typing import Any

from models.flow.settings import FlowSettings


def network(settings: FlowSettings, dim_in: int) -> Any:
    """An untrained network for vectors of `dim_in` numbers. Called as `net(points, clock, condition)`, or `net(condition)` for vMF.

    The same seed gives the same weights, and torch's own random state stays as it is.
    """
    import torch

    kinds = _kinds()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if settings.objective in ("vmf", "mixture"):
            parts = settings.components if settings.objective == "mixture" else 1
            return kinds["vmf"](settings.dim, settings.depth, settings.expansion, dim_in, parts)
        return kinds["field"](settings.dim, settings.depth, settings.expansion, dim_in)


def _kinds() -> dict[str, Any]:
    """The classes, made when torch is needed."""
    import torch
    from torch import nn

    class Block(nn.Module):  # type: ignore[misc]
        """x + σ·MLP((1 + γ)·LN(x) + μ); it starts as the identity, its last layer being 0."""

        def __init__(self, dim: int, expansion: int) -> None:
            super().__init__()
            self.mlp = nn.Sequential(nn.Linear(dim, dim * expansion), nn.GELU(), nn.Identity(), nn.Linear(dim * expansion, dim))
            self.ada_map = nn.Sequential(nn.SiLU(), nn.Linear(dim, 3 * dim))
            self.ln = nn.LayerNorm(dim, elementwise_affine=False)
            nn.init.zeros_(self.mlp[3].weight)
            nn.init.zeros_(self.mlp[3].bias)

        def forward(self, x: Any, condition: Any) -> Any:
            scale, shift, gate = self.ada_map(condition).chunk(3, dim=-1)
            return x + gate * self.mlp((1 + scale) * self.ln(x) + shift)

    class TimeEmbedder(nn.Module):  # type: ignore[misc]
        def __init__(self, dim: int) -> None:
            super().__init__()
            half = dim // 8
            self.register_buffer("frequencies", 1e-4 ** (torch.arange(half, dtype=torch.float32) / half), persistent=False)
            self.map_time = nn.Sequential(nn.Linear(2 * half, dim), nn.SiLU(), nn.Linear(dim, dim))

        def forward(self, clock: Any) -> Any:
            angle = torch.outer(clock, self.frequencies)
            wave = torch.cat([angle.cos(), angle.sin()], dim=1)
            return self.map_time((wave - wave.mean(dim=-1, keepdim=True)) / wave.std(dim=-1, keepdim=True))

    class Steered(nn.Module):  # type: ignore[misc]
        """Blocks, a last norm, and the layer that reads the picture."""

        def __init__(self, dim: int, depth: int, expansion: int, dim_in: int) -> None:
            super().__init__()
            self.cond_mapper = nn.Linear(dim_in, dim)
            self.blocks = nn.ModuleList([Block(dim, expansion) for _ in range(depth)])
            self.final_adaln = nn.Sequential(nn.SiLU(), nn.Linear(dim, 2 * dim))
            self.final_ln = nn.LayerNorm(dim, elementwise_affine=False)

        def through(self, x: Any, condition: Any) -> Any:
            for block in self.blocks:
                x = block(x, condition)
            scale, shift = self.final_adaln(condition).chunk(2, dim=-1)
            return (1 + scale) * self.final_ln(x) + shift

    class FieldNetwork(Steered):
        def __init__(self, dim: int, depth: int, expansion: int, dim_in: int) -> None:
            super().__init__(dim, depth, expansion, dim_in)
            self.time_embedder = TimeEmbedder(dim)
            self.initial_mapper = nn.Linear(3, dim)
            self.final_linear = nn.Linear(dim, 3)

        def forward(self, points: Any, clock: Any, condition: Any) -> Any:
            steer = self.cond_mapper(condition) + self.time_embedder(clock)
            return self.final_linear(self.through(self.initial_mapper(points), steer))

    class VmfNetwork(Steered):
        def __init__(self, dim: int, depth: int, expansion: int, dim_in: int, parts: int) -> None:
            super().__init__(dim, depth, expansion, dim_in)
            self.init_registers = nn.Parameter(torch.nn.init.trunc_normal_(torch.empty(dim), std=0.02, a=-0.04, b=0.04))

            def ending(width: int) -> Any:
                inner = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Identity(), nn.Linear(2 * dim, dim))
                return nn.Sequential(inner, nn.Linear(dim, width))

            self.mu_predictor, self.kappa_predictor = ending(3 * parts), ending(parts)
            if parts > 1:
                self.mixture_weights = ending(parts)

        def forward(self, condition: Any) -> tuple[Any, Any, Any]:
            """Means [b, k, 3], concentrations [b, k] and log weights [b, k]."""
            x = self.through(self.init_registers.expand(len(condition), -1), self.cond_mapper(condition))
            kappa = nn.functional.softplus(self.kappa_predictor(x))
            mean = nn.functional.normalize(self.mu_predictor(x).unflatten(-1, (-1, 3)), dim=-1)
            weights = self.mixture_weights(x) if hasattr(self, "mixture_weights") else torch.zeros_like(kappa)
            return mean, kappa, torch.log_softmax(weights, dim=-1)

    return {"field": FieldNetwork, "vmf": VmfNetwork}
