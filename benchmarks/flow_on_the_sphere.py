"""Flow matching on the sphere and its baselines, on Earths whose pictures leave several places open.

    python benchmarks/flow_on_the_sphere.py --earth shaped --seeds 0 1 2 --keep flows --out shaped.json
    python benchmarks/flow_on_the_sphere.py --earth round --steps 1200 --dim 64 --queries 200 --out round.json
    python benchmarks/flow_on_the_sphere.py --ways --seeds 0

`round` is the Earth of `evals/synthetic_earth.py`, on which caps look like caps far away; `shaped` is that of `evals/shaped_earth.py`, whose
pictures leave belts of latitude, coasts, countries of one language, roads and places open, and where the exact distribution is known.

Every model has the same data, steps, batches and rate, and trunks of about as many weights (von Mises-Fisher heads have one block less, as
published). Scored are the exact negative log-likelihood of the true places where a model has one, that of a kernel density of 48 samples for
all of them (its width chosen on other photos), and precision, recall, density and coverage of one sample a photo. `--ways` compares ways from
noise to data, for the published clock (1000·γ) and the smooth one, by their distance from what very small steps give.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from evals.shaped_earth import ShapedEarth, ShapedSettings
from evals.synthetic_earth import EarthSettings, SyntheticEarth
from geo.sphere import Floats, haversine_km, lat_lon, unit_vectors
from models.flow.distribution import Distribution, Uniform
from models.flow.euclidean import SpaceFlow, best_width_km, kernel_log_density
from models.flow.fit import fit
from models.flow.flow import Flow
from models.flow.likelihood import likelihood, published_bits
from models.flow.prdc import prdc
from models.flow.sampling import euler_projected, geodesic_steps
from models.flow.saved import distribution_of, save_flow
from models.flow.settings import OBJECTIVES, FlowSettings
from models.flow.sphere_flow import SphereFlow
from models.flow.tangent import uniform_points
from models.training_data import TrainingData

Row = dict[str, float]
_SAMPLES, _OTHER = 48, 64
ORDER = ("riemannian", "diffusion", "mixture", "vmf", "uniform")
"""The published order, the best first."""
NLL, KERNEL = "NLL nats", "NLL by kernels, nats"


@dataclass(frozen=True, eq=False)
class Asked:
    """Photos that no model has seen, and what is known of them."""

    data: TrainingData
    kind: tuple[str, ...] = ()
    """What each leaves open; empty on the round Earth."""
    log_density: Floats | None = None
    """Exact, at the true places [n]."""
    samples: Floats | None = None
    """Exact [n, 48, 3]."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--earth", choices=("shaped", "round"), default="shaped")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--photos", type=int, default=40_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--dim", type=int, default=96)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--models", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    parser.add_argument("--ways", action="store_true", help="compare samplers instead of models")
    parser.add_argument("--keep", type=Path, help="a folder for the flows on the sphere")
    parser.add_argument("--out", type=Path)
    own = parser.parse_args()
    settings = FlowSettings(dim=own.dim, depth=own.depth, steps=own.steps, batch=own.batch, lr=own.lr, divide_prior=False)
    runs: list[dict[str, Any]] = []
    for seed in own.seeds:
        known, asked, other = earth_of(own.earth, seed, own.photos, own.queries)
        at_seed = replace(settings, seed=seed)
        runs.append(ways(at_seed, known, asked, own.keep) if own.ways else one_earth(at_seed, known, asked, other, own))
        if own.out:
            own.out.write_text(json.dumps(runs, indent=1))
    for name in runs[0]["tables"]:
        print(f"{name}\n\n{table([run['tables'][name] for run in runs])}\n")
    if not own.ways:
        print(f"steps of the published order\n\n{order_table([run['each'] for run in runs])}")


def earth_of(earth: str, seed: int, photos: int, queries: int) -> tuple[TrainingData, Asked, TrainingData]:
    """Photos to learn from, photos to be asked, and some on which the width of kernels is chosen."""
    if earth == "round":
        caps = SyntheticEarth(EarthSettings(seed=seed, twins=24))
        return caps.photos(photos, 1), Asked(caps.photos(queries, 2)), caps.photos(_OTHER, 3)
    shaped = ShapedEarth(ShapedSettings(seed=seed))
    data, shown = shaped.draw(queries, 2)
    kinds = tuple(shaped.shapes[number].name for number in shown.kind)
    log_density = shaped.exact_log_density(shown, unit_vectors(data.lat, data.lon)[:, None])[:, 0]
    samples = shaped.exact_sample(shown, _SAMPLES, np.random.default_rng(0))
    return shaped.photos(photos, 1), Asked(data, kinds, log_density, samples), shaped.photos(_OTHER, 3)


def one_earth(
    settings: FlowSettings, known: TrainingData, asked: Asked, other: TrainingData, own: argparse.Namespace
) -> dict[str, Any]:
    """All models on one Earth: figures, and what each photo got."""
    tables: dict[str, dict[str, Row]] = {"distributions": {}, "NLL in nats by what is left open": {}}
    each: dict[str, dict[str, list[float]]] = {}
    for objective in (*own.models, "uniform"):
        distribution = Uniform() if objective == "uniform" else trained(replace(settings, objective=objective), known, own.keep)
        row, logs = scored(distribution, asked, other)
        tables["distributions"][objective], each[objective] = row, {name: (-log).tolist() for name, log in logs.items()}
        if asked.kind and NLL in logs:
            tables["NLL in nats by what is left open"][objective] = by_kind(logs[NLL], asked.kind)
    if asked.log_density is not None and asked.samples is not None:
        tables["distributions"]["exact"] = units(asked.log_density) | of_samples(asked.samples, asked.data)
        tables["NLL in nats by what is left open"]["exact"] = by_kind(asked.log_density, asked.kind)
    return {"tables": {name: rows for name, rows in tables.items() if rows}, "each": each}


def trained(settings: FlowSettings, known: TrainingData, keep: Path | None = None) -> Distribution:
    """A model; heads of von Mises-Fisher have one block less. The flow on the sphere is kept in a folder named for its seed."""
    if settings.objective in ("vmf", "mixture"):
        settings = replace(settings, depth=settings.depth - 1)
    began, judged = time.process_time(), math.inf

    def told(event: Mapping[str, Any]) -> None:
        nonlocal judged
        judged = min(judged, event.get("validation", math.inf))

    arrays = fit(*known.split(settings.validation_share, settings.seed), settings, None, told)
    weights = sum(array.size for array in arrays.values())
    seconds = time.process_time() - began
    print(
        f"{settings.objective}: {weights:,} weights, {seconds:.0f} CPU seconds, held-out loss {judged:.4f}",
        file=sys.stderr,
        flush=True,
    )
    distribution = distribution_of({**settings.to_json(), "width_km": 200.0}, arrays)
    if keep and settings.objective == "riemannian":
        name = f"flow-{settings.seed}{'' if settings.clock else '-published-clock'}"
        of = known.encoder, known.encoder_digest, known.source
        save_flow(Flow(name, *of, settings.objective, distribution, False, 0.5, calibrated=False), arrays, keep / name)
    return distribution


def scored(distribution: Distribution, asked: Asked, other: TrainingData) -> tuple[Row, dict[str, Floats]]:
    """Figures of one model, and log densities [n] at the true places, exact and by kernels."""
    truth, elsewhere = (unit_vectors(data.lat, data.lon) for data in (asked.data, other))
    rng, row, logs = np.random.default_rng(0), Row(), dict[str, Floats]()
    width = best_width_km(distribution.sample(other.vectors, _SAMPLES, rng), elsewhere)
    samples = distribution.sample(asked.data.vectors, _SAMPLES, rng)
    if not isinstance(distribution, SpaceFlow):
        logs[NLL] = distribution.log_density(asked.data.vectors, truth[:, None])[:, 0]
        row |= units(logs[NLL])
    logs[KERNEL] = kernel_log_density(samples, truth[:, None], width)[:, 0]
    return row | {KERNEL: -float(logs[KERNEL].mean()), "kernel km": width} | of_samples(samples, asked.data), logs


def units(log_density: Floats) -> Row:
    """The negative log-likelihood per steradian in three units."""
    nats = -float(log_density.mean())
    return {NLL: nats, "bits": nats / math.log(2.0), "published": float(published_bits(log_density).mean())}


def by_kind(log_density: Floats, kind: Sequence[str]) -> Row:
    return {name: -float(log_density[np.array(kind) == name].mean()) for name in dict.fromkeys(sorted(kind))}


def of_samples(samples: Floats, data: TrainingData) -> Row:
    """Precision, recall, density and coverage of the first sample [n, m, 3] of each photo, and the error of the best one."""
    guesses = np.array([best_of(*lat_lon(one)) for one in samples])
    off = haversine_km(guesses[:, 0], guesses[:, 1], data.lat, data.lon)
    return asdict(prdc(data.lat, data.lon, *lat_lon(samples[:, 0]))) | {"median km": float(np.median(off))}


def best_of(lat: Floats, lon: Floats) -> tuple[float, float]:
    """The sample of highest expected geoscore."""
    expected = np.exp(-haversine_km(lat[:, None], lon[:, None], lat, lon) / 1492.7).mean(axis=1)
    best = int(np.argmax(expected))
    return float(lat[best]), float(lon[best])


def ways(settings: FlowSettings, known: TrainingData, asked: Asked, keep: Path | None) -> dict[str, Any]:
    """How far ways of some evaluations end from where the flow leads, for both clocks, and what the likelihood costs."""
    rows: dict[str, Row] = {}
    for clock in (0.0, settings.clock):
        distribution = trained(replace(settings, clock=clock), known, keep)
        assert isinstance(distribution, SphereFlow)
        rows |= {
            f"{'clock 10t' if clock else 'clock 1000γ'}, {way}": row for way, row in sampled(distribution, asked.data).items()
        }
    return {"tables": {"ways": rows}}


def sampled(distribution: SphereFlow, asked: TrainingData) -> dict[str, Row]:
    schedule, vectors = distribution.schedule, asked.vectors[:24]
    noise = uniform_points((len(vectors), 64), np.random.default_rng(1))
    exact = geodesic_steps(distribution.field(vectors), noise, schedule.grid(250))
    found: dict[str, Floats] = {}
    for n in (32, 64, 125, 250, 500, 1000):
        found[f"Euler, {n} evaluations"] = euler_projected(distribution.field(vectors), noise, schedule.grid(n))
    for order, n in ((2, 32), (4, 16), (4, 32), (4, 64)):
        name = f"geodesic order {order}, {n} evaluations"
        found[name] = geodesic_steps(distribution.field(vectors), noise, schedule.grid(n // order), order)
    rows: dict[str, Row] = {}
    for name, ends in found.items():
        off = haversine_km(*lat_lon(ends), *lat_lon(exact))
        rows[name] = {"mean km": float(off.mean()), "95 % km": float(np.quantile(off, 0.95))}
    points, field = unit_vectors(asked.lat, asked.lon)[:64, None], distribution.field(asked.vectors[:64])
    best = likelihood(field, points, schedule, 1e-5)
    for tolerance in (1e-2, 1e-3, 1e-4):
        one = likelihood(field, points, schedule, tolerance)
        off = np.abs(one.log_density - best.log_density)
        rows[f"likelihood, tolerance {tolerance:g}"] = {"evaluations": one.evaluations, "mean nats off": float(off.mean())}
    return rows


def table(runs: Sequence[Mapping[str, Row]]) -> str:
    """Means over the Earths, with the standard deviation between them."""
    columns = list(dict.fromkeys(key for row in runs[0].values() for key in row))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in runs[0]:
        rows = [run[name] for run in runs]
        lines.append(
            f"| {name} | {' | '.join(spread([row[key] for row in rows]) if key in rows[0] else '' for key in columns)} |"
        )
    return "\n".join(lines)


def order_table(each: Sequence[Mapping[str, Mapping[str, list[float]]]]) -> str:
    """What each step of the published order costs in nats on the same photos: above 0 where the order holds."""
    lines = ["| | exact NLL | NLL by kernels |", "|---|---|---|"]
    for better, worse in pairwise(name for name in ORDER if name in each[0]):
        cells = []
        for kind in (NLL, KERNEL):
            known = all(kind in run[name] for run in each for name in (better, worse))
            cells.append(spread([float(np.mean(run[worse][kind]) - np.mean(run[better][kind])) for run in each]) if known else "")
        lines.append(f"| {worse} − {better} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """`mean ± standard deviation`."""
    mean = f"{np.mean(values):.3g}"
    return f"{mean} ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
