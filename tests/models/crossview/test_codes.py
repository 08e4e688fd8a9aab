"""Likeness at every heading, the loss, and which pairs meet in a batch."""

from __future__ import annotations

import numpy as np
import pytest

from models.crossview.batches import batches, most_alike, near_on_the_ground
from models.crossview.codes import GroundCode, allowed, likeness, unit
from models.crossview.forward import side_of
from models.crossview.network import twin


def codes(n=5, headings=32, dim=6, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(n, headings, dim)))


def test_likeness_is_the_weighted_mean_of_cosines_at_each_heading():
    above, rng = codes(), np.random.default_rng(1)
    weights = rng.random(7)
    columns = unit(rng.normal(size=(7, 6))) * (weights / weights.sum())[:, None]
    found = likeness(above, GroundCode(columns.astype(np.float32), 3))
    for n in range(5):
        for k in range(32):
            byhand = sum(float(columns[j] @ above[n, (k + j - 3) % 32]) for j in range(7))
            assert found[n, k] == pytest.approx(byhand, abs=1e-5)
    some = likeness(above.astype(np.float16), GroundCode(columns.astype(np.float32), 3), np.array([4, 30]))
    assert some == pytest.approx(found[:, [4, 30]], abs=2e-3)


def test_a_piece_of_the_circle_is_found_at_its_heading():
    above = codes(seed=2)
    piece = above[3, [30, 31, 0, 1, 2]] / 5
    found = likeness(above, GroundCode(piece, 2))
    assert np.unravel_index(found.argmax(), found.shape) == (3, 0)
    assert found.max() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("heading", "error", "expected"), [(None, 0.0, 32), (10.0, 180.0, 32), (0.0, 0.0, 3), (0.0, 20.0, 7), (359.0, 0.0, 3)]
)
def test_headings_that_are_allowed(heading, error, expected):
    assert len(allowed(heading, error, 32)) == expected


def test_numpy_runs_the_network_as_torch_does():
    torch = pytest.importorskip("torch")
    net = twin(5, 4, 3)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_()
    net.eval()
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    x = np.random.default_rng(0).normal(size=(2, 4, 48, 256)).astype(np.float32)
    y = np.random.default_rng(1).normal(size=(2, 4, 32, 128)).astype(np.float32)
    for side, data, circle in (("ground", x, True), ("ground", x[..., :56], False), ("aerial", y, True)):
        with torch.no_grad():
            expected = getattr(net, side)(torch.from_numpy(np.ascontiguousarray(data)), circle).numpy()
        assert side_of(arrays, side)(data, circle) == pytest.approx(expected, abs=1e-4)
    assert side_of(arrays, "aerial")(y, True).shape == (2, 32, 5)
    turned = side_of(arrays, "aerial")(np.roll(y, 8, axis=3), True)
    assert turned == pytest.approx(np.roll(side_of(arrays, "aerial")(y, True), 2, axis=1), abs=1e-4)
    with pytest.raises(ValueError, match="no numbers"):
        side_of({**arrays, "ground.mix.bias": arrays["ground.mix.bias"] * np.nan}, "ground")
    with pytest.raises(ValueError, match="fit together"):
        side_of({**arrays, "ground.mix.weight": arrays["ground.mix.weight"][:, :-1]}, "ground")


def test_the_loss_against_its_closed_form():
    torch = pytest.importorskip("torch")
    from models.crossview.contrast import symmetric_info_nce

    logits = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0], [0.3, 0.2, 0.1]])
    none = torch.zeros(3, 3, dtype=torch.bool)
    expected = 0.5 * (torch.nn.functional.cross_entropy(logits, torch.arange(3), label_smoothing=0.1)
                      + torch.nn.functional.cross_entropy(logits.T, torch.arange(3), label_smoothing=0.1))  # fmt: skip
    assert float(symmetric_info_nce(logits, none, 0.1)) == pytest.approx(float(expected), abs=1e-6)
    same = none.clone()
    same[0, 1] = same[1, 0] = True
    changed = logits.clone()
    changed[0, 1], changed[1, 0] = 50.0, -50.0
    assert float(symmetric_info_nce(logits, same, 0.1)) == pytest.approx(float(symmetric_info_nce(changed, same, 0.1)), abs=1e-6)
    assert float(symmetric_info_nce(logits, same, 0.1)) < float(expected)


def test_likeness_of_a_batch_is_that_of_one():
    torch = pytest.importorskip("torch")
    from models.crossview.contrast import headings_likeness, pair_logits

    rng, above = np.random.default_rng(4), codes(3)
    columns, weights = unit(rng.normal(size=(3, 7, 6))), rng.random((3, 7)).astype(np.float32)
    found = headings_likeness(torch.from_numpy(columns), torch.from_numpy(weights), torch.from_numpy(above), 3)
    for b in range(3):
        assert found[b].numpy() == pytest.approx(likeness(above, GroundCode(columns[b] * weights[b][:, None], 3)), abs=1e-5)
    allowed_ = torch.zeros(3, 32, dtype=torch.bool)
    allowed_[:, 4:9] = True
    true = torch.zeros_like(allowed_)
    true[:, 6] = True
    logits = pair_logits(found, allowed_, true)
    assert float(logits[0, 1]) == pytest.approx(float(found[0, 1, 4:9].max()))
    assert float(logits[1, 1]) == pytest.approx(float(found[1, 1, 6]))


def test_neighbours_on_the_ground_against_brute_force():
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(60.0, 60.01, 40), rng.uniform(24.0, 24.02, 40)
    place = np.arange(40) // 2
    found = near_on_the_ground(lat, lon, place, 5, 50.0)
    east, north = np.cos(np.radians(60.005)) * 111_320, 111_200
    for i in range(40):
        far = np.hypot((lon - lon[i]) * east, (lat - lat[i]) * north)
        possible = [j for j in np.argsort(far) if place[j] != place[i] and far[j] > 50.5]
        assert set(found[i]) == set(possible[:5])
    few = near_on_the_ground(lat[:3], lon[:3], np.zeros(3, dtype=np.intp), 5, 50.0)
    assert (few == np.arange(3)[:, None]).all()


def test_likest_pairs_leave_out_the_same_place():
    values = np.array([[9.0, 3.0, 5.0, 4.0], [1.0, 9.0, 2.0, 8.0]], dtype=np.float32)
    same = np.zeros((2, 4), dtype=bool)
    same[0, 0] = same[1, 1] = True
    assert most_alike(values, same, 2, 0).tolist() == [[2, 3], [3, 2]]


def test_batches_hold_each_pair_once_and_neighbours_together():
    n = 103
    near = (np.arange(n)[:, None] + np.arange(1, 9)[None, :]) % n
    for neighbours, select in ((None, 0), (near.astype(np.int32), 4)):
        rows = list(batches(n, 10, neighbours, select, np.random.default_rng(1)))
        seen = np.concatenate(rows)
        assert len(rows) == 10
        assert len(set(seen.tolist())) == 100
        assert all(len(batch) == 10 for batch in rows)
    close = np.mean([np.abs(np.diff(np.sort(batch))).min() for batch in rows])
    assert close == 1.0
