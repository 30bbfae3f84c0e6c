"""Clients inside the process: the engine is called directly, and acknowledges no sooner than it would by HTTP."""

from __future__ import annotations

from perdure import admission
from perdure.client import Accepted, Request
from perdure.core.entry import Failure, Ok, Target
from perdure.core.ids import BadId, format_id, parse_awakeable, parse_id, workflow_id
from perdure.engine.engine import Engine
from perdure.errors import RequestRefused, ServerUnreachable, StoreError
from perdure.service import milliseconds

ALREADY_INVOKED = Failure(409, "the workflow method was already invoked")


class LocalTransport:
    """Implements `client.Transport` on an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def call(self, request: Request) -> Ok | Failure:
        """Invoke and wait for the result."""
        id, new = self._submit(request)
        if not new and self._is_run(request.target):
            return ALREADY_INVOKED
        return await self._result(id)

    async def send(self, request: Request) -> Accepted:
        """Invoke and return when it is durable."""
        id, new = self._submit(request)
        await self._durable()
        return Accepted(format_id(id), new)

    async def attach(self, invocation: str | Target) -> Ok | Failure:
        """Wait for the result of an invocation."""
        return await self._result(_id(invocation))

    async def output(self, invocation: str | Target) -> Ok | Failure | None:
        """The result of an invocation, None if it has not completed."""
        row = self._engine.find(_id(invocation))
        if row is None:
            raise RequestRefused("invocation not found", code=404)
        await self._durable()
        return row.result

    async def complete_awakeable(self, id: str, result: Ok | Failure) -> None:
        """Resolve or reject an awakeable."""
        try:
            invocation, index = parse_awakeable(id)
        except BadId as e:
            raise RequestRefused(str(e), code=400) from None
        self._engine.signal(invocation, index, result)
        await self._durable()

    async def close(self) -> None:
        """The engine outlives its clients."""

    def _submit(self, request: Request) -> tuple[bytes, bool]:
        target = request.target
        bound = admission.find(self._engine, target, outside=False)
        key = admission.check(bound, target, request.value, request.idempotency_key)
        id = self._engine.target_id(target, key)
        headers = tuple((name.lower(), value) for name, value in request.headers.items())
        delay_ms = max(0, milliseconds(request.delay) or 0)
        try:
            new = self._engine.submit(
                id, target, request.value, headers=headers, delay_ms=delay_ms, idempotency_key=key
            )
        except StoreError as e:
            raise ServerUnreachable(str(e)) from e
        return id, new

    def _is_run(self, target: Target) -> bool:
        return self._engine.registry.handlers[target.service, target.handler].definition.kind == "run"

    async def _result(self, id: bytes) -> Ok | Failure:
        try:
            result = await self._engine.result(id)
        except StoreError as e:
            raise ServerUnreachable(str(e)) from e
        if result is None:
            raise RequestRefused("invocation not found", code=404)
        return result

    async def _durable(self) -> None:
        try:
            await self._engine.durable()
        except StoreError as e:
            raise ServerUnreachable(str(e)) from e


def _id(invocation: str | Target) -> bytes:
    if isinstance(invocation, Target):
        return workflow_id(invocation.service, invocation.key or "")
    try:
        return parse_id(invocation)
    except BadId as e:
        raise RequestRefused(str(e), code=400) from None
