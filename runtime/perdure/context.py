"""What a handler has to do with: one class for each kind of handler, and one method for each command.

A context says what is wanted; a `Journal` behind it says what comes of it. The embedded engine is one, and
everything else that can stand there (a cluster, a simulator) has the same few methods.
"""

from __future__ import annotations

import datetime
import functools
import logging
import uuid
from collections.abc import Awaitable, Callable, Generator, Mapping
from random import Random
from typing import Any, Generic, Protocol, TypeVar, overload

import msgspec

from perdure.core.entry import (
    Attach,
    Call,
    Cancel,
    Command,
    CompleteAwakeable,
    Failure,
    Headers,
    Input,
    Ok,
    Result,
    Send,
    SendSignal,
    Target,
)
from perdure.core.ids import BadId, format_awakeable, format_id, parse_awakeable, parse_id
from perdure.errors import TerminalError
from perdure.logs import HandlerLog
from perdure.loop import DurableFuture, DurableLoop
from perdure.outcome import to_exception
from perdure.serde import decode, encode
from perdure.service import HandlerDef, RetryPolicy, milliseconds

T = TypeVar("T")
K = TypeVar("K")

Decode = Callable[[Result], Any]
Closure = Callable[[], Any]


class Journal(Protocol):
    """What stands behind a context: it takes commands, and completes futures in an order that replays repeat."""

    id: bytes
    target: Target
    input: Input
    loop: DurableLoop

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


class CallFuture(DurableFuture[T]):
    """The result of a call."""

    callee: bytes = b""

    @property
    def invocation_id(self) -> str:
        """Id of the invocation that was called."""
        return format_id(self.callee)


class SentInvocation(Generic[T]):
    """An invocation that was sent; nobody here waits for it."""

    def __init__(self, invocation_id: str) -> None:
        self.invocation_id = invocation_id


class Awakeable(Generic[T]):
    """A promise that code outside completes by its `id`. Await it for the value."""

    def __init__(self, id: str, future: DurableFuture[T]) -> None:
        self.id = id
        self._future = future

    def __await__(self) -> Generator[Any, None, T]:
        return self._future.__await__()


def decoding(type_: Any, errors: tuple[type[TerminalError], ...] = ()) -> Decode:  # noqa: ANN401  a type
    """How an answer becomes a value of a type, or the exception that it stands for."""
    return functools.partial(_decode, type_, errors)


def _decode(type_: Any, errors: tuple[type[TerminalError], ...], result: Result) -> Any:  # noqa: ANN401
    if isinstance(result, Failure):
        raise to_exception(result, errors)
    if isinstance(result, Ok):
        return decode(result.value, type_)
    return None


def _raw(result: Result) -> bytes:
    if isinstance(result, Failure):
        raise to_exception(result)
    return result.value if isinstance(result, Ok) else b""


class Context:
    """What every handler can do."""

    def __init__(self, journal: Journal, key_type: Any = None) -> None:  # noqa: ANN401  a type
        self._journal = journal
        self._key_type = key_type

    # --- who and when

    @functools.cached_property
    def invocation_id(self) -> str:
        """Id of this invocation."""
        return format_id(self._journal.id)

    @functools.cached_property
    def headers(self) -> Mapping[str, str]:
        """Headers of the request; names are in lower case, and of a repeated one the last counts."""
        return dict(self._journal.input.headers)

    @functools.cached_property
    def log(self) -> HandlerLog:
        """A logger that is silent while the handler is replayed."""
        return HandlerLog(logging.getLogger("perdure.handler"), self._journal, self.invocation_id)

    def time(self) -> float:
        """Seconds since the epoch when the handler was last told something; the same on each replay."""
        return self._journal.loop.time()

    def now(self) -> datetime.datetime:
        """The same as a time in UTC."""
        return datetime.datetime.fromtimestamp(self.time(), datetime.UTC)

    def random(self) -> Random:
        """A source of chance that gives the same on each replay."""
        return self._random

    @functools.cached_property
    def _random(self) -> Random:
        return Random(self._journal.input.seed)

    def uuid(self) -> uuid.UUID:
        """A random UUID (version 4) that is the same on each replay."""
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    # --- effects and time

    @overload
    def run(
        self,
        name: str,
        closure: Callable[[], Awaitable[T]],
        *,
        retry: RetryPolicy | None = None,
        returns: type[T] | None = None,
    ) -> DurableFuture[T]: ...
    @overload
    def run(
        self,
        name: str,
        closure: Callable[[], T],
        *,
        retry: RetryPolicy | None = None,
        returns: type[T] | None = None,
    ) -> DurableFuture[T]: ...
    def run(
        self, name: str, closure: Closure, *, retry: RetryPolicy | None = None, returns: Any = None
    ) -> DurableFuture[Any]:
        """Execute an effect and keep its result: a replay gets the result and does not execute it again.

        The effect starts when everything before it is durable. If the process dies before the result is durable,
        it is executed again. Nothing of `ctx` may be used inside.

        Args:
            name: What it is, for the journal.
            closure: A function without arguments (use `functools.partial`). A plain one runs in a thread.
            retry: What to do when it fails. With a policy, an exhausted one raises a `TerminalError` here;
                without, the handler's policy applies and the invocation pauses.
            returns: Type of the result, if the closure's annotation does not say it.

        Raises:
            TerminalError: From the closure, or when its retries are exhausted.
        """
        return self._journal.run(name, closure, returns, retry)

    async def sleep(self, duration: datetime.timedelta) -> None:
        """Wait, for years if you like; the same as `asyncio.sleep`."""
        loop = self._journal.loop
        future = loop.create_future()
        handle = loop.call_later(duration.total_seconds(), _wake, future)
        try:
            await future
        finally:
            handle.cancel()

    # --- awakeables

    def awakeable(self, type_: type[T]) -> Awakeable[T]:
        """A promise whose id you give to somebody outside, who completes it by HTTP or from a handler."""
        index, future = self._journal.await_signal(decoding(type_))
        return Awakeable(format_awakeable(self._journal.id, index), future)

    def resolve_awakeable(self, id: str, value: object) -> None:
        """Complete an awakeable with a value. Only its first completion counts."""
        self._complete_awakeable(id, Ok(encode(value)))

    def reject_awakeable(self, id: str, message: str, code: int = 500) -> None:
        """Complete an awakeable with a terminal error."""
        self._complete_awakeable(id, Failure(code, message))

    def _complete_awakeable(self, id: str, result: Ok | Failure) -> None:
        try:
            invocation, index = parse_awakeable(id)
        except BadId as e:
            raise TerminalError(str(e), code=400) from None
        self._journal.tell(CompleteAwakeable(invocation, index, result))

    # --- named signals

    def signal(self, name: str, type_: type[T]) -> DurableFuture[T]:
        """The next signal that somebody sends to this invocation by this name; one that came early counts."""
        return self._journal.await_signal(decoding(type_), name)[1]

    def resolve_signal(self, invocation_id: str, name: str, value: object) -> None:
        """Send a signal with a value to another invocation."""
        self._journal.tell(SendSignal(_id(invocation_id), name, Ok(encode(value))))

    def reject_signal(self, invocation_id: str, name: str, message: str, code: int = 500) -> None:
        """Send a signal that raises a terminal error where it is awaited."""
        self._journal.tell(SendSignal(_id(invocation_id), name, Failure(code, message)))

    # --- other handlers, by name

    def call(
        self,
        service: str,
        handler: str,
        value: bytes,
        *,
        key: str | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> CallFuture[bytes]:
        """Call a handler by name with the bytes of its input; the result is the bytes of its output."""
        target = Target(service, key, handler)
        return self._call(target, value, _raw, idempotency_key, _pairs(headers))

    def send(
        self,
        service: str,
        handler: str,
        value: bytes,
        *,
        key: str | None = None,
        delay: datetime.timedelta | None = None,
        idempotency_key: str | None = None,
    ) -> SentInvocation[bytes]:
        """Invoke a handler by name, now or after a delay, and do not wait for it."""
        return SentInvocation(self._send(Target(service, key, handler), value, delay, idempotency_key))

    def attach(self, invocation_id: str, type_: type[T]) -> DurableFuture[T]:
        """The result of another invocation, as a value of a type."""
        return self._journal.issue(Attach(_id(invocation_id)), decoding(type_))

    def cancel(self, invocation_id: str) -> None:
        """Cancel another invocation."""
        self._journal.tell(Cancel(_id(invocation_id)))

    def _call(
        self, target: Target, value: bytes, decode: Decode, idempotency_key: str | None, headers: Headers
    ) -> CallFuture[Any]:
        self._check(target)
        callee = self._journal.callee(target, idempotency_key)
        command = Call(target, value, headers, idempotency_key, callee)
        future = self._journal.issue(command, decode)
        assert isinstance(future, CallFuture)
        return future

    def _send(self, target: Target, value: bytes, delay: datetime.timedelta | None, idempotency_key: str | None) -> str:
        self._check(target)
        delay_ms = max(0, milliseconds(delay) or 0)
        callee = self._journal.callee(target, idempotency_key)
        recorded = self._journal.tell(Send(target, value, (), idempotency_key, delay_ms, callee))
        return format_id(recorded.callee if isinstance(recorded, Send) else callee)

    def _check(self, target: Target) -> None:
        """A target that is not served here is a fault of the code or of the deployment, so it is not terminal."""
        found = self._journal.handler(target.service, target.handler)
        if found is None:
            raise LookupError(f"nothing here serves {target.service}/{target.handler}")
        if (target.key is None) != (found.kind == "service"):
            need = "takes no key" if found.kind == "service" else "needs a key"
            raise LookupError(f"{target.service}/{target.handler} {need}")


def _wake(future: Any) -> None:  # noqa: ANN401
    if not future.done():
        future.set_result(None)


def _pairs(headers: Mapping[str, str] | None) -> Headers:
    return tuple((headers or {}).items())


def _id(text: str) -> bytes:
    try:
        return parse_id(text)
    except BadId as e:
        raise TerminalError(str(e), code=400) from None


class _Keyed(Context, Generic[K]):
    """A handler of an object or a workflow. `K` is the type that the spec gives the key."""

    @functools.cached_property
    def key(self) -> K:
        """Key of the object, or id of the workflow."""
        type_: Any = self._key_type or str
        key: K = msgspec.convert(self._journal.target.key or "", type_, strict=False)
        return key


class ObjectContext(_Keyed[K]):
    """An exclusive handler of an object: it alone runs on its key."""


class SharedObjectContext(_Keyed[K]):
    """A shared handler of an object: it runs beside others and reads state only."""


class WorkflowContext(_Keyed[K]):
    """The `run` of a workflow."""


class SharedWorkflowContext(_Keyed[K]):
    """A shared handler of a workflow: it signals and queries."""
