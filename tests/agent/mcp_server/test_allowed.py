"""Only photos below allowed folders, and what the guarded fetch lets through, are opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from agent.mcp_server.allowed import AllowedPhotos
from agent.mcp_server.settings import Refused
from tests.tools.loopback import loopback, reply
from tools.web.fetch import Fetcher


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`home/photos` is allowed, `home/private` is not; both hold a photo."""
    for folder in ("photos/trip", "private", "photos-too"):
        (tmp_path / folder).mkdir(parents=True)
        Image.new("RGB", (40, 30), (90, 90, 90)).save(tmp_path / folder / "a.png")
    return tmp_path


@pytest.mark.parametrize("named", ["trip/a.png", "trip/../trip/a.png", "./trip//a.png", "{home}/photos/trip/a.png", "inside.png"])
def test_photos_inside_are_opened(home: Path, named: str) -> None:
    (home / "photos/inside.png").symlink_to(home / "photos/trip/a.png")
    photo, n_bytes = AllowedPhotos([home / "photos"]).open(named.format(home=home))
    assert (photo.size, n_bytes) == ((40, 30), (home / "photos/trip/a.png").stat().st_size)


OUTSIDE = ["/etc/passwd", "../private/a.png", "trip/../../private/a.png", "{home}/private/a.png", "{home}/photos-too/a.png", "out.png",
           "out/a.png", "../private/nothing.png", "/proc/self/environ", "", "..", "a" * 5000, "a\0.png", "\ud800.png",
           "loop", "loop/a.png"]  # fmt: skip


@pytest.mark.parametrize("named", OUTSIDE)
def test_all_else_is_refused_in_one_sentence(home: Path, named: str) -> None:
    (home / "photos/out.png").symlink_to(home / "private/a.png")
    (home / "photos/out").symlink_to(home / "private")
    (home / "photos/loop").symlink_to(home / "photos/loop")
    with pytest.raises(Refused) as refused:
        AllowedPhotos([home / "photos"]).open(named.format(home=home))
    said = str(refused.value)
    assert "\n" not in said
    assert said.endswith(".")
    assert len(said) < 600


def test_what_exists_outside_is_not_told(home: Path) -> None:
    words = set()
    for name in ("a.png", "b.png"):
        with pytest.raises(Refused) as refused:
            AllowedPhotos([home / "photos"]).open(f"../private/{name}")
        words.add(str(refused.value).replace(name, "NAME"))
    assert len(words) == 1


def test_relative_paths_are_sought_in_every_folder(home: Path) -> None:
    (home / "private/only-here.png").write_bytes((home / "private/a.png").read_bytes())
    photo, _ = AllowedPhotos([home / "photos", home / "private"]).open("only-here.png")
    assert photo.path == (home / "private/only-here.png").resolve()


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("notes.jpg", "not a picture|not a photo|cannot be read"),
        ("trip", "is a (folder|directory)"),
        ("none.png", "no such file"),
        ("pipe", "not a regular file"),
        ("empty.jpg", "is empty"),
        ("file:///etc/passwd", "Only paths and"),
        ("ftp://example.org/a.png", "Only paths and"),
    ],
)
def test_what_is_no_photo_is_refused(home: Path, named: str, reason: str) -> None:
    (home / "photos/notes.jpg").write_text("root:x:0:0: not a picture at all")
    (home / "photos/empty.jpg").touch()
    os.mkfifo(home / "photos/pipe")
    with pytest.raises(Refused, match=reason) as refused:
        AllowedPhotos([home / "photos"]).open(named)
    assert str(home) not in str(refused.value)
    assert "root:x" not in str(refused.value)


def test_an_address_is_fetched_through_the_guard(home: Path) -> None:
    picture = (home / "photos/trip/a.png").read_bytes()
    with loopback(
        {"/a.png": reply(200, picture, Content_Type="image/png"), "/text.png": reply(200, b"hello", Content_Type="image/png")}
    ) as web:
        mine = AllowedPhotos([home / "photos"], fetcher=Fetcher(media_types=("image/",), loopback_ports=frozenset({web.port})))
        assert mine.open(f"{web.url}/a.png")[0].size == (40, 30)
        with pytest.raises(Refused, match="status 404"):
            mine.open(f"{web.url}/b.png")
        with pytest.raises(Refused, match=r"^What “http://127\.0\.0\.1") as refused:
            mine.open(f"{web.url}/text.png")
        assert "/tmp" not in str(refused.value)
        asked = len(web.seen)
        for guarded in (AllowedPhotos([home]), AllowedPhotos([home], offline=True)):
            with pytest.raises(Refused):
                guarded.open(f"{web.url}/a.png")
        assert len(web.seen) == asked


def test_a_folder_must_be_one(home: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder"):
        AllowedPhotos([home / "photos/trip/a.png"])
