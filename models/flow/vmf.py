"""Baselines in closed form: one von Mises-Fisher distribution, or a mixture of some, from the same trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from geo.sphere import Floats, sample_vmf, vmf_log_density
from models.alignment.perceptron import numbers
from models.encoders.encoder import Vectors
from models.flow.blocks import Matrix, gelu, linear, softplus
from models.flow.head import Condition
from models.flow.tangent import unit
from models.flow.trunk import Arrays, Trunk
from models.geolocator import ModelError

_HEADS = ("mu_predictor", "kappa_predictor", "mixture_weights")


class Parameters(NamedTuple):
    """Of pictures [b], with k parts each."""

    mean: Floats
    """[b, k, 3]"""
    kappa: Floats
    """[b, k]"""
    log_weight: Floats
    """[b, k]"""


@dataclass(frozen=True, eq=False)
class VmfMixture:
    """f(x) = Σ w_i·κ_i·exp(κ_i(⟨μ_i, x⟩ − 1)) / (2π(1 − exp(−2κ_i))), softmax w and softplus κ; its logarithm is computed as such."""

    trunk: Trunk
    condition: Condition
    register: Matrix
    """What the blocks start from [d], the same for every picture."""
    heads: dict[str, tuple[Matrix, ...]]

    @classmethod
    def of(cls, arrays: Arrays) -> VmfMixture:
        """From arrays with the published names. Raises ModelError where they do not fit together."""
        trunk, condition = Trunk.of(arrays), Condition.of(arrays)
        register = numbers(arrays, "init_registers", 1)
        heads = {}
        for name in _HEADS:
            if name == "mixture_weights" and f"{name}.1.weight" not in arrays:
                continue  # one part needs none
            parts = [f"{name}.0.0", f"{name}.0.3", f"{name}.1"]
            heads[name] = tuple(numbers(arrays, f"{p}.{kind}", n) for p in parts for kind, n in (("weight", 2), ("bias", 1)))
        sizes = {name: len(head[4]) for name, head in heads.items()}
        k = sizes["kappa_predictor"]
        fits = sizes["mu_predictor"] == 3 * k and sizes.get("mixture_weights", k) == k
        for w1, b1, w2, b2, w3, b3 in heads.values():
            fits &= w1.shape[::-1] == w2.shape and w1.shape[1] == trunk.dim == w3.shape[1]
            fits &= (len(b1), len(b2), len(b3)) == (len(w1), len(w2), len(w3))
        if (
            not fits
            or len(register) != trunk.dim
            or len(condition.bias) != trunk.dim
            or ("mixture_weights" not in heads and k > 1)
        ):
            raise ModelError("the layers of the von Mises-Fisher head do not fit together")
        return cls(trunk, condition, register, heads)

    @property
    def dim(self) -> int:
        return self.condition.dim

    def parameters(self, vectors: Vectors | None) -> Parameters:
        """For pictures [b, c], or for none (b = 1)."""
        condition = self.condition.null() if vectors is None else self.condition(vectors)
        start = np.broadcast_to(self.register, (1, len(condition), 1, self.trunk.dim)).copy()
        x = self.trunk.run(start, self.trunk.modulation(condition))
        outs = {}
        for name, (w1, b1, w2, b2, w3, b3) in self.heads.items():
            outs[name] = linear(linear(gelu(linear(x, w1, b1)), w2, b2), w3, b3)[0, :, 0]
        kappa = softplus(outs["kappa_predictor"]).astype(np.float64)
        logits = outs.get("mixture_weights", np.zeros_like(outs["kappa_predictor"])).astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        mean = unit(outs["mu_predictor"].astype(np.float64).reshape(len(condition), -1, 3))
        return Parameters(mean, kappa, logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))

    def sample(self, vectors: Vectors | None, n: int, rng: np.random.Generator) -> Floats:
        mean, kappa, log_weight = self.parameters(vectors)
        out = np.empty((len(mean), n, 3))
        for row in range(len(mean)):
            share = np.exp(log_weight[row])
            counts = rng.multinomial(n, share / share.sum())
            parts = [sample_vmf(m, float(k), int(c), rng) for m, k, c in zip(mean[row], kappa[row], counts, strict=True)]
            out[row] = rng.permutation(np.concatenate(parts))
        return out

    def log_density(self, vectors: Vectors | None, points: Floats) -> Floats:
        return mixture_log_density(self.parameters(vectors), points)

    def rough(self) -> VmfMixture:
        return self


def mixture_log_density(parameters: Parameters, points: Floats) -> Floats:
    """Log density per steradian [b, m] at points [b, m, 3]."""
    mean, kappa, log_weight = parameters
    cosine = np.clip(np.einsum("bmi,bki->bmk", points, mean), -1.0, 1.0)
    each = log_weight[:, None] + vmf_log_density(cosine, kappa[:, None])
    most = each.max(axis=-1)
    return np.asarray(most + np.log(np.exp(each - most[..., None]).sum(axis=-1)))
