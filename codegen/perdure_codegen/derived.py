"""Names that the generator makes from those of a spec: classes of a service, constants, module aliases.

The law: one function per kind of name, used by whoever writes the name and by whoever looks for collisions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perdure_codegen import naming
from perdure_codegen.model import Handler, Package, Service, Value

_CLIENTS = ("Client", "SyncClient", "Proxy")
_SENDERS = ("Sender", "SyncSender", "ProxySender")


def context(service: Service, handler: Handler) -> str:
    """The class of `ctx` in a handler."""
    return f"{service.py_name}SharedContext" if handler.kind == "shared" else f"{service.py_name}Context"


def contexts(service: Service) -> tuple[str, ...]:
    """The context classes of a service, the shared one last."""
    own = f"{service.py_name}Context"
    return (own,) if service.kind == "service" else (own, f"{service.py_name}SharedContext")


def outside_handlers(service: Service) -> tuple[Handler, ...]:
    """What a client calls or sends by name: all handlers but a workflow's `run`, which is submitted."""
    return tuple(handler for handler in service.handlers if handler.kind != "run")


def arguments(handler: Handler) -> tuple[Value, ...]:
    """The values that a handler takes, whichever way."""
    if handler.params is not None:
        return handler.params
    return () if handler.input is None else (handler.input,)


def handler_names(service: Service) -> tuple[str, ...]:
    """Public names of `handlers.py`."""
    state = (f"{service.py_name}State", f"{service.py_name}ReadState") if service.state else ()
    promises = (f"{service.py_name}Promises",) if service.promises else ()
    return (service.py_name, *contexts(service), *state, *promises)


def client_names(service: Service) -> tuple[str, ...]:
    """Public names of `clients.py`."""
    senders = _SENDERS if outside_handlers(service) else _SENDERS[2:]
    return tuple(service.py_name + suffix for suffix in (*_CLIENTS, *senders))


def public_names(service: Service) -> tuple[str, ...]:
    """Every public name that comes from one service; no type of the package may be called so."""
    return (*handler_names(service), *client_names(service))


def use_method(service: Service) -> str:
    """The method of a context that gives a proxy of `service`."""
    return naming.snake(service.py_name)


def module_alias(package: str) -> str:
    """What the models of another package are called."""
    return package.replace(".", "_")


@dataclass(frozen=True, slots=True)
class WireNames:
    """Names in `_wire.py`. They are internal, so a collision is resolved by a number."""

    _names: dict[tuple[str, ...], str]

    def service(self, service: Service) -> str:
        """The constant that holds the definition of a service."""
        return self._names["service", service.py_name]

    def handler(self, service: Service, handler: Handler) -> str:
        """The constant that holds the definition of a handler."""
        return self._names["handler", service.py_name, handler.py_name]

    def params(self, service: Service, handler: Handler) -> str:
        """The struct that holds the parameters of a handler."""
        return self._names["params", service.py_name, handler.py_name]

    def default(self, service: Service, handler: Handler, parameter: str) -> str:
        """The constant that holds the default of a parameter."""
        return self._names["default", service.py_name, handler.py_name, parameter]

    def all(self) -> Iterator[str]:
        """Every name."""
        yield from self._names.values()


def wire_names(package: Package) -> WireNames:
    """The names in the `_wire.py` of a package: services first, so that no handler changes theirs."""
    taken = {declared.name for declared in (*package.types, *package.errors)}
    names: dict[tuple[str, ...], str] = {}
    for key, wanted in _wanted(package):
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        names[key] = name
        taken.add(name)
    return WireNames(names)


def _wanted(package: Package) -> Iterator[tuple[tuple[str, ...], str]]:
    for service in package.services:
        yield ("service", service.py_name), naming.constant(service.py_name)
    for service in package.services:
        prefix = naming.constant(service.py_name)
        for handler in service.handlers:
            key = (service.py_name, handler.py_name)
            constant = f"{prefix}_{naming.constant(handler.py_name)}"
            yield ("handler", *key), constant
            if handler.params:
                yield ("params", *key), f"{service.py_name}{naming.pascal(handler.py_name)}Params"
            for value in arguments(handler):
                yield ("default", *key, value.py_name), f"{constant}_{naming.constant(value.py_name)}"
