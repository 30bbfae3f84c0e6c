"""What a Restate server and one attempt tell each other: commands out, answers in, one at a time.

Law: answers come in the order of the server's journal, and which of them are here at a moment depends on that order
and on what was waited for, never on when a packet came. So a replay meets the same answers at the same places.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from restate.exceptions import SdkInternalException, SuspendedException
from restate.server_context import DisconnectedException
from restate.vm import (
    DoProgressAnyCompleted,
    DoProgressCancelSignalReceived,
    DoProgressExecuteRun,
    Failure,
    FirstCompletedUnresolvedFuture,
    SingleUnresolvedFuture,
    Suspended,
)

from perdure.core import entry
from perdure.restate.sdk import CANCELLED, WAKE, Connection

Execute = Callable[[int], Awaitable[None]]


class Stream:
    """One attempt's side of the connection.

    Args:
        connection: The SDK's side of it.
        execute: Executes the closure of a run, by its handle, and proposes its result.
    """

    def __init__(self, connection: Connection, execute: Execute) -> None:
        self._connection = connection
        self._vm = connection.vm
        self._execute = execute
        self._arrived = deque[int]()
        self._draining = False
        # On SIGTERM the SDK would close its side first, and what the server then still says finds no stream.
        connection.receive.notify_shutdown = lambda: None

    async def next(self, pending: Collection[int]) -> int:
        """Handle of the next answer among those that are pending, or CANCELLED."""
        self._arrived.extend(handle for handle in self._unanswered(pending) if self._vm.is_completed(handle))
        if not self._arrived:
            await self._progress(sorted(pending))
        return self._arrived.popleft()

    async def answered(self, handle: int, pending: Collection[int]) -> None:
        """Wait for one answer; what comes before it is kept for `next`."""
        while not self._vm.is_completed(handle):
            await self._progress([*self._unanswered(pending), handle])
            if handle in self._arrived:
                self._arrived.remove(handle)

    def take(self, handle: int) -> Any:  # noqa: ANN401  bytes, text, texts or None
        """An answer that is here. Each can be taken once.

        Raises:
            SdkInternalException: The attempt is over.
        """
        said = self._vm.take_notification(handle)
        if isinstance(said, Exception | Suspended):
            raise SdkInternalException
        return said

    def result(self, handle: int) -> entry.Result:
        """An answer that is here, as the journal has results."""
        said = self.take(handle)
        if said is None:
            return entry.VOID
        if isinstance(said, Failure):
            return entry.Failure(said.code, said.message, said.metadata or {})
        return entry.Ok(said)

    async def drain(self) -> None:
        """Ask the attempt to leave as soon as it only waits; the server wakes it up elsewhere."""
        self._draining = True
        await self._connection.receive.enqueue_restate_event(WAKE)

    def _unanswered(self, pending: Collection[int]) -> list[int]:
        return [handle for handle in sorted(pending) if handle not in self._arrived]

    async def _progress(self, wanted: list[int]) -> None:
        """Wait until one of them is answered, or the invocation is cancelled."""
        awaited = FirstCompletedUnresolvedFuture([SingleUnresolvedFuture(handle) for handle in wanted])
        while True:
            await self._connection.take_and_send_output()
            said = self._vm.do_progress(awaited)
            if isinstance(said, Suspended):
                raise SuspendedException
            if isinstance(said, BaseException):
                raise SdkInternalException from said
            if isinstance(said, DoProgressAnyCompleted):
                self._arrived.extend(handle for handle in wanted if self._vm.is_completed(handle))
                return
            if isinstance(said, DoProgressCancelSignalReceived):
                self._arrived.append(CANCELLED)
                return
            if isinstance(said, DoProgressExecuteRun):
                self._start(said.handle)
            else:
                await self._receive()

    def _start(self, handle: int) -> None:
        async def execute() -> None:
            try:
                await self._execute(handle)
            finally:
                await self._connection.receive.enqueue_restate_event(WAKE)

        self._connection.tasks.add(asyncio.ensure_future(execute()))

    async def _receive(self) -> None:
        event = await self._connection.receive()
        if self._draining:
            self._vm.notify_input_closed()
        if event["type"] == "http.disconnect":
            raise DisconnectedException
        if event["type"] != "http.request":
            return
        if event.get("body"):
            self._vm.notify_input(event["body"])
        if not event.get("more_body", False):
            self._vm.notify_input_closed()
