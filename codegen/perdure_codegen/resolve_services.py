"""Services, objects and workflows of one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from perdure_codegen import naming
from perdure_codegen.diagnostic import Note, Span, error
from perdure_codegen.document import SERVICE_SECTIONS, Declared, Document
from perdure_codegen.model import Handler, HandlerKind, Nullable, Ref, Scalar, Service, ServiceKind, Value
from perdure_codegen.names import Names
from perdure_codegen.python_names import PythonNames
from perdure_codegen.reserved import check_reserved
from perdure_codegen.resolve_options import Levels, check_options
from perdure_codegen.resolve_types import Types
from perdure_codegen.resolve_values import Place, Values, deprecation, documentation
from perdure_codegen.suggest import did_you_mean
from perdure_codegen.tree import (
    BrokenNode,
    Entry,
    MapNode,
    Node,
    ScalarNode,
    child,
    entries,
    flag,
    items,
    text,
)
from perdure_codegen.world import UNKNOWN, World

_USES_ADVICE = "leave it out and call it by its proxy class, or give that service a `py_name`"
_IDEMPOTENCY_TYPES = ("string", "int", "uuid")


class Services:
    """Resolves what stands under `services`, `objects` and `workflows` of one file."""

    def __init__(self, world: World, document: Document, names: Names) -> None:
        self._world = world
        self._document = document
        self._names = names
        self._values = Values(world, names)
        self._types = Types(world, names)
        self._defaults = child(document.tree, "defaults")
        check_options(world.faults, self._defaults)

    def read(self, declared: Declared) -> Service:
        """One service with everything in it."""
        body, kind = declared.body, SERVICE_SECTIONS[declared.section]
        self._check_wire_name(declared)
        check_options(self._world.faults, body)
        handlers = list(_handlers(body, kind))
        state, promises = child(body, "state"), child(body, "promises")
        named = [entry for _, entry in handlers]
        check_reserved(self._world.faults, body, [*named, *entries(state), *entries(promises)])
        self._check_handler_names(kind, handlers)
        return Service(
            name=wire_name(declared),
            py_name=declared.ref.name,
            kind=kind,
            doc=documentation(body),
            deprecated=deprecation(body),
            key=self._key(kind, declared.entry),
            state=self._kept(state, "state key", naming.STATE_VIEW),
            promises=self._kept(promises, "promise", frozenset()),
            handlers=tuple(self._handler(kind_, entry, body) for kind_, entry in handlers),
            uses=self._uses(body),
        )

    # --- the service ---------------------------------------------------------------------------------------

    def _check_wire_name(self, declared: Declared) -> None:
        name = wire_name(declared)
        if name.lower().startswith("restate") or name == "openapi":
            message = f"`{name}` is a reserved service name"
            advice = "no service is called `openapi`, or starts with `restate` in any case"
            self._world.faults.append(error("S019", wire_name_span(declared), message, help=advice))

    def _key(self, kind: ServiceKind, entry: Entry) -> Value | None:
        word = {"service": "", "object": "key", "workflow": "id"}[kind]
        if not word:
            return None
        node = child(entry.value, word)
        return self._values.key(Place(text(node, "name") or word, node.span if node else entry.span, node))

    def _named_values(self, node: Node | None, noun: str, taken: frozenset[str]) -> tuple[Value, ...]:
        found = self._types.values(node)
        python = PythonNames(self._world.faults, noun, taken)
        for value, entry in zip(found, entries(node), strict=True):
            python.claim(value.py_name, entry)
        return found

    def _kept(self, node: Node | None, noun: str, taken: frozenset[str]) -> tuple[Value, ...]:
        found = self._named_values(node, noun, taken)
        for value, entry in zip(found, entries(node), strict=True):
            self._values.check_alone(value, Place(entry.key, entry.span, entry.value))
        return found

    def _uses(self, body: Node) -> tuple[Ref, ...]:
        python = PythonNames(self._world.faults, "service", naming.CONTEXT)
        found: dict[Ref, None] = {}
        for item in items(child(body, "uses")):
            if not isinstance(item, ScalarNode) or not isinstance(item.value, str):
                continue
            ref = self._names.find("services", item.value, item.span)
            if ref and ref not in found:
                python.claim_at(naming.snake(ref.name), ref.name, item.span, _USES_ADVICE)
                found[ref] = None
        return tuple(found)

    # --- handlers ------------------------------------------------------------------------------------------

    def _check_handler_names(self, kind: ServiceKind, handlers: list[tuple[HandlerKind, Entry]]) -> None:
        taken = naming.CLIENT
        if kind == "workflow":
            taken |= naming.WORKFLOW_CLIENT
        python = PythonNames(self._world.faults, "handler", taken)
        for handler_kind, entry in handlers:
            if handler_kind == "run":
                continue
            if kind == "workflow" and entry.key == "run":
                message = "a handler of a workflow cannot be called `run`"
                self._world.faults.append(error("S019", entry.span, message, help="write it as `run:` of the workflow"))
            else:
                python.claim(_py_name(entry), entry)

    def _handler(self, kind: HandlerKind, entry: Entry, service: Node) -> Handler:
        body = entry.value
        check_options(self._world.faults, body)
        params = self._params(child(body, "params"))
        handler = Handler(
            name=entry.key,
            py_name=_py_name(entry),
            kind=kind,
            doc=documentation(body),
            deprecated=deprecation(body),
            params=params,
            input=self._input(child(body, "input")),
            output=self._output(child(body, "output")),
            errors=self._errors(child(body, "errors")),
            options=Levels(body, service, self._defaults).options(),
        )
        self._check_idempotency(handler, body)
        return handler

    def _params(self, node: Node | None) -> tuple[Value, ...] | None:
        if not isinstance(node, MapNode):
            return None
        return self._named_values(node, "parameter", naming.PARAMETER)

    def _input(self, node: Node | None) -> Value | None:
        if node is None:
            return None
        named = child(node, "name")
        name = text(node, "name") or "request"
        place = Place(name, node.span, node)
        value = self._values.value(place)
        self._values.check_alone(value, place, f"write `params: {{{name}: {{}}}}` instead of `input`")
        if named:
            PythonNames(self._world.faults, "input", naming.PARAMETER).claim_at(value.py_name, name, named.span)
        return value

    def _output(self, node: Node | None) -> Value | None:
        if node is None:
            return None
        place = Place(text(node, "name") or "output", node.span, node)
        value = self._values.value(place)
        self._values.check_alone(value, place)
        return value

    def _errors(self, node: Node | None) -> tuple[Ref, ...]:
        found: dict[Ref, None] = {}
        for item in items(node):
            if isinstance(item, ScalarNode) and isinstance(item.value, str):
                ref = self._names.find("errors", item.value, item.span)
                if ref:
                    found[ref] = None
        return tuple(found)

    def _check_idempotency(self, handler: Handler, body: Node) -> None:
        """The key must be in every request, and have one form on the wire."""
        node = child(child(body, "idempotency"), "key")
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or isinstance(body, BrokenNode):
            return
        params = {param.name: param for param in handler.params or ()}
        unknown_params = isinstance(child(body, "params"), BrokenNode)
        if (isinstance(body, MapNode) and body.pruned) or unknown_params:
            return
        name = node.value
        if name not in params:
            advice = did_you_mean(name, params) or _what_to_name(handler, params)
            message = f"idempotency key `{name}` is not a parameter of `{handler.name}`"
            self._world.faults.append(error("S014", node.span, message, help=advice))
            return
        self._check_idempotency_type(params[name], node.span, child(body, "params"))

    def _check_idempotency_type(self, param: Value, span: Span, params: Node | None) -> None:
        base = self._world.base(param.type)
        suitable = isinstance(base, Scalar) and (base is UNKNOWN or base.name in _IDEMPOTENCY_TYPES)
        if suitable and not isinstance(param.type, Nullable):
            return
        note = None
        if isinstance(params, MapNode):
            note = Note(params.entries[param.name].span, "the parameter")
        message = f"idempotency key `{param.name}` is `{self._world.describe(param.type)}`"
        advice = "a key is a string, an int or a uuid"
        self._world.faults.append(error("S014", span, message, help=advice, note=note))


def wire_name(declared: Declared) -> str:
    """The name of a service on the wire."""
    return text(declared.body, "name") or declared.entry.key


def wire_name_span(declared: Declared) -> Span:
    """Where that name stands."""
    found = child(declared.body, "name")
    return found.span if found else declared.entry.span


def _handlers(body: Node, kind: ServiceKind) -> Iterator[tuple[HandlerKind, Entry]]:
    """The handlers of a service in their order; `run` of a workflow first."""
    if kind == "workflow" and isinstance(body, MapNode) and "run" in body.entries:
        yield "run", body.entries["run"]
    for entry in entries(child(body, "handlers")):
        yield _handler_kind(kind, shared=flag(entry.value, "shared")), entry


def _handler_kind(kind: ServiceKind, *, shared: bool) -> Literal["service", "exclusive", "shared"]:
    if kind == "object":
        return "shared" if shared else "exclusive"
    return "service" if kind == "service" else "shared"


def _py_name(entry: Entry) -> str:
    return text(entry.value, "py_name") or naming.snake(entry.key)


def _what_to_name(handler: Handler, params: dict[str, Value]) -> str:
    if handler.input:
        return "a key is one of the `params`; a handler with `input` has none"
    return f"parameters: {', '.join(params)}" if params else "the handler has no `params`"
