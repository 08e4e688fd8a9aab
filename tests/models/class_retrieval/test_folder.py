"""Folders of pictures by class and view."""

from __future__ import annotations

import pytest

from models.class_retrieval.folder import ClassFolderError, read_class_folder


def put(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def small(root, pattern="{view}/{kind}/{n}.jpg", each=4):
    return put(
        root,
        *(
            pattern.format(view=view, kind=kind, n=n)
            for view in ("ground", "aerial")
            for kind in ("river", "ship")
            for n in range(each)
        ),
    )


def error(root):
    with pytest.raises(ClassFolderError) as caught:
        read_class_folder(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("pattern", ["{view}/{kind}/{n}.jpg", "{kind}/{view}/{n}.PNG"])
def test_both_layouts(tmp_path, pattern):
    found = read_class_folder(small(tmp_path, pattern))
    assert found.classes == ("river", "ship")
    assert len(found.pictures) == 16
    assert not found.has_splits
    [picture] = [p for p in found.pictures if p.path == tmp_path / pattern.format(view="aerial", kind="ship", n=2)]
    assert (picture.label, picture.view, picture.ground, picture.split) == (1, "aerial", False, "")


def test_other_names_of_the_views_and_other_files(tmp_path):
    put(tmp_path, "Street/river/1.jpg", "Street/ship/1.jpg", "satellite/river/1.webp", "satellite/ship/1.tif", "satellite/ship/notes.txt",
        "satellite/ship/.hidden.jpg", "README.md", "models/river/1.jpg")  # fmt: skip
    found = read_class_folder(tmp_path)
    assert {(p.path.parent.name, p.view) for p in found.pictures} == {
        (c, v) for c in ("river", "ship") for v in ("ground", "aerial")
    }
    assert (len(found.pictures), found.skipped) == (4, 1)


def test_the_folders_own_splits(tmp_path):
    small(tmp_path / "train", each=3)
    small(tmp_path / "test", each=1)
    found = read_class_folder(tmp_path)
    train, test = found.split(0.9, seed=5)
    assert (found.has_splits, len(train.pictures), len(test.pictures)) == (True, 12, 4)
    assert {p.split for p in test.pictures} == {"test"}


def test_a_drawn_split_holds_every_class_and_view(tmp_path):
    found = read_class_folder(small(tmp_path, "{view}/{kind}/{view}{n}.jpg", each=10))
    train, test = found.split(0.3, seed=1)
    assert [
        sum(p.label == label and p.view == view for p in test.pictures) for label in (0, 1) for view in ("ground", "aerial")
    ] == [3, 3, 3, 3]
    assert set(train.pictures) | set(test.pictures) == set(found.pictures)
    assert set(train.pictures).isdisjoint(test.pictures)
    assert found.split(0.3, seed=1)[1].pictures == test.pictures
    assert found.split(0.3, seed=2)[1].pictures != test.pictures


def test_two_views_of_one_name_stay_on_one_side(tmp_path):
    _, test = read_class_folder(small(tmp_path, each=10)).split(0.5, seed=0)
    sides = {view: {(p.label, p.path.stem) for p in test.pictures if p.view == view} for view in ("ground", "aerial")}
    assert sides["ground"] == sides["aerial"]
    assert len(sides["ground"]) == 10


def test_errors(tmp_path):
    assert error(tmp_path / "nowhere").endswith("is no folder")
    assert "has no ground pictures; they lie in a folder called ground, street" in error(tmp_path)
    put(tmp_path, "ground/river/1.jpg", "ground/ship/1.jpg")
    assert "has no aerial pictures" in error(tmp_path)
    put(tmp_path, "aerial/river/1.jpg")
    assert "1 classes have pictures of both views; 2 are needed" in error(tmp_path)
    put(tmp_path, "aerial/ship/1.jpg", "train/ground/ship/1.jpg")
    assert "has one of the folders train and test, not both" in error(tmp_path)


def test_names_and_links(tmp_path):
    root = small(tmp_path / "set")
    put(root, "ground/a\nb/1.jpg", "aerial/a\nb/1.jpg")
    assert "is no name of a class" in error(root)
    other = small(tmp_path / "other")
    (other / "aerial/ship/link.jpg").symlink_to(root / "aerial/ship/1.jpg")
    assert "leads out of" in error(other)


def test_a_side_without_pictures(tmp_path):
    found = read_class_folder(small(tmp_path, each=1))
    with pytest.raises(ClassFolderError, match="there are no test pictures"):
        found.split(0.3)
    with pytest.raises(ClassFolderError, match="between 0 and 1"):
        found.split(1.0)
