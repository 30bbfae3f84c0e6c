"""A real server on a loopback port, with the real engine and a real data folder, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import perdure
from perdure.core.tables import INVOCATION
from perdure.engine.deployment import InFlight
from perdure.http.server import Serving, serving
from tests.ingress.raw import JSON, Connection, Reply

PATIENCE_S = 30.0


class Node:
    """A server, and callers for it."""

    def __init__(self, app: perdure.App, folder: Path, drain_s: float = 5.0, in_flight: InFlight = "refuse") -> None:
        self.served: Serving
        self.loop: asyncio.AbstractEventLoop
        self._app = app
        self._folder = folder
        self._drain_s = drain_s
        self._in_flight: InFlight = in_flight
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start, and return when requests are answered."""
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        if self._error is not None:
            raise self._error

    def ask_to_stop(self) -> None:
        """Begin to drain."""
        self.loop.call_soon_threadsafe(self._stopping.set)

    def stop(self) -> None:
        """Drain, and return when the engine has closed its store."""
        self.ask_to_stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as e:
            self._error = e
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with serving(self._app, self._folder, in_flight=self._in_flight, drain_s=self._drain_s) as self.served:
            self._ready.set()
            await self._stopping.wait()

    # --- callers

    def connection(self) -> Connection:
        """A new connection to the ingress."""
        return Connection(self.served.ingress)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """One request to the ingress, on a connection of its own."""
        with self.connection() as connection:
            return connection.ask(method, path, body, headers)

    def call(self, path: str, value: bytes = b"", **headers: str) -> Reply:
        """POST JSON. Underscores in the names of headers stand for dashes."""
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.ask("POST", path, value, (JSON if value else {}) | given)

    def count(self) -> int:
        """How many invocations the store knows."""
        count: int = self.within(self._count())
        return count

    async def _count(self) -> int:
        return sum(1 for _ in self.served.engine.rows.scan(INVOCATION, INVOCATION.letter))

    def within(self, work: Any) -> Any:  # noqa: ANN401  a coroutine of any result
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)
