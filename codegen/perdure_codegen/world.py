"""All types of a run by reference, and what they come down to.

The resolver fills it file by file; then every question about a type has an answer wherever it is declared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from perdure_codegen.diagnostic import Diagnostic, Span
from perdure_codegen.document import Document
from perdure_codegen.model import (
    Alias,
    Enum,
    ListOf,
    MapOf,
    Nullable,
    Ref,
    Scalar,
    SetOf,
    Struct,
    Type,
    TypeDef,
    Union,
)
from perdure_codegen.names import Names

UNKNOWN: Final = Scalar("json")
"""Stands for a type whose fault has been reported; compared by identity, and beyond reproach."""


@dataclass(slots=True)
class World:
    """What is known about the types of a run, and the faults found so far."""

    documents: dict[str, Document]
    faults: list[Diagnostic] = field(default_factory=list[Diagnostic])
    types: dict[Ref, TypeDef] = field(default_factory=dict[Ref, TypeDef])
    partial: set[Ref] = field(default_factory=set[Ref])
    """Types of which a part had a fault: what they seem to lack they may have."""
    spans: dict[tuple[Ref, str], Span] = field(default_factory=dict[tuple[Ref, str], Span])
    """Where a type (with an empty text) or a part of it, by name, is declared."""
    names: dict[str, Names] = field(default_factory=dict[str, Names])

    def base(self, found: Type) -> Type:
        """What a type is once `| null` and aliases are taken away."""
        seen: set[Ref] = set()
        while True:
            if isinstance(found, Nullable):
                found = found.item
            elif isinstance(found, Ref):
                meant = self.types.get(found)
                if meant is None or found in seen:
                    return UNKNOWN
                if not isinstance(meant, Alias):
                    return found
                seen.add(found)
                found = meant.type
            else:
                return found

    def aliases(self, found: Type) -> Iterator[Alias]:
        """The aliases that `found` goes through on the way to its base."""
        seen: set[Ref] = set()
        while isinstance(found, Nullable | Ref):
            if isinstance(found, Nullable):
                found = found.item
                continue
            meant = self.types.get(found)
            if not isinstance(meant, Alias) or found in seen:
                return
            seen.add(found)
            yield meant
            found = meant.type

    def reaches(self, start: Ref, goal: Ref) -> bool:
        """Whether a value of type `start` can have a value of type `goal` somewhere in it."""
        seen: set[Ref] = set()
        waiting = [start]
        while waiting:
            ref = waiting.pop()
            if ref == goal:
                return True
            if ref not in seen and ref in self.types:
                seen.add(ref)
                waiting += parts(self.types[ref])
        return False

    def definition(self, found: Type) -> Struct | Enum | Union | None:
        """The declared type behind `found`; None if it is a scalar or a collection."""
        base = self.base(found)
        meant = self.types.get(base) if isinstance(base, Ref) else None
        return None if isinstance(meant, Alias) else meant

    def describe(self, found: Type) -> str:
        """A type as a spec writes it."""
        match found:
            case Nullable(item):
                return f"{self.describe(item)} | null"
            case ListOf(item):
                return f"list<{self.describe(item)}>"
            case SetOf(item):
                return f"set<{self.describe(item)}>"
            case MapOf(value):
                return f"map<{self.describe(value)}>"
            case _:
                return found.name


def references(found: Type) -> Iterator[Ref]:
    """Declared types in a type, wherever they stand."""
    match found:
        case ListOf(item) | SetOf(item) | Nullable(item):
            yield from references(item)
        case MapOf(value):
            yield from references(value)
        case Ref():
            yield found
        case Scalar():
            pass


def parts(found: TypeDef) -> Iterator[Ref]:
    """Declared types that a value of this type may have in it."""
    match found:
        case Struct(fields=fields):
            for each in fields:
                yield from references(each.type)
        case Union(variants=variants):
            yield from (ref for _, ref in variants)
        case Alias(type=aliased):
            yield from references(aliased)
        case Enum():
            pass
