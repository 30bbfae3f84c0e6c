"""The view of `handlers.py`: contexts, state, promises and the base classes that users subclass.

The law: what a handler may do is what its context has. A shared handler has no way to write state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perdure_codegen import derived, literals, naming
from perdure_codegen.annotate import Scope
from perdure_codegen.derived import WireNames
from perdure_codegen.imports import Imports
from perdure_codegen.layout import (
    STEP,
    Doc,
    Parameter,
    Text,
    call,
    dict_of,
    index,
    signature,
    statement,
)
from perdure_codegen.model import Handler, Model, Package, Ref, Service, Value
from perdure_codegen.views import docs, methods
from perdure_codegen.views.heads import Head, head
from perdure_codegen.views.methods import Class, Method
from perdure_codegen.views.records import Factories, Function, Member, field_default

_CONTEXTS = {
    ("service", False): "Context",
    ("object", False): "ObjectContext",
    ("object", True): "SharedObjectContext",
    ("workflow", False): "WorkflowContext",
    ("workflow", True): "SharedWorkflowContext",
}
_WHICH = {
    ("service", False): "the handlers",
    ("object", False): "the exclusive handlers",
    ("object", True): "the shared handlers",
    ("workflow", False): "`run`",
    ("workflow", True): "the shared handlers",
}


_ABOUT = "Subclass this and fill in the handlers."


@dataclass(frozen=True, slots=True)
class HandlersView:
    """All of `handlers.py`."""

    head: Head
    aliases: tuple[str, ...]
    functions: tuple[Function, ...]
    classes: tuple[Class, ...]


@dataclass(frozen=True, slots=True)
class _Builder:
    scope: Scope
    names: WireNames
    factories: Factories

    def classes(self, service: Service) -> Iterator[Class]:
        if service.state:
            yield from self.state(service)
        if service.promises:
            yield self.promises(service)
        for name in derived.contexts(service):
            yield self.context(service, name)
        yield self.base(service)

    # --- state and promises --------------------------------------------------------------------------------

    def state(self, service: Service) -> Iterator[Class]:
        """The view that writes, and the one that only reads; both have the same keys."""
        scope = self.scope.hiding(*(value.py_name for value in service.state))
        given = {value.name: self.typed(scope, service, "State", value) for value in service.state}
        for value in service.state:
            default = field_default(scope, self.factories, f"{service.py_name}State", value)
            given[value.name] += () if default is None else (default,)
        for read in ("", "Read"):
            members = tuple(self.key(scope, f"{read}StateKey", value, given[value.name]) for value in service.state)
            base = self.scope.of("perdure", f"{read}StateView")
            about = f"State of {service.py_name}, {'to read only' if read else 'to read and write'}."
            doc = literals.docstring(about, STEP)
            yield Class(_class(f"{service.py_name}{read}State", Text(base)), doc, members)

    def promises(self, service: Service) -> Class:
        scope = self.scope.hiding(*(value.py_name for value in service.promises))
        members = tuple(
            self.key(scope, "PromiseKey", value, self.typed(scope, service, "Promises", value))
            for value in service.promises
        )
        base = self.scope.of("perdure", "PromiseView")
        doc = literals.docstring(f"Durable promises of {service.py_name}.", STEP)
        return Class(_class(f"{service.py_name}Promises", Text(base)), doc, members)

    def typed(self, scope: Scope, service: Service, view: str, value: Value) -> tuple[Doc, ...]:
        """The type of a key as an expression."""
        wanted = naming.constant(f"{service.py_name}{view}_{value.py_name}")
        return (self.factories.expression(scope, wanted, value),)

    def key(self, scope: Scope, descriptor: str, value: Value, passed: tuple[Doc, ...]) -> Member:
        made = index(scope.of("perdure", descriptor), scope.plain(value.type))
        line = call(made, Text(literals.string(value.name)), *passed)
        text = statement(f"{value.py_name} = ", line, STEP)
        return Member(text, literals.docstring(docs.of_value(value), STEP))

    # --- contexts ------------------------------------------------------------------------------------------

    def context(self, service: Service, name: str) -> Class:
        shared = name.endswith("SharedContext") and service.kind != "service"
        uses = tuple((ref, self.scope.model.services[ref]) for ref in service.uses)
        methods_ = ("state", "promises", *(derived.use_method(used) for _, used in uses))
        inside = self.scope.hiding(*methods_)
        base = Text(self.scope.of("perdure", _CONTEXTS[service.kind, shared]))
        key = None if service.key is None else service.key
        bases = base if key is None else index(base, self.scope.plain(key.type))
        about = f"Context of {_WHICH[service.kind, shared]} of {service.py_name}."
        if key is not None and key.doc.strip():
            about += f" `key`: {literals.first_line(key.doc)}"
        state = f"{service.py_name}{'ReadState' if shared else 'State'}"
        views = [("state", state)] if service.state else []
        views += [("promises", f"{service.py_name}Promises")] if service.promises else []
        return Class(
            _class(name, bases),
            literals.docstring(about, STEP),
            methods=(
                *(self.view(inside, attribute, class_) for attribute, class_ in views),
                *(self.use(inside, ref, used) for ref, used in uses),
            ),
        )

    def view(self, scope: Scope, attribute: str, class_: str) -> Method:
        start = signature(f"def {attribute}", [Parameter("self")], Text(class_), STEP)
        made = statement("return ", call(class_, Text("self")), 2 * STEP)
        return Method((f"@{scope.of('functools', 'cached_property')}",), start, body=(made,))

    def use(self, scope: Scope, ref: Ref, used: Service) -> Method:
        """A method that gives a proxy of another service."""
        key = [] if used.key is None else [Parameter("key", scope.plain(used.key.type))]
        name = f"def {derived.use_method(used)}"
        start = signature(name, [Parameter("self"), *key], Text(_proxy(scope, ref)), STEP)
        passed = [Text("self"), *(Text(parameter.name) for parameter in key)]
        made = statement("return ", call(_proxy(scope.hiding("key"), ref), *passed), 2 * STEP)
        doc = literals.docstring(f"Calls {used.py_name}.", 2 * STEP)
        return Method((), start, doc, body=(made,))

    # --- base class ----------------------------------------------------------------------------------------

    def base(self, service: Service) -> Class:
        scope = self.scope
        inside = scope.hiding(*(handler.py_name for handler in service.handlers))
        bases = (Text(scope.of("perdure", "Handlers")), Text(scope.of("abc", "ABC")))
        contexts = (
            (literals.string(handler.name), Text(derived.context(service, handler))) for handler in service.handlers
        )
        definition = f"{scope.near('_wire')}.{self.names.service(service)}"
        return Class(
            _class(service.py_name, *bases),
            literals.docstring(docs.described(service.doc, service.deprecated, otherwise=_ABOUT), STEP),
            (
                Member(f"__definition__ = {definition}"),
                Member(statement("__contexts__ = ", dict_of(contexts), STEP)),
            ),
            tuple(self.handler(inside, service, handler) for handler in service.handlers),
        )

    def handler(self, scope: Scope, service: Service, handler: Handler) -> Method:
        doc = docs.of_handler(scope.model, handler) or f"Handle `{handler.name}`."
        return Method(
            (f"@{scope.of('abc', 'abstractmethod')}",),
            handler_signature(scope, service, handler),
            literals.docstring(doc, 2 * STEP),
        )


def handler_signature(scope: Scope, service: Service, handler: Handler) -> str:
    """`async def greet(self, ctx: GreeterContext, greeting: str) -> str:`, required parameters first."""
    values = (methods.handler_parameter(scope, value) for value in derived.arguments(handler))
    given = sorted(values, key=lambda parameter: parameter.default is not None)
    context = Parameter(methods.receiver(handler, "ctx"), Text(derived.context(service, handler)))
    start = f"async def {handler.py_name}"
    first = Parameter(methods.receiver(handler))
    return signature(start, [first, context, *given], methods.output(scope, handler), STEP)


def _class(name: str, *bases: Doc) -> str:
    return statement("class ", call(name, *bases), 0, ":")


def _proxy(scope: Scope, ref: Ref) -> str:
    if ref.package == scope.package.name:
        return f"{scope.near('clients')}.{ref.name}Proxy"
    alias = f"{derived.module_alias(ref.package)}_clients"
    return f"{scope.foreign(ref.package, 'clients', alias)}.{ref.name}Proxy"


def handlers(model: Model, package: Package) -> HandlersView:
    """The view of what users subclass."""
    own = (name for service in package.services for name in derived.handler_names(service))
    declared = (each.name for each in (*package.types, *package.errors))
    imports = Imports(frozenset((*own, *declared)))
    builder = _Builder(Scope(model, package, imports), derived.wire_names(package), Factories())
    classes = tuple(each for service in package.services for each in builder.classes(service))
    made = builder.factories
    top = head(package, imports, starts_with_block=not made.aliases)
    return HandlersView(top, tuple(made.aliases), tuple(made.functions), classes)
