"""Which addresses a page may be fetched from, and a network backend that dials nothing else.

A policy, and the web through it, may name any address; the machine that runs Geosleuth sees more than the web does
(loopback services, the local network, a cloud's metadata). So the name is resolved here, every address it has is checked,
and the connection goes to a checked address itself: what the name resolves to a moment later does not matter.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore
import httpx

from tools.quote import clean

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
Dial = Callable[[str, int, float], httpcore.NetworkStream]

PORTS = {"http": 80, "https": 443}
_LONGEST_URL = 2000
_LOCAL_NAMES = re.compile(
    r"(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|localdomain|home\.arpa|in-addr\.arpa|ip6\.arpa)$"
)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)")
# Public by number, a cloud's own service all the same (Azure); the others are covered by their ranges.
_METADATA = frozenset({"168.63.129.16"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")


class FetchError(Exception):
    """A page or a photo that could not be fetched. Its message is one plain sentence."""


def check_url(url: str, loopback_ports: frozenset[int] = frozenset()) -> httpx.URL:
    """The address, parsed once for the check and for the connection. Raises FetchError where it may not be fetched.

    Ports other than 80 and 443 are refused; `loopback_ports` (for a server of one's own) allows these on loopback alone.
    """
    if len(url) > _LONGEST_URL:
        raise FetchError(f"the address is longer than {_LONGEST_URL} characters")
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise FetchError(f"{clean(url, 100)} is not a web address") from None
    if parsed.scheme not in PORTS:
        raise FetchError(f"only http and https addresses are read, not {clean(url, 60)}")
    if parsed.userinfo:
        raise FetchError("addresses with a user name or password are not read")
    host = parsed.host.rstrip(".").lower()
    port = parsed.port or PORTS[parsed.scheme]
    if port not in PORTS.values() and port not in loopback_ports:
        raise FetchError(f"only the ports 80 and 443 are read, not {port}")
    _check_host(host, port, loopback_ports)
    return parsed


def _check_host(host: str, port: int, loopback_ports: frozenset[int]) -> None:
    literal = _literal(host)
    if literal is not None:
        _check_address(literal, host, port, loopback_ports)
        return
    if not host or _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        raise FetchError(f"{clean(host, 80) or 'an empty name'} is an unusual spelling of an address and is not read")
    if (_LOCAL_NAMES.search(host) or "." not in host) and port not in loopback_ports:
        raise FetchError(f"{clean(host, 80)} is a name of this network and is not read")


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def why_forbidden(address: IPAddress) -> str | None:
    """Why nothing may be fetched from an address, or None where it is a public one."""
    if str(address) in _METADATA:
        return "a cloud's own service"
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id or address.is_site_local or address in _NAT64_LOCAL:
            return "an address of this network"
        for inner in _embedded(address):
            reason = why_forbidden(inner)
            if reason:
                return reason
        if address in _NAT64:
            return None
    if address.is_loopback or address.is_unspecified:
        return "this machine"
    if address.is_multicast or address.is_reserved or address.is_link_local or not address.is_global:
        return "an address of this network"
    return None


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries (mapped, 6to4, Teredo, NAT64, ISATAP): traffic may end there."""
    number = int(address)
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or (number >> 32) & 0xFDFFFFFF == 0x5EFE:
        found.append(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    return [inner for inner in found if inner is not None]


def _check_address(address: IPAddress, host: str, port: int, loopback_ports: frozenset[int]) -> None:
    if address.is_loopback and port in loopback_ports:
        return
    reason = why_forbidden(address)
    if reason or port not in PORTS.values():
        raise FetchError(f"{clean(host, 80)} leads to {reason or 'a port other than 80 and 443'} and is not read")


def checked_addresses(host: str, port: int, resolve: Resolve, loopback_ports: frozenset[int]) -> list[str]:
    """Every address of a host. Raises FetchError where there is none or any one of them is forbidden."""
    literal = _literal(host)
    found = [str(literal)] if literal is not None else list(resolve(host, port))
    if not found:
        raise FetchError(f"{clean(host, 80)} has no address")
    for text in found:
        address = _literal(text)
        if address is None:
            raise FetchError(f"{clean(host, 80)} has no address that can be checked")
        _check_address(address, host, port, loopback_ports)
    return list(dict.fromkeys(found))


def resolve_within(timeout_s: float) -> Resolve:
    """The system's resolver, given up after `timeout_s`."""

    def resolve(host: str, port: int) -> list[str]:
        found: list[str] = []
        thread = threading.Thread(target=_resolve_into, args=(host, port, found), daemon=True)
        thread.start()
        thread.join(max(0.0, timeout_s))
        return [] if thread.is_alive() else found

    return resolve


def _resolve_into(host: str, port: int, found: list[str]) -> None:
    try:
        found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        found.clear()


def dial_tcp(address: str, port: int, timeout_s: float) -> httpcore.NetworkStream:
    """A TCP connection to an address."""
    return httpcore.SyncBackend().connect_tcp(address, port, timeout=timeout_s)


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses alone, and ends every read, write and handshake at one deadline.

    Host and SNI stay those of the URL, since only the dialled address is replaced.
    """

    def __init__(self, deadline: float, loopback_ports: frozenset[int], resolve: Resolve | None, dial: Dial) -> None:
        self._deadline, self._loopback_ports, self._resolve, self._dial = deadline, loopback_ports, resolve, dial

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Iterable[Any] | None = None) -> httpcore.NetworkStream:  # fmt: skip
        resolve = self._resolve or resolve_within(left_s(self._deadline))
        failure: Exception = httpcore.ConnectError("no address")
        for address in checked_addresses(host.rstrip("."), port, resolve, self._loopback_ports)[:3]:
            try:
                return _Hurried(self._dial(address, port, left_s(self._deadline)), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Hurried(httpcore.NetworkStream):
    """A stream whose every operation gets the time that is left, however little the other side sends at once."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, left_s(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, left_s(self._deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore.NetworkStream:  # fmt: skip
        return _Hurried(self._inner.start_tls(ssl_context, server_hostname, left_s(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def left_s(deadline: float) -> float:
    """Seconds until the deadline. Raises httpcore.ReadTimeout when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time is up")
    return left
