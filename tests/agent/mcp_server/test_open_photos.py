"""Ids are unguessable, belong to who opened the photo, and the photo unused for longest is closed."""

from __future__ import annotations

import pytest

from agent.case import Case
from agent.mcp_server.investigation import Investigation, NoPhoto
from agent.mcp_server.open_photos import OpenPhotos
from agent.mcp_server.settings import Refused
from agent.policies import Policy
from agent.policies.scripted import Scripted


def investigation() -> Investigation:
    return Investigation(Case(NoPhoto(), Policy("scripted:none", Scripted(replies=[])), {}), 5)


@pytest.fixture
def any_photo() -> Investigation:
    return investigation()


def test_ids_belong_to_their_owner(any_photo: Investigation) -> None:
    photos = OpenPhotos(8, 1000)
    ids = {owner: photos.keep(owner, any_photo, 1) for owner in ("session a", "session b", "process", None)}
    assert len(set(ids.values())) == 4
    assert all(len(photo_id) >= 28 for photo_id in ids.values())
    said = set()
    for owner, photo_id in ids.items():
        assert photos.get(owner, photo_id) is any_photo
        for other in set(ids) - {owner}:
            with pytest.raises(Refused) as refused:
                photos.get(other, photo_id)
            said.add(str(refused.value))
    for wrong in ("photo-none", "", None, 3, ["x"], {}):
        with pytest.raises(Refused) as refused:
            photos.get(None, wrong)
        said.add(str(refused.value))
    assert len(said) == 1


def test_the_photo_unused_for_longest_is_closed(any_photo: Investigation) -> None:
    photos = OpenPhotos(3, 10_000)
    a, b, c = (photos.keep("x", any_photo, 1) for _ in range(3))
    photos.get("x", a)
    d = photos.keep("x", any_photo, 1)
    with pytest.raises(Refused):
        photos.get("x", b)
    assert all(photos.get("x", one) for one in (a, c, d))


def test_bytes_are_bounded_but_the_newest_stays(any_photo: Investigation) -> None:
    photos = OpenPhotos(10, 100)
    small = photos.keep("x", any_photo, 60)
    large = photos.keep("x", any_photo, 500)
    assert photos.get("x", large)
    with pytest.raises(Refused):
        photos.get("x", small)


def test_desks_last_only_with_a_session(any_photo: Investigation) -> None:
    photos, other = OpenPhotos(2, 100), investigation()
    assert photos.desk("a", any_photo) is photos.desk("a", other) is any_photo
    assert photos.desk("b", other) is other
    assert photos.desk(None, any_photo) is any_photo
    assert photos.desk(None, other) is other
