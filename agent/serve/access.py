"""Whose request it is: a browser known by its cookie, or a user with a token."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

BROWSER, SESSION = "geosleuth_browser", "geosleuth_session"
"""Names of the cookies: of a browser without a token, and of a user who gave one."""
BROWSER_S, SESSION_S = 365 * 86400, 30 * 86400
_BROWSER = re.compile(r"[\w-]{43}")


@dataclass(frozen=True)
class Visitor:
    """Who asks."""

    owner: str
    """Under which cases are kept."""
    by_token: bool = False
    """Whether the request carries the token itself, which no other page can make a browser do."""
    cookie: str | None = None
    """A new cookie that the reply must set."""


class Access:
    """Knows visitors. Nothing is kept: cookies prove themselves, so they hold over a restart."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = dict(tokens)

    @property
    def by_tokens(self) -> bool:
        return bool(self._tokens)

    def visitor(self, authorization: str, cookies: Mapping[str, str]) -> Visitor | None:
        """Who sends a request with these headers; None for who must give a token first, and for a token that is wrong."""
        if not self._tokens:
            return self._browser(cookies.get(BROWSER, ""))
        if authorization:
            kind, _, token = authorization.partition(" ")
            name = self.name_of(token.strip()) if kind.lower() == "bearer" else None
            return Visitor(f"user:{name}", by_token=True) if name is not None else None
        name = self._of_session(cookies.get(SESSION, ""))
        return Visitor(f"user:{name}") if name is not None else None

    def name_of(self, token: str) -> str | None:
        """The user with this token. Every token is compared, and each in constant time."""
        found = None
        for name, known in self._tokens.items():
            if secrets.compare_digest(token.encode(), known.encode()):
                found = name
        return found

    def session(self, name: str) -> str:
        """A cookie that stands for the user's token without containing it, until its day comes or the token is changed."""
        until = int(time.time()) + SESSION_S
        return f"{until}.{self._signed(name, until)}"

    def _of_session(self, cookie: str) -> str | None:
        until, _, given = cookie.partition(".")
        if not re.fullmatch(r"\d{1,12}", until) or int(until) < time.time():
            return None
        found = None
        for name in self._tokens:
            if secrets.compare_digest(given.encode(), self._signed(name, int(until)).encode()):
                found = name
        return found

    def _signed(self, name: str, until: int) -> str:
        return hmac.new(self._tokens[name].encode(), f"geosleuth session {name} {until}".encode(), hashlib.sha256).hexdigest()

    def _browser(self, cookie: str) -> Visitor:
        """A browser is its cookie. What is kept is a digest, so that the store holds no cookie that works."""
        known = bool(_BROWSER.fullmatch(cookie))
        value = cookie if known else secrets.token_urlsafe(32)
        owner = "browser:" + hashlib.sha256(value.encode()).hexdigest()[:32]
        return Visitor(owner, cookie=None if known else set_cookie(BROWSER, value, BROWSER_S))


def set_cookie(name: str, value: str, seconds: int) -> str:
    """The header of a cookie that scripts cannot read and other sites cannot send."""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
