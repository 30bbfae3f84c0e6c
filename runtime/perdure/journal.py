"""What stands behind a context: the port between a handler and whatever keeps its journal.

The embedded engine is one implementation; everything else that can stand there (a cluster, a simulator) has the same
few methods.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
from collections.abc import Callable, Generator
from typing import Any, Generic, Protocol, TypeVar

from perdure.core.entry import Command, Failure, Input, Ok, Result, Target
from perdure.core.ids import format_id
from perdure.errors import TerminalError
from perdure.loop import DurableFuture, DurableLoop
from perdure.outcome import to_exception
from perdure.serde import BadValue, decode
from perdure.service import HandlerDef, RetryPolicy

T = TypeVar("T")

Decode = Callable[[Result], Any]
Closure = Callable[[], Any]


class Journal(Protocol):
    """What stands behind a context: it takes commands, and completes futures in an order that replays repeat."""

    id: bytes
    target: Target
    input: Input
    loop: DurableLoop
    elsewhere: bool
    """Whether what nothing serves here may be served by somebody else."""

    @property
    def replaying(self) -> bool:
        """Whether the handler is being told what is recorded."""
        ...

    def issue(self, command: Command, decode: Decode) -> DurableFuture[Any]:
        """Ask for something that will be answered; `decode` makes the future's value of the answer, or raises."""
        ...

    def tell(self, command: Command) -> Command:
        """Ask for something that has no answer; returns the recorded command in its place."""
        ...

    async def read_state(self, name: str) -> bytes | None:
        """One value of the object's state."""
        ...

    async def state_names(self) -> tuple[str, ...]:
        """The keys that the object's state has."""
        ...

    def run(self, name: str, closure: Closure, returns: Any, retry: RetryPolicy | None) -> DurableFuture[Any]:  # noqa: ANN401  a type
        """Execute an effect outside and keep its result."""
        ...

    def await_signal(self, decode: Decode, name: str | None = None) -> tuple[int, DurableFuture[Any]]:
        """Future of the next signal with a name, or index and future of a new awakeable."""
        ...

    def callee(self, target: Target, idempotency_key: str | None) -> bytes:
        """Id for an invocation that the handler asks for."""
        ...

    def handler(self, service: str, name: str) -> HandlerDef[Any] | None:
        """A handler that can be called by name."""
        ...

    def identify(self, callee: bytes, /) -> str:
        """The id that others know an invocation by, of what a `Send` in the journal calls it."""
        ...


class CallFuture(DurableFuture[T]):
    """The result of a call."""

    callee: bytes = b""
    on_cancel: Callable[[], None] | None = None

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ANN401  as in asyncio
        """Stop waiting, and cancel the callee, as plain asyncio would; `asyncio.shield` lets it go on."""
        cancelled = super().cancel(msg)
        if cancelled and self.on_cancel is not None:
            self.on_cancel()
        return cancelled

    def expire_after(self, limit: datetime.timedelta, message: str) -> None:
        """Fail with a terminal error (408), and cancel the callee, if there is no result in time."""
        timer = self.get_loop().call_later(limit.total_seconds(), self._expire, message)
        self.add_done_callback(lambda _: timer.cancel())

    def _expire(self, message: str) -> None:
        if not self.done():
            self.set_exception(TerminalError(message, code=408))
            if self.on_cancel is not None:
                self.on_cancel()

    @property
    def invocation_id(self) -> str:
        """Id of the invocation that was called."""
        return format_id(self.callee)


class SentInvocation(Generic[T]):
    """An invocation that was sent; nobody here waits for it."""

    def __init__(self, identify: Callable[[], str]) -> None:
        self._identify = identify

    @functools.cached_property
    def invocation_id(self) -> str:
        """Its id."""
        return self._identify()


class Awakeable(Generic[T]):
    """A promise that code outside completes by its `id`. Await it for the value."""

    def __init__(self, id: str, future: DurableFuture[T]) -> None:
        self.id = id
        self._future = future

    def __await__(self) -> Generator[Any, None, T]:
        return self._future.__await__()


def complete(future: DurableFuture[Any], decode: Decode, result: Result) -> None:
    """Give a future its result. Nobody hears of it if the task that waited was cancelled meanwhile."""
    if future.done():
        return
    try:
        future.set_result(decode(result))
    except Exception as e:
        future.set_exception(e)


def fail(future: asyncio.Future[Any], error: TerminalError) -> None:
    """Make a wait fail, if somebody still waits."""
    if not future.done():
        future.set_exception(error)
        future.exception()  # it is no fault that nobody waits for it


def decoding(type_: Any, errors: tuple[type[TerminalError], ...] = ()) -> Decode:  # noqa: ANN401  a type
    """How an answer becomes a value of a type, or the exception that it stands for."""
    return functools.partial(_decode, type_, errors)


def _decode(type_: Any, errors: tuple[type[TerminalError], ...], result: Result) -> Any:  # noqa: ANN401
    if isinstance(result, Failure):
        raise to_exception(result, errors)
    if isinstance(result, Ok):
        return decode(result.value, type_)
    return None


def decoding_signal(type_: Any) -> Decode:  # noqa: ANN401  a type
    """The same for what a stranger sent: bytes of another type are his fault, and trying again does not help."""
    return functools.partial(_decode_signal, type_)


def _decode_signal(type_: Any, result: Result) -> Any:  # noqa: ANN401
    try:
        return _decode(type_, (), result)
    except BadValue as e:
        raise TerminalError(f"what came is not of the type that is awaited: {e}", code=400) from None


def raw(result: Result) -> bytes:
    """The bytes of an answer, or the exception that it stands for."""
    if isinstance(result, Failure):
        raise to_exception(result)
    return result.value if isinstance(result, Ok) else b""
