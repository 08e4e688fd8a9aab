"""University-1652's folders."""

from __future__ import annotations

import pytest

from models.crossview.datasets.dataset import DatasetError
from models.crossview.datasets.university1652 import read_satellite_to, read_university1652
from tests.models.crossview.datasets.published_layouts import touch, university


def error(read, *args):
    with pytest.raises(DatasetError) as caught:
        read(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_drone_to_satellite(tmp_path):
    found = read_university1652(university(tmp_path), "test", "drone")
    assert [pair.place for pair in found.pairs] == ["0003", "0003", "0005", "0005"]
    assert [view.path.name for view in found.gallery] == ["0003.jpg", "0004.jpg", "0005.jpg"]  # 0004 has no query
    assert found.correct == ((0,), (0,), (2,), (2,))
    first = found.pairs[0]
    assert (first.id, first.kind, first.fov_deg, first.heading_deg) == (
        "test/query_drone/0003/image-01.jpeg",
        "drone",
        None,
        None,
    )
    assert first.query == tmp_path / "test/query_drone/0003/image-01.jpeg"
    assert first.reference.path == tmp_path / "test/gallery_satellite/0003/0003.jpg"


def test_street_and_training(tmp_path):
    university(tmp_path)
    street = read_university1652(tmp_path, "test", "street")
    assert [(pair.place, pair.kind) for pair in street.pairs] == [("0005", "photo")]
    sizes = {view: len(read_university1652(tmp_path, "train", view).pairs) for view in ("drone", "street", "google")}
    assert sizes == {"drone": 6, "street": 2, "google": 2}


def test_satellite_to_drone(tmp_path):
    found = read_satellite_to(university(tmp_path), "drone")
    assert [place for place, _ in found.queries] == ["0003", "0005"]
    assert [pair.place for pair in found.gallery] == ["0003", "0003", "0004", "0004", "0005", "0005"]
    assert found.gallery[0].query == tmp_path / "test/gallery_drone/0003/image-01.jpeg"


def test_progress_and_other_files(tmp_path):
    said = []
    touch(university(tmp_path) / "test/query_drone/0003/notes.txt")
    touch(tmp_path / "test/query_drone/.DS_Store")
    found = read_university1652(tmp_path, "test", "drone", said.append)
    assert len(found.pairs) == 4
    assert said == [{"buildings": 0, "of": 2}]


def test_buildings_without_a_tile_are_counted(tmp_path):
    touch(university(tmp_path) / "test/query_drone/0009/image-01.jpeg")
    found = read_university1652(tmp_path, "test", "drone")
    assert (len(found.pairs), found.missing) == (4, 1)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    touch(tmp_path / "elsewhere/0009/1.jpg")
    root = university(tmp_path / "set")
    (root / "test/query_drone/0009").symlink_to(tmp_path / "elsewhere/0009")
    assert len(read_university1652(root, "test", "drone").pairs) == 4


def test_errors(tmp_path):
    assert "has the splits train and test, not 'val'" in error(read_university1652, tmp_path, "val")
    assert "has the views drone, street in its test part, not 'google'" in error(read_university1652, tmp_path, "test", "google")
    assert "is no folder of University-1652" in error(read_satellite_to, tmp_path / "nowhere")
    folder = tmp_path / "test/gallery_satellite"
    assert error(read_university1652, tmp_path, "test") == f"{folder}: has no pictures in folders of buildings"
    touch(university(tmp_path) / "test/gallery_satellite/0003/another.jpg")
    assert error(read_university1652, tmp_path, "test") == f"{folder / '0003'}: has more than one satellite tile"
