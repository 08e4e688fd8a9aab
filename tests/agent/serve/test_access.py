"""Who is who, how often, and which settings would leave a server open."""

from __future__ import annotations

import pytest

from agent.serve import access as access_module
from agent.serve.access import BROWSER, SESSION, Access
from agent.serve.rates import Rates
from agent.serve.settings import ServeSettings, is_loopback

TOKENS = {"anna": "token-of-anna", "ben": "token-of-ben"}


def test_a_browser_is_its_cookie() -> None:
    access = Access({})
    new = access.visitor("", {})
    assert new is not None
    assert new.cookie is not None
    assert "HttpOnly" in new.cookie
    assert "SameSite=Strict" in new.cookie
    value = new.cookie.split(";")[0].partition("=")[2]
    again = access.visitor("", {BROWSER: value})
    assert again is not None
    assert (again.owner, again.cookie) == (new.owner, None)
    assert value not in new.owner
    other = access.visitor("", {BROWSER: "x"})
    assert other is not None
    assert other.owner != new.owner
    assert other.cookie


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Bearer token-of-anna2", "Basic token-of-anna", "token-of-anna", "Bearer ü"]
)
def test_a_wrong_token_is_nobody(authorization: str) -> None:
    assert Access(TOKENS).visitor(authorization, {}) is None


def test_tokens_and_sessions_name_their_user(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(TOKENS)
    ben = access.visitor("bearer token-of-ben", {})
    assert ben is not None
    assert (ben.owner, ben.by_token) == ("user:ben", True)
    cookie = access.session("anna")
    assert "token" not in cookie
    anna = Access(TOKENS).visitor("", {SESSION: cookie})  # after a restart
    assert anna is not None
    assert (anna.owner, anna.by_token) == ("user:anna", False)
    assert Access({**TOKENS, "anna": "another-token"}).visitor("", {SESSION: cookie}) is None
    until, _, signed = cookie.partition(".")
    for wrong in (f"{int(until) + 1}.{signed}", f"{until}.{signed[:-1]}", until, "x.y", ""):
        assert access.visitor("", {SESSION: wrong}) is None
    monkeypatch.setattr(access_module, "SESSION_S", -1)
    assert access.visitor("", {SESSION: access.session("anna")}) is None


def test_buckets_fill_again() -> None:
    clock = [0.0]
    rates = Rates({"ask": 2}, lambda: clock[0])
    assert [rates.wait_s("a", "ask") for _ in range(3)] == [0, 0, 30]
    assert rates.wait_s("b", "ask") == 0
    clock[0] = 29.0
    assert rates.wait_s("a", "ask") == 1
    clock[0] = 30.0
    assert not rates.is_spent("a", "ask")
    assert rates.wait_s("a", "ask") == 0
    assert rates.is_spent("a", "ask")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "0.0.0.0"}, "--token is needed"),
        ({"host": "192.168.1.5"}, "--token is needed"),
        ({"host": "geo.example.org"}, "--token is needed"),
        ({"tokens": {"a": "short"}}, "8 to 200"),
        ({"tokens": {"a": "with a space"}}, "8 to 200"),
        ({"tokens": {"a": "same-token", "b": "same-token"}}, "the same token"),
        ({"tiles": "https://tiles.example.org/tile.png", "tiles_credit": "x"}, "{z}/{x}/{y}"),
        ({"tiles": "javascript:{z}{x}{y}", "tiles_credit": "x"}, "--tiles needs"),
        ({"tiles": "https://a.example/{z}/{x}/{y}.png; script-src *", "tiles_credit": "x"}, "--tiles needs"),
        ({"tiles": "https://tiles.example.org/{z}/{x}/{y}.png"}, "--tiles-credit"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("{", "\\{")):
        ServeSettings(**settings)  # type: ignore[arg-type]


def test_hosts_that_are_known() -> None:
    local = ServeSettings(allowed_hosts=("Geo.Example.org",))
    assert [local.knows_host(name) for name in ("localhost", "127.0.0.1", "::1", "geo.example.org")] == [True] * 4
    assert not any(local.knows_host(name) for name in ("evil.example", "", "192.168.1.5", "localhost.evil.example"))
    everywhere = ServeSettings(host="0.0.0.0", tokens={"a": "12345678"})
    assert everywhere.knows_host("192.168.1.5")
    assert not everywhere.knows_host("evil.example")
    assert is_loopback("127.0.0.2")
    assert not is_loopback("0.0.0.0")
    assert (
        ServeSettings(tiles="https://t.example:8443/{z}/{x}/{y}.png", tiles_credit="x").tiles_origin == "https://t.example:8443"
    )
