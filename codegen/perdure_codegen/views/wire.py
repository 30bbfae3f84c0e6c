"""The view of `_wire.py`: what the runtime reads.

The law: everything that the runtime knows of a service stands in its definition, and what the spec does not
set is left out, so that the runtime's own defaults apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from perdure_codegen import derived, expressions, literals, naming
from perdure_codegen.annotate import Scope
from perdure_codegen.derived import WireNames
from perdure_codegen.imports import Imports
from perdure_codegen.layout import Bracket, Doc, Labelled, Text, annotated, call, index, tuple_of
from perdure_codegen.model import Handler, Model, Options, Package, Retry, Service, Value
from perdure_codegen.views.heads import Head, head
from perdure_codegen.views.records import Factories, Function, Record, Shape, record

_SPANS = (
    "inactivity_timeout",
    "abort_timeout",
    "run_timeout",
    "call_timeout",
    "journal_retention",
    "completed_retention",
    "idempotency_retention",
)


@dataclass(frozen=True, slots=True)
class WireView:
    """All of `_wire.py`."""

    head: Head
    blocks: tuple[Function | Record, ...]
    constants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Builder:
    scope: Scope
    names: WireNames
    factories: Factories

    def definitions(self, service: Service) -> Iterator[str]:
        for handler in service.handlers:
            yield self.handler(service, handler)
        yield self.service(service)

    def handler(self, service: Service, handler: Handler) -> str:
        scope = self.scope
        output = Text("None") if handler.output is None else scope.plain(handler.output.type)
        definition = scope.of("perdure", "HandlerDef")
        final = index(scope.member("typing", "Final"), index(definition, output))
        items = [
            _text("service", service.name),
            _text("name", handler.name),
            _text("attr", handler.py_name),
            _text("kind", handler.kind),
            Labelled("input=", self.input(service, handler)),
            Labelled("output=", self.typed(service, handler, handler.output)),
            Labelled("spread=", Text(repr(bool(handler.params)))),
            *self.extras(handler),
        ]
        value = Bracket(Text(definition), "(", tuple(items), exploded=True)
        return annotated(self.names.handler(service, handler), final, value)

    def input(self, service: Service, handler: Handler) -> Doc:
        if handler.params:
            return Text(self.names.params(service, handler))
        return self.typed(service, handler, handler.input)

    def typed(self, service: Service, handler: Handler, value: Value | None) -> Doc:
        """The type of an input or an output as an expression."""
        if value is None:
            return Text("None")
        kind = "INPUT" if value is handler.input else "OUTPUT"
        return self.factories.expression(self.scope, f"{self.names.handler(service, handler)}_{kind}", value)

    def extras(self, handler: Handler) -> Iterator[Doc]:
        """What is left out if the spec says nothing."""
        if handler.errors:
            yield Labelled("errors=", tuple_of(Text(self.scope.declared(ref)) for ref in handler.errors))
        options = tuple(_options(self.scope, handler.options))
        if options:
            yield Labelled("options=", call(self.scope.of("perdure", "HandlerOptions"), *options))
        if handler.doc.strip():
            yield _text("doc", handler.doc.strip())

    def service(self, service: Service) -> str:
        scope = self.scope
        constants = (Text(self.names.handler(service, handler)) for handler in service.handlers)
        items: list[Doc] = [
            _text("name", service.name),
            _text("kind", service.kind),
            Labelled("handlers=", tuple_of(constants)),
            _text("fingerprint", scope.package.fingerprint),
        ]
        if service.key is not None:
            items.append(Labelled("key=", scope.full(service.key)))
        places = (("state", service.state), ("promises", service.promises))
        constant = self.names.service(service)
        items += [Labelled(f"{name}=", self.places(constant, values)) for name, values in places if values]
        if service.doc.strip():
            items.append(_text("doc", service.doc.strip()))
        value = Bracket(Text(scope.of("perdure", "ServiceDef")), "(", tuple(items), exploded=True)
        return annotated(self.names.service(service), Text(scope.member("typing", "Final")), value)

    def places(self, constant: str, values: tuple[Value, ...]) -> Doc:
        """Wire names with their types."""
        pairs: list[Doc] = []
        for value in values:
            type_ = self.factories.expression(self.scope, f"{constant}_{naming.constant(value.py_name)}", value)
            pairs.append(tuple_of((Text(literals.string(value.name)), type_)))
        return tuple_of(pairs)

    def params(self, service: Service, handler: Handler) -> Record:
        shape = Shape(name=self.names.params(service, handler), fields=handler.params or ())
        return record(self.scope, self.factories, shape)

    def constants(self, service: Service, handler: Handler) -> None:
        """Defaults that signatures refer to because they are no literals."""
        for value in derived.arguments(handler):
            if needs_constant(self.scope, value):
                name = self.names.default(service, handler, value.py_name)
                self.factories.constant(self.scope, name, value)


def needs_constant(scope: Scope, value: Value) -> bool:
    """Whether the default of a parameter is too much for a signature."""
    return value.has_default and expressions.nature(scope, value.type, value.default) != "literal"


def wire(model: Model, package: Package) -> WireView:
    """The view of a package's definitions."""
    names = derived.wire_names(package)
    declared = (each.name for each in (*package.types, *package.errors))
    imports = Imports(frozenset((*declared, *names.all())))
    builder = _Builder(Scope(model, package, imports), names, Factories())
    pairs = [(service, handler) for service in package.services for handler in service.handlers]
    structs = [builder.params(service, handler) for service, handler in pairs if handler.params]
    for service, handler in pairs:
        builder.constants(service, handler)
    definitions = [text for service in package.services for text in builder.definitions(service)]
    blocks: tuple[Function | Record, ...] = (*builder.factories.functions, *structs)
    top = head(package, imports, starts_with_block=bool(blocks))
    made = builder.factories
    return WireView(top, blocks, (*made.aliases, *made.constants, *definitions))


# --- options -----------------------------------------------------------------------------------------------


def _text(name: str, text: str) -> Doc:
    return Labelled(f"{name}=", Text(literals.string(text)))


def _span(scope: Scope, name: str, span: timedelta | None) -> Iterator[Doc]:
    if span is not None:
        arguments = Text(literals.timedelta_arguments(span))
        yield Labelled(f"{name}=", call(scope.of("datetime", "timedelta"), arguments))


def _options(scope: Scope, options: Options) -> Iterator[Doc]:
    retry = tuple(_retry(scope, options.retry)) if options.retry is not None else ()
    if retry:
        yield Labelled("retry=", call(scope.of("perdure", "RetryPolicy"), *retry))
    for name in _SPANS:
        yield from _span(scope, name, getattr(options, name))
    if options.idempotency_key is not None:
        yield _text("idempotency_key", options.idempotency_key)
    for name in ("idempotency_required", "private"):
        if getattr(options, name):
            yield Labelled(f"{name}=", Text("True"))


def _retry(scope: Scope, retry: Retry) -> Iterator[Doc]:
    yield from _span(scope, "initial", retry.initial)
    if retry.factor is not None:
        yield Labelled("factor=", Text(repr(float(retry.factor))))
    yield from _span(scope, "max_interval", retry.max_interval)
    if retry.max_attempts is not None:
        yield Labelled("max_attempts=", Text(str(retry.max_attempts)))
    yield from _span(scope, "max_duration", retry.max_duration)
    if retry.on_exhausted is not None:
        yield _text("on_exhausted", retry.on_exhausted)
