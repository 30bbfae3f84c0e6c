"""Serves an app to a Restate cluster: over HTTP/2, from the first request until the last attempt has left.

Law: who only waits when the process is told to stop is handed back to the cluster, and whoever runs has time to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hypercorn.asyncio
from hypercorn.config import Config
from restate.server import install_shutdown_hook

from perdure.engine.registry import Registry
from perdure.errors import DeploymentRefused
from perdure.restate.endpoint import Endpoint

_log = logging.getLogger("perdure.restate")

DRAIN_S = 10.0
REGISTER_S = 60.0
STREAMS = 10_000
"""Attempts at a time on one connection."""
WINDOW = 8 << 20

Address = tuple[str, int]


class Tls(NamedTuple):
    """What to show to the cluster."""

    certificate: Path
    key: Path


class Serving(NamedTuple):
    """A deployment that can be reached."""

    url: str
    stopping: asyncio.Event
    """Set it, and it drains; SIGTERM does the same."""


@contextlib.asynccontextmanager
async def serving(
    registry: Registry,
    address: Address = ("127.0.0.1", 0),
    *,
    identity_keys: Sequence[str] = (),
    tls: Tls | None = None,
    drain_s: float = DRAIN_S,
) -> AsyncGenerator[Serving]:
    """Serve for as long as the context lasts; then drain.

    Args:
        registry: What is served: `App.registry`.
        address: Where the cluster comes; port 0 is any free one.
        identity_keys: Public keys of the cluster; requests that it has not signed are refused then.
        tls: Speak TLS.
        drain_s: At the end, how long closures under way may take, in seconds.

    Raises:
        DeploymentRefused: Restate cannot do what the specs ask for.
        OSError: The address cannot be listened on.
        ValueError: An identity key is none.
    """
    endpoint = Endpoint(registry, identity_keys)
    with _bind(address) as door:
        host, port = door.getsockname()[:2]
        stopping = asyncio.Event()
        _on_sigterm(stopping)
        ended = asyncio.Event()
        scheme = "http" if tls is None else "https"
        url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        run: Any = hypercorn.asyncio.serve  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  half of its types are unknown
        server = asyncio.create_task(run(endpoint.app, _config(door, tls), shutdown_trigger=ended.wait))
        try:
            yield Serving(url, stopping)
        finally:
            await endpoint.drain(drain_s)
            ended.set()
            try:
                await server
            except Exception:  # all attempts have left; nobody is harmed by how the connections end
                _log.warning("the HTTP server did not end well", exc_info=True)


def register(admin_url: str, deployment_url: str, *, force: bool = False) -> str:
    """Make a deployment known to a cluster. Returns its id.

    Raises:
        DeploymentRefused: The cluster says no; the message says why.
        OSError: It cannot be reached.
    """
    body = json.dumps({"uri": deployment_url, "force": force}).encode()
    url = f"{admin_url.rstrip('/')}/deployments"
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=REGISTER_S) as response:
            said: dict[str, object] = json.load(response)
            return str(said["id"])
    except urllib.error.HTTPError as e:
        with e:
            raise DeploymentRefused(f"{admin_url} refuses {deployment_url}: {_reason(e.read())}") from None


def _reason(body: bytes) -> str:
    try:
        said: dict[str, object] = json.loads(body)
        return str(said["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")


def _on_sigterm(stopping: asyncio.Event) -> None:
    """The SDK has a handler of its own for this signal, and lets others take part."""
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread
        install_shutdown_hook(asyncio.get_running_loop(), stopping.set, signal.SIGTERM)


def _bind(address: Address) -> socket.socket:
    family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server(address, family=family, backlog=1024)


def _config(door: socket.socket, tls: Tls | None) -> Config:
    config = Config()
    config.bind = [f"fd://{door.detach()}"]
    config.errorlog = logging.getLogger("perdure.restate")
    config.accesslog = None
    config.h2_max_concurrent_streams = STREAMS
    config.keep_alive_timeout = 3600
    config.graceful_timeout = 2
    if tls is not None:
        config.certfile, config.keyfile = str(tls.certificate), str(tls.key)
    return config
