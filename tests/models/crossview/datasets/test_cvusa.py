"""CVUSA's lists."""

from __future__ import annotations

import pytest

from models.crossview.datasets.cvusa import read_cvusa
from models.crossview.datasets.dataset import DatasetError
from tests.models.crossview.datasets.published_layouts import cvusa, touch, write_lines


def error(*args, **more):
    with pytest.raises(DatasetError) as caught:
        read_cvusa(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_split_by_name(tmp_path):
    found = read_cvusa(cvusa(tmp_path), "validation")
    assert [pair.id for pair in found.pairs] == ["0000004", "0000005"]
    first = found.pairs[0]
    assert first.query == tmp_path / "streetview/panos/0000004.jpg"
    assert first.reference.path == tmp_path / "bingmap/19/0000004.jpg"
    assert (first.kind, first.fov_deg, first.heading_deg, first.split, first.at) == ("panorama", 360.0, 0.0, "validation", None)
    assert found.gallery == tuple(pair.reference for pair in found.pairs)
    assert found.correct == ((0,), (1,))
    assert len(read_cvusa(tmp_path, "train").pairs) == 3


def test_progress_is_told(tmp_path):
    said = []
    read_cvusa(cvusa(tmp_path), "train", told=said.append)
    assert said == [{"rows": 0}]


def test_another_list_and_rows_that_come_twice(tmp_path):
    lines = (cvusa(tmp_path) / "splits/train-19zl.csv").read_text().splitlines()
    write_lines(tmp_path / "cleaned/train.csv", [lines[0], "", lines[2], lines[0]])
    found = read_cvusa(tmp_path, "train", "cleaned/train.csv")
    assert [pair.id for pair in found.pairs] == ["0000001", "0000003"]
    assert found.notes == {"repeated": 1}


def test_errors_name_file_and_line(tmp_path):
    assert "has the splits train and validation, not 'test'" in error(tmp_path, "test")
    assert "has no splits/val-19zl.csv" in error(tmp_path, "validation")
    assert "is no folder of CVUSA" in error(tmp_path / "nowhere", "train")
    cvusa(tmp_path)
    source = tmp_path / "splits/train-19zl.csv"
    good = source.read_text().splitlines()[0]
    write_lines(source, [good, "one column"])
    assert error(tmp_path, "train") == f"{source}:2: has 1 columns; aerial, panorama (and annotation) are read"
    write_lines(source, [good, "bingmap/19/9.jpg,streetview/panos/0000001.jpg"])
    assert error(tmp_path, "train") == f"{source}:2: bingmap/19/9.jpg is not in the folder, and 1 of 2 rows lack a picture"
    source.write_text("\n\n")
    assert error(tmp_path, "train") == f"{source}: has no rows"
    source.write_bytes(b"\xff\xfe\x00")
    assert error(tmp_path, "train") == f"{source}: is no text in UTF-8"
    write_lines(source, ["x" * 5000])
    assert f"{source}:1: is longer than 4000 characters" in error(tmp_path, "train")


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "bingmap/../../secret.jpg", "a\\..\\b.jpg", "a\x07.jpg"])
def test_paths_stay_in_the_folder(tmp_path, name):
    touch(tmp_path / "secret.jpg")
    root = cvusa(tmp_path / "set")
    write_lines(root / "splits/train-19zl.csv", [f"{name},streetview/panos/0000001.jpg"])
    assert "train-19zl.csv:1: " in (said := error(root, "train"))
    assert "is no file of the folder" in said


def test_links_that_lead_out_count_as_missing(tmp_path):
    outside = touch(tmp_path / "elsewhere/0000001.jpg")
    root = cvusa(tmp_path / "set", train=1)
    (root / "bingmap/19/0000001.jpg").unlink()
    (root / "bingmap/19/0000001.jpg").symlink_to(outside)
    assert "bingmap/19/0000001.jpg is not in the folder" in error(root, "train")
    (root / "streetview/panos").rename(tmp_path / "panos")
    (root / "streetview/panos").symlink_to(tmp_path / "panos")
    assert "streetview/panos/0000002.jpg is not in the folder" in error(root, "validation")


def test_few_missing_pictures_are_left_out_and_counted(tmp_path):
    root = cvusa(tmp_path, train=200, val=1)
    (root / "streetview/panos/0000007.jpg").unlink()
    found = read_cvusa(root, "train")
    assert (len(found.pairs), found.missing) == (199, 1)
    for n in (8, 9):
        (root / f"streetview/panos/{n:07d}.jpg").unlink()
    assert "0000007.jpg is not in the folder, and 3 of 200 rows lack a picture" in error(root, "train")
