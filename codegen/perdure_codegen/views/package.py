"""The view of a package's `__init__.py`.

The law: everything public of the package can be imported from it, and `__all__` is sorted.
"""

from __future__ import annotations

from dataclasses import dataclass

from perdure_codegen import derived
from perdure_codegen.imports import Imports
from perdure_codegen.model import Package
from perdure_codegen.views.heads import Head, head


@dataclass(frozen=True, slots=True)
class PackageView:
    """All of `__init__.py`."""

    head: Head
    names: tuple[str, ...]


def package_init(package: Package) -> PackageView:
    """The view of what a package exports."""
    sources = {
        ".models": [each.name for each in (*package.types, *package.errors)],
        ".handlers": [name for service in package.services for name in derived.handler_names(service)],
        ".clients": [name for service in package.services for name in derived.client_names(service)],
    }
    imports = Imports(frozenset())
    for module, names in sources.items():
        for name in names:
            imports.name(module, name)
    everything = sorted(name for names in sources.values() for name in names)
    return PackageView(head(package, imports, doc=package.doc), tuple(everything))
