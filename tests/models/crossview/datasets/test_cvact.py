"""CVACT's .mat file, and what counts as right in its splits."""

from __future__ import annotations

import numpy as np
import pytest

from models.crossview.datasets.cvact import read_cvact
from models.crossview.datasets.dataset import DatasetError
from tests.models.crossview.datasets.published_layouts import cvact

# East and north in metres: rows 0 to 3 along a street, the others far apart.
UTM = [
    (690_000, 6_090_000),
    (690_004.9, 6_090_000),
    (690_009.8, 6_090_000),
    (690_030, 6_090_000),
    (691_000, 6_090_000),
    (692_000, 6_090_000),
]


def error(*args, **more):
    with pytest.raises(DatasetError) as caught:
        read_cvact(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_validation_has_one_right_tile(tmp_path, kind):
    found = read_cvact(cvact(tmp_path, UTM, [4, 5], [1, 0], [0, 1, 2, 3], kind), "validation")
    assert [pair.id[:6] for pair in found.pairs] == ["pano01", "pano00"]
    assert found.correct == ((0,), (1,))  # 4.9 m apart, but only the own tile is right
    assert found.ignored == ()
    first = found.pairs[0]
    assert first.query == tmp_path / f"ANU_data_small/streetview/{first.id}_grdView.{kind}"
    assert first.reference.path == tmp_path / f"ANU_data_small/satview_polish/{first.id}_satView_polish.{kind}"
    assert (first.kind, first.fov_deg, first.heading_deg, first.place) == ("panorama", 360.0, 0.0, first.id)


def test_all_tiles_within_five_metres_are_right_in_the_test(tmp_path):
    found = read_cvact(cvact(tmp_path, UTM, [4], [5], [3, 0, 1, 2]), "test")
    assert found.correct == ((0,), (1, 2), (2, 1, 3), (3, 2))  # the own tile first; a chain of neighbours is not all right
    assert "ANU_data_test" in str(found.pairs[0].query)
    wide = read_cvact(tmp_path, "test", right_m=25.0)
    assert wide.correct == ((0, 3), (1, 2, 3), (2, 1, 3), (3, 0, 1, 2))


def test_neighbours_within_25_metres_are_no_negatives_in_training(tmp_path):
    found = read_cvact(cvact(tmp_path, UTM, [0, 1, 3, 4], [5], [2]), "train")
    assert found.correct == ((0,), (1,), (2,), (3,))
    assert found.ignored == ((1,), (0,), (), ())  # rows 1 and 3 are 25.1 m apart


def test_progress_is_told(tmp_path):
    said = []
    read_cvact(cvact(tmp_path, UTM, [0, 1], [5], [2]), "train", told=said.append)
    assert said == [{"rows": 0, "of": 2}]


def test_missing_pictures_are_left_out_of_pairs_and_gallery(tmp_path):
    utm = [(10.0 * n, 0.0) for n in range(150)]
    root = cvact(tmp_path, utm, range(120), [120], range(121, 150))
    victim = read_cvact(root, "train").pairs[3]
    victim.reference.path.unlink()
    found = read_cvact(root, "train")
    assert (len(found.pairs), len(found.gallery), found.missing) == (119, 119, 1)
    assert found.ignored[3] == (2, 4, 5)  # row 4 with its neighbours at 10 and 20 m, but for row 3


def test_errors_name_the_file(tmp_path):
    assert "has the splits train, validation, test, not 'val'" in error(tmp_path, "val")
    assert "has no ACT_data.mat" in error(tmp_path, "test")
    source = tmp_path / "ACT_data.mat"
    source.write_bytes(b"this is no MATLAB file" * 20)
    assert error(tmp_path, "test").startswith(f"{source}: is no MATLAB file that can be read")
    cvact(tmp_path, UTM, [4], [5], [2])
    source.write_bytes(source.read_bytes()[:-100])
    assert error(tmp_path, "test").startswith(f"{source}: ")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"utm": np.zeros((6, 3))}, "panoIds and utm are not one name and one position (two numbers) a row"),
        ({"utm": np.full((6, 2), np.nan)}, "panoIds and utm are not one name and one position (two numbers) a row"),
        ({"valSetAll": {"valInd": np.array([1.0, 7.0])}}, "valSetAll.valInd does not hold rows from 1 to 6"),
        ({"valSetAll": {"valInd": np.array([0.0])}}, "valSetAll.valInd does not hold rows from 1 to 6"),
        ({"valSetAll": {"valInd": np.array([1.5])}}, "valSetAll.valInd does not hold rows from 1 to 6"),
        ({"valSetAll": {"other": np.array([1.0])}}, "valSetAll.valInd does not hold rows from 1 to 6"),
        ({"valSetAll": {"valInd": np.array([2.0, 2.0])}}, "valSetAll.valInd names a row twice"),
        ({"panoIds": np.array([f"../../pano{n}" for n in range(6)])}, "panoIds are not all names of files"),
    ],
)
def test_wrong_contents(tmp_path, wrong, said):
    assert error(cvact(tmp_path, UTM, [4], [5], [2], **wrong), "test").endswith(said)


def test_a_file_without_a_part(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "ACT_data.mat", {"panoIds": np.array(["a"]), "utm": np.zeros((1, 2))})
    assert error(tmp_path, "test").endswith("has no trainSet")
