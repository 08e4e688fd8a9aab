"""Cases are kept, belong to their owner, and are deleted with their pictures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from agent.conversation.case_file import CaseFile, Turn
from agent.conversation.keep_photo import MAX_BYTES, keep_photo
from agent.conversation.statements import read_statements
from agent.conversation.store import CaseStore, NoCaseError, now
from agent.photo import PhotoError
from tests.agent.conversation.made import case_file


def test_a_case_comes_back_as_it_was(tmp_path: Path) -> None:
    store = CaseStore(tmp_path)
    file = store.new("ann")
    file.photos, file.statements = case_file().photos, read_statements("not Lisbon", 1)
    file.turns.append(Turn("user", "why?", now()))
    store.save(file)
    store.close()
    assert CaseStore(tmp_path).load(file.id, "ann") == file
    assert CaseFile.from_json(file.to_json()) == file


def test_ids_cannot_be_guessed_and_cases_of_others_are_not_there(tmp_path: Path) -> None:
    store = CaseStore(tmp_path)
    ids = {store.new("ann").id for _ in range(50)}
    assert len(ids) == 50
    assert min(map(len, ids)) >= 22
    some = next(iter(ids))
    for case_id, owner in ((some, "bob"), (some, ""), ("nothing", "ann"), ("' OR 1=1 --", "ann")):
        with pytest.raises(NoCaseError):
            store.load(case_id, owner)
        with pytest.raises(NoCaseError):
            store.delete(case_id, owner)
    assert store.cases("bob") == []
    assert len(store.cases("ann")) == 50


def test_deleting_leaves_nothing_of_it(tmp_path: Path) -> None:
    store = CaseStore(tmp_path)
    file = store.new()
    file.title = "a-secret-title"
    store.save(file)
    pictures = store.pictures(file.id)
    pictures.mkdir(parents=True)
    (pictures / "1.jpg").write_bytes(b"x")
    store.delete(file.id)
    file.title = "a-secret-title"
    store.save(file)  # a run that had not noticed
    assert not pictures.exists()
    assert store.cases() == []
    assert [line["what"] for line in store.audit(file.id)] == ["case opened", "case deleted"]
    store.close()
    assert all(b"a-secret-title" not in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


def photo_with_a_place(kind: str) -> bytes:
    image, exif, buffer = Image.new("RGB", (64, 48), "teal"), Image.Exif(), io.BytesIO()
    exif[0x010F], exif[0x0112] = "ACME", 6
    exif.get_ifd(0x8825)[1] = "N"
    image.save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "ending"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".jpg")])
def test_a_kept_photo_is_upright_and_says_nothing_of_where_it_was_taken(tmp_path: Path, kind: str, ending: str) -> None:
    kept = keep_photo(photo_with_a_place(kind), tmp_path, "3")
    assert kept.path == tmp_path / f"3{ending}"
    assert kept.size == (48, 64)
    assert dict(kept.metadata) == {}
    assert b"ACME" not in kept.path.read_bytes()
    assert list(tmp_path.iterdir()) == [kept.path]


def test_metadata_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    kept = keep_photo(photo_with_a_place("JPEG"), tmp_path, "1", metadata=True)
    assert kept.metadata


@pytest.mark.parametrize("data", [b"", b"not a picture", photo_with_a_place("JPEG")[:200], b"\x00" * (MAX_BYTES + 1)])
def test_what_is_no_photo_is_refused_and_not_kept(tmp_path: Path, data: bytes) -> None:
    for metadata in (False, True):
        with pytest.raises(PhotoError) as refused:
            keep_photo(data, tmp_path, "1", metadata=metadata)
        assert str(tmp_path) not in str(refused.value)
        assert list(tmp_path.iterdir()) == []
