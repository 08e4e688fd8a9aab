"""VIGOR's label files: splits, semi-positives, and offsets whichever way they are written."""

from __future__ import annotations

import numpy as np
import pytest

from models.aerial.web_mercator import east_north_m
from models.crossview.datasets.dataset import DatasetError
from models.crossview.datasets.vigor import read_vigor
from tests.models.crossview.datasets.published_layouts import Vigor, write_lines

WRITTEN = {
    "up then right": lambda right, down: (-down, right),
    "down then right": lambda right, down: (down, right),
    "right then down": lambda right, down: (right, down),
    "left then up": lambda right, down: (-right, -down),
    "up then left": lambda right, down: (-down, -right),
}


def error(*args, **more):
    with pytest.raises(DatasetError) as caught:
        read_vigor(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_same_area_spans_all_cities(tmp_path):
    Vigor(tmp_path)
    train, test = (read_vigor(tmp_path, split, "same") for split in ("train", "test"))
    assert (len(train.pairs), len(test.pairs), len(test.gallery)) == (12, 12, 36)
    assert {pair.id for pair in train.pairs}.isdisjoint(pair.id for pair in test.pairs)
    assert {pair.id.partition("/")[0] for pair in test.pairs} == {"Chicago", "NewYork", "SanFrancisco", "Seattle"}


def test_cross_area_is_trained_and_tested_in_other_cities(tmp_path):
    Vigor(tmp_path)
    train, test = (read_vigor(tmp_path, split, "cross") for split in ("train", "test"))
    assert {pair.id.partition("/")[0] for pair in train.pairs} == {"NewYork", "Seattle"}
    assert {pair.id.partition("/")[0] for pair in test.pairs} == {"Chicago", "SanFrancisco"}
    assert (len(test.pairs), len(test.gallery), test.name) == (12, 18, "vigor cross-area")


def test_positives_and_semi_positives_stand_in_the_gallery(tmp_path):
    Vigor(tmp_path)
    found = read_vigor(tmp_path, "test", "same")
    for pair, correct, ignored in zip(found.pairs, found.correct, found.ignored, strict=True):
        assert found.gallery[correct[0]].path == pair.reference.path
        assert [found.gallery[i].path for i in ignored] == [view.path for view in pair.semi_positives]
        assert len(ignored) == 3
        assert pair.place.endswith(pair.reference.path.name)


@pytest.mark.parametrize("said", WRITTEN)
def test_the_direction_of_offsets_is_read_off_the_names(tmp_path, said):
    made = Vigor(tmp_path, WRITTEN[said])
    found = read_vigor(tmp_path, "test", "same")
    assert found.notes["offsets"] == said
    assert found.notes["offset_apart_px"] < 0.1
    for pair in found.pairs:
        assert pair.reference.offset_px == pytest.approx(made.truth[pair.id], abs=0.01)
        east, north = east_north_m(pair.reference.lat, pair.reference.lon, pair.lat, pair.lon)
        assert pair.reference.offset_m == pytest.approx((float(east), float(north)), rel=0.01, abs=0.05)


def test_the_scale_follows_latitude(tmp_path):
    Vigor(tmp_path)
    scale = {pair.id.partition("/")[0]: pair.reference.metres_per_pixel for pair in read_vigor(tmp_path, "test", "same").pairs}
    assert scale["Seattle"] == pytest.approx(0.1006, rel=0.005)
    assert scale["SanFrancisco"] == pytest.approx(0.1180, rel=0.005)


def test_corrected_labels_are_preferred(tmp_path):
    made = Vigor(tmp_path, scale=0.1006 / 0.114)
    assert read_vigor(tmp_path, "test", "same").notes["labels"] == "published"
    assert "splits__corrected/Chicago/same_area_balanced_test__corrected.txt" in error(tmp_path, "test", "same", "corrected")
    good = Vigor(tmp_path / "good")
    for city in ("Chicago", "NewYork", "SanFrancisco", "Seattle"):
        lines = (good.root / "splits" / city / "pano_label_balanced.txt").read_text().splitlines()
        made.labels(city, lines, "splits__corrected", "__corrected")
    by_labels = {labels: read_vigor(tmp_path, "test", "same", labels) for labels in ("", "corrected", "published")}
    assert [found.notes["labels"] for found in by_labels.values()] == ["corrected", "corrected", "published"]
    assert by_labels[""].notes["offset_apart_px"] < 0.1 < by_labels["published"].notes["offset_apart_px"]
    offsets = np.array([[view.offset_px for view in (p.reference, q.reference)]
                        for p, q in zip(by_labels[""].pairs, by_labels["published"].pairs, strict=True)])  # fmt: skip
    np.testing.assert_allclose(offsets[:, 1], offsets[:, 0] * 0.1006 / 0.114, atol=0.01)


def test_offsets_that_fit_no_reading_are_refused(tmp_path):
    Vigor(tmp_path, lambda right, down: (down + 200, right - 300))
    assert "from what the coordinates in the names say" in error(tmp_path, "test", "same")


def test_progress_is_told(tmp_path):
    said = []
    Vigor(tmp_path)
    read_vigor(tmp_path, "test", "same", told=said.append)
    assert said == [{"rows": 0, "of": 12, "city": "Chicago"}]


def test_names_of_splits_areas_and_labels(tmp_path):
    assert error(tmp_path, "validation") == "VIGOR has the splits train, test, not 'validation'"
    assert error(tmp_path, "test", "other") == "VIGOR has the areas same, cross, not 'other'"
    assert error(tmp_path, "test", "same", "new") == "VIGOR has the labels corrected, published, not 'new'"
    assert "has no splits/Chicago/satellite_list.txt" in error(tmp_path, "test")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.rsplit(" ", 1)[0], "has 12 words; a panorama and triples of tile, offset, offset are read"),
        (lambda line: line.rsplit(" ", 1)[0] + " x", "its offsets are not all numbers"),
        (lambda line: line.rsplit(" ", 1)[0] + " nan", "an offset lies far outside its tile of 640 pixels"),
        (lambda line: line.rsplit(" ", 1)[0] + " 99999", "an offset lies far outside its tile of 640 pixels"),
        (lambda line: "pano.jpg " + line.split(" ", 1)[1], "'pano.jpg' does not carry a latitude and a longitude"),
        (lambda line: "p,91,0,.jpg " + line.split(" ", 1)[1], "'p,91,0,.jpg' carries no latitude and longitude of a map"),
        (lambda line: "../../p,1,2,.jpg " + line.split(" ", 1)[1], "is no file of the folder"),
        (
            lambda line: "p,41.88,-87.63,.jpg " + line.split(" ", 1)[1],
            "p,41.88,-87.63,.jpg is not in the folder, and 1 of 4 rows lack a picture",
        ),
    ],
)
def test_damaged_lines_are_named(tmp_path, change, said):
    Vigor(tmp_path)
    source = tmp_path / "splits/Chicago/same_area_balanced_test.txt"
    lines = source.read_text().splitlines()
    for city in ("NewYork", "SanFrancisco", "Seattle"):
        write_lines(tmp_path / f"splits/{city}/same_area_balanced_test.txt", [])
    write_lines(source, [*lines, change(lines[1])])
    message = error(tmp_path, "test", "same")
    assert message.startswith(f"{source}:4: ")
    assert message.endswith(said)


def test_a_tile_that_is_not_in_the_list(tmp_path):
    Vigor(tmp_path)
    source = tmp_path / "splits/Chicago/satellite_list.txt"
    write_lines(source, source.read_text().splitlines()[:2])
    assert error(tmp_path, "test", "same").endswith("is not in the satellite list of Chicago")
