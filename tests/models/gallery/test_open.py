"""A gallery is opened by where it is."""

from __future__ import annotations

import builtins
import socket
from pathlib import Path

import pytest

from models.gallery.flat import FlatGallery
from models.gallery.gallery import GalleryError
from models.gallery.open import open_gallery
from tests.models.gallery.sample import DIGEST, drawn

ROWS, VECTORS = drawn(30)


@pytest.mark.parametrize("store", ["flat", "lance"])
def test_a_store_is_known_by_its_files(store: str, tmp_path: Path) -> None:
    if store == "lance":
        pytest.importorskip("lancedb")
    place = str(tmp_path / "photos")
    gallery = open_gallery(f"{store}:{place}", dim=16, encoder_digest=DIGEST, create=True, encoder="embedded")
    gallery.add(ROWS, VECTORS)
    gallery.close()
    for location, named in ((place, None), (f"{store}:{place}", None), (place, store), (f"{store}:{place}", store)):
        again = open_gallery(location, store=named, encoder_digest=DIGEST)
        assert type(again) is type(gallery)
        assert (again.count(), again.dim, again.encoder, again.encoder_digest) == (30, 16, "embedded", DIGEST)
        with pytest.raises(GalleryError, match="for reading"):
            again.add(ROWS, VECTORS)
        again.close()
    writer = open_gallery(place, create=True)
    assert type(writer) is type(gallery)
    writer.close()
    with pytest.raises(GalleryError, match="holds no"):
        open_gallery(f"{'lance' if store == 'flat' else 'flat'}:{place}")


def test_a_new_folder_becomes_a_flat_gallery(tmp_path: Path) -> None:
    gallery = open_gallery(str(tmp_path / "new"), dim=3, create=True)
    assert isinstance(gallery, FlatGallery)
    gallery.close()


def test_qdrant_in_memory() -> None:
    pytest.importorskip("qdrant_client")
    gallery = open_gallery("qdrant::memory:#photos", dim=16, create=True)
    gallery.add(ROWS, VECTORS)
    assert gallery.search(VECTORS[:1], 1)[0][0].row == ROWS[0]
    gallery.close()


def test_a_server_that_does_not_answer_is_told_in_one_line() -> None:
    pytest.importorskip("qdrant_client")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(GalleryError, match=f"http://127.0.0.1:{port}#photos cannot be opened") as caught:
        open_gallery(f"http://127.0.0.1:{port}#photos", dim=16, create=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("location", "options", "why"), [
    ("", {}, "missing"), ("flat:", {}, "missing"), ("nowhere/at/all", {}, "no such folder"), ("qdrant:some/folder", {}, "at a URL"),
    ("flat:x", {"store": "lance"}, "another store"), ("x", {"store": "csv"}, "no store"), ("lance:nowhere/at/all", {}, "holds no"),
])  # fmt: skip
def test_places_that_hold_no_gallery(
    location: str, options: dict[str, str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lancedb")
    monkeypatch.chdir(tmp_path)
    for read_only in (True, False):
        with pytest.raises(GalleryError, match=why):
            open_gallery(location, read_only=read_only, **options)  # type: ignore[arg-type]
    with pytest.raises(GalleryError, match="holds no"):
        open_gallery(f"flat:{tmp_path}", read_only=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("location", "package", "extra"), [("lance:x", "lancedb", "lancedb"), ("qdrant::memory:", "qdrant_client", "qdrant")]
)
def test_a_missing_package_is_named_with_its_extra(
    location: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **named: object) -> object:
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(GalleryError, match=rf"pip install 'geosleuth\[{extra}\]'"):
        open_gallery(location, dim=3, create=True)
