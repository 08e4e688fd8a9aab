"""Fetch one page or one photo from the public web: guarded, bounded in bytes, time and redirects, without cookies."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpcore
import httpx

from tools.quote import clean
from tools.web.guard import Dial, FetchError, GuardedBackend, Resolve, check_url, dial_tcp, left_s

__all__ = ["FetchError", "Fetched", "Fetcher", "fetch_photo"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_IMAGE_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif", "image/tiff": ".tif",
                  "image/heic": ".heic", "image/heif": ".heif", "image/avif": ".avif", "image/bmp": ".bmp"}  # fmt: skip


@dataclass(frozen=True)
class Fetched:
    """What came back: the last address, the media type without parameters, the charset it claims, and the bytes."""

    url: str
    media_type: str
    charset: str | None
    body: bytes


@dataclass(frozen=True)
class Fetcher:
    """Limits of a fetch, and the seams through which tests reach it."""

    media_types: tuple[str, ...] = ("text/html", "text/plain", "application/xhtml+xml")
    """Media types that are read; one that ends in `/` stands for all that begin so."""
    most_bytes: int = 2_000_000
    """Bytes of the body, packed and unpacked."""
    timeout_s: float = 10.0
    """Seconds for everything: names, connections, redirects, body."""
    most_redirects: int = 3
    loopback_ports: frozenset[int] = frozenset()
    """Ports of this machine that may be read all the same; for a server of one's own."""
    resolve: Resolve | None = None
    dial: Dial = dial_tcp

    def fetch(self, url: str) -> Fetched:
        """The page behind `url`. Raises FetchError for everything that can go wrong."""
        deadline = time.monotonic() + self.timeout_s
        target = check_url(url, self.loopback_ports)
        first = target
        for _ in range(self.most_redirects + 1):
            try:
                answer = self._once(target, deadline)
            except httpcore.TimeoutException:
                raise FetchError(f"{_host(target)} did not answer within {self.timeout_s:.0f} s") from None
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
                raise FetchError(f"{_host(target)} could not be read: {clean(str(error), 100) or type(error).__name__}") from None
            if isinstance(answer, Fetched):
                return answer
            target = check_url(answer, self.loopback_ports)
        raise FetchError(f"{_host(first)} redirects more than {self.most_redirects} times")

    def _once(self, target: httpx.URL, deadline: float) -> Fetched | str:
        """One request: the page, or the address it redirects to."""
        backend = GuardedBackend(deadline, self.loopback_ports, self.resolve, self.dial)
        wanted = [(b"Host", target.netloc), (b"User-Agent", b"geosleuth (+page reader)"), (b"Accept-Encoding", b"gzip"),
                  (b"Accept", ", ".join(t + "*" if t.endswith("/") else t for t in self.media_types).encode())]  # fmt: skip
        address = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        context = httpx.create_ssl_context(trust_env=False) if target.scheme == "https" else None
        with (
            httpcore.ConnectionPool(ssl_context=context, max_keepalive_connections=0, network_backend=backend) as pool,
            pool.stream("GET", address, headers=wanted) as reply,
        ):
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reply.headers}
            if reply.status in _REDIRECTS:
                return _joined(target, headers.get("location", ""))
            if reply.status != 200:
                raise FetchError(f"{_host(target)} answered with status {reply.status}")
            media_type, charset = self._checked_type(target, headers)
            body = self._body(target, reply.iter_stream(), headers, deadline)
            return Fetched(str(target), media_type, charset, body)

    def _checked_type(self, target: httpx.URL, headers: dict[str, str]) -> tuple[str, str | None]:
        media_type, _, rest = headers.get("content-type", "").partition(";")
        media_type = media_type.strip().lower()
        if not any(media_type == kind or (kind.endswith("/") and media_type.startswith(kind)) for kind in self.media_types):
            raise FetchError(f"{_host(target)} sent {clean(media_type, 40) or 'no media type'}, which is not read here")
        charset = re.search(r"charset\s*=\s*\"?([\w.:-]{1,40})", rest, re.I)
        return media_type, charset and charset[1]

    def _body(self, target: httpx.URL, chunks: Iterable[bytes], headers: dict[str, str], deadline: float) -> bytes:
        """The body, unpacked by hand so that no chunk can unpack to more than the limit."""
        coding = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if coding not in {"identity", "gzip", "x-gzip", "deflate"}:
            raise FetchError(f"{_host(target)} packed the page as {clean(coding, 30)}, which was not asked for")
        unpack = None if coding == "identity" else zlib.decompressobj(_GZIP_OR_ZLIB)
        declared = headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:18]) > self.most_bytes:
            raise FetchError(self._too_long(target))
        body, packed = bytearray(), 0
        for chunk in chunks:
            packed += len(chunk)
            left_s(deadline)
            try:
                body += chunk if unpack is None else unpack.decompress(chunk, self.most_bytes + 1 - len(body))
            except zlib.error:
                raise FetchError(f"{_host(target)} sent a page that cannot be unpacked") from None
            if max(packed, len(body)) > self.most_bytes:
                raise FetchError(self._too_long(target))
        return bytes(body)

    def _too_long(self, target: httpx.URL) -> str:
        return f"{_host(target)} sent more than {self.most_bytes / 1e6:.0f} MB"


PHOTO_FETCHER = Fetcher(media_types=("image/",), most_bytes=40_000_000, timeout_s=60.0)


def fetch_photo(url: str, folder: Path, fetcher: Fetcher = PHOTO_FETCHER) -> Path:
    """Save the photo behind `url` in `folder` under a name made from its bytes. Raises FetchError.

    The file is not opened here; whoever opens it treats it as the untrusted file it is.
    """
    photo = fetcher.fetch(url)
    ending = _IMAGE_ENDINGS.get(photo.media_type)
    if ending is None:
        raise FetchError(f"{clean(photo.media_type, 40)} is not a photo that can be read")
    path = folder / f"{hashlib.sha256(photo.body).hexdigest()[:20]}{ending}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(photo.body)
        os.replace(file.name, path)
    except OSError as error:
        raise FetchError(f"the photo cannot be saved in {folder}: {error.strerror}") from error
    return path


def _joined(base: httpx.URL, location: str) -> str:
    if not location:
        raise FetchError(f"{_host(base)} redirects to nowhere")
    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise FetchError(f"{_host(base)} redirects to what is no address") from None


def _host(target: httpx.URL) -> str:
    return clean(target.host, 80)
