from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.sphere import Floats, haversine_km
from models.alignment.contrastive import GpsQueue, info_nce, near_pairs, noised, one_way, symmetric_info_nce


def unit(n: int, d: int, seed: int) -> Floats:
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def slow(queries: np.ndarray, keys: np.ndarray, scale: float, skip: np.ndarray) -> float:
    total = 0.0
    for i, query in enumerate(queries):
        terms = [math.exp(scale * float(query @ key)) for j, key in enumerate(keys) if j == i or not skip[i, j]]
        total -= math.log(math.exp(scale * float(query @ keys[i])) / sum(terms))
    return total / len(queries)


def test_it_equals_the_formula() -> None:
    import torch

    a, b, more = unit(7, 5, 0), unit(7, 5, 1), unit(11, 5, 2)
    rng = np.random.default_rng(3)
    skip, skip_more = rng.random((7, 7)) < 0.3, rng.random((7, 11)) < 0.3
    skip |= skip.T
    ta, tb, tm, ts, tsm = map(torch.from_numpy, (a, b, more, skip, skip_more))
    forth = slow(a, np.concatenate([b, more]), 6.0, np.concatenate([skip, skip_more], axis=1))
    back = slow(b, a, 6.0, skip)
    assert float(one_way(ta, tb, 6.0, tm, ts, tsm)) == pytest.approx(forth)
    assert float(info_nce(tb, ta, 6.0, ts)) == pytest.approx(back)
    assert float(symmetric_info_nce(ta, tb, 6.0, tm, ts, tsm)) == pytest.approx((forth + back) / 2)
    none = np.zeros((7, 18), dtype=bool)
    assert float(one_way(ta, tb, 6.0, tm)) == pytest.approx(slow(a, np.concatenate([b, more]), 6.0, none))
    assert float(one_way(ta, tb, 6.0, tm[:0], ts, tsm[:, :0])) == pytest.approx(slow(a, b, 6.0, skip))


@pytest.mark.parametrize(("n", "scale"), [(4, 1.0), (32, 3.0), (32, 100.0)])
def test_identity_similarity_has_a_closed_form(n: int, scale: float) -> None:
    import torch

    eye = torch.eye(n, dtype=torch.float64)
    assert float(symmetric_info_nce(eye, eye, scale)) == pytest.approx(math.log1p((n - 1) * math.exp(-scale)))
    # With all similarities the same the loss is that of a guess among the keys.
    assert float(info_nce(eye[:1].repeat(n, 1), eye[:1].repeat(n + 3, 1), scale)) == pytest.approx(math.log(n + 3))


def test_the_right_pair_counts_even_when_all_is_skipped() -> None:
    import torch

    a = torch.from_numpy(unit(5, 4, 0))
    assert float(info_nce(a, a, 10.0, torch.ones(5, 5, dtype=torch.bool))) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9), st.lists(st.integers(0, 25), max_size=12))
def test_the_queue_holds_the_last_points(size: int, batches: list[int]) -> None:
    queue, all_points = GpsQueue(size), np.zeros((0, 2))
    for batch in batches:
        new = np.arange(len(all_points), len(all_points) + batch, dtype=np.float64)
        points = np.stack([new, -new], axis=1)
        queue.add(points)
        all_points = np.concatenate([all_points, points])
        assert sorted(queue.points[:, 0]) == sorted(all_points[max(0, len(all_points) - size) :, 0])
        assert (queue.points[:, 1] == -queue.points[:, 0]).all()


def test_a_full_queue_replaces_the_oldest() -> None:
    queue = GpsQueue(4)
    for start in (0, 3, 6):
        queue.add(np.stack([np.arange(start, start + 3.0)] * 2, axis=1))
    # 0 1 2 | 3 → 0 1 2 3; 4 5 over 0 1; 6 7 over 2 3; 8 over 4.
    assert queue.points[:, 0].tolist() == [8.0, 5.0, 6.0, 7.0]
    assert queue.next == 1


def test_near_pairs_are_those_within_the_distance() -> None:
    rng = np.random.default_rng(0)
    a = np.stack([rng.uniform(-0.05, 0.05, 200) + 60, 180 + rng.uniform(-0.05, 0.05, 200)], axis=1)
    b = np.stack([a[:, 0], (a[:, 1] + 180) % 360 - 180], axis=1)
    for near_km in (0.5, 3.0):
        wanted = haversine_km(a[:, None, 0], a[:, None, 1], b[None, :, 0], b[None, :, 1]) <= near_km
        assert 200 < wanted.sum() < 40_000
        assert (near_pairs(a, b, near_km) == wanted).mean() > 0.9999
    assert not near_pairs(a, a, 0.0).any()
    assert near_pairs(a, a, 30_000.0).all()


def test_noise_has_its_size_and_the_same_draws() -> None:
    points = np.tile([[70.0, 179.9]], (20_000, 1))
    moved = noised(points, 10.0, np.random.default_rng(0))
    away = haversine_km(70.0, 179.9, moved[:, 0], moved[:, 1])
    assert np.sqrt((away**2).mean() / 2) == pytest.approx(10.0, rel=0.02)
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    assert np.array_equal(noised(points, 0.0, one), points)
    noised(points, 5.0, two)
    assert one.random() == two.random()
