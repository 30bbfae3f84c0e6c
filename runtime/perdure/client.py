"""What generated clients stand on: the same calls over HTTP or inside the process.

A `Transport` carries requests; everything typed happens here. The blocking clients run the same code on a loop
in a thread of their own, so there is one implementation of each call.
"""

from __future__ import annotations

import asyncio
import copy
import datetime
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

from perdure.core.entry import Failure, Ok, Target
from perdure.errors import RequestRefused, ServerUnreachable
from perdure.outcome import to_exception
from perdure.serde import BadValue, decode, seal
from perdure.service import HandlerDef
from perdure.views import SendOptions

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True)
class Request:
    """A call or a send, before it is on any wire."""

    target: Target
    value: bytes
    idempotency_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: datetime.timedelta | None = None


@dataclass(frozen=True)
class Accepted:
    """Answer to a send."""

    invocation_id: str
    new: bool
    """False if an invocation with this identity had been accepted before."""


class Transport(Protocol):
    """Carries requests to an ingress. All of it raises `RequestRefused` and `ServerUnreachable`."""

    async def call(self, request: Request) -> Ok | Failure:
        """Invoke and wait for the result."""
        ...

    async def send(self, request: Request) -> Accepted:
        """Invoke and do not wait."""
        ...

    async def attach(self, invocation: str | Target) -> Ok | Failure:
        """Wait for the result of an invocation, by its id, or by the target of a workflow's run."""
        ...

    async def output(self, invocation: str | Target) -> Ok | Failure | None:
        """The result of an invocation, None if it has not completed."""
        ...

    async def complete_awakeable(self, id: str, result: Ok | Failure) -> None:
        """Resolve or reject an awakeable."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class Client:
    """A connection to where handlers run; generated clients are made of it."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give back connections."""
        await self.transport.close()

    async def resolve_awakeable(self, id: str, value: object) -> None:
        """Complete an awakeable with a value; only its first completion counts."""
        await self.transport.complete_awakeable(id, Ok(seal(value, Any)))

    async def reject_awakeable(self, id: str, message: str) -> None:
        """Complete an awakeable with a terminal error (code 500)."""
        await self.transport.complete_awakeable(id, Failure(500, message))

    def invocation(self, id: str, of: HandlerDef[T]) -> InvocationHandle[T]:
        """A handle on an invocation that is known by its id."""
        return InvocationHandle(self, id, of)


class InvocationHandle(Generic[T]):
    """An invocation that was accepted."""

    def __init__(self, client: Client, id: str, handler: HandlerDef[T], *, new: bool = True) -> None:
        self.id = id
        self.new = new
        """False if an invocation with this identity had been accepted before."""
        self._client = client
        self._handler = handler

    async def result(self, timeout: datetime.timedelta | None = None) -> T:  # noqa: ASYNC109  a limit for one call
        """Wait for the result.

        Raises:
            TerminalError: The invocation failed, as the declared class if it is one.
            ServerUnreachable: There was no result in time.
        """
        return _value(self._handler, await _within(self._client.transport.attach(self.id), timeout))

    async def peek(self) -> T | None:
        """The result if there is one, else None."""
        result = await self._client.transport.output(self.id)
        return None if result is None else _value(self._handler, result)


@dataclass(frozen=True)
class _Options:
    idempotency_key: str | None = None
    timeout: datetime.timedelta | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class ServiceClient:
    """Base of generated clients (asyncio)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._key: str | None = None
        self._options = _Options()

    def with_options(
        self,
        *,
        idempotency_key: str | None = None,
        timeout: datetime.timedelta | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The same client with other options for its calls.

        Args:
            idempotency_key: Requests with the same key are one invocation.
            timeout: How long a call waits for its result; the invocation goes on without it.
            headers: What the handler finds in `ctx.headers`.
        """
        other = copy.copy(self)
        other._options = _Options(idempotency_key, timeout, dict(headers or {}))
        return other

    def _request(self, handler: HandlerDef[Any], payload: object, options: SendOptions | None = None) -> Request:
        try:
            value = seal(payload, handler.input)
        except BadValue as e:
            raise TypeError(f"input of {handler.service}/{handler.name}: {e}") from None
        target = Target(handler.service, self._key, handler.name)
        key = (
            self._options.idempotency_key
            if options is None or options.idempotency_key is None
            else options.idempotency_key
        )
        return Request(target, value, key, self._options.headers, None if options is None else options.delay)

    async def _call(self, handler: HandlerDef[T], payload: object = None) -> T:
        call = self._client.transport.call(self._request(handler, payload))
        return _value(handler, await _within(call, self._options.timeout))

    async def _send(self, handler: HandlerDef[T], payload: object, options: SendOptions) -> InvocationHandle[T]:
        accepted = await _within(
            self._client.transport.send(self._request(handler, payload, options)), self._options.timeout
        )
        return InvocationHandle(self._client, accepted.invocation_id, handler, new=accepted.new)


class ObjectClient(ServiceClient, Generic[K]):
    """Base of generated clients of objects."""

    def __init__(self, client: Client, key: K) -> None:
        super().__init__(client)
        self._key = str(key)


class WorkflowClient(ObjectClient[K]):
    """Base of generated clients of workflows."""

    def _run(self, handler: HandlerDef[Any]) -> Target:
        return Target(handler.service, self._key, handler.name)

    async def _submit(self, handler: HandlerDef[T], payload: object = None) -> InvocationHandle[T]:
        handle = await self._send(handler, payload, SendOptions())
        if not handle.new:
            raise RequestRefused("the workflow method was already invoked", code=409)
        return handle

    async def _attach(self, handler: HandlerDef[T]) -> T:
        result = await _within(self._client.transport.attach(self._run(handler)), self._options.timeout)
        return _value(handler, result)

    async def _peek(self, handler: HandlerDef[T]) -> T | None:
        result = await self._client.transport.output(self._run(handler))
        return None if result is None else _value(handler, result)


class Sender:
    """Base of what `client.send()` returns."""

    def __init__(self, client: ServiceClient, options: SendOptions) -> None:
        self._client = client
        self._options = options

    async def _send(self, handler: HandlerDef[T], payload: object = None) -> InvocationHandle[T]:
        return await self._client._send(handler, payload, self._options)


def _value(handler: HandlerDef[T], result: Ok | Failure) -> T:
    if isinstance(result, Failure):
        raise to_exception(result, handler.errors)
    value: T = decode(result.value, handler.output)
    return value


async def _within(work: Coroutine[Any, Any, T], timeout: datetime.timedelta | None) -> T:  # noqa: ASYNC109  one call's
    if timeout is None:
        return await work
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            return await work
    except TimeoutError:
        raise ServerUnreachable(f"no answer within {timeout}; the request may have been accepted") from None


# --- blocking ----------------------------------------------------------------------------------------------


class SyncClient:
    """A client for code without asyncio. It runs an asyncio client on a thread of its own.

    Args:
        client: The asyncio client, or a function that makes one on that thread.
    """

    def __init__(self, client: Client) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="perdure-client", daemon=True)
        self._thread.start()
        self.client = client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine on the client's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back connections and end the thread."""
        if self._thread.is_alive():
            self.run(self.client.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def resolve_awakeable(self, id: str, value: object) -> None:
        """Complete an awakeable with a value; only its first completion counts."""
        self.run(self.client.resolve_awakeable(id, value))

    def reject_awakeable(self, id: str, message: str) -> None:
        """Complete an awakeable with a terminal error (code 500)."""
        self.run(self.client.reject_awakeable(id, message))

    def invocation(self, id: str, of: HandlerDef[T]) -> SyncInvocationHandle[T]:
        """A handle on an invocation that is known by its id."""
        return SyncInvocationHandle(self, self.client.invocation(id, of))


class SyncInvocationHandle(Generic[T]):
    """An invocation that was accepted."""

    def __init__(self, client: SyncClient, handle: InvocationHandle[T]) -> None:
        self.id = handle.id
        self.new = handle.new
        self._client = client
        self._handle = handle

    def result(self, timeout: datetime.timedelta | None = None) -> T:
        """Wait for the result; raises what `InvocationHandle.result` raises."""
        return self._client.run(self._handle.result(timeout))

    def peek(self) -> T | None:
        """The result if there is one, else None."""
        return self._client.run(self._handle.peek())


A = TypeVar("A", bound=ServiceClient)


class _Blocking(Generic[A]):
    """A blocking client is made of an asyncio client, and waits for it."""

    def __init__(self, client: SyncClient, made_of: A) -> None:
        self._client = client
        self._made_of = made_of

    def with_options(
        self,
        *,
        idempotency_key: str | None = None,
        timeout: datetime.timedelta | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The same client with other options for its calls, as `ServiceClient.with_options`."""
        other = copy.copy(self)
        other._made_of = self._made_of.with_options(idempotency_key=idempotency_key, timeout=timeout, headers=headers)
        return other

    def _call(self, handler: HandlerDef[T], payload: object = None) -> T:
        return self._client.run(self._made_of._call(handler, payload))

    def _send(self, handler: HandlerDef[T], payload: object, options: SendOptions) -> SyncInvocationHandle[T]:
        return SyncInvocationHandle(self._client, self._client.run(self._made_of._send(handler, payload, options)))


class ServiceSyncClient(_Blocking[ServiceClient]):
    """Base of generated clients (blocking)."""

    def __init__(self, client: SyncClient) -> None:
        super().__init__(client, ServiceClient(client.client))


class ObjectSyncClient(_Blocking[ObjectClient[K]]):
    """Base of generated clients of objects (blocking)."""

    def __init__(self, client: SyncClient, key: K) -> None:
        super().__init__(client, ObjectClient(client.client, key))


class WorkflowSyncClient(_Blocking[WorkflowClient[K]]):
    """Base of generated clients of workflows (blocking)."""

    def __init__(self, client: SyncClient, key: K) -> None:
        super().__init__(client, WorkflowClient(client.client, key))

    def _submit(self, handler: HandlerDef[T], payload: object = None) -> SyncInvocationHandle[T]:
        return SyncInvocationHandle(self._client, self._client.run(self._made_of._submit(handler, payload)))

    def _attach(self, handler: HandlerDef[T]) -> T:
        return self._client.run(self._made_of._attach(handler))

    def _peek(self, handler: HandlerDef[T]) -> T | None:
        peek = self._made_of._peek(handler)
        return self._client.run(peek)


class SyncSender:
    """Base of what `client.send()` returns (blocking)."""

    def __init__(self, client: _Blocking[Any], options: SendOptions) -> None:
        self._client = client
        self._options = options

    def _send(self, handler: HandlerDef[T], payload: object = None) -> SyncInvocationHandle[T]:
        return self._client._send(handler, payload, self._options)
