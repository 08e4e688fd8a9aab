"""Photos that clients have open: under ids that nobody guesses, each for the client that opened it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from agent.mcp_server.investigation import Investigation
from agent.mcp_server.settings import Refused

_MOST_DESKS = 64


@dataclass(frozen=True)
class _Open:
    owner: str | None
    n_bytes: int
    investigation: Investigation


class OpenPhotos:
    """The photos used last, by id; and for each client a desk for calls without a photo."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._photos: OrderedDict[str, _Open] = OrderedDict()
        self._desks: OrderedDict[str, Investigation] = OrderedDict()

    def keep(self, owner: str | None, investigation: Investigation, n_bytes: int) -> str:
        """Keep a photo for `owner` (None: a client without a session) and give its id."""
        photo_id = f"photo-{secrets.token_urlsafe(16)}"
        self._photos[photo_id] = _Open(owner, n_bytes, investigation)
        while len(self._photos) > 1 and (len(self._photos) > self._most or self._n_bytes() > self._most_bytes):
            self._photos.popitem(last=False)
        return photo_id

    def get(self, owner: str | None, photo_id: object) -> Investigation:
        """The photo of that id, if `owner` opened it. Raises Refused, in the same words for an id of someone else and for none."""
        found = self._photos.get(photo_id) if isinstance(photo_id, str) else None
        if found is None or found.owner != owner:
            raise Refused("No open photo has this photo_id: call open_photo, which gives one. Photos unused for long are closed.")
        self._photos.move_to_end(str(photo_id))
        return found.investigation

    def desk(self, owner: str | None, fresh: Investigation) -> Investigation:
        """Where `owner` calls tools without a photo: the one it has, until that is used up, else `fresh`.

        Without a session nothing is kept between calls.
        """
        if owner is None:
            return fresh
        desk = self._desks.get(owner)
        if desk is None or desk.used_up:
            desk = self._desks[owner] = fresh
        self._desks.move_to_end(owner)
        while len(self._desks) > _MOST_DESKS:
            self._desks.popitem(last=False)
        return desk

    def _n_bytes(self) -> int:
        return sum(photo.n_bytes for photo in self._photos.values())
