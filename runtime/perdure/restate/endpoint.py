"""An app as a deployment of Restate: its services, handlers and options in the manifest, and an ASGI application.

Law: what the manifest says is what the specs say. Where they say nothing the cluster's settings hold.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import msgspec
import restate
from restate.handler import Handler as SdkHandler
from restate.handler import HandlerIO, TypeHint
from restate.serde import BytesSerde

from perdure.admission import check_identity
from perdure.core.port import HandlerKind
from perdure.engine.clock import Clock, SystemClock
from perdure.engine.registry import Bound, Registry
from perdure.errors import RequestRefused
from perdure.restate.journal import Node, RestateJournal
from perdure.restate.limits import check, own_policy
from perdure.restate.sdk import Connection, IdentityKeyError
from perdure.service import ServiceDef

SdkService = restate.Service | restate.VirtualObject | restate.Workflow
Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

KINDS: dict[HandlerKind, Literal["exclusive", "shared", "workflow"] | None] = {
    "service": None,
    "exclusive": "exclusive",
    "shared": "shared",
    "run": "workflow",
}
SERVICES: dict[str, Callable[..., SdkService]] = {
    "service": restate.Service,
    "object": restate.VirtualObject,
    "workflow": restate.Workflow,
}
JSON = "application/json"


class Endpoint:
    """All services of an app, and the attempts that are being made here.

    Raises:
        DeploymentRefused: Restate cannot do what the specs ask for.
        ValueError: An identity key is none.
    """

    def __init__(self, registry: Registry, identity_keys: Iterable[str] = (), clock: Clock | None = None) -> None:
        check(registry)
        self._node = Node(registry, ThreadPoolExecutor(thread_name_prefix="perdure-run"), clock or SystemClock())
        self._attempts: set[RestateJournal] = set()
        self._idle = asyncio.Event()
        services = [self._service(service) for service in registry.services.values()]
        try:
            self._answer: Asgi = restate.app(services, identity_keys=list(identity_keys))
        except IdentityKeyError as e:
            raise ValueError(str(e)) from None

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await self._answer(scope, receive, send)

    async def drain(self, seconds: float) -> None:
        """Have every attempt leave as soon as it only waits; the cluster goes on with them elsewhere.

        Args:
            seconds: How long to wait for closures that run.
        """
        for attempt in list(self._attempts):
            await attempt.stream.drain()
        deadline = asyncio.get_running_loop().time() + seconds
        while self._attempts and asyncio.get_running_loop().time() < deadline:
            self._idle.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._idle.wait()
            except TimeoutError:
                break
        self._node.threads.shutdown(wait=False, cancel_futures=True)

    def _service(self, service: ServiceDef) -> SdkService:
        version = self._node.registry.deployments[service.name]
        made = SERVICES[service.kind](service.name, description=service.doc or None, metadata={"perdure": version})
        handlers: dict[str, Any] = made.handlers  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  their types are unknown to the SDK
        for definition in service.handlers:
            bound = self._node.registry.handlers[service.name, definition.name]
            handlers[definition.name] = self._handler(made, bound)
        return made

    def _handler(self, made: SdkService, bound: Bound) -> SdkHandler[Any, Any]:
        definition = bound.definition
        io = HandlerIO[Any, Any](JSON, JSON, BytesSerde(), BytesSerde())
        io.input_type, io.output_type = _hint(definition.input), _hint(definition.output)
        return SdkHandler(
            service_tag=made.service_tag,
            handler_io=io,
            kind=KINDS[definition.kind],
            name=definition.name,
            fn=functools.partial(self._attempt, bound),
            arity=2,
            description=definition.doc or None,
            **_options(bound, self._node.registry),
        )

    async def _attempt(self, bound: Bound, connection: Connection, value: bytes) -> bytes:
        journal = RestateJournal(connection, bound, self._node)
        try:
            check_identity(bound, journal.target, None)
        except RequestRefused as e:
            raise restate.TerminalError(e.message, e.code) from None
        self._attempts.add(journal)
        try:
            return await journal.execute()
        finally:
            self._attempts.discard(journal)
            self._idle.set()


async def _live(receive: Receive, send: Send) -> None:
    """Nothing has to be done at the start and at the end; a server likes to be told so."""
    for moment in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{moment}.complete"})


def _hint(type_: Any) -> TypeHint[Any]:  # noqa: ANN401  a type
    if type_ is None:
        return TypeHint(is_void=True)
    return TypeHint(annotation=type_, generate_json_schema=functools.partial(msgspec.json.schema, type_))


def _options(bound: Bound, registry: Registry) -> dict[str, Any]:
    """What the spec or the app says of a handler, in the SDK's words."""
    options, defaults = bound.definition.options, registry.defaults
    is_run = bound.definition.kind == "run"
    said: dict[str, Any] = {
        "inactivity_timeout": options.inactivity_timeout,
        "abort_timeout": options.abort_timeout,
        "journal_retention": options.journal_retention or _changed(defaults, "journal_retention_ms"),
        "ingress_private": options.private or None,
        "invocation_retry_policy": _retry(bound),
    }
    completed = options.completed_retention or _changed(defaults, "completed_retention_ms")
    if is_run:
        said["workflow_retention"] = completed
    else:
        said["idempotency_retention"] = options.idempotency_retention or completed
    if said["inactivity_timeout"] is None:
        said["inactivity_timeout"] = _changed(defaults, "inactivity_timeout_ms")
    return said


def _changed(defaults: msgspec.Struct, name: str) -> datetime.timedelta | None:
    """A default that the app has set; one that it has not is the cluster's to say."""
    set_ms: int = getattr(defaults, name)
    return None if set_ms == getattr(type(defaults)(), name) else datetime.timedelta(milliseconds=set_ms)


def _retry(bound: Bound) -> restate.InvocationRetryPolicy | None:
    policy = own_policy(bound.policy)
    if policy is None:
        return None
    return restate.InvocationRetryPolicy(
        initial_interval=datetime.timedelta(milliseconds=policy.initial_ms),
        exponentiation_factor=policy.factor,
        max_interval=datetime.timedelta(milliseconds=policy.max_interval_ms),
        max_attempts=policy.max_attempts,
        on_max_attempts="kill" if policy.on_exhausted == "fail" else "pause",
    )
