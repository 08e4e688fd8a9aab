from __future__ import annotations

import importlib.util
import math
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.sphere import EARTH_RADIUS_KM
from models.alignment.location_encoder import (
    GEOCLIP,
    LocationEncoder,
    LocationShape,
    arrays_of,
    location_features,
    location_module,
    sphere_scale,
)
from models.geolocator import ModelError


def points(n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    some = np.stack([np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)], axis=1)
    some[:8] = [[90, 0], [-90, 0], [90, 180], [-90, -180], [0, 180], [0, -180], [55.5, 180], [55.5, -180]]
    return some


def published(lat: float, lon: float, weights: dict[str, np.ndarray]) -> np.ndarray:
    """GeoCLIP's location encoder for one point, written down once more from the paper and the formulas of the projection."""
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    phi, lam = math.radians(lat), math.radians(lon)
    t = math.asin(math.sqrt(3) / 2 * math.sin(phi))
    x = 2 * math.sqrt(3) * lam * math.cos(t) / (3 * (9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1))
    y = a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t
    v = np.array([x, y]) * 66.50336 / 180
    total = np.zeros(1)
    for i in range(sum(name.endswith("capsule.0.b") for name in weights)):
        phase = [2 * math.pi * float(row @ v) for row in weights[f"LocEnc{i}.capsule.0.b"].astype(np.float64)]
        h = np.array([math.cos(p) for p in phase] + [math.sin(p) for p in phase])
        for layer in (1, 3, 5):
            w, b = weights[f"LocEnc{i}.capsule.{layer}.weight"], weights[f"LocEnc{i}.capsule.{layer}.bias"]
            h = np.maximum(w.astype(np.float64) @ h + b, 0)
        total = total + weights[f"LocEnc{i}.head.0.weight"].astype(np.float64) @ h + weights[f"LocEnc{i}.head.0.bias"]
    return total


@pytest.fixture(scope="module")
def small() -> Any:
    import torch

    torch.manual_seed(3)
    return location_module(LocationShape("equal_earth", (1.0, 16.0, 256.0), 12, 20, 3, 10))


def test_it_has_the_names_and_shapes_of_geoclip(small: Any) -> None:
    wanted = ["LocEnc0.capsule.0.b", *(f"LocEnc0.capsule.{i}.{kind}" for i in (1, 3, 5) for kind in ("weight", "bias")),
              "LocEnc0.head.0.weight", "LocEnc0.head.0.bias"]  # fmt: skip
    assert [name for name in small.state_dict() if name.startswith("LocEnc0")] == wanted
    import torch

    with torch.device("meta"):
        full = location_module(GEOCLIP)
    assert sum(tensor.numel() for tensor in full.state_dict().values()) == 9_449_472
    assert full.state_dict()["LocEnc2.capsule.0.b"].shape == (256, 2)
    assert not full["LocEnc2"]["capsule"][0]["b"].requires_grad


def test_it_computes_what_was_published(small: Any) -> None:
    import torch

    weights, some = arrays_of(small), points(60)
    slow = np.stack([published(lat, lon, weights) for lat, lon in some])
    with torch.no_grad():
        exact = location_features(small, "equal_earth", torch.from_numpy(some)).numpy()
    assert exact == pytest.approx(slow, abs=1e-5)
    own = LocationEncoder.of("equal_earth", weights)(some[:, 0], some[:, 1])
    assert own == pytest.approx(slow / np.linalg.norm(slow, axis=1, keepdims=True), abs=1e-5)


def test_it_equals_geoclip_itself(small: Any) -> None:
    spec = importlib.util.find_spec("geoclip")
    if spec is None or not spec.origin:
        pytest.skip("GeoCLIP's package is not installed")
    import torch

    theirs = _their_encoder(Path(spec.origin).parent / "model")
    ours = location_module(GEOCLIP)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    some = points(10_000)
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(some).float())
        assert float((location_features(ours, "equal_earth", torch.from_numpy(some).float()) - wanted).abs().max()) < 1e-5
    unit = torch.nn.functional.normalize(wanted, dim=1).numpy()
    own = LocationEncoder.of("equal_earth", arrays_of(theirs))(some[:2000, 0], some[:2000, 1])
    # Theirs rounds phases to 32 bits.
    assert (own * unit[:2000]).sum(axis=1).min() > 0.99999


def _their_encoder(folder: Path) -> Any:
    """Their module read from its file: the package itself wants transformers and pandas."""
    package, misc = types.ModuleType("_geoclip_model"), types.ModuleType("_geoclip_model.misc")
    package.__path__ = [str(folder)]
    misc.file_dir = str(folder)  # type: ignore[attr-defined]
    sys.modules |= {package.__name__: package, misc.__name__: misc}
    try:
        spec = importlib.util.spec_from_file_location("_geoclip_model.location_encoder", folder / "location_encoder.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
        return module.LocationEncoder(from_pretrained=True).eval()
    finally:
        for name in [name for name in sys.modules if name.startswith("_geoclip_model")]:
            del sys.modules[name]


def test_scales_of_the_sphere_are_as_wide_as_the_published_ones() -> None:
    # The inner product of the features of two points, E cos(2π b·Δ), is exp(-½) where they lie one bell's width apart.
    rng = np.random.default_rng(0)
    for scale, width_km in ((1.0, 3185.5), (16.0, 199.1), (256.0, 12.44)):
        assert sphere_scale(width_km) == pytest.approx(scale / math.pi, rel=1e-3)
        b = rng.normal(size=(200_000, 3)) * sphere_scale(width_km)
        apart = np.array([0.0, width_km / EARTH_RADIUS_KM, 0.0])
        assert np.cos(2 * math.pi * b @ apart).mean() == pytest.approx(math.exp(-0.5), abs=6e-3)
        flat = rng.normal(size=(200_000, 2)) * scale
        along = np.array([width_km / (math.pi * EARTH_RADIUS_KM), 0.0])
        assert np.cos(2 * math.pi * flat @ along).mean() == pytest.approx(math.exp(-0.5), abs=6e-3)


def test_arrays_come_back(small: Any) -> None:
    one = LocationEncoder.of("equal_earth", arrays_of(small))
    two = LocationEncoder.of("equal_earth", one.arrays("there."), "there.")
    assert one.digest == two.digest
    assert one.arrays().keys() == small.state_dict().keys()
    assert one.digest != LocationEncoder.of("mercator", one.arrays()).digest
    assert one(np.zeros(0), np.zeros(0)).shape == (0, 10)
    assert np.linalg.norm(one([1.0], [2.0]), axis=1) == pytest.approx([1.0])


def test_many_points_are_encoded_in_batches(small: Any) -> None:
    encoder, some = LocationEncoder.of("equal_earth", arrays_of(small)), points(5000)
    whole = encoder(some[:, 0], some[:, 1])
    assert whole[4000:4200] == pytest.approx(encoder(some[4000:4200, 0], some[4000:4200, 1]), abs=1e-6)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda w: w.pop("LocEnc1.head.0.bias"),
        lambda w: w.pop("LocEnc1.capsule.3.weight"),
        lambda w: w.update({"LocEnc0.capsule.0.b": np.zeros((12, 3), np.float32)}),
        lambda w: w.update({"LocEnc0.capsule.1.weight": np.zeros((20, 23), np.float32)}),
        lambda w: w.update(
            {"LocEnc2.head.0.weight": np.zeros((9, 20), np.float32), "LocEnc2.head.0.bias": np.zeros(9, np.float32)}
        ),
        lambda w: w.update({"LocEnc0.head.0.bias": np.full(10, np.nan, np.float32)}),
        lambda w: w.update({"LocEnc0.head.0.bias": np.zeros(10, np.int64)}),
        lambda w: w.update({"LocEnc0.strange": np.zeros(10, np.float32)}),
        lambda w: w.clear(),
        lambda w: w.update({f"LocEnc{i}.capsule.0.b": np.zeros((12, 2), np.float32) for i in range(40)}),
    ],
)
def test_weights_that_do_not_fit_are_refused(small: Any, spoil: Any) -> None:
    weights: dict[str, Any] = dict(arrays_of(small))
    spoil(weights)
    with pytest.raises(ModelError) as raised:
        LocationEncoder.of("equal_earth", weights)
    assert "\n" not in str(raised.value)


def test_an_unknown_projection_is_refused(small: Any) -> None:
    with pytest.raises(ModelError, match="no projection"):
        LocationEncoder.of("cube", arrays_of(small))
    with pytest.raises(ModelError, match="does not fit"):
        LocationEncoder.of("unit_sphere", arrays_of(small))
