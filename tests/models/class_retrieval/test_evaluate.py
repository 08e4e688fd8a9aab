"""Pictures on disk become vectors and scores."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models.class_retrieval.evaluate import both_directions, encode_folder, open_small
from models.class_retrieval.folder import read_class_folder
from models.encoders.cache import VectorCache
from models.encoders.tiny import Tiny


@pytest.fixture
def root(tmp_path):
    for view, light in (("ground", 200), ("aerial", 90)):
        for kind, place in (("river", 0), ("ship", 12)):
            for n in range(3):
                rgb = np.full((24, 24, 3), light, dtype=np.uint8)
                rgb[place : place + 12, :, n] //= 2
                path = tmp_path / "set" / view / kind / f"{n}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rgb).save(path)
    return tmp_path / "set"


def test_vectors_keep_the_order_of_the_pictures(root):
    said = []
    folder = read_class_folder(root)
    found = encode_folder(folder, Tiny(), progress=lambda done, of: said.append((done, of)))
    assert found.pictures == folder.pictures
    assert said == [(12, 12)]
    np.testing.assert_array_equal(found.data.labels, [p.label for p in folder.pictures])
    np.testing.assert_allclose(found.data.vectors[4], Tiny().encode([open_small(folder.pictures[4].path)])[0], atol=1e-6)
    scores = both_directions(found.data)
    assert {way: (of.queries, of.gallery) for way, of in scores.items()} == {
        "ground_to_aerial": (6, 6),
        "aerial_to_ground": (6, 6),
    }


def test_pictures_that_cannot_be_read_are_named(root):
    (root / "ground/river/1.png").write_bytes(b"no picture")
    (root / "aerial/ship/2.png").write_bytes((root / "aerial/ship/2.png").read_bytes()[:50])
    found = encode_folder(read_class_folder(root), Tiny())
    assert len(found.data) == len(found.pictures) == 10
    assert sorted(line.partition(": ")[0] for line in found.failed) == [
        str(root / "aerial/ship/2.png"),
        str(root / "ground/river/1.png"),
    ]


def test_nothing_can_be_read(root):
    for path in root.rglob("*.png"):
        path.write_bytes(b"no picture")
    found = encode_folder(read_class_folder(root), Tiny())
    assert (len(found.data), len(found.failed)) == (0, 12)
    assert both_directions(found.data)["ground_to_aerial"].map is None


def test_the_cache_is_used(root, tmp_path):
    class Counting(Tiny):
        seen = 0

        def encode(self, pictures):
            self.seen += len(pictures)
            return super().encode(pictures)

    encoder = Counting()
    with VectorCache(tmp_path / "cache", encoder.digest, encoder.dim) as cache:
        first = encode_folder(read_class_folder(root), encoder, cache)
        again = encode_folder(read_class_folder(root), encoder, cache)
    np.testing.assert_array_equal(first.data.vectors, again.data.vectors)
    assert encoder.seen == 12
    np.testing.assert_allclose(first.data.vectors, encode_folder(read_class_folder(root), encoder).data.vectors, atol=1e-3)


def test_pictures_are_turned_upright_and_made_small(tmp_path):
    image = Image.new("RGB", (1600, 800))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert open_small(tmp_path / "turned.jpg").size == (256, 512)


def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path):
    Image.new("1", (11_000, 11_000)).save(tmp_path / "huge.png")
    with pytest.raises(ValueError, match="more than 100 million pixels"):
        open_small(tmp_path / "huge.png")
