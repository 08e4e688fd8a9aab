import gzip
import zlib

import pytest

from tests.tools.loopback import loopback, reply
from tools.web.fetch import Fetcher, FetchError, fetch_photo


def fetcher(server, **settings):
    return Fetcher(loopback_ports=frozenset({server.port}), **settings)


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    stop = handler.server.stopped
    while not stop.wait(0.02):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def trickle_of_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    stop = handler.server.stopped
    while not stop.wait(0.02):
        handler.wfile.write(b"a")
        handler.wfile.flush()


def raw(data: bytes):
    return lambda handler: handler.wfile.write(data)


def test_a_page_is_fetched_without_cookies_or_a_referrer():
    answers = {"/": reply(302, "", Location="/next", Set_Cookie="a=1"), "/next": reply(200, "<p>hello</p>")}
    with loopback(answers) as server:
        fetched = fetcher(server).fetch(server.url)
        assert (fetched.body, fetched.media_type, fetched.charset) == (b"<p>hello</p>", "text/html", "utf-8")
        assert fetched.url == server.url + "/next"
        assert {"cookie", "referer", "authorization"} & {name for _, headers in server.seen for name in headers} == set()


@pytest.mark.parametrize("packer", [gzip.compress, zlib.compress])
def test_packed_pages_are_unpacked(packer):
    coding = "gzip" if packer is gzip.compress else "deflate"
    with loopback({"/": reply(200, packer(b"hello" * 1000), Content_Encoding=coding)}) as server:
        assert fetcher(server).fetch(server.url).body == b"hello" * 1000


FAULTS = {
    "gone": (reply(404, "no"), "answered with status 404"),
    "server error": (reply(500, "no"), "status 500"),
    "wrong type": (reply(200, b"%PDF", "application/pdf"), "application/pdf, which is not read"),
    "no type": (reply(200, b"x", ""), "no media type"),
    "declared oversize": (reply(200, b"x" * 300_000), "more than 0 MB"),
    "gzip bomb": (reply(200, gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip"), "more than"),
    "broken gzip": (reply(200, b"not gzip at all", Content_Encoding="gzip"), "cannot be unpacked"),
    "unknown coding": (reply(200, b"x", Content_Encoding="br"), "packed the page as br"),
    "endless redirects": (reply(302, "", Location="/"), "redirects more than 3 times"),
    "redirect to nowhere": (reply(302, ""), "redirects to nowhere"),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "could not be read"),
    "cut short": (raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nabc"), "could not be read"),
    "undeclared oversize": (raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + b"x" * 300_000), "more than"),
    "endless header": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), "could not be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_clear_line(fault):
    answer, expected = FAULTS[fault]
    with loopback({"/": answer}) as server:
        with pytest.raises(FetchError) as failure:
            fetcher(server, most_bytes=200_000).fetch(server.url)
        assert expected in str(failure.value)
        assert "\n" not in str(failure.value)
        assert len(server.seen) == (4 if fault == "endless redirects" else 1)


@pytest.mark.parametrize("answer", [trickle, trickle_of_headers])
def test_a_trickle_ends_when_the_time_is_up(answer):
    with loopback({"/": answer}) as server, pytest.raises(FetchError, match="did not answer within"):
        fetcher(server, timeout_s=0.3).fetch(server.url)


def test_a_closed_port_is_one_clear_line():
    with loopback({}) as server:
        port = server.port
    with pytest.raises(FetchError, match="could not be read"):
        Fetcher(loopback_ports=frozenset({port})).fetch(f"http://127.0.0.1:{port}/")


def photo_fetcher(server, **settings):
    return fetcher(server, media_types=("image/",), **settings)


def test_a_photo_is_saved_under_a_name_of_its_own(tmp_path):
    with loopback({"/evil.php": reply(200, b"\xff\xd8\xff photo", "image/jpeg")}) as server:
        path = fetch_photo(server.url + "/evil.php", tmp_path / "new", photo_fetcher(server))
        again = fetch_photo(server.url + "/evil.php", tmp_path / "new", photo_fetcher(server))
    assert path == again
    assert path.read_bytes() == b"\xff\xd8\xff photo"
    assert path.suffix == ".jpg"
    assert list((tmp_path / "new").iterdir()) == [path]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(reply(200, "<p>a page</p>"), "text/html, which is not read"), (reply(200, "<svg/>", "image/svg+xml"), "not a photo"),
     (reply(200, b"x" * 5000, "image/png"), "more than")],
)  # fmt: skip
def test_what_is_no_photo_is_refused(tmp_path, answer, expected):
    with loopback({"/p": answer}) as server, pytest.raises(FetchError, match=expected):
        fetch_photo(server.url + "/p", tmp_path, photo_fetcher(server, most_bytes=4000))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with loopback({"/p": reply(200, b"x", "image/png")}) as server, pytest.raises(FetchError, match="cannot be saved"):
        fetch_photo(server.url + "/p", tmp_path / "file", photo_fetcher(server))
