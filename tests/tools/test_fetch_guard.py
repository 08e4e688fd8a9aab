import ipaddress
import socket

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.loopback import loopback, reply
from tools.web.fetch import Fetcher, FetchError
from tools.web.guard import check_url, checked_addresses, dial_tcp, resolve_within, why_forbidden

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a", "file:///etc/passwd", "javascript:alert(1)", "example.org", "", "http://", "http:///x",
        "http://user@example.org/", "http://user:secret@example.org/", "http://:secret@example.org/",
        "http://example.org:8080/", "https://example.org:22/", "http://example.org:0/", "http://example.org:99999/",
        "http://localhost/", "http://localhost./", "http://a.localhost/", "http://metadata.google.internal/", "http://intranet/",
        "http://printer.local/", "http://router.lan/", "http://METADATA.google.INTERNAL./computeMetadata/v1/",
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/",
        "http://0177.0.0.1/", "http://127.0.0.1./", "http://017700000001/", "http://0/", "http://0.0.0.0/", "http://1.2.3/",
        "http://10.0.0.1/", "http://172.16.3.4/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/", "http://100.100.100.200/", "http://168.63.129.16/", "http://224.0.0.1/", "http://255.255.255.255/",
        "http://198.18.0.1/", "http://192.0.2.1/", "http://240.0.0.1/",
        "http://[::1]/", "http://[::]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[fc00::1]/", "http://[ff02::1]/",
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:10.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/",
        "http://[2002:7f00:1::]/", "http://[2002:a00:1::1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::169.254.169.254]/",
        "http://[64:ff9b:1::1]/", "http://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/", "http://[fec0::1]/", "http://[2001:db8::1]/",
        "http://[fe80::1%25eth0]/", "http://[2606:4700::5efe:7f00:1]/", "http://①②⑦.0.0.1/", "http://①②⑦。⓪。⓪。①/",
        "http://exa mple.org/", "http://example.org\\@127.0.0.1:6379/", "http://" + "a" * 3000 + ".org/",
    ],
)  # fmt: skip
def test_an_address_that_may_not_be_fetched_is_refused_before_anything_is_dialled(url):
    dialled = []

    def dial(address: str, port: int, timeout_s: float) -> httpcore.NetworkStream:
        dialled.append(address)
        raise httpcore.ConnectError("no network")

    with pytest.raises(FetchError) as failure:
        Fetcher(resolve=lambda host, port: ["127.0.0.1"], dial=dial).fetch(url)
    assert dialled == []
    assert "\n" not in str(failure.value)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org:443/a?b=c#d",
        "http://münchen.de/",
        f"http://{PUBLIC}/",
        "https://[2606:4700::1111]/",
    ],
)
def test_public_addresses_pass_the_first_check(url):
    assert check_url(url).scheme in {"http", "https"}


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], [PUBLIC, "::1"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"], [PUBLIC, "nonsense"], []],
)
def test_a_name_is_refused_when_any_of_its_addresses_is(addresses):
    with pytest.raises(FetchError):
        checked_addresses("example.org", 80, lambda host, port: addresses, frozenset())


@given(st.integers(0, 2**32 - 1))
def test_ipv4_inside_ipv6_is_judged_as_the_ipv4_itself(number):
    inner = ipaddress.IPv4Address(number)
    if why_forbidden(inner) is None:
        return
    carriers = [(0xFFFF << 32) + number, (0x2002 << 112) + (number << 80) + 1, (0x64FF9B << 96) + number,
                (0x20010000 << 96) + (0x5DB8D822 << 64) + (number ^ 0xFFFFFFFF)]  # fmt: skip
    for carrier in carriers:
        assert why_forbidden(ipaddress.IPv6Address(carrier)) is not None


@given(st.ip_addresses())
def test_nothing_that_is_not_global_is_let_through(address):
    if not address.is_global or address.is_multicast:
        if address in ipaddress.ip_network("64:ff9b::/96" if address.version == 6 else "0.0.0.0/32"):
            return
        assert why_forbidden(address) is not None


def test_a_public_address_behind_nat64_is_let_through():
    assert why_forbidden(ipaddress.ip_address("64:ff9b::5db8:d822")) is None
    assert why_forbidden(ipaddress.ip_address(PUBLIC)) is None


def test_the_checked_address_is_the_one_that_is_dialled_whatever_the_name_says_next():
    """DNS rebinding: the second answer of the resolver is loopback, and nobody asks for it."""
    answers, dialled = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]), []
    with loopback({"/": reply(200, "<p>hello</p>")}) as server:

        def dial(address: str, port: int, timeout_s: float) -> httpcore.NetworkStream:
            dialled.append((address, port))
            return dial_tcp("127.0.0.1", server.port, timeout_s)

        fetched = Fetcher(resolve=lambda host, port: next(answers), dial=dial).fetch("http://example.org/")
        assert dialled == [(PUBLIC, 80)]
        assert server.seen[0][1]["host"] == "example.org"
    assert fetched.body == b"<p>hello</p>"


def test_a_name_that_has_turned_to_loopback_by_the_redirect_is_refused():
    answers, dialled = iter([[PUBLIC], ["127.0.0.1"]]), []
    with loopback({"/": reply(302, "", Location="http://example.org/next"), "/next": reply(200, "inside")}) as server:

        def dial(address: str, port: int, timeout_s: float) -> httpcore.NetworkStream:
            dialled.append(address)
            return dial_tcp("127.0.0.1", server.port, timeout_s)

        with pytest.raises(FetchError, match="this machine"):
            Fetcher(resolve=lambda host, port: next(answers), dial=dial).fetch("http://example.org/")
        assert [path for path, _ in server.seen] == ["/"]
    assert dialled == [PUBLIC]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "http://localhost/", "//[::1]/", "http://2130706433/", "http://169.254.169.254/latest", "file:///etc/passwd",
     "http://user@example.org/", "http://example.org:6379/", "gopher://example.org/", "", "http://[::ffff:127.0.0.1]/"],
)  # fmt: skip
def test_a_redirect_to_a_forbidden_address_is_refused(location):
    with (
        loopback({"/": reply(301, "", Location=location)}) as server,
        pytest.raises(FetchError),
    ):
        Fetcher(loopback_ports=frozenset({server.port})).fetch(server.url)


def test_a_redirect_to_another_port_of_this_machine_is_refused():
    with loopback({"/": reply(200, "inside")}) as inside, loopback({"/": reply(302, "", Location=inside.url)}) as server:
        with pytest.raises(FetchError, match="80 and 443"):
            Fetcher(loopback_ports=frozenset({server.port})).fetch(server.url)
        assert inside.seen == []


def test_loopback_ports_open_loopback_alone():
    with pytest.raises(FetchError):
        Fetcher(loopback_ports=frozenset({8080}), resolve=lambda host, port: [PUBLIC]).fetch("http://example.org:8080/")
    with pytest.raises(FetchError):
        check_url("http://10.0.0.1:8080/", frozenset({8080}))


def test_an_unknown_name_and_a_slow_resolver_are_one_clear_line(monkeypatch):
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert list(resolve_within(1.0)("example.org", 80)) == []
    with pytest.raises(FetchError, match=r"^example.org has no address$"):
        Fetcher().fetch("http://example.org/")


def test_tls_is_spoken_with_the_name_and_dialled_at_the_checked_address():
    asked = []

    class Stream(httpcore.NetworkStream):
        def start_tls(self, ssl_context, server_hostname=None, timeout=None):
            asked.append((server_hostname, ssl_context.check_hostname))
            raise httpcore.ConnectError("certificate verify failed")

        def close(self):
            asked.append("closed")

    with pytest.raises(FetchError, match="certificate verify failed"):
        Fetcher(resolve=lambda host, port: [PUBLIC], dial=lambda *_: Stream()).fetch("https://example.org/")
    assert asked[0] == ("example.org", True)
