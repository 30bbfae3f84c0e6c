"""State, promises and other services as generated code shows them: typed, and only what the handler may do."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, overload

from perdure.context import Context
from perdure.core.entry import (
    ClearAllState,
    ClearState,
    CompletePromise,
    Failure,
    GetPromise,
    Ok,
    PeekPromise,
    SetState,
    Target,
)
from perdure.errors import TerminalError
from perdure.journal import CallFuture, Decode, SentInvocation, decoding
from perdure.loop import DurableFuture
from perdure.serde import BadValue, decode, seal
from perdure.service import HandlerDef

T = TypeVar("T")
K = TypeVar("K")


class _NotGiven:
    """Stands for a default that is not there."""


_NOT_GIVEN: Final = _NotGiven()


# --- state -------------------------------------------------------------------------------------------------


class ReadStateCell(Generic[T]):
    """One value of the state, to read."""

    def __init__(self, ctx: Context, key: ReadStateKey[T]) -> None:
        self._journal = ctx._journal
        self._key = key

    async def get(self) -> T:
        """The value, or the spec's default.

        Raises:
            TerminalError: There is no value and no default.
        """
        raw = await self._journal.read_state(self._key.name)
        if raw is not None:
            value: T = decode(raw, self._key.type)
            return value
        return self._key.make_default(self._journal.target)


class StateCell(ReadStateCell[T]):
    """One value of the state, to read and write."""

    def set(self, value: T) -> None:
        """Write it. Nobody else sees it before the handler waits or returns, and no crash loses it afterwards."""
        try:
            raw = seal(value, self._key.type)
        except BadValue as e:
            raise TypeError(f"state {self._key.name}: {e}") from None
        self._journal.tell(SetState(self._key.name, raw))

    def clear(self) -> None:
        """Forget it; reads get the default again."""
        self._journal.tell(ClearState(self._key.name))


class ReadStateKey(Generic[T]):
    """Declares a value of the state that handlers can read."""

    def __init__(
        self,
        name: str,
        type_: Any,  # noqa: ANN401  any type expression
        *,
        default: T | _NotGiven = _NOT_GIVEN,
        default_factory: Callable[[], T] | None = None,
    ) -> None:
        self.name = name
        self.type = type_
        self._default = default
        self._factory = default_factory

    def make_default(self, target: Target) -> T:
        """The default; raises `TerminalError` if there is none."""
        if self._factory is not None:
            return self._factory()
        if isinstance(self._default, _NotGiven):
            raise TerminalError(f"state {self.name} of {target.service}/{target.key} has no value")
        return self._default

    @overload
    def __get__(self, view: None, owner: object) -> ReadStateKey[T]: ...
    @overload
    def __get__(self, view: ReadStateView, owner: object) -> ReadStateCell[T]: ...
    def __get__(self, view: ReadStateView | None, owner: object) -> ReadStateKey[T] | ReadStateCell[T]:
        return self if view is None else ReadStateCell(view._ctx, self)


class StateKey(ReadStateKey[T]):
    """Declares a value of the state that handlers can read and write."""

    @overload
    def __get__(self, view: None, owner: object) -> StateKey[T]: ...
    @overload
    def __get__(self, view: ReadStateView, owner: object) -> StateCell[T]: ...
    def __get__(self, view: ReadStateView | None, owner: object) -> StateKey[T] | StateCell[T]:
        return self if view is None else StateCell(view._ctx, self)


class ReadStateView:
    """The state of an object or a workflow, for handlers that may not write it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def keys(self) -> tuple[str, ...]:
        """Names of the values that are there, sorted."""
        return await self._ctx._journal.state_names()


class StateView(ReadStateView):
    """The state of an object or a workflow."""

    def clear_all(self) -> None:
        """Forget all of it."""
        self._ctx._journal.tell(ClearAllState())


# --- promises ----------------------------------------------------------------------------------------------


class Promise(Generic[T]):
    """A durable promise of a workflow: any of its handlers may wait for it, and the first that completes it counts."""

    def __init__(self, ctx: Context, key: PromiseKey[T]) -> None:
        self._journal = ctx._journal
        self._key = key

    def value(self) -> DurableFuture[T]:
        """Wait for it; raises `TerminalError` if it is rejected."""
        return self._journal.issue(GetPromise(self._key.name), decoding(self._key.type))

    def peek(self) -> DurableFuture[T | None]:
        """The value, or None if it is not completed yet; raises `TerminalError` if it was rejected."""
        return self._journal.issue(PeekPromise(self._key.name), decoding(self._key.type))

    def resolve(self, value: T) -> DurableFuture[None]:
        """Complete it with a value; await to learn (409) that it had been completed before."""
        try:
            raw = seal(value, self._key.type)
        except BadValue as e:
            raise TypeError(f"promise {self._key.name}: {e}") from None
        return self._complete(Ok(raw))

    def reject(self, message: str, code: int = 500) -> DurableFuture[None]:
        """Complete it with a terminal error, which those who wait get."""
        return self._complete(Failure(code, message))

    def _complete(self, result: Ok | Failure) -> DurableFuture[None]:
        return self._journal.issue(CompletePromise(self._key.name, result), decoding(None))


class PromiseKey(Generic[T]):
    """Declares a durable promise."""

    def __init__(self, name: str, type_: Any) -> None:  # noqa: ANN401  any type expression
        self.name = name
        self.type = type_

    @overload
    def __get__(self, view: None, owner: object) -> PromiseKey[T]: ...
    @overload
    def __get__(self, view: PromiseView, owner: object) -> Promise[T]: ...
    def __get__(self, view: PromiseView | None, owner: object) -> PromiseKey[T] | Promise[T]:
        return self if view is None else Promise(view._ctx, self)


class PromiseView:
    """The durable promises of a workflow."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx


# --- other services, from inside a handler -----------------------------------------------------------------


@dataclass(frozen=True)
class SendOptions:
    """How something is sent."""

    delay: datetime.timedelta | None = None
    idempotency_key: str | None = None


class ServiceProxy:
    """Calls a service from inside a handler: durably, and once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._key: str | None = None

    def _call(self, handler: HandlerDef[T], payload: object = None) -> CallFuture[T]:
        value, decode = _sealed(handler, payload), _result(handler)
        target = Target(handler.service, self._key, handler.name)
        future = self._ctx._call(target, value, decode, None, ())
        limit = handler.options.call_timeout
        if limit is not None:
            future.expire_after(limit, f"the call of {target} timed out: its timeouts.call is {limit}")
        return future


class ObjectProxy(ServiceProxy, Generic[K]):
    """Calls an object from inside a handler."""

    def __init__(self, ctx: Context, key: K) -> None:
        super().__init__(ctx)
        self._key = str(key)


class WorkflowProxy(ObjectProxy[K]):
    """Calls a workflow from inside a handler."""


class ProxySender:
    """Sends from inside a handler."""

    def __init__(self, proxy: ServiceProxy, options: SendOptions) -> None:
        self._proxy = proxy
        self._options = options

    def _send(self, handler: HandlerDef[T], payload: object = None) -> SentInvocation[T]:
        target = Target(handler.service, self._proxy._key, handler.name)
        value = _sealed(handler, payload)
        return SentInvocation(self._proxy._ctx._send(target, value, self._options.delay, self._options.idempotency_key))


def _sealed(handler: HandlerDef[Any], payload: object) -> bytes:
    try:
        return seal(payload, handler.input)
    except BadValue as e:
        raise TypeError(f"input of {handler.service}/{handler.name}: {e}") from None


def _result(handler: HandlerDef[Any]) -> Decode:
    return decoding(handler.output, handler.errors)
