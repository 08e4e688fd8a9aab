"""Flow matching on the sphere and its baselines on a synthetic Earth with look-alike regions (`evals/synthetic_earth.py`).

    python benchmarks/flow_on_the_sphere.py --photos 20000 --queries 400 --seeds 3 --steps 4000 --out flow.json

Every model has the same trunk, photos and steps. The first table scores distributions: exact negative log-likelihood of the true places where
the model has one, that of a kernel density of 128 samples (its width chosen on other photos) for all of them, and precision, recall, density
and coverage of one sample a photo. The second compares ways from noise to data, for the published clock (1000·γ) and for the smooth one, by
their distance from what very small steps give. Where PLONK's package (`pip install diff-plonk`) can be imported, its head is timed beside ours.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from evals.synthetic_earth import EarthSettings, SyntheticEarth
from geo.sphere import Floats, haversine_km, lat_lon, unit_vectors
from models.flow.distribution import Distribution, Uniform
from models.flow.euclidean import SpaceFlow, best_width_km, kernel_log_density
from models.flow.flow import Flow
from models.flow.likelihood import bits_over_uniform, likelihood, published_bits
from models.flow.prdc import prdc
from models.flow.sampling import euler_projected, geodesic_steps
from models.flow.settings import OBJECTIVES, FlowSettings
from models.flow.sphere_flow import SphereFlow
from models.flow.tangent import uniform_points
from models.flow.train import train
from models.training_data import TrainingData

Rows = dict[str, dict[str, float]]
_KERNELS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    settings = FlowSettings(dim=arguments.dim, depth=arguments.depth, steps=arguments.steps, batch=arguments.batch)
    runs = [one_earth(seed, arguments.photos, arguments.queries, settings) for seed in range(arguments.seeds)]
    for name in runs[0]:
        print(table([run[name] for run in runs]), end="\n\n")
    if arguments.out:
        arguments.out.write_text(json.dumps(runs, indent=1))


def one_earth(seed: int, photos: int, queries: int, settings: FlowSettings) -> dict[str, Rows]:
    """All models on one Earth."""
    earth = SyntheticEarth(EarthSettings(seed=seed, twins=24))
    known, asked, other = earth.photos(photos, 1), earth.photos(queries, 2), earth.photos(_KERNELS, 3)
    settings = replace(settings, seed=seed)
    models = {objective: trained(replace(settings, objective=objective), known) for objective in OBJECTIVES}
    published = trained(replace(settings, clock=0.0), known)
    quality = {objective: scored(model, asked, other) for objective, model in models.items()}
    quality["uniform"] = scored(Flow("u", "", "", "", "uniform", Uniform(), False, 0.5), asked, other)
    ways: Rows = {}
    for clock, model in (("clock 1000γ", published), ("clock 10t", models["riemannian"])):
        ways |= {f"{clock}, {way}": row for way, row in sampled(model.distribution, asked).items()}
    return {"distributions": quality, "ways": ways, "heads": heads()}


def trained(settings: FlowSettings, known: TrainingData) -> Flow:
    began = time.process_time()
    model = train(known, settings, None, lambda event: None)
    print(f"{settings.objective}, clock {settings.clock:g}: {time.process_time() - began:.0f} CPU seconds", file=sys.stderr)
    return model


def scored(model: Flow, asked: TrainingData, other: TrainingData) -> dict[str, float]:
    """Of one model on photos that it has not seen."""
    distribution, rng = model.distribution, np.random.default_rng(0)
    truth, elsewhere = (unit_vectors(data.lat, data.lon) for data in (asked, other))
    width = best_width_km(distribution.sample(other.vectors, _KERNELS, rng), elsewhere)
    samples = distribution.sample(asked.vectors, _KERNELS, rng)
    kernel = kernel_log_density(samples, truth[:, None], width)
    row: dict[str, float] = {}
    if not isinstance(distribution, SpaceFlow):
        log_density = distribution.log_density(asked.vectors, truth[:, None])
        row |= {"NLL nats": -float(log_density.mean()), "bits over uniform": float(bits_over_uniform(log_density).mean()),
                "published bits": float(published_bits(log_density).mean())}  # fmt: skip
    row |= {"NLL by kernels, nats": -float(kernel.mean()), "kernel km": width}
    row |= asdict(prdc(asked.lat, asked.lon, *lat_lon(samples[:, 0])))
    guesses = np.array([best_of(*lat_lon(one)) for one in samples])
    row["median km"] = float(np.median(haversine_km(guesses[:, 0], guesses[:, 1], asked.lat, asked.lon)))
    return row


def best_of(lat: Floats, lon: Floats) -> tuple[float, float]:
    """The sample of highest expected geoscore."""
    expected = np.exp(-haversine_km(lat[:, None], lon[:, None], lat, lon) / 1492.7).mean(axis=1)
    best = int(np.argmax(expected))
    return float(lat[best]), float(lon[best])


def sampled(distribution: Distribution, asked: TrainingData) -> Rows:
    """How far ways of some evaluations end from where the flow leads, and what the likelihood costs."""
    assert isinstance(distribution, SphereFlow)
    vectors, schedule = asked.vectors[:8], distribution.schedule
    noise = uniform_points((len(vectors), 32), np.random.default_rng(1))
    exact = geodesic_steps(distribution.field(vectors), noise, schedule.grid(150), 4)
    ways: dict[str, Callable[[], Floats]] = {}
    for n in (32, 64, 250):
        ways[f"Euler, {n} evaluations"] = lambda n=n: euler_projected(distribution.field(vectors), noise, schedule.grid(n))
    for order, evaluations in ((2, 32), (4, 16), (4, 32), (4, 64)):
        name = f"geodesic order {order}, {evaluations} evaluations"
        steps = schedule.grid(evaluations // order)
        ways[name] = lambda o=order, s=steps: geodesic_steps(distribution.field(vectors), noise, s, o)
    rows: Rows = {}
    for name, way in ways.items():
        off = haversine_km(*lat_lon(way()), *lat_lon(exact))
        rows[name] = {"mean km": float(off.mean()), "95 % km": float(np.quantile(off, 0.95))}
    truth = unit_vectors(asked.lat, asked.lon)[:64, None]
    best = likelihood(distribution.field(asked.vectors[:64]), truth, schedule, 1e-5)
    for tolerance in (1e-2, 1e-3, 1e-4):
        found = likelihood(distribution.field(asked.vectors[:64]), truth, schedule, tolerance)
        off = np.abs(found.log_density - best.log_density)
        rows[f"likelihood, tolerance {tolerance:g}"] = {"evaluations": found.evaluations, "mean nats off": float(off.mean())}
    return rows


def heads() -> Rows:
    """CPU milliseconds of the published head (36 million weights) for 256 points of one picture, ours and PLONK's own."""
    from models.flow.head import Head
    from models.flow.network import network
    from models.flow.schedule import Clock, Sigmoid

    rng, settings = np.random.default_rng(0), FlowSettings(dim=512, depth=12)
    vector, points = rng.normal(size=(1, 1024)).astype(np.float32), uniform_points((1, 256), rng)
    state = {name: value.numpy() for name, value in network(settings, 1024).state_dict().items()}
    field = Head.of(state, Clock(Sigmoid())).of_pictures(vector)
    gammas = iter(np.linspace(0.1, 0.9, 100).tolist())
    rows = {"ours (numpy)": {"ms": timed(lambda: field(points, next(gammas)))}}
    try:
        import torch
        from plonk.models.networks.mlp import GeoAdaLNMLP
    except ImportError:
        return rows
    net = GeoAdaLNMLP(3, 512, 12, 4, 1024).eval()
    batch = {"y": torch.tensor(points[0]).float(), "gamma": torch.full((256,), 0.5), "emb": torch.tensor(vector).expand(256, -1)}
    with torch.no_grad():
        return rows | {"plonk (torch)": {"ms": timed(lambda: net(batch))}}


def timed(call: Callable[[], object]) -> float:
    """Least CPU time of five calls, in ms."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return 1000.0 * best


def table(runs: list[Rows]) -> str:
    """Means over the Earths."""
    columns = list(dict.fromkeys(key for row in runs[0].values() for key in row))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in runs[0]:
        rows: list[Mapping[str, Any]] = [run[name] for run in runs]
        cells = [f"{np.mean([row[key] for row in rows]):.3g}" if key in rows[0] else "" for key in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
