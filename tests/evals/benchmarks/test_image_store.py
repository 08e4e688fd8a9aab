"""Pictures by name, in folders and archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.photo import PhotoError
from evals.benchmarks.image_store import ImageStore
from evals.record import BenchmarkError
from tests.evals.benchmarks.pictures import jpeg

NAMES = ["00/a.jpg", "00/b.JPG", "01/c.jpeg", "01/7@N00.jpg"]


def into_folder(root: Path) -> Path:
    for shade, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(jpeg(shade))
    return root


def into_tar(root: Path) -> Path:
    with tarfile.open(root / "pictures.tar", "w") as tar:
        for shade, name in enumerate(NAMES):
            data = jpeg(shade)
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return root / "pictures.tar"


def into_zip(root: Path) -> Path:
    with zipfile.ZipFile(root / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for shade, name in enumerate(NAMES):
            archive.writestr(name, jpeg(shade))
    return root / "pictures.zip"


@pytest.fixture(params=[into_folder, into_tar, into_zip, lambda root: into_tar(root).parent, lambda root: into_zip(root).parent])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ImageStore:
    return ImageStore(request.param(tmp_path))


@pytest.mark.parametrize(
    ("asked", "shade"),
    [
        ("00/a.jpg", 0),
        ("a.jpg", 0),
        ("a", 0),
        ("00/b", 1),
        ("images/test/c.jpg", 2),
        ("c", 2),
        ("7@N00.jpg", 3),
        ("01\\c.jpeg", 2),
    ],
)
def test_a_picture_is_found_under_the_names_that_tables_use(store: ImageStore, asked: str, shade: int) -> None:
    assert store.has(asked)
    assert store.open(asked).sha256 == ImageStore.open(store, NAMES[shade]).sha256


@pytest.mark.parametrize("asked", ["d.jpg", "../pictures/a.jpg", "/etc/passwd", "", "a.jpg\0", "x" * 2000])
def test_what_is_not_there_is_told_in_one_line(store: ImageStore, asked: str) -> None:
    assert not store.has(asked)
    with pytest.raises(PhotoError) as caught:
        store.open(asked)
    assert len(str(caught.value).splitlines()) == 1


def test_pictures_are_read_by_many_threads_at_once(store: ImageStore) -> None:
    alone = {name: store.open(name).sha256 for name in NAMES}
    assert len(set(alone.values())) == len(NAMES)
    with ThreadPoolExecutor(8) as pool:
        assert [photo.sha256 for photo in pool.map(store.open, NAMES * 20)] == [alone[name] for name in NAMES * 20]


def test_one_name_of_two_pictures_needs_its_folder(tmp_path: Path) -> None:
    for folder in "pq":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.jpg").write_bytes(jpeg())
    store = ImageStore(tmp_path)
    assert store.open("p/same.jpg").size == (16, 12)
    with pytest.raises(PhotoError, match="'same' is the name of 2 pictures"):
        store.open("same")
    assert not store.has("same.jpg")


def test_sidecars_do_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "7.jpg").write_bytes(jpeg())
    (tmp_path / "deep" / "7.json").write_text("{}")
    store = ImageStore(tmp_path)
    assert store.open("7").size == (16, 12)
    assert store.names() == ["deep/7.jpg"]


def test_broken_archives_and_pictures(tmp_path: Path) -> None:
    for name in ("a.tar", "a.zip"):
        (tmp_path / name).write_bytes(b"no archive" * 100)
        with pytest.raises(BenchmarkError, match="cannot be read as an archive"):
            ImageStore(tmp_path / name).open("x")
    (tmp_path / "a.tar.gz").write_bytes(b"")
    for name, reason in (("a.tar.gz", "compressed as a whole"), ("b.txt", "not there"), ("a.txt", "no folder, tar or zip")):
        (tmp_path / "a.txt").write_text("")
        with pytest.raises(BenchmarkError, match=reason):
            ImageStore(tmp_path / name)


def test_a_compressed_tar_in_the_folder_is_named_where_a_picture_is_missed(tmp_path: Path) -> None:
    (tmp_path / "im2gps3k.tar.gz").write_bytes(b"")
    with pytest.raises(PhotoError, match=r"im2gps3k.tar.gz there is compressed as a whole"):
        ImageStore(tmp_path).open("x.jpg")


def test_a_member_that_is_cut_or_no_picture(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("a.jpg", b"no picture")
        archive.writestr("b.jpg", jpeg(size=(64, 64))[:300])
    store = ImageStore(tmp_path / "p.zip")
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(PhotoError, match=rf"p.zip/{name} "):
            store.open(name)
    whole = (tmp_path / "p.zip").read_bytes()
    (tmp_path / "q.zip").write_bytes(whole.replace(b"no picture", b"NO picture", 1))
    with pytest.raises(PhotoError, match="cannot be read: Bad CRC-32"):
        ImageStore(tmp_path / "q.zip").open("a.jpg")
