"""Clients inside the process: the engine is called directly, and acknowledges no sooner than it would by HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from perdure import admission
from perdure.admission import Admitted, Asked
from perdure.client import Accepted, Request
from perdure.core.commands import ALREADY_INVOKED
from perdure.core.entry import Call, CompleteAwakeable, Failure, Ok, Target, check_storable
from perdure.core.ids import format_id, workflow_id
from perdure.engine.engine import Engine
from perdure.errors import RequestRefused, ServerUnreachable, StoreError
from perdure.service import milliseconds


class LocalTransport:
    """Implements `client.Transport` on an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def call(self, request: Request) -> Ok | Failure:
        """Invoke and wait for the result."""
        with _reachable():
            admitted = self._admit(request)
            if not admitted.new and self._is_run(request.target):
                await self._engine.durable()
                return ALREADY_INVOKED
            return await self._result(admitted.id)

    async def send(self, request: Request) -> Accepted:
        """Invoke and return when it is durable."""
        with _reachable():
            admitted = self._admit(request)
            await self._engine.durable()
            return Accepted(format_id(admitted.id), admitted.new)

    async def attach(self, invocation: str | Target) -> Ok | Failure:
        """Wait for the result of an invocation."""
        with _reachable():
            return await self._result(_id(invocation))

    async def output(self, invocation: str | Target) -> Ok | Failure | None:
        """The result of an invocation, None if it has not completed."""
        with _reachable():
            row = self._engine.find(_id(invocation))
            if row is None:
                raise RequestRefused(admission.NOT_FOUND, code=404)
            await self._engine.durable()
            return row.result

    async def complete_awakeable(self, id: str, result: Ok | Failure) -> None:
        """Resolve or reject an awakeable."""
        with _reachable():
            invocation, index = admission.awakeable_id(id)
            _check(CompleteAwakeable(invocation, index, result))
            self._engine.signal(invocation, index, result)
            await self._engine.durable()

    async def close(self) -> None:
        """The engine outlives its clients."""

    def _admit(self, request: Request) -> Admitted:
        bound = admission.find(self._engine, request.target, outside=False)
        admission.check_identity(bound, request.target, request.idempotency_key)
        headers = tuple((name.lower(), value) for name, value in request.headers.items())
        _check(Call(request.target, request.value, headers, request.idempotency_key))
        delay_ms = max(0, milliseconds(request.delay) or 0)
        asked = Asked(request.target, request.value, request.idempotency_key, headers, delay_ms)
        return admission.admit(self._engine, bound, asked)

    def _is_run(self, target: Target) -> bool:
        return self._engine.registry.handlers[target.service, target.handler].definition.kind == "run"

    async def _result(self, id: bytes) -> Ok | Failure:
        result = await self._engine.result(id)
        if result is None:
            raise RequestRefused(admission.NOT_FOUND, code=404)
        return result


def _check(command: Call | CompleteAwakeable) -> None:
    """By HTTP everything is text by nature; here it is what the caller made."""
    try:
        check_storable(command)
    except ValueError as e:
        raise RequestRefused(str(e), code=400) from None


@contextlib.contextmanager
def _reachable() -> Generator[None, None, None]:
    """An engine whose store has failed is to its callers a server that is not there."""
    try:
        yield
    except StoreError as e:
        raise ServerUnreachable(str(e)) from e


def _id(invocation: str | Target) -> bytes:
    if isinstance(invocation, Target):
        return workflow_id(invocation.service, invocation.key or "")
    return admission.invocation_id(invocation)
