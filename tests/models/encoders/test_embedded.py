from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.build.whitening import CROPS, random_crops
from models.encoders.efficientnet_lite import EfficientNetLite
from models.encoders.embedded import WHITENING, Embedded, Whitening, read_whitening, write_whitening
from models.encoders.encoder import EncoderError, unit_rows
from models.encoders.lite_graph import CHANNELS
from tests.models.encoders.pictures import waves


@pytest.fixture(scope="module")
def encoder(network: EfficientNetLite) -> Embedded:
    return Embedded()


def test_vectors_are_unit_and_depend_on_the_picture_alone(encoder: Embedded) -> None:
    pictures = [waves(300, 200, 0), waves(64, 64, 1), waves(200, 500, 2), waves(300, 200, 3)]
    vectors = encoder.encode(pictures)
    assert vectors.shape == (4, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[2] == pytest.approx(encoder.encode([pictures[2]])[0], abs=1e-4)
    likeness = vectors @ vectors.T
    near = encoder.encode([pictures[0].resize((280, 190))])[0] @ vectors.T
    assert near.argmax() == 0
    assert near[0] > np.abs(likeness - np.eye(4)).max()


def test_no_pictures_and_pictures_of_other_modes(encoder: Embedded) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)
    vectors, logits = encoder.encode_and_classify([])
    assert (vectors.shape, logits.shape) == ((0, encoder.dim), (0, 1000))
    for mode in ("L", "RGBA", "P", "CMYK", "1"):
        assert np.isfinite(encoder.encode([waves(70, 50).convert(mode)])).all()
    assert np.isfinite(encoder.encode([Image.new("RGB", (1, 1)), Image.new("RGB", (3000, 2))])).all()


def test_one_pass_gives_vectors_and_classes(encoder: Embedded, network: EfficientNetLite) -> None:
    pictures = [waves(120, 90, seed) for seed in range(3)]
    vectors, logits = encoder.encode_and_classify(pictures)
    assert vectors == pytest.approx(encoder.encode(pictures), abs=1e-5)
    assert logits == pytest.approx(network.classify(pictures), abs=1e-4)


def test_name_digest_and_licence(encoder: Embedded) -> None:
    assert (encoder.name, encoder.licence) == ("embedded", "Apache-2.0")
    assert len(encoder.digest) == 16
    assert int(encoder.digest, 16) >= 0
    assert encoder.digest == Embedded().digest


def test_without_shrinkage_the_descriptors_become_white() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(400, 12)) @ rng.normal(size=(12, 12)) + 3).astype(np.float32)
    whitening = Whitening.fit(rows, dim=8, shrinkage=0)
    white = (unit_rows(rows) - whitening.mean) @ whitening.axes
    assert np.cov(white, rowvar=False) == pytest.approx(np.eye(8), abs=1e-3)
    assert white.mean(axis=0) == pytest.approx(0, abs=1e-4)


def test_shrinkage_against_its_formula() -> None:
    rng = np.random.default_rng(1)
    rows = unit_rows(rng.normal(size=(300, 6)) * np.array([5, 4, 3, 2, 1, 0.5]))
    variances, axes = np.linalg.eigh(np.cov(rows.astype(np.float64), rowvar=False))
    whitening = Whitening.fit(rows, dim=3, shrinkage=0.75)
    wanted = np.sqrt(0.25 * variances[::-1][:3] + 0.75 * variances.mean())
    assert 1 / np.linalg.norm(whitening.axes, axis=0) == pytest.approx(wanted, rel=1e-4)
    assert np.abs(np.sum(whitening.axes * axes[:, ::-1][:, :3], axis=0)) == pytest.approx(1 / wanted, rel=1e-4)


def test_a_whitening_is_kept(tmp_path: Path) -> None:
    rows = np.random.default_rng(2).uniform(size=(40, CHANNELS)).astype(np.float32)
    whitening = Whitening.fit(rows, dim=16)
    write_whitening(tmp_path / "w.npz", whitening)
    again = read_whitening(tmp_path / "w.npz")
    assert again.mean == pytest.approx(whitening.mean)
    assert again.apply(rows) == pytest.approx(whitening.apply(rows), abs=2e-3)


def test_broken_whitenings_give_one_line(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="cannot be read"):
        read_whitening(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(EncoderError, match="cannot be read"):
        read_whitening(tmp_path / "text.npz")
    np.savez(tmp_path / "objects.npz", mean=np.array([{}], dtype=object), axes=np.zeros((2, 1)), lengths=np.ones(1))
    with pytest.raises(EncoderError, match="cannot be read"):
        read_whitening(tmp_path / "objects.npz")
    np.savez(tmp_path / "small.npz", mean=np.zeros(2), axes=np.zeros((2, 1)), lengths=np.ones(1))
    with pytest.raises(EncoderError, match="of 1280 numbers"):
        read_whitening(tmp_path / "small.npz")


def test_the_whitening_that_is_shipped() -> None:
    whitening = read_whitening()
    assert whitening.axes.shape == (CHANNELS, 512)
    assert WHITENING.stat().st_size < 3_000_000
    between = whitening.axes.T @ whitening.axes
    assert np.abs(between - np.diag(np.diag(between))).max() < 2e-3 * np.diag(between).max()


def test_random_crops_stay_in_the_picture_and_begin_with_it() -> None:
    picture = waves(200, 130)
    crops = random_crops(picture, np.random.default_rng(0))
    assert len(crops) == CROPS
    assert crops[0] is picture
    assert all(20 <= crop.size[0] <= 200 and 20 <= crop.size[1] <= 130 for crop in crops)
    again = random_crops(picture, np.random.default_rng(0))
    assert [crop.tobytes() for crop in crops] == [crop.tobytes() for crop in again]
