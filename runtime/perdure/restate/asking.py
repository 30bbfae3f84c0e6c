"""How the code of a handler asks the server while it runs, also for what it needs before it can go on.

Law: a command that does not fit the recorded one breaks the attempt, whatever the handler does with the exception.
"""

from __future__ import annotations

from asyncio import events
from collections.abc import Callable, Collection
from typing import Any

from perdure.errors import JournalMismatch, NonDurableOperation
from perdure.loop import DurableLoop
from perdure.restate.fiber import Fiber
from perdure.restate.sdk import MachineError
from perdure.restate.stream import Stream


class Asking:
    """Stands between one handler's loop and its stream."""

    def __init__(self, loop: DurableLoop, stream: Stream) -> None:
        self._loop = loop
        self._stream = stream
        self._fiber = Fiber(loop.close)
        self._ids: dict[int, str] = {}
        self._broken: JournalMismatch | None = None

    async def run(self, work: Callable[[], None]) -> None:
        """Run the handler's loop until it is quiet; raises `JournalMismatch` if it took another path."""
        await self._fiber.run(work)
        if self._broken is not None:
            raise self._broken

    @property
    def inside(self) -> bool:
        """Whether it is the handler that runs."""
        return events._get_running_loop() is self._loop and not self._loop.is_closed()

    def check_inside(self) -> None:
        """Raises `NonDurableOperation` if it is not."""
        if not self.inside:
            raise NonDurableOperation(
                "ctx can only be used by its own handler while it runs: not inside of a function given to ctx.run,"
                " not in another thread, and not after the attempt"
            )

    def command(self, operation: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401  what the SDK returns
        """Ask for something, in the name of the handler."""
        self.check_inside()
        return self.operate(operation, *arguments)

    def operate(self, operation: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401  what the SDK returns
        """Ask for something; raises `JournalMismatch` if something else is recorded."""
        try:
            return operation(*arguments)
        except MachineError as e:
            self._broken = self._broken or JournalMismatch(str(e))
            raise self._broken from None

    def wait(self, handle: int, pending: Collection[int]) -> Any:  # noqa: ANN401  bytes or text
        """Wait for an answer in the middle of the handler, without its noticing; `pending` are its other waits."""
        self._fiber.wait(self._stream.answered(handle, pending))
        return self._stream.take(handle)

    def identify(self, handle: int, pending: Collection[int]) -> str:
        """Id of an invocation, by the handle of its id."""
        if handle not in self._ids:
            self.check_inside()
            self._ids[handle] = self.wait(handle, pending)
        return self._ids[handle]
