"""What handlers and clients have in common: parameters, payloads, receivers.

The law: a parameter may be called anything that is a name in Python; what would collide with it gives way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perdure_codegen import derived, expressions
from perdure_codegen.annotate import Scope
from perdure_codegen.derived import WireNames
from perdure_codegen.layout import Doc, Labelled, Parameter, Text, call
from perdure_codegen.model import Handler, Nullable, Service, Value
from perdure_codegen.views.wire import needs_constant


@dataclass(frozen=True, slots=True)
class Method:
    """One method: decorators, signature, docstring, statements."""

    decorators: tuple[str, ...]
    head: str
    doc: str = ""
    body: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Class:
    """A class with lines and methods."""

    head: str
    doc: str
    members: tuple[object, ...] = ()
    methods: tuple[Method, ...] = ()


def argument_names(handler: Handler) -> frozenset[str]:
    """Their names in Python."""
    return frozenset(value.py_name for value in derived.arguments(handler))


def receiver(handler: Handler, name: str = "self") -> str:
    """`self`, or `_self` if a parameter is called so; likewise for `ctx`."""
    names = argument_names(handler)
    while name in names:
        name = f"_{name}"
    return name


def parameter(scope: Scope, names: WireNames, service: Service, handler: Handler, value: Value) -> Parameter:
    """A parameter with its type and its default."""
    annotation = scope.plain(value.type)
    if value.required:
        return Parameter(value.py_name, annotation)
    return Parameter(value.py_name, annotation, _default(scope, names, service, handler, value))


def _default(scope: Scope, names: WireNames, service: Service, handler: Handler, value: Value) -> Doc:
    if not value.has_default:
        return Text("None")
    if needs_constant(scope, value):
        return Text(f"{scope.near('_wire')}.{names.default(service, handler, value.py_name)}")
    return expressions.expression(scope, value.type, value.default)


def handler_parameter(scope: Scope, value: Value) -> Parameter:
    """A parameter of a handler. It has its default if that is a literal: others the runtime passes anyway."""
    if value.required or needs_constant(scope, value):
        return Parameter(value.py_name, scope.plain(value.type))
    default = value.default if value.has_default else None
    return Parameter(value.py_name, scope.plain(value.type), expressions.expression(scope, value.type, default))


def parameters(scope: Scope, names: WireNames, service: Service, handler: Handler) -> Iterator[Parameter]:
    """The parameters of a client method: `params` by keyword, `input` by position."""
    values = derived.arguments(handler)
    if handler.params:
        yield Parameter("*")
    for value in values:
        yield parameter(scope, names, service, handler, value)


def payload(scope: Scope, names: WireNames, service: Service, handler: Handler) -> tuple[Doc, ...]:
    """What is passed on to the runtime: the struct of the parameters, the input, or nothing."""
    if handler.params:
        struct = f"{scope.near('_wire')}.{names.params(service, handler)}"
        return (call(struct, *(Labelled(f"{v.py_name}=", Text(v.py_name)) for v in handler.params)),)
    return () if handler.input is None else (Text(handler.input.py_name),)


def output(scope: Scope, handler: Handler) -> Doc:
    """The type of a result."""
    return Text("None") if handler.output is None else scope.plain(handler.output.type)


def or_none(scope: Scope, handler: Handler) -> Doc:
    """The type of a result that may not be there yet."""
    if handler.output is None:
        return Text("None")
    type_ = handler.output.type
    return scope.plain(type_ if isinstance(type_, Nullable) else Nullable(type_))
