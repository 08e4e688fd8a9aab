"""What stands before every route: host names, origins, tokens, and the headers that every reply has."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.serve.access import Access, Visitor
from agent.serve.body import MOST_BODY_BYTES, Body, has_body
from agent.serve.rates import Rates
from agent.serve.settings import ServeSettings

_OPEN = frozenset({"/", "/health", "/policy", "/settings", "/login"})
"""What needs no token: the page and what it shows before a token is given. `/page/…`, its parts, are open, too."""


class Door:
    """ASGI middleware. It leaves the `Visitor` in the request's state."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, access: Access, rates: Rates) -> None:
        self.app, self.settings, self.access, self.rates = app, settings, access, rates
        self.headers = security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        client = scope["client"][0] if scope.get("client") else ""
        visitor = self.access.visitor(headers.get("authorization", ""), _cookies(headers))
        refused = self._refused(scope, headers, visitor, client)
        cookie = visitor.cookie if visitor and not refused else None
        if cookie and scope["scheme"] == "https":
            cookie += "; Secure"

        # Uploads have bounds of their own.
        body = Body(receive, None if scope["path"].endswith("/photos") else MOST_BODY_BYTES)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    reply.setdefault(name, value)
                if cookie:
                    reply.append("set-cookie", cookie)
            elif not message.get("more_body") and not body.complete and has_body(headers):
                await send({**message, "more_body": True})
                await body.drain()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        scope.setdefault("state", {})["visitor"] = visitor or Visitor("")
        await (refused or self.app)(scope, body.receive, with_headers)

    def _refused(self, scope: Scope, headers: Headers, visitor: Visitor | None, client: str) -> JSONResponse | None:
        """The reply to a request that is not let in."""
        host = headers.get("host", "")
        if not self.settings.knows_host(_name(host)):
            return _error(421, "This server is not known under that name; start it with --allow-host NAME.")
        by_token = visitor is not None and visitor.by_token
        if scope["method"] not in {"GET", "HEAD"} and not by_token and not is_same_origin(headers, host):
            return _error(403, "Requests of other sites are not carried out.")
        if visitor is not None or scope["path"] in _OPEN or scope["path"].startswith("/page/"):
            return None
        if headers.get("authorization"):
            wait_s = self.rates.wait_s(client, "wrong token")
            if wait_s:
                return _error(429, "Too many wrong tokens; wait a little.", {"Retry-After": str(wait_s)})
        return _error(401, "A token is needed: Authorization: Bearer TOKEN.", {"WWW-Authenticate": "Bearer"})


def is_same_origin(headers: Headers, host: str) -> bool:
    """Whether a request that changes something comes from the page itself, or from no browser at all."""
    if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or (urlsplit(origin).scheme in {"http", "https"} and urlsplit(origin).netloc.lower() == host.lower())


def security_headers(settings: ServeSettings) -> dict[str, str]:
    """The page may ask this server alone, for everything; for tiles the one host that was named."""
    pictures = " ".join(filter(None, ("'self'", settings.tiles_origin)))
    rules = ("default-src 'none'", "script-src 'self'", "style-src 'self'", f"img-src {pictures}", "connect-src 'self'",
             "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")  # fmt: skip
    return {
        "Content-Security-Policy": "; ".join(rules),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer" if not settings.tiles else "strict-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-store",
    }


def _name(host: str) -> str:
    """`[::1]:8040` as `::1`."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": text}, status, headers)
