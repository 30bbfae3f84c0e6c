"""Services for tests, made from plain functions instead of a spec.

A function takes the context and, unless it says `input=None`, one JSON value; what it returns is any JSON value.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import perdure
from perdure.core.port import HandlerKind
from perdure.service import ServiceKind
from perdure.views import Promise, StateCell

NOTHING_SAID = perdure.HandlerOptions()
Function = Callable[..., Awaitable[Any]]

CONTEXTS: dict[tuple[ServiceKind, HandlerKind], type[perdure.Context]] = {
    ("service", "service"): perdure.Context,
    ("object", "exclusive"): perdure.ObjectContext,
    ("object", "shared"): perdure.SharedObjectContext,
    ("workflow", "run"): perdure.WorkflowContext,
    ("workflow", "shared"): perdure.SharedWorkflowContext,
}


@dataclass(frozen=True)
class Method:
    """A handler to be: what it is called, what it does, and what a spec would say of it."""

    name: str
    function: Function
    kind: HandlerKind = "service"
    input: Any = Any
    output: Any = Any
    options: perdure.HandlerOptions = NOTHING_SAID
    errors: tuple[type[perdure.TerminalError], ...] = ()


def serve(name: str, *methods: Method, kind: ServiceKind = "service", key: object = None) -> perdure.Handlers:
    """An instance of a service with these handlers."""
    definitions = tuple(
        perdure.HandlerDef[Any](
            service=name,
            name=method.name,
            attr=f"do_{method.name}",
            kind=method.kind,
            input=method.input,
            output=method.output,
            options=method.options,
            errors=method.errors,
        )
        for method in methods
    )
    body: dict[str, object] = {f"do_{method.name}": staticmethod(method.function) for method in methods}
    body["__definition__"] = perdure.ServiceDef(
        name=name, kind=kind, handlers=definitions, fingerprint=name, key=key or (None if kind == "service" else str)
    )
    body["__contexts__"] = {method.name: CONTEXTS[kind, method.kind] for method in methods}
    made: perdure.Handlers = type(name, (perdure.Handlers,), body)()
    return made


def service(name: str, options: perdure.HandlerOptions = NOTHING_SAID, **functions: Function) -> perdure.Handlers:
    """A service, a function a handler."""
    return serve(name, *(Method(n, f, options=options) for n, f in functions.items()))


def virtual_object(
    name: str, options: perdure.HandlerOptions = NOTHING_SAID, **functions: Function
) -> perdure.Handlers:
    """A virtual object: exclusive handlers, and shared ones if their names start with `peek`."""
    methods = [
        Method(n, f, "shared" if n.startswith("peek") else "exclusive", options=options) for n, f in functions.items()
    ]
    return serve(name, *methods, kind="object")


def workflow(name: str, options: perdure.HandlerOptions = NOTHING_SAID, **functions: Function) -> perdure.Handlers:
    """A workflow: `run`, and shared handlers."""
    methods = [Method(n, f, "run" if n == "run" else "shared", options=options) for n, f in functions.items()]
    return serve(name, *methods, kind="workflow")


def definition(handlers: perdure.Handlers, name: str) -> perdure.HandlerDef[Any]:
    """The descriptor of one handler of a service."""
    return next(handler for handler in handlers.__definition__.handlers if handler.name == name)


def cell(ctx: perdure.Context, name: str) -> StateCell[Any]:
    """A value of the object's state; None if there is none."""
    return StateCell(ctx, perdure.StateKey[Any](name, Any, default=None))


def promise(ctx: perdure.Context, name: str) -> Promise[Any]:
    """A promise of the workflow."""
    return Promise(ctx, perdure.PromiseKey[Any](name, Any))


def ms(count: float) -> datetime.timedelta:
    """A span of time."""
    return datetime.timedelta(milliseconds=count)
