"""Samples and likelihoods a second at equal quality: Geosleuth's flow beside the released code of PLONK (`diff-plonk`, MIT), on one thread.

    python benchmarks/flow_on_the_sphere.py --ways --seeds 0 --keep flows
    OMP_NUM_THREADS=1 python benchmarks/flow_beside_plonk.py --flows flows --seed 0

Quality is measured on two small trained heads of the same data, steps and size: one with the published clock, run by PLONK's own pipeline
(its weights are ours by name), one with the smooth clock, run by Geosleuth. It is the distance from where each head's own flow leads in very
small steps, and for likelihoods the difference from a tight solution of the same equation. Cost is measured on heads of the published size
(36 million weights, drawn at random, the same in both) in CPU seconds. PLONK's pipeline needs `diff-plonk`, `einops`, `geoopt` and
`torchdiffeq`; no encoder is loaded, so that what it imports for pictures may be empty modules.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from evals.shaped_earth import ShapedEarth, ShapedSettings
from geo.sphere import Floats, haversine_km, lat_lon, unit_vectors
from models.encoders.encoder import Vectors
from models.flow.field import tangent_and_divergence
from models.flow.flow import Flow
from models.flow.head import Head
from models.flow.likelihood import likelihood
from models.flow.network import network
from models.flow.sampling import geodesic_steps
from models.flow.schedule import Clock, Sigmoid
from models.flow.settings import FlowSettings
from models.flow.sphere_flow import SphereFlow
from models.flow.tangent import uniform_points
from models.model_folder import read_arrays

_DIM_IN, _POINTS, _EXACT_STEPS = 1024, 256, 500
_EULER = (32, 250, 500, 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    own = parser.parse_args()
    warnings.simplefilter("ignore")  # PLONK's sampler asks for CUDA's autocast at each step
    smooth, published = (own.flows / f"flow-{own.seed}{end}" for end in ("", "-published-clock"))
    asked = ShapedEarth(ShapedSettings(seed=own.seed)).photos(32, 2)
    truth = unit_vectors(asked.lat, asked.lon)
    cost = costs()
    for name, ms in cost.items():
        print(f"{name}: {ms:.2f}")
    print("\n| samples | evaluations | mean km off | samples a CPU second |\n|---|---|---|---|")
    for name, evaluations, km, ms in [*plonk_samples(published, asked.vectors, cost), *our_samples(smooth, asked.vectors, cost)]:
        print(f"| {name} | {evaluations} | {km:.3g} | {1e3 / (evaluations * ms):.3g} |")
    print("\n| likelihoods | evaluations | mean nats off | likelihoods a CPU second |\n|---|---|---|---|")
    for name, evaluations, off, ms in [
        *plonk_likelihoods(published, asked.vectors, truth, cost),
        *our_likelihoods(smooth, asked.vectors, truth, cost),
    ]:
        print(f"| {name} | {evaluations} | {off:.2g} | {1e3 / (evaluations * ms):.3g} |")


def costs() -> dict[str, float]:
    """CPU milliseconds of one evaluation for one point, of heads of 36 million weights at 256 points of one picture."""
    rng = np.random.default_rng(0)
    net, vector = network(FlowSettings(dim=512, depth=12), _DIM_IN), rng.normal(size=(1, _DIM_IN)).astype(np.float32)
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    # Last layers start at 0: numbers in their place, so that nothing is easier than in a trained head.
    state = {name: (a if a.any() else rng.normal(0.0, 0.02, a.shape)).astype(np.float32) for name, a in state.items()}
    noise, pipe = uniform_points((1, _POINTS), rng), pipeline(state, vector)
    flow = SphereFlow(Head.of(state, Clock(Sigmoid(), 10.0)))

    def plonk(steps: int) -> float:
        return seconds(lambda: pipe([""], batch_size=_POINTS, num_steps=steps))

    def ours(steps: int) -> float:
        return seconds(lambda: geodesic_steps(flow.field(vector), noise, flow.schedule.grid(steps)))

    def divergence() -> float:
        import torch
        from plonk.pipe import output_and_div

        gamma, y = torch.tensor([0.5]), torch.tensor(vector).expand(64, -1)
        field = lambda a, b: pipe.network({"y": a, "emb": b, "gamma": gamma})  # noqa: E731
        return seconds(lambda: output_and_div(field, torch.tensor(noise[0, :64]).float(), y))

    def our_divergence() -> float:
        field, gammas = flow.field(vector), iter((0.1, 0.3, 0.5))
        return min(seconds(lambda: tangent_and_divergence(field, noise[:, :64], next(gammas))) for _ in range(3))

    return {
        "PLONK, ms an evaluation a point": 1e3 * (plonk(6) - plonk(2)) / 4 / _POINTS,
        "ours, ms an evaluation a point": 1e3 * (ours(2) - ours(1)) / 4 / _POINTS,
        "PLONK with divergence": 1e3 * divergence() / 64,
        "ours with divergence": 1e3 * our_divergence() / 64,
    }


Figures = tuple[str, int, float, float]
"""Name, evaluations, how far off, and CPU milliseconds of an evaluation of one point."""


def plonk_samples(folder: Path, vectors: Vectors, cost: dict[str, float]) -> list[Figures]:
    """PLONK's sampler, each picture by itself, from noise on the sphere."""
    import torch

    noise = uniform_points((len(vectors), 16), np.random.default_rng(1))
    of = Flow.load(folder).distribution
    assert isinstance(of, SphereFlow)
    exact = geodesic_steps(of.field(vectors), noise, of.schedule.grid(_EXACT_STEPS))
    pipe, found = pipeline(dict(read_arrays(folder)), vectors), []
    for steps in _EULER:
        given = torch.tensor(noise.reshape(-1, 3)).float()
        pipe.repeat = 16
        place = pipe([""] * len(given), x_N=given, num_steps=steps)
        off = haversine_km(place[:, 0], place[:, 1], *lat_lon(exact.reshape(-1, 3)))
        found.append(
            (
                f"PLONK, Euler{' (its default)' if steps == 250 else ''}",
                steps,
                float(off.mean()),
                cost["PLONK, ms an evaluation a point"],
            )
        )
    return found


def our_samples(folder: Path, vectors: Vectors, cost: dict[str, float]) -> list[Figures]:
    of = Flow.load(folder).distribution
    assert isinstance(of, SphereFlow)
    noise = uniform_points((len(vectors), 16), np.random.default_rng(1))
    exact, found = geodesic_steps(of.field(vectors), noise, of.schedule.grid(_EXACT_STEPS)), []
    for steps in (4, 8, 16):
        off = haversine_km(*lat_lon(geodesic_steps(of.field(vectors), noise, of.schedule.grid(steps))), *lat_lon(exact))
        found.append(
            (
                f"ours, order 4{' (default)' if steps == 8 else ''}",
                4 * steps,
                float(off.mean()),
                cost["ours, ms an evaluation a point"],
            )
        )
    return found


def plonk_likelihoods(folder: Path, vectors: Vectors, truth: Floats, cost: dict[str, float]) -> list[Figures]:
    """PLONK's likelihood; it solves in space, and is compared with a tighter solution of its own."""
    import torch

    pipe, places = pipeline(dict(read_arrays(folder)), vectors), np.stack(lat_lon(truth), axis=1)
    emb = torch.tensor(conditioned(folder, vectors))

    def at(tolerance: float) -> tuple[Floats, int]:
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            found = pipe.compute_likelihood(emb=emb, coordinates=places, atol=tolerance, rtol=tolerance, normalize_logp=False)
        counted = re.search(r"NFE: (\d+)", heard.getvalue())
        return found.numpy(), int(counted[1]) if counted else 0

    best, _ = at(1e-7)
    rows = []
    for tolerance in (1e-6, 1e-4):
        found, evaluations = at(tolerance)
        name = f"PLONK, tolerance {tolerance:g}{' (its default)' if tolerance == 1e-6 else ''}"
        rows.append((name, evaluations, float(np.abs(found - best).mean()), cost["PLONK with divergence"]))
    of = Flow.load(folder).distribution
    assert isinstance(of, SphereFlow)
    on_sphere = likelihood(of.field(vectors), truth[:, None], of.schedule, 1e-5).log_density[:, 0]
    print(
        f"| PLONK's density in space beside the one on the sphere of the same head | | {np.abs(best - on_sphere).mean():.2g} | |"
    )
    return rows


def our_likelihoods(folder: Path, vectors: Vectors, truth: Floats, cost: dict[str, float]) -> list[Figures]:
    of = Flow.load(folder).distribution
    assert isinstance(of, SphereFlow)
    best, rows = likelihood(of.field(vectors), truth[:, None], of.schedule, 1e-6), []
    for tolerance in (1e-4, 1e-3):
        found = likelihood(of.field(vectors), truth[:, None], of.schedule, tolerance)
        off = float(np.abs(found.log_density - best.log_density).mean())
        name = f"ours, tolerance {tolerance:g}{' (default)' if tolerance == 1e-4 else ''}"
        rows.append((name, found.evaluations, off, cost["ours with divergence"]))
    return rows


def pipeline(state: dict[str, Any], vectors: Vectors) -> Any:
    """PLONK's pipeline with these weights; in place of its encoder it is given vectors."""
    import torch
    from plonk.models.networks.mlp import GeoAdaLNMLP
    from plonk.models.postprocessing import CartesiantoGPS
    from plonk.models.preconditioning import DDPMPrecond
    from plonk.models.samplers.riemannian_flow_sampler import riemannian_flow_sampler
    from plonk.models.schedulers import SigmoidScheduler
    from plonk.pipe import PlonkPipeline
    from plonk.utils.manifolds import Sphere

    dim, depth = len(state["cond_mapper.bias"]), sum(name.endswith("mlp.0.weight") for name in state)
    net = GeoAdaLNMLP(3, dim, depth, 4, state["cond_mapper.weight"].shape[1]).eval().requires_grad_(False)
    wanted = net.state_dict()
    net.load_state_dict(wanted | {name: torch.tensor(state[name]) for name in wanted if name in state})
    rows = torch.tensor(_scaled(state, vectors))
    pipe: Any = PlonkPipeline.__new__(PlonkPipeline)
    pipe.repeat = 1

    def encoded(batch: dict[str, Any]) -> dict[str, Any]:
        return batch | {"emb": rows.repeat_interleave(pipe.repeat, dim=0)}

    pipe.network, pipe.device, pipe.input_dim = net, torch.device("cpu"), 3
    pipe.scheduler, pipe.sampler, pipe.manifold = SigmoidScheduler(-7, 3, 1.0), riemannian_flow_sampler, Sphere()
    pipe.preconditioning, pipe.postprocessing, pipe.cond_preprocessing = DDPMPrecond(), CartesiantoGPS(), encoded
    return pipe


def conditioned(folder: Path, vectors: Vectors) -> Any:
    return _scaled(dict(read_arrays(folder)), vectors)


def _scaled(state: dict[str, Any], vectors: Vectors) -> Any:
    """(v − middle)/scale, which PLONK's head does not do itself."""
    return ((vectors - state.get("middle", 0.0)) / state.get("scale", 1.0)).astype(np.float32)


def seconds(call: Callable[[], object]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    main()
