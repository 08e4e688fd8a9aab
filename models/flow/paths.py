"""Paths from noise to data and what a network has to predict on them; all arrays [..., 3], γ [...] from 0 (noise) to 1 (data)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats, exp_map, log_map


def geodesic(noise: Floats, data: Floats, gamma: ArrayLike) -> tuple[Floats, Floats]:
    """x = Exp_ε(γ·Log_ε(x₁)) on the sphere, and the velocity u = dx/dγ, a tangent at x as long as the angle between the ends.

    With w = Log_ε(x₁), θ = |w|: u = cos(γθ)·w − θ·sin(γθ)·ε.
    """
    g = np.asarray(gamma, dtype=np.float64)[..., None]
    whole = log_map(noise, data)
    angle = np.linalg.norm(whole, axis=-1, keepdims=True)
    return exp_map(noise, g * whole), np.asarray(np.cos(g * angle) * whole - angle * np.sin(g * angle) * noise)


def straight(noise: Floats, data: Floats, gamma: ArrayLike) -> tuple[Floats, Floats]:
    """Flow matching in space: x = γ·x₁ + (1 − γ)·ε and u = x₁ − ε; ε is Gaussian."""
    g = np.asarray(gamma, dtype=np.float64)[..., None]
    return np.asarray(g * data + (1.0 - g) * noise), np.asarray(data - noise)


def diffused(noise: Floats, data: Floats, gamma: ArrayLike) -> tuple[Floats, Floats]:
    """Diffusion in space: x = √γ·x₁ + √(1 − γ)·ε, of which ε is to be found; ε is Gaussian."""
    g = np.asarray(gamma, dtype=np.float64)[..., None]
    return np.asarray(np.sqrt(g) * data + np.sqrt(1.0 - g) * noise), noise
