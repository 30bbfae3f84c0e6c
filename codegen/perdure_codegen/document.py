"""A spec file that has been read and whose structure is sound, and what it declares."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from perdure_codegen.diagnostic import Span
from perdure_codegen.model import Ref, ServiceKind
from perdure_codegen.tree import BrokenNode, Entry, MapNode, Node, child, entries, text

Realm = Literal["types", "errors", "services"]
"""What a name can name. Services, objects and workflows share one realm."""

SERVICE_SECTIONS: dict[str, ServiceKind] = {
    "services": "service",
    "objects": "object",
    "workflows": "workflow",
}
_SECTIONS: dict[Realm, tuple[str, ...]] = {
    "types": ("types",),
    "errors": ("errors",),
    "services": tuple(SERVICE_SECTIONS),
}


@dataclass(frozen=True, slots=True)
class Import:
    """One entry of `imports`. `target` is the name of the imported file, None if it could not be read."""

    span: Span
    path: str
    prefix: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Declared:
    """A type, error or service as it stands in its file."""

    ref: Ref
    entry: Entry
    section: str

    @property
    def body(self) -> Node:
        """What is said about it."""
        return self.entry.value


@dataclass(frozen=True)
class Document:
    """One spec file. `tree` is None if the file could not be read at all."""

    file: str
    tree: Node | None
    imports: tuple[Import, ...] = ()
    is_duplicate: bool = False
    """Another file has the same package. To tell what is in them apart, this one gets another name inside."""

    @functools.cached_property
    def package(self) -> str:
        """Name of its package; if it has none of its own, something that no package is called."""
        return f"({self.file})" if self.is_duplicate or not self.package_name else self.package_name

    @functools.cached_property
    def package_name(self) -> str:
        """What it says its package is called."""
        return text(self.tree, "package") or ""

    @functools.cached_property
    def services(self) -> tuple[Declared, ...]:
        """All services, objects and workflows, also those that share a name by mistake."""
        return tuple(self._entries("services"))

    @functools.cached_property
    def package_span(self) -> Span:
        """Where it says so."""
        found = child(self.tree, "package")
        return found.span if found else Span(self.file)

    def declared(self, realm: Realm) -> dict[str, Declared]:
        """What it declares, by name in this file."""
        return self._declared[realm]

    @functools.cached_property
    def _declared(self) -> dict[Realm, dict[str, Declared]]:
        return {realm: self._declare(realm) for realm in _SECTIONS}

    def _declare(self, realm: Realm) -> dict[str, Declared]:
        found: dict[str, Declared] = {}
        for declared in self.services if realm == "services" else self._entries(realm):
            found.setdefault(declared.entry.key, declared)
        return found

    def _entries(self, realm: Realm) -> Iterator[Declared]:
        for section in _SECTIONS[realm]:
            for entry in entries(child(self.tree, section)):
                name = text(entry.value, "py_name") if realm == "services" else None
                yield Declared(Ref(self.package, name or entry.key), entry, section)

    def is_whole(self, realm: Realm) -> bool:
        """Whether it is known what it declares; if not, a name that is not found is no fault."""
        if not isinstance(self.tree, MapNode) or self.tree.pruned:
            return False
        return not any(isinstance(self.tree.get(section), BrokenNode) for section in _SECTIONS[realm])
