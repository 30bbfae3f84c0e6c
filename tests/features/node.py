"""A node in this process, with a real store, and calls by name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import Any

import perdure
from perdure.core.entry import Entry, Failure, Ok, Target
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.journal import read_journal
from perdure.core.lifecycle import CANCELLED
from perdure.core.tables import Invocation, Status
from perdure.engine.deployment import InFlight
from perdure.engine.engine import Engine
from perdure.outcome import to_exception
from perdure.serde import decode, encode

WAIT_S = 10.0


class Node:
    """An engine, and what a test wants of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def submit(self, path: str, value: object = None) -> bytes:
        """Invoke ``Service/handler`` or ``Object/key/handler``; returns the id."""
        parts = path.split("/")
        target = Target(parts[0], parts[1] if len(parts) == 3 else None, parts[-1])
        id = self.engine.target_id(target)
        self.engine.submit(id, target, encode(value))
        return id

    async def result(self, id: bytes) -> Any:  # noqa: ANN401  whatever JSON can say
        """The value of an invocation's result; raises what it failed with."""
        async with asyncio.timeout(WAIT_S):
            result = await self.engine.result(id)
        if isinstance(result, Failure):
            raise to_exception(result)
        assert isinstance(result, Ok)
        return decode(result.value, Any) if result.value else None

    async def call(self, path: str, value: object = None) -> Any:  # noqa: ANN401  ditto
        """Invoke and wait."""
        return await self.result(self.submit(path, value))

    def cancel(self, id: bytes) -> None:
        """As an operator would."""
        self.engine.signal(id, CANCEL_SIGNAL, CANCELLED)

    def row(self, id: bytes) -> Invocation:
        """The row of an invocation."""
        row = self.engine.find(id)
        assert row is not None
        return row

    def journal(self, id: bytes) -> list[Entry]:
        """The journal of an invocation."""
        return read_journal(self.engine.rows, id, self.row(id).journal_length)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that is about to happen."""
        async with asyncio.timeout(WAIT_S):
            while not holds():  # noqa: ASYNC110  the engine is not made to be watched
                await asyncio.sleep(0.005)

    async def until_status(self, id: bytes, status: Status) -> None:
        """Wait until an invocation is in a state."""
        await self.until(lambda: self.row(id).status is status)


@contextlib.asynccontextmanager
async def node(
    folder: Path,
    services: Iterable[perdure.Handlers],
    in_flight: InFlight = "refuse",
    **options: Any,  # noqa: ANN401  as App has them
) -> AsyncGenerator[Node]:
    """Run a node on a folder."""
    async with perdure.App(services, **options).engine(folder, in_flight) as engine:
        yield Node(engine)
