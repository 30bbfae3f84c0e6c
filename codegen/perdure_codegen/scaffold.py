"""A first version of the user's file: one class for each service, one method for each handler.

The law: it can be imported and passes the type checkers as it is, and says of each handler that it is not
written yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perdure_codegen import derived, literals
from perdure_codegen.annotate import Scope
from perdure_codegen.imports import Imports
from perdure_codegen.layout import STEP, Text, call, statement
from perdure_codegen.model import Handler, Model, Service
from perdure_codegen.views import docs
from perdure_codegen.views.handlers import handler_signature


def scaffold(model: Model, package: str, root: str) -> str:
    """The text of a file with handlers for the services of `package`.

    Args:
        model: What the specs say.
        package: Name of the package.
        root: Import name of the output folder, for example `generated`.

    """
    found = next(each for each in model.packages if each.name == package)
    declared = {each.name for each in (*found.types, *found.errors)}
    public = {name for service in found.services for name in derived.handler_names(service)}
    imports = Imports(frozenset(declared | public), root)
    builder = _Builder(Scope(model, found, imports), f"{root}.{package}")
    classes = [builder.class_(service) for service in found.services]
    doc = literals.docstring(f"Handlers of {package}, to be filled in.", 0)
    head = f"{doc}\n\nfrom __future__ import annotations\n\n{imports.lines()}\n"
    return "\n\n".join([head, *classes])


@dataclass(frozen=True, slots=True)
class _Builder:
    scope: Scope
    home: str

    def class_(self, service: Service) -> str:
        """The text of a subclass, with a line break at its end."""
        taken = self.scope.imports.defined
        name = next(name for name in _class_names(service) if name not in taken)
        base = self.scope.imports.sibling(self.home, service.py_name)
        doc = literals.docstring(docs.described(service.doc, service.deprecated), STEP)
        inside = self.scope.hiding(*(handler.py_name for handler in service.handlers))
        methods = "\n".join(self.method(inside, service, handler) for handler in service.handlers)
        first = f"    {doc}\n\n" if doc else ""
        return f"{statement('class ', call(name, Text(base)), 0, ':')}\n{first}{methods}"

    def method(self, scope: Scope, service: Service, handler: Handler) -> str:
        """The text of a method that is not written yet."""
        self.scope.imports.sibling(self.home, derived.context(service, handler))
        head = handler_signature(scope, service, handler)
        doc = literals.docstring(docs.of_handler(scope.model, handler), 2 * STEP)
        missing = call(self.scope.builtin("NotImplementedError"), Text(literals.string(handler.py_name)))
        lines = [f"    {head}", *([f"        {doc}"] if doc else [])]
        return "\n".join([*lines, f"        {statement('raise ', missing, 2 * STEP)}\n"])


def _class_names(service: Service) -> Iterator[str]:
    """What the user's class may be called: anything but what is imported."""
    yield f"My{service.py_name}"
    number = 2
    while True:
        yield f"My{service.py_name}{number}"
        number += 1
