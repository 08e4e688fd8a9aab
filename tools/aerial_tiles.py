"""Tiles of a web map by address, for `models.aerial`: fetched politely, within limits, and kept on disk.

Nothing is fetched until someone makes a `UrlTiles` and reads from it. Addresses are guarded as pages are (`tools.web.guard`): only public hosts, redirects
checked again. One request at a time with a pause between them, a few tries when a server is busy, a limit on how many tiles are fetched in all, the
name of this program in every request, and the words that the map's owner wants shown kept beside the tiles. Most public servers forbid fetching
areas in bulk: read their terms first.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpcore
import httpx

from models.aerial.pictures import MAX_TILE_BYTES
from models.aerial.web_mercator import MAX_ZOOM, tile_of
from models.model_folder import replaced
from tools.nominatim import default_user_agent
from tools.quote import clean
from tools.web.guard import Dial, FetchError, GuardedBackend, Resolve, check_url, dial_tcp, left_s
from tools.web.pace import Pace

_BUSY = frozenset({429, 500, 502, 503, 504})
_NOTHING = frozenset({204, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_WAIT_S = 60.0


class TileError(ValueError):
    """Tiles that could not be had. Its message is one plain sentence without the address's key."""


@dataclass(frozen=True)
class TileLimits:
    """How much is asked of a server."""

    pause_s: float = 0.5
    """Between two requests."""
    tries: int = 4
    timeout_s: float = 20.0
    """Of one try."""
    most_tiles: int = 5_000
    """Fetched in all; those on disk do not count."""
    most_bytes: int = MAX_TILE_BYTES
    """Of one tile."""
    most_kept_bytes: int = 2_000_000_000
    """Of all tiles on disk; more are fetched but not kept."""
    kept_s: float = 180 * 86_400.0
    """Tiles older than this are fetched again."""


@dataclass
class UrlTiles:
    """A `TileSource` behind an address with {z}, {x} and {y}. Raises TileError for addresses that may not be fetched."""

    template: str
    attribution: str
    """What the owner of the map wants shown with it."""
    cache_folder: Path
    zooms: tuple[int, ...] = tuple(range(20))
    limits: TileLimits = TileLimits()
    user_agent: str = ""
    loopback_ports: frozenset[int] = frozenset()
    """Ports of this machine that may be read all the same; for a server of one's own."""
    resolve: Resolve | None = None
    dial: Dial = dial_tcp
    sleep: Callable[[float], None] = time.sleep
    fetched: int = field(default=0, init=False)
    """Tiles that were asked for over the network."""

    def __post_init__(self) -> None:
        check_template(self.template, self.loopback_ports)
        if not self.attribution.strip():
            raise TileError("say whose map it is: the attribution that its owner asks for")
        if not self.zooms or not all(0 <= zoom <= MAX_ZOOM for zoom in self.zooms):
            raise TileError(f"zooms lie between 0 and {MAX_ZOOM}")
        self.attribution, self.host = clean(self.attribution, 300), clean(httpx.URL(_filled(self.template, 0, 0, 0)).host, 80)
        self._pace = Pace(self.limits.pause_s, sleep=self.sleep)
        self.folder = self.cache_folder / hashlib.sha256(self.template.encode()).hexdigest()[:16]
        self._kept = _prepared(self.folder, {"host": self.host, "attribution": self.attribution})

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """The bytes of a tile, from disk or the server; None where there is none. Raises TileError where that cannot be told."""
        path = self.folder / str(zoom) / str(x) / f"{y}.tile"
        held = self._held(path)
        if held is not None:
            return held or None
        if self.fetched >= self.limits.most_tiles:
            raise TileError(f"more than {self.limits.most_tiles} tiles would be fetched; take a smaller area or a coarser zoom")
        self.fetched += 1
        data = self._asked(_filled(self.template, zoom, x, y))
        self._keep(path, data or b"")
        return data

    def _held(self, path: Path) -> bytes | None:
        """Bytes on disk, empty for a tile that the server does not have; None where nothing fresh is there."""
        try:
            about = path.stat()
            if about.st_size > self.limits.most_bytes or time.time() - about.st_mtime > self.limits.kept_s:
                return None
            return path.read_bytes()
        except OSError:
            return None

    def _keep(self, path: Path, data: bytes) -> None:
        if self._kept + len(data) > self.limits.most_kept_bytes:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced(path) as temporary:
                temporary.write_bytes(data)
            self._kept += len(data)
        except OSError:
            return  # a disk that is full costs requests and no more

    def _asked(self, url: str) -> bytes | None:
        """The server's answer after as many tries as it takes. Raises TileError."""
        for again in range(1, self.limits.tries + 1):
            self._pace.wait()
            try:
                return self._followed(url)
            except _Busy as busy:
                reason = str(busy)
                if again < self.limits.tries:
                    self.sleep(min(max(busy.wait_s, 2.0**again), _LONGEST_WAIT_S))
            except FetchError as error:
                raise TileError(str(error)) from None
        raise TileError(f"{self.host} {reason}, {self.limits.tries} times")

    def _followed(self, url: str) -> bytes | None:
        deadline, target = time.monotonic() + self.limits.timeout_s, url
        for _ in range(3):
            try:
                answer = self._once(check_url(target, self.loopback_ports), deadline)
            except httpcore.TimeoutException:
                raise _Busy(f"did not answer within {self.limits.timeout_s:.0f} s") from None
            except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
                raise _Busy(f"could not be read ({type(error).__name__})") from None
            if not isinstance(answer, str):
                return answer
            target = answer
        raise FetchError(f"{self.host} redirects more than twice")

    def _once(self, target: httpx.URL, deadline: float) -> bytes | str | None:
        """One request: a tile, None for no such tile, or the address that it redirects to."""
        backend = GuardedBackend(deadline, self.loopback_ports, self.resolve, self.dial)
        agent = (self.user_agent or default_user_agent()).encode("ascii", "replace")
        wanted = [(b"Host", target.netloc), (b"User-Agent", agent), (b"Accept-Encoding", b"identity"), (b"Accept", b"image/*")]
        address = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        context = httpx.create_ssl_context(trust_env=False) if target.scheme == "https" else None
        with (
            httpcore.ConnectionPool(ssl_context=context, max_keepalive_connections=0, network_backend=backend) as pool,
            pool.stream("GET", address, headers=wanted) as reply,
        ):
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reply.headers}
            if reply.status in _REDIRECTS:
                return _joined(target, headers.get("location", ""))
            if reply.status in _NOTHING:
                return None
            if reply.status in _BUSY:
                raise _Busy(f"answered with status {reply.status}", _seconds(headers.get("retry-after", "")))
            if reply.status != 200:
                raise FetchError(f"{self.host} answered with status {reply.status}")
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if not kind.startswith("image/"):
                raise FetchError(f"{self.host} sent {clean(kind, 40) or 'no media type'} instead of a picture")
            return self._body(reply.iter_stream(), deadline)

    def _body(self, chunks: Iterable[bytes], deadline: float) -> bytes:
        body = bytearray()
        for chunk in chunks:
            left_s(deadline)
            body += chunk
            if len(body) > self.limits.most_bytes:
                raise FetchError(f"{self.host} sent a tile of more than {self.limits.most_bytes / 1e6:g} million bytes")
        return bytes(body)


class _Busy(Exception):
    """A refusal that may pass."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def is_template(text: str) -> bool:
    """Whether it is an address rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def check_template(template: str, loopback_ports: frozenset[int] = frozenset()) -> None:
    """Raises TileError where tiles may not be fetched from such an address."""
    if any(template.count(part) != 1 for part in ("{z}", "{x}", "{y}")):
        raise TileError("the address of tiles has {z}, {x} and {y} in it, once each")
    host = template.partition("://")[2].partition("/")[0]
    if "{" in host:
        raise TileError("the host of the address of tiles is one name, without { }")
    try:
        check_url(_filled(template, 0, 0, 0), loopback_ports)
    except FetchError as error:
        raise TileError(str(error)) from None


def tiles_in(south: float, west: float, north: float, east: float, zoom: int) -> int:
    """How many tiles cover a box at a zoom."""
    (left, top), (right, bottom) = tile_of(north, west, zoom), tile_of(south, east, zoom)
    return ((right - left) % (1 << zoom) + 1) * (bottom - top + 1)


def zoom_for(metres_per_pixel: float, lat: float, zooms: Iterable[int]) -> int:
    """The coarsest zoom whose pixels are no larger than wanted, as `TileGround` chooses it."""
    some = sorted(zooms)
    fine = [z for z in some if 156_543.034 * math.cos(math.radians(lat)) / (1 << z) <= metres_per_pixel * 1.01]
    return fine[0] if fine else some[-1]


def _filled(template: str, zoom: int, x: int, y: int) -> str:
    return template.replace("{z}", str(zoom)).replace("{x}", str(x)).replace("{y}", str(y))


def _prepared(folder: Path, about: dict[str, str]) -> int:
    """Make the folder, write whose map it is, and say how many bytes it holds."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replaced(folder / "about.json") as temporary:
            temporary.write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
        return sum(path.stat().st_size for path in folder.rglob("*.tile"))
    except OSError as error:
        raise TileError(f"tiles cannot be kept in {folder}: {error.strerror}") from error


def _joined(base: httpx.URL, location: str) -> str:
    try:
        return str(base.join(location)) if location else ""
    except (httpx.InvalidURL, ValueError, UnicodeError):
        return ""


def _seconds(text: str) -> float:
    return float(text[:6]) if text.isascii() and text.isdigit() else 0.0
