"""What a handler has to do with: one class for each kind of handler, and one method for each command.

A context says what is wanted; a `Journal` behind it says what comes of it.
"""

from __future__ import annotations

import datetime
import functools
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, Generic, TypeVar, overload

import msgspec

from perdure.core.entry import (
    Attach,
    Call,
    Cancel,
    CompleteAwakeable,
    Failure,
    Headers,
    Ok,
    Send,
    SendSignal,
    Target,
)
from perdure.core.ids import FIRST_AWAKEABLE, BadId, format_awakeable, format_id, parse_awakeable, parse_id
from perdure.errors import TerminalError
from perdure.journal import (
    Awakeable,
    CallFuture,
    Closure,
    Decode,
    Journal,
    SentInvocation,
    decoding,
    decoding_signal,
    raw,
)
from perdure.logs import HandlerLog
from perdure.loop import DurableFuture
from perdure.serde import encode
from perdure.service import RetryPolicy, milliseconds

T = TypeVar("T")
K = TypeVar("K")


class _Signalling:
    """Being told by others, and telling them: awakeables by an id, signals by a name."""

    _journal: Journal

    # --- awakeables

    def awakeable(self, type_: type[T]) -> Awakeable[T]:
        """A promise whose id you give to somebody outside, who completes it by HTTP or from a handler."""
        index, future = self._journal.await_signal(decoding_signal(type_))
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
        if index < FIRST_AWAKEABLE:
            raise TerminalError(f"bad awakeable id '{id}': index {index} is not an awakeable's", code=400)
        self._journal.tell(CompleteAwakeable(invocation, index, result))

    # --- named signals

    def signal(self, name: str, type_: type[T]) -> DurableFuture[T]:
        """The next signal that somebody sends to this invocation by this name; one that came early counts."""
        return self._journal.await_signal(decoding_signal(type_), name)[1]

    def resolve_signal(self, invocation_id: str, name: str, value: object) -> None:
        """Send a signal with a value to another invocation."""
        self._journal.tell(SendSignal(_id(invocation_id), name, Ok(encode(value))))

    def reject_signal(self, invocation_id: str, name: str, message: str, code: int = 500) -> None:
        """Send a signal that raises a terminal error where it is awaited."""
        self._journal.tell(SendSignal(_id(invocation_id), name, Failure(code, message)))


class Context(_Signalling):
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
        return self._call(target, value, raw, idempotency_key, _pairs(headers))

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

    def _send(
        self, target: Target, value: bytes, delay: datetime.timedelta | None, idempotency_key: str | None
    ) -> Callable[[], str]:
        self._check(target)
        delay_ms = max(0, milliseconds(delay) or 0)
        callee = self._journal.callee(target, idempotency_key)
        recorded = self._journal.tell(Send(target, value, (), idempotency_key, delay_ms, callee))
        sent = recorded.callee if isinstance(recorded, Send) else callee
        return functools.partial(self._journal.identify, sent)

    def _check(self, target: Target) -> None:
        """A target that is not served here is a fault of the code or of the deployment, so it is not terminal."""
        found = self._journal.handler(target.service, target.handler)
        if found is None and self._journal.elsewhere:
            return
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
