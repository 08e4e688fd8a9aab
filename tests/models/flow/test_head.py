from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.flow.field import Guided, tangent_and_divergence
from models.flow.head import Head
from models.flow.network import network
from models.flow.schedule import Clock, Sigmoid
from models.flow.settings import FlowSettings
from models.flow.tangent import frame, uniform_points
from models.geolocator import ModelError

SETTINGS = FlowSettings(dim=32, depth=2)
CLOCK = Clock(Sigmoid())


def shaken(settings: FlowSettings = SETTINGS, dim_in: int = 5) -> Any:
    """A network none of whose weights is 0."""
    import torch

    net = network(settings, dim_in)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=noise)
    return net


def arrays(net: Any) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in net.state_dict().items()}


def test_values_and_derivatives_are_those_of_torch() -> None:
    import torch

    net, rng = shaken(), np.random.default_rng(0)
    vectors, points = rng.normal(size=(3, 5)).astype(np.float32), uniform_points((3, 70), rng)
    directions = np.stack(frame(points))
    value, slope = Head.of(arrays(net), CLOCK).of_pictures(vectors)(points, 0.37, directions)
    flat = torch.tensor(points.reshape(-1, 3), dtype=torch.float32)
    clock, condition = torch.full((210,), 370.0), torch.tensor(np.repeat(vectors, 70, axis=0))
    for k in range(2):
        along = torch.tensor(directions[k].reshape(-1, 3), dtype=torch.float32)
        out, change = torch.autograd.functional.jvp(lambda x: net(x, clock, condition), (flat,), (along,))
        assert np.abs(out.detach().numpy() - value.reshape(-1, 3)).max() < 1e-4
        assert np.abs(change.detach().numpy() - slope[k].reshape(-1, 3)).max() < 1e-4


def test_the_divergence_is_the_flux_out_of_a_small_cap() -> None:
    net, rng = shaken(), np.random.default_rng(1)
    field = Head.of(arrays(net), CLOCK).of_pictures(rng.normal(size=(1, 5)).astype(np.float32))
    centre = uniform_points((1, 12), rng)
    _, divergence = tangent_and_divergence(field, centre, 0.5)
    first, second = frame(centre)
    angle, radius = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False), 0.03
    out = np.cos(angle)[:, None] * first[0, :, None] + np.sin(angle)[:, None] * second[0, :, None]
    edge = np.cos(radius) * centre[0, :, None] + np.sin(radius) * out
    outward = np.cos(radius) * out - np.sin(radius) * centre[0, :, None]
    w, _ = tangent_and_divergence(field, edge.reshape(1, -1, 3), 0.5)
    flux = (w.reshape(edge.shape) * outward).sum(axis=-1).mean(axis=1) * 2.0 * np.pi * np.sin(radius)
    assert flux / (2.0 * np.pi * (1.0 - np.cos(radius))) == pytest.approx(divergence[0], abs=0.01)


def test_points_do_not_see_each_other() -> None:
    rng = np.random.default_rng(2)
    field = Head.of(arrays(shaken()), CLOCK).of_pictures(rng.normal(size=(1, 5)).astype(np.float32))
    points = uniform_points((1, 300), rng)
    order = rng.permutation(300)
    assert field(points[:, order], 0.5)[0] == pytest.approx(field(points, 0.5)[0][:, order], abs=1e-5)


def test_what_depends_on_the_picture_is_computed_once_for_each_gamma() -> None:
    rng = np.random.default_rng(3)
    field = Head.of(arrays(shaken()), CLOCK).of_pictures(rng.normal(size=(2, 5)).astype(np.float32))
    first = field.at(0.25)
    assert field.at(0.25) is first
    assert field.at(0.5) is not first


def test_guidance() -> None:
    rng = np.random.default_rng(4)
    head, vectors, points = (
        Head.of(arrays(shaken()), CLOCK),
        rng.normal(size=(2, 5)).astype(np.float32),
        uniform_points((2, 9), rng),
    )
    plain, nothing = head.of_pictures(vectors), head.of_pictures(None)
    directions = np.stack(frame(points))
    with_none, without = Guided(plain, nothing, 0.0)(points, 0.3, directions), plain(points, 0.3, directions)
    assert all(np.array_equal(a, b) for a, b in zip(with_none, without, strict=True))
    value, slope = Guided(plain, nothing, 2.0)(points, 0.3, directions)
    null_value, null_slope = nothing(points, 0.3, directions)
    assert value == pytest.approx(3.0 * without[0] - 2.0 * null_value)
    assert slope == pytest.approx(3.0 * without[1] - 2.0 * null_slope)
    assert not np.allclose(value, without[0])


def test_no_picture_is_the_middle_one() -> None:
    weights = arrays(shaken()) | {"middle": np.full(5, 0.3, dtype=np.float32), "scale": np.array(0.5, dtype=np.float32)}
    head, points = Head.of(weights, CLOCK), uniform_points((1, 4), np.random.default_rng(5))
    middle = head.of_pictures(np.full((1, 5), 0.3, dtype=np.float32))
    assert np.allclose(middle(points, 0.5)[0], head.of_pictures(None)(points, 0.5)[0])


@pytest.mark.parametrize("vectors", [np.zeros((1, 4)), np.zeros(5), np.full((1, 5), np.nan)])
def test_other_vectors_are_refused(vectors: np.ndarray) -> None:
    with pytest.raises(ModelError, match="5 finite numbers"):
        Head.of(arrays(shaken()), CLOCK).of_pictures(vectors.astype(np.float32))


@pytest.mark.parametrize(
    "name",
    ["cond_mapper.bias", "blocks.1.mlp.3.weight", "blocks.0.ada_map.1.weight", "final_linear.weight", "initial_mapper.bias"],
)
def test_weights_that_do_not_fit_are_refused(name: str) -> None:
    whole = arrays(shaken())
    for wrong in (None, whole[name][1:], np.full(whole[name].shape, np.nan, dtype=np.float32)):
        changed = {key: value for key, value in whole.items() if key != name} | ({} if wrong is None else {name: wrong})
        with pytest.raises(ModelError) as error:
            Head.of(changed, CLOCK)
        assert "\n" not in str(error.value)


def test_an_untrained_block_is_the_identity() -> None:
    net = network(SETTINGS, 5)
    assert not net.blocks[0].mlp[3].weight.any()
    assert all((a == b).all() for a, b in zip(arrays(net).values(), arrays(network(SETTINGS, 5)).values(), strict=True))
