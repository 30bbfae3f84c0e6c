"""The view of `clients.py`: the callers' side, for asyncio, for blocking code and for handlers.

The law: the three kinds have the same methods with the same parameters; they differ in what comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perdure_codegen import derived, literals
from perdure_codegen.annotate import Scope
from perdure_codegen.derived import WireNames
from perdure_codegen.imports import Imports
from perdure_codegen.layout import STEP, WIDTH, Doc, Parameter, Text, call, index, signature, statement, width
from perdure_codegen.model import Handler, Model, Package, Service
from perdure_codegen.views import docs, methods
from perdure_codegen.views.heads import Head, head
from perdure_codegen.views.methods import Class, Method

_KINDS = {"service": "Service", "object": "Object", "workflow": "Workflow"}


@dataclass(frozen=True, slots=True)
class Flavour:
    """One kind of client: how its classes are called and what its methods give back."""

    client: str
    sender: str
    base_sender: str
    about: str
    sending: str
    result: str
    """Generic class around a result; empty if the result itself comes back."""
    handle: str
    asynchronous: bool = False

    def result_type(self, scope: Scope, output: Doc) -> Doc:
        """What a call gives back."""
        return index(scope.of("perdure", self.result), output) if self.result else output

    def start(self, name: str) -> str:
        """`async def greet` or `def greet`."""
        return f"{'async ' if self.asynchronous else ''}def {name}"

    def returning(self, receiver: str, method: str, *passed: Doc) -> str:
        """`return await self._call(…)`."""
        wait = "await " if self.asynchronous else ""
        return statement(f"return {wait}", call(f"{receiver}.{method}", *passed), 2 * STEP)


FLAVOURS = (
    Flavour(
        "Client",
        "Sender",
        "Sender",
        "For callers outside of handlers (asyncio).",
        "Send instead of call: returns a handle without waiting for the result.",
        "",
        "InvocationHandle",
        asynchronous=True,
    ),
    Flavour(
        "SyncClient",
        "SyncSender",
        "SyncSender",
        "For callers outside of handlers (blocking).",
        "Send instead of call: returns a handle without waiting for the result.",
        "",
        "SyncInvocationHandle",
    ),
    Flavour(
        "Proxy",
        "ProxySender",
        "ProxySender",
        "For calls from inside a handler.",
        "Send instead of call: nothing is awaited, delivery is journaled.",
        "CallFuture",
        "SentInvocation",
    ),
)


@dataclass(frozen=True, slots=True)
class ClientsView:
    """All of `clients.py`."""

    head: Head
    classes: tuple[Class, ...]


@dataclass(frozen=True, slots=True)
class _Builder:
    scope: Scope
    names: WireNames
    service: Service
    flavour: Flavour

    @property
    def proxy(self) -> bool:
        return self.flavour.client == "Proxy"

    def handlers(self) -> tuple[Handler, ...]:
        """What is called by name: a workflow's `run` only from inside a handler, outside it is submitted."""
        return self.service.handlers if self.proxy else derived.outside_handlers(self.service)

    def classes(self) -> Iterator[Class]:
        yield self.client()
        if self.handlers():
            yield self.sender()

    def constant(self, scope: Scope, handler: Handler) -> Doc:
        return Text(f"{scope.near('_wire')}.{self.names.handler(self.service, handler)}")

    def inside(self) -> Scope:
        own = ("send", "submit", "attach", "peek")
        return self.scope.hiding(*own, *(handler.py_name for handler in self.service.handlers))

    # --- the client ----------------------------------------------------------------------------------------

    def client(self) -> Class:
        flavour, service, inside = self.flavour, self.service, self.inside()
        base = Text(self.scope.of("perdure", f"{_KINDS[service.kind]}{flavour.client}"))
        bases = base if service.key is None else index(base, self.scope.plain(service.key.type))
        runs = [] if self.proxy else [each for each in service.handlers if each.kind == "run"]
        made = [
            *(method for run in runs for method in self.run(inside, run)),
            *(self.method(inside, handler) for handler in self.handlers()),
            *([self.send(inside)] if self.handlers() else []),
        ]
        name = f"{service.py_name}{flavour.client}"
        doc = literals.docstring(_about(service, flavour), STEP)
        return Class(statement("class ", call(name, bases), 0, ":"), doc, methods=tuple(made))

    def method(self, scope: Scope, handler: Handler) -> Method:
        doc = docs.of_handler(scope.model, handler)
        output = self.flavour.result_type(scope, methods.output(scope, handler))
        return self._made(scope, handler, handler.py_name, "_call", output, doc)

    def _made(self, scope: Scope, handler: Handler, name: str, via: str, output: Doc, doc: str = "") -> Method:
        """A method that passes its parameters on."""
        receiver = methods.receiver(handler)
        given = methods.parameters(scope, self.names, self.service, handler)
        body = scope.hiding(*methods.argument_names(handler))
        passed = methods.payload(body, self.names, self.service, handler)
        return Method(
            (),
            signature(self.flavour.start(name), [Parameter(receiver), *given], output, STEP),
            literals.docstring(doc, 2 * STEP),
            (self.flavour.returning(receiver, via, self.constant(body, handler), *passed),),
        )

    def run(self, scope: Scope, handler: Handler) -> Iterator[Method]:
        """`submit`, `attach` and `peek`: the three ways to a workflow's run from outside."""
        handle = index(scope.of("perdure", self.flavour.handle), methods.output(scope, handler))
        submitting = "Start the run; returns at once. Fails if this id was already started."
        doc = docs.of_handler(scope.model, handler, doc=f"{submitting}\n\n{handler.doc}".rstrip())
        yield self._made(scope, handler, "submit", "_submit", handle, doc)
        waiting = "Wait for the run and return its result."
        yield self._plain(scope, handler, "attach", methods.output(scope, handler), waiting)
        looking = "The result if the run has completed, else None."
        yield self._plain(scope, handler, "peek", methods.or_none(scope, handler), looking)

    def _plain(self, scope: Scope, handler: Handler, name: str, output: Doc, doc: str) -> Method:
        return Method(
            (),
            signature(self.flavour.start(name), [Parameter("self")], output, STEP),
            literals.docstring(doc, 2 * STEP),
            (self.flavour.returning("self", f"_{name}", self.constant(scope.hiding(), handler)),),
        )

    # --- the sender ----------------------------------------------------------------------------------------

    def send(self, scope: Scope) -> Method:
        sender = f"{self.service.py_name}{self.flavour.sender}"
        none = Text("None")
        span = Text(f"{scope.of('datetime', 'timedelta')} | None")
        text = Text(f"{scope.builtin('str')} | None")
        given = [Parameter("delay", span, none), Parameter("idempotency_key", text, none)]
        options = call(self.scope.of("perdure", "SendOptions"), Text("delay"), Text("idempotency_key"))
        return Method(
            (),
            signature("def send", [Parameter("self"), Parameter("*"), *given], Text(sender), STEP),
            literals.docstring(self.flavour.sending, 2 * STEP),
            (statement("return ", call(sender, Text("self"), options), 2 * STEP),),
        )

    def sender(self) -> Class:
        inside = self.inside()
        base = Text(self.scope.of("perdure", self.flavour.base_sender))
        head_ = statement("class ", call(f"{self.service.py_name}{self.flavour.sender}", base), 0, ":")
        about = f"Sends to {self.service.py_name}. `{self.service.py_name}{self.flavour.client}.send()` makes one."
        doc = literals.docstring(about, STEP)
        return Class(head_, doc, methods=tuple(self.sent(inside, handler) for handler in self.handlers()))

    def sent(self, scope: Scope, handler: Handler) -> Method:
        handle = index(scope.of("perdure", self.flavour.handle), methods.output(scope, handler))
        return self._made(scope, handler, handler.py_name, "_send", handle)


def _about(service: Service, flavour: Flavour) -> str:
    """The doc of a service, with whom the client is for: in the same line if both fit there."""
    doc = service.doc.strip()
    line = f"{doc} {flavour.about}"
    if doc and "\n" not in doc and STEP + width(line) + len('""""""') <= WIDTH:
        return docs.described(line, service.deprecated)
    return docs.described(doc, service.deprecated, flavour.about)


def clients(model: Model, package: Package) -> ClientsView:
    """The view of a package's clients."""
    own = (name for service in package.services for name in derived.client_names(service))
    declared = (each.name for each in (*package.types, *package.errors))
    imports = Imports(frozenset((*own, *declared)))
    scope, names = Scope(model, package, imports), derived.wire_names(package)
    made = tuple(
        class_
        for service in package.services
        for flavour in FLAVOURS
        for class_ in _Builder(scope, names, service, flavour).classes()
    )
    return ClientsView(head(package, imports), made)
