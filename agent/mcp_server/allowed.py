"""Which photos may be opened: files below allowed folders, and addresses on the public web."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agent.mcp_server.settings import Refused
from agent.photo import PhotoError, PhotoFile, open_photo
from tools.quote import clean, quoted
from tools.web.fetch import PHOTO_FETCHER, Fetcher, FetchError, fetch_photo


class AllowedPhotos:
    """Opens what a client names, within what the user allowed."""

    def __init__(self, folders: Sequence[Path], offline: bool = False, fetcher: Fetcher = PHOTO_FETCHER) -> None:
        """Raises ValueError where a folder is none."""
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"{folder} is not a folder")
        self.folders = tuple(folder.resolve() for folder in folders)
        self._offline, self._fetcher = offline, fetcher

    def open(self, named: str) -> tuple[PhotoFile, int]:
        """The photo behind a path or an http(s) address, and the bytes of its file. Raises Refused with one sentence."""
        if named.lower().startswith(("http://", "https://")):
            return self._fetched(named)
        if "://" in named[:40]:
            raise Refused("Only paths and http(s) addresses can be opened.")
        path = self._path(named)
        try:
            return _opened(path)
        except PhotoError as error:
            raise Refused(_sentence(str(error).replace(str(path), named))) from None

    def _path(self, named: str) -> Path:
        """The real path, links followed. What lies outside is refused in the same words whether it exists or not."""
        found: list[Path] = []
        for folder in self.folders:
            try:
                path = (folder / named).resolve()
                if any(path.is_relative_to(allowed) for allowed in self.folders):
                    found.append(path)
            except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, links that go in a circle
                continue
        if not found:
            allowed = ", ".join(str(folder) for folder in self.folders)
            raise Refused(f"{quoted(named, 120)} is in no folder from which photos may be opened; allowed: {allowed}.")
        return next((path for path in found if os.path.isfile(path)), found[0])

    def _fetched(self, url: str) -> tuple[PhotoFile, int]:
        if self._offline:
            raise Refused("This server is offline: it opens files and no addresses.")
        try:
            with tempfile.TemporaryDirectory(prefix="geosleuth-") as folder:
                return _opened(fetch_photo(url, Path(folder), self._fetcher))
        except FetchError as error:
            raise Refused(_sentence(f"The photo could not be fetched: {error}")) from None
        except PhotoError as error:
            raise Refused(_sentence(f"What {quoted(url, 120)} sent {_without_path(str(error))}")) from None


def _opened(path: Path) -> tuple[PhotoFile, int]:
    photo = open_photo(path)
    with contextlib.suppress(OSError):  # it may vanish once it was read
        return photo, path.stat().st_size
    return photo, 0


def _sentence(text: str) -> str:
    return clean(text, 300).rstrip(".") + "."


def _without_path(message: str) -> str:
    """A PhotoError's reason without the name of the temporary file, which holds no space."""
    return message.partition(" ")[2]
