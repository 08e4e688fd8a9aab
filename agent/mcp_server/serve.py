"""Running the server: over stdio, or over HTTP on this machine alone."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, TokenVerifier

from agent.mcp_server.server import Workbench, make_server
from agent.mcp_server.settings import ServerSettings
from agent.policies import Policy
from tools.observation import Tool

HOST = "127.0.0.1"
_PATH = "/mcp"


class OneToken(TokenVerifier):
    """Lets in who shows the one token that was set."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        if not secrets.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token=token, client_id="geosleuth", scopes=[])


def serve(
    settings: ServerSettings,
    tools: Mapping[str, Tool],
    policy: Policy,
    *,
    version: str | None = None,
    port: int | None = None,
    token: str | None = None,
    told: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until the client goes (stdio) or a signal comes (HTTP, where a `port` is given; 0 takes a free one).

    `told` is given the address once clients can connect. Raises ValueError where the port cannot be had.
    """
    desk = Workbench(settings, tools, policy)
    if port is None:
        make_server(desk, version).run("stdio", show_banner=False, log_level="WARNING")
        return
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise ValueError(f"port {port} of {HOST} cannot be had: {(error.strerror or str(error)).lower()}") from error
    with listening:
        told(f"http://{HOST}:{listening.getsockname()[1]}{_PATH}")
        run_http(make_server(desk, version, OneToken(token) if token is not None else None), listening)


def run_http(server: FastMCP[Any], listening: socket.socket) -> None:
    """Serve on a socket of this machine. Requests for another host name, and those of pages from elsewhere, are turned away."""
    server.run(
        "http",
        show_banner=False,
        log_level="WARNING",
        host=HOST,
        port=listening.getsockname()[1],
        path=_PATH,
        sockets=[listening],
        stateless_http=False,
        json_response=False,
        # A page in a browser could reach this port under a name of its own (DNS rebinding), so hosts and origins are checked.
        host_origin_protection=True,
        allowed_hosts=[HOST, "localhost"],
        allowed_origins=[],
    )
