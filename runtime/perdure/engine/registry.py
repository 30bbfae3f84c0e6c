"""What this process serves: the handlers of users, bound to what their specs say of them."""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from perdure.core.port import Catalog, Facts
from perdure.core.retry import Policy
from perdure.errors import TerminalError
from perdure.journal import Closure, Decode, Journal, decoding
from perdure.serde import BadValue, decode
from perdure.service import HandlerDef, Handlers, RetryPolicy, ServiceDef, milliseconds

DAY_MS = 24 * 60 * 60 * 1000


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What holds where a spec says nothing. Times in milliseconds."""

    policy: Policy = Policy()
    inactivity_timeout_ms: int = 60_000
    """How long an attempt may wait in memory before it is dropped and replayed when it is needed."""
    journal_retention_ms: int = DAY_MS
    completed_retention_ms: int = DAY_MS
    version: str = ""
    """Of the code, if the user gives it one: in-flight invocations belong to the version that began them."""


class Bound:
    """A handler of a spec and the method of the user that implements it."""

    def __init__(
        self, service: ServiceDef, definition: HandlerDef[Any], handlers: Handlers, defaults: Defaults
    ) -> None:
        options = definition.options
        self.service = service
        self.definition = definition
        self.method: Any = getattr(handlers, definition.attr)
        self.context: Any = handlers.__contexts__[definition.name]
        self.policy = defaults.policy if options.retry is None else options.retry.over(defaults.policy)
        self.inactivity_ms = _either(options.inactivity_timeout, defaults.inactivity_timeout_ms)
        completed = options.completed_retention
        if options.idempotency_retention is not None and definition.kind != "run":
            completed = options.idempotency_retention
        self.abort_ms = _either(options.abort_timeout, 0)
        self.facts = Facts(
            kind=definition.kind,
            journal_retention_ms=_either(options.journal_retention, defaults.journal_retention_ms),
            completed_retention_ms=_either(completed, defaults.completed_retention_ms),
            run_timeout_ms=_either(options.run_timeout, 0),
            deployment="-".join(filter(None, (service.fingerprint, defaults.version))),
        )
        self._results: dict[int, tuple[object, Any, Decode]] = {}

    async def handle(self, journal: Journal, value: bytes) -> Any:  # noqa: ANN401  what the handler returns
        """Call the handler with the input that the bytes hold.

        Raises:
            TerminalError: They are not its input (400), or the handler says so.
        """
        definition = self.definition
        context = self.context(journal, self.service.key)
        try:
            payload = decode(value, definition.input)
        except BadValue as e:
            raise TerminalError(f"bad input: {e}", code=400) from None
        if definition.input is None:
            return await self.method(context)
        if not definition.spread:
            return await self.method(context, payload)
        return await self.method(context, **{name: getattr(payload, name) for name in payload.__struct_fields__})

    def run_policy(self, retry: RetryPolicy) -> Policy:
        """Policy of a run that has one of its own: when it is exhausted, the run fails and the handler hears of it."""
        base = msgspec.structs.replace(self.policy, max_attempts=None, max_duration_ms=None, on_exhausted="fail")
        return retry.over(base)

    def result_type(self, closure: Closure, returns: Any) -> tuple[Any, Decode]:  # noqa: ANN401  types
        """Type of what a closure returns, UNTYPED if nothing says it, and how a result becomes a value of it."""
        if returns is None:
            returns = annotated_result(closure)
        if returns is UNTYPED:
            return UNTYPED, _decode_untyped
        try:
            return returns, _decoding(returns)
        except TypeError:  # a type that cannot be hashed
            return returns, decoding(returns)


UNTYPED: Any = object()
"""Type of a result of which nothing is known: it must be plain JSON."""

_decode_untyped = decoding(Any)
_decoding = functools.cache(decoding)


def annotated_result(closure: Closure) -> Any:  # noqa: ANN401  a type
    """What a closure's annotation says that it returns; UNTYPED if it says nothing."""
    function: Any = closure
    while isinstance(function, functools.partial):
        function = function.func
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return UNTYPED
    result = hints.get("return", UNTYPED)
    return UNTYPED if result is Any or isinstance(result, typing.TypeVar) else result


def _either(duration: Any, default_ms: int) -> int:  # noqa: ANN401  timedelta | None
    found = milliseconds(duration)
    return default_ms if found is None else found


class Registry:
    """All services that this process serves.

    Raises:
        ValueError: Two of them have the same name.
        TypeError: Something is not an instance of a subclass of a generated class.
    """

    def __init__(self, services: Iterable[Handlers], defaults: Defaults) -> None:
        self.defaults = defaults
        self.services: dict[str, ServiceDef] = {}
        self.handlers: dict[tuple[str, str], Bound] = {}
        for handlers in services:
            if not isinstance(handlers, Handlers):  # pyright: ignore[reportUnnecessaryIsInstance]  not every user runs a type checker
                raise TypeError(f"{handlers!r} is not an instance of a generated class: App([Greeter(), …])")
            service = handlers.__definition__
            if service.name in self.services:
                raise ValueError(f"service {service.name} is given twice")
            self.services[service.name] = service
            for definition in service.handlers:
                self.handlers[service.name, definition.name] = Bound(service, definition, handlers, defaults)
        self.deployments = {
            name: "-".join(filter(None, (service.fingerprint, defaults.version)))
            for name, service in self.services.items()
        }
        """Id of what is deployed here, by service."""
        self.catalog: Catalog = {name: bound.facts for name, bound in self.handlers.items()}
