"""How the server is reached, and by whom."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_TILES = re.compile(r"(https?://[A-Za-z0-9.-]+(?::\d{1,5})?)/[A-Za-z0-9._~/?=&%+{}@-]*")
_TOKEN = re.compile(r"[!-~]{8,200}")


@dataclass(frozen=True)
class ServeSettings:
    """Raises ValueError with one line where the settings would leave the server open, or contradict each other."""

    host: str = "127.0.0.1"
    port: int = 8040
    """0 takes a free one."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Token of each user by name. Without any, each browser has its own cases, and the server is reached from this machine alone."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which the server may be asked for, such as that of a proxy."""
    allow_urls: bool = False
    """Whether photos may be given as addresses, which the server then fetches."""
    tiles: str = ""
    """Address of map tiles with `{z}`, `{x}` and `{y}`, drawn under the belief; empty for none. The page then asks that host."""
    tiles_credit: str = ""
    """Whose tiles they are."""

    def __post_init__(self) -> None:
        if not self.tokens and not is_loopback(self.host):
            raise ValueError(f"{self.host} can be reached from other machines: --token is needed")
        for token in self.tokens.values():
            if not _TOKEN.fullmatch(token):
                raise ValueError("a token must be 8 to 200 printable ASCII characters without spaces")
        if len(set(self.tokens.values())) < len(self.tokens):
            raise ValueError("two users have the same token")
        if self.tiles and not (_TILES.fullmatch(self.tiles) and all(part in self.tiles for part in ("{z}", "{x}", "{y}"))):
            raise ValueError("--tiles needs an address such as https://tiles.example.org/{z}/{x}/{y}.png")
        if self.tiles and not self.tiles_credit:
            raise ValueError("--tiles needs --tiles-credit: the words that its licence asks for")

    @property
    def tiles_origin(self) -> str:
        """Scheme and host of the tiles; "" for none."""
        match = _TILES.fullmatch(self.tiles)
        return match[1] if match else ""

    def knows_host(self, host: str) -> bool:
        """Whether the server may be asked under this host name. One that listens everywhere may be asked under any address that is a number."""
        if host in LOCAL_HOSTS or host == self.host.lower() or host in {name.lower() for name in self.allowed_hosts}:
            return True
        return self.host in {"0.0.0.0", "::"} and _is_number(host)  # noqa: S104


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on this host."""
    if host == "localhost":
        return True
    return _is_number(host) and ipaddress.ip_address(host).is_loopback


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
