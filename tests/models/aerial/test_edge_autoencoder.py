"""The published network: its shape, that it learns, and its ratio."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.aerial.edge_autoencoder import edges_of, embed, network, retrieve, train
from models.aerial.ground import image_at


def small():
    return network(64, (4, 8, 16), 32)


def test_the_published_size():
    with torch.device("meta"):
        net = network()
    vectors = net.encoder(torch.zeros(2, 1, 256, 256, device="meta"))
    assert vectors.shape == (2, 1024)
    assert net.decoder(vectors).shape == (2, 1, 256, 256)


def test_it_learns_and_finds_a_patch_again(summer, middle):
    pictures = [image_at(summer, middle[0] + 0.001 * i, middle[1], 200.0, 64).rgb for i in range(-4, 4)]
    edges, net = edges_of(pictures), small()
    assert set(np.unique(edges)) == {0.0, 1.0}
    losses = train(net, edges, epochs=25, batch=4, learning_rate=5e-3)
    assert losses[-1] < 0.6 * losses[0]
    vectors = embed(net, edges)
    assert (vectors >= 0).all()
    row, ratio = retrieve(vectors[3], vectors)
    assert row == 3
    assert ratio >= 1.0


def test_what_is_refused():
    with pytest.raises(ValueError, match="does not halve"):
        network(100, (4, 8, 16))
    with pytest.raises(ValueError, match="two patches"):
        train(small(), np.zeros((1, 1, 64, 64), np.float32))
    with pytest.raises(ValueError, match="two patches"):
        retrieve(np.ones(2, np.float32), np.ones((1, 2), np.float32))
