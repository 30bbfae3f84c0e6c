"""The names of a generated package: types, errors and all that is generated for a service share one scope."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from perdure_codegen import naming
from perdure_codegen.diagnostic import Diagnostic, Note, Span, error
from perdure_codegen.document import Document
from perdure_codegen.model import Alias, Package, Service, ServiceKind, Union

MODULES = ("models", "handlers", "clients", "_wire")
"""The modules of a generated package."""

_CLIENTS = ("Client", "SyncClient", "Sender", "SyncSender", "Proxy", "ProxySender")
_SUFFIXES: dict[ServiceKind, tuple[str, ...]] = {
    "service": ("", "Context", *_CLIENTS),
    "object": ("", "Context", "SharedContext", "State", "ReadState", *_CLIENTS),
    "workflow": ("", "Context", "SharedContext", "State", "ReadState", "Promises", *_CLIENTS),
}


def check_modules(faults: list[Diagnostic], document: Document, package: Package) -> None:
    """Report names that two declarations of a package would both generate."""
    seen: dict[str, tuple[str, Span]] = {}
    for realm in ("types", "errors"):
        for declared in document.declared(realm).values():
            name, span = declared.entry.key, declared.entry.span
            if keyword.iskeyword(name):
                message = f"`{name}` is a keyword of Python"
                faults.append(error("S012", span, message, help="choose another name"))
            elif name in naming.BUILTIN and not _is_class(package, name):
                message = f"`{name}` is built into Python: type checkers would take that one for it"
                faults.append(error("S012", span, message, help="choose another name"))
            _claim(faults, seen, (name, name), span)
    spans = {each.ref.name: each.entry.span for each in document.declared("services").values()}
    for service in package.services:
        if keyword.iskeyword(service.py_name):
            message = f"`{service.py_name}` is a keyword of Python"
            faults.append(error("S012", spans[service.py_name], message, help="set `py_name`"))
        for name in generated_names(service):
            if not _claim(faults, seen, (name, service.py_name), spans[service.py_name]):
                break


def _is_class(package: Package, name: str) -> bool:
    """Whether a class of this name is generated for a type or an error, and not an alias."""
    return not any(each.name == name and isinstance(each, Alias | Union) for each in package.types)


def generated_names(service: Service) -> Iterator[str]:
    """The public names that are generated for a service, in all modules of its package."""
    for suffix in _SUFFIXES[service.kind]:
        yield service.py_name + suffix
    constant = naming.constant(service.py_name)
    yield constant
    for handler in service.handlers:
        yield f"{constant}_{naming.constant(handler.name)}"
        if handler.params is not None:
            yield f"{service.py_name}{naming.pascal(handler.name)}Params"


def _claim(faults: list[Diagnostic], seen: dict[str, tuple[str, Span]], claim: tuple[str, str], span: Span) -> bool:
    """Take a generated name for the declaration at `span`; False if another one has it."""
    name, owner = claim
    first = seen.setdefault(name, (owner, span))
    if first[1] is span:
        return True
    message = f"`{owner}` and `{first[0]}` both make the name `{name}` in Python"
    if name == owner == first[0]:
        message = f"`{name}` is declared twice"
    note = Note(first[1], "the other one")
    faults.append(error("S012", span, message, note=note, help="choose another name for one of them"))
    return False
