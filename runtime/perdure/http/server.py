"""Serves an app: both doors on their ports, from the first request until the last has its answer.

Law: a server that cannot be reached does not begin to execute, and one that stops says so to everybody who waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from perdure.engine.deployment import InFlight
from perdure.engine.engine import Engine
from perdure.http.admin import Admin
from perdure.http.cors import cors, no_cors
from perdure.http.ingress import Ingress
from perdure.http.wire import Server

DRAIN_S = 10.0
"""How long calls that are under way may take after the server was told to stop."""

Address = tuple[str, int]


class Serveable(Protocol):
    """What can be served: an `App`."""

    def engine(self, folder: Path | str, in_flight: InFlight) -> AbstractAsyncContextManager[Engine]:
        """Run an engine on a data folder, for as long as the context lasts."""
        ...


class Serving(NamedTuple):
    """A server that runs: its engine, and where it listens."""

    engine: Engine
    ingress: Address
    admin: Address

    @property
    def ingress_url(self) -> str:
        """Base URL for callers."""
        return url(self.ingress)

    @property
    def admin_url(self) -> str:
        """Base URL for operators."""
        return url(self.admin)


def url(address: Address) -> str:
    """Base URL of an address."""
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def serving(
    app: Serveable,
    folder: Path | str,
    *,
    ingress: Address = ("127.0.0.1", 0),
    admin: Address = ("127.0.0.1", 0),
    in_flight: InFlight = "refuse",
    drain_s: float = DRAIN_S,
) -> AsyncGenerator[Serving, None]:
    """Serve an app for as long as the context lasts; then drain.

    Args:
        app: What is served.
        folder: Its data folder.
        ingress: Where callers come; port 0 is any free one.
        admin: Where operators come.
        in_flight: What to do with invocations that began under another deployment.
        drain_s: At the end, how long calls under way may take, in seconds.

    Raises:
        OSError: An address cannot be listened on.
        StoreError: The folder cannot be used; `StoreLocked` if another process has it.
        DeploymentRefused: Invocations are in flight that began under another deployment.
    """
    # The ports come first: a server that cannot be reached should not begin to execute.
    with contextlib.ExitStack() as sockets:
        doors = [sockets.enter_context(_bind(address)) for address in (ingress, admin)]
        async with app.engine(folder, in_flight) as engine:
            places: list[Address] = [door.getsockname()[:2] for door in doors]
            serving = Serving(engine, *places)
            callers = Ingress(engine)
            operators = Admin(engine, serving.ingress_url, Path(folder))
            servers = [
                await _listen(doors[0], Server(callers.answer, cors, engine.clock)),
                await _listen(doors[1], Server(operators.answer, no_cors, engine.clock)),
            ]
            try:
                yield serving
            finally:
                await _drain(callers, servers, drain_s)


def _bind(address: Address) -> socket.socket:
    host, port = address
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as e:
        # `create_server` adds the address to the text in its own way; the bare reason is wanted.
        reason = os.strerror(e.errno) if e.errno is not None and e.errno > 0 else e.strerror or e
        raise type(e)(e.errno, f"cannot listen on {host}:{port}: {reason}") from None


async def _listen(door: socket.socket, server: Server) -> tuple[asyncio.Server, Server]:
    return await asyncio.get_running_loop().create_server(server, sock=door, backlog=1024), server


async def _drain(callers: Ingress, servers: list[tuple[asyncio.Server, Server]], drain_s: float) -> None:
    for listener, _ in servers:
        listener.close()
    callers.drain()
    if not await callers.idle(drain_s):
        await callers.leave_behind()
    for _, server in servers:
        server.pre_shutdown()
        await server.shutdown(1.0)
