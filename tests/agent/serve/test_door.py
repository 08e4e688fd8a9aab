"""Requests that are not let in: other hosts, other sites, no token."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from agent.serve.rates import PER_MINUTE, Rates
from agent.serve.settings import ServeSettings
from tests.agent.serve.running import Running, added, opened, running, sign


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with running(
        tmp_path_factory.mktemp("cases"),
        settings=ServeSettings(port=0, tiles="https://t.example/{z}/{x}/{y}.png", tiles_credit="T"),
    ) as made:
        yield made


def test_replies_carry_the_headers_of_safety(here: Running) -> None:
    client = here.client()
    for path in ("/", "/page/page.js", "/health", "/cases", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "img-src 'self' https://t.example;" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
    cookie = here.client().get("/cases").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8040", "", "[::1", "192.168.0.9"]
)
def test_other_host_names_are_turned_away(here: Running, host: str) -> None:
    assert here.client().get("/cases", headers={"Host": host}).status_code in {400, 421}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"},
    ],
)
def test_other_sites_change_nothing(here: Running, headers: dict[str, str]) -> None:
    client = here.client()
    case_id = opened(client)
    for method, path in (("POST", "/cases"), ("DELETE", f"/cases/{case_id}"), ("POST", f"/cases/{case_id}/start")):
        reply = client.request(method, path, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (403, "Requests of other sites are not carried out.")
    assert client.get(f"/cases/{case_id}").status_code == 200
    assert client.post("/cases", headers={"Origin": here.url, "Sec-Fetch-Site": "same-origin"}).status_code == 201


def test_two_owners_do_not_see_each_other(here: Running) -> None:
    mine, other = here.client(), here.client()
    case_id = opened(mine)
    assert case_id in str(mine.get("/cases").json())
    assert other.get("/cases").json() == []
    for method, rest in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("GET", "/export/report"), ("GET", "/photos/1/picture"), ("POST", "/start"),
                         ("POST", "/stop"), ("DELETE", "")):  # fmt: skip
        reply = other.request(method, f"/cases/{case_id}{rest}")
        assert (reply.status_code, reply.json()) == (404, {"error": "There is no such case."}), rest
    for rest, body in (("ask", {"text": "Why?"}), ("retract", {"statement": "1"})):
        assert other.post(f"/cases/{case_id}/{rest}", json=body).status_code == 404
    assert added(other, case_id, sign()).status_code == 404
    assert mine.get(f"/cases/{case_id}").json()["photos"][0]["number"] == 1


def test_with_tokens(tmp_path: Path) -> None:
    settings = ServeSettings(port=0, tokens={"anna": "token-of-anna", "ben": "token-of-ben"})
    rates = Rates({**PER_MINUTE, "wrong token": 3})
    with running(tmp_path, settings=settings, rates=rates) as here:
        anna, ben = (here.client(headers={"Authorization": f"Bearer token-of-{name}"}) for name in ("anna", "ben"))
        case_id = opened(anna)
        assert ben.get(f"/cases/{case_id}").status_code == 404
        nobody = here.client()
        for path in ("/cases", f"/cases/{case_id}", "/openapi.json", "/nowhere"):
            reply = nobody.get(path)
            assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert "set-cookie" not in reply.headers
        assert nobody.get("/").status_code == nobody.get("/health").status_code == 200
        assert nobody.get("/settings").json()["login"] is True
        _with_the_login_form(here.client(), case_id, here.url)
        wrong = [nobody.get("/cases", headers={"Authorization": "Bearer guess"}).status_code for _ in range(5)]
        assert wrong == [401, 401, 401, 429, 429]
        reply = nobody.post("/login", json={"token": "guess"})
        assert (reply.status_code, "guess" in reply.text) == (429, False)
        assert anna.get("/cases").status_code == 200


def _with_the_login_form(page: httpx.Client, case_id: str, url: str) -> None:
    same = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    assert page.post("/login", json={"token": "token-of-anna"}, headers={"Origin": "https://evil.example"}).status_code == 403
    reply = page.post("/login", json={"token": "token-of-anna"}, headers=same)
    assert reply.status_code == 204
    assert "HttpOnly" in reply.headers["set-cookie"]
    assert "token-of-anna" not in reply.headers["set-cookie"]
    assert page.get(f"/cases/{case_id}").status_code == 200
    assert page.get("/settings").json()["login"] is False
    assert page.post("/cases", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    page.post("/logout", headers=same)
    assert page.get("/cases").status_code == 401
