"""Types of the model as Python annotations.

The law: whatever is rendered here has been imported here. A `Scope` is the place where text will stand: it
knows which file that is and which names are hidden there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from perdure_codegen import derived, literals
from perdure_codegen.bounds import tightened
from perdure_codegen.imports import NOTHING, Hidden, Imports
from perdure_codegen.layout import Bar, Doc, Labelled, Text, call, index
from perdure_codegen.model import (
    NO_CONSTRAINTS,
    Alias,
    Constraints,
    ListOf,
    MapOf,
    Model,
    Nullable,
    Package,
    Ref,
    Scalar,
    ScalarName,
    SetOf,
    Type,
    TypeDef,
    Value,
)

_LENGTHS = {"min_length": "min_length", "max_length": "max_length"}
_COUNTS = {"min_items": "min_length", "max_items": "max_length"}
_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of")


@dataclass(frozen=True, slots=True)
class Scope:
    """A place in a file of a package, where certain names are hidden."""

    model: Model
    package: Package
    imports: Imports
    in_models: bool = False
    hidden: Hidden = NOTHING

    def hiding(self, *names: str) -> Scope:
        """The scope inside of this one in which `names` mean something else."""
        return replace(self, hidden=frozenset(names))

    def probe(self) -> Scope:
        """The same place, but what is rendered there leaves no import behind."""
        return replace(self, imports=Imports(self.imports.defined, self.imports.root))

    # --- spellings -----------------------------------------------------------------------------------------

    def builtin(self, name: str) -> str:
        """A built-in name: `list`."""
        return self.imports.builtin(name, self.hidden)

    def of(self, module: str, name: str) -> str:
        """`msgspec.field`, by the module."""
        return f"{self.imports.module(module, self.hidden)}.{name}"

    def member(self, module: str, name: str) -> str:
        """`Decimal`, by `from decimal import Decimal`."""
        return self.imports.name(module, name, self.hidden)

    def near(self, module: str) -> str:
        """A sibling module of the same package: `_wire`."""
        return self.imports.name(self._home or ".", module, self.hidden)

    def foreign(self, package: str, module: str, alias: str) -> str:
        """A module of another package, by a relative import."""
        root = self.imports.root
        above = f"{root}." if root else "." * (self.package.name.count(".") + 2)
        return self.imports.name(above + package, module, self.hidden, prefer=alias)

    @property
    def _home(self) -> str:
        """The package's import name, in a file outside of the output folder."""
        return f"{self.imports.root}.{self.package.name}" if self.imports.root else ""

    def declared(self, ref: Ref) -> str:
        """A type or an error of a spec."""
        if ref.package != self.package.name:
            return f"{self.foreign(ref.package, 'models', derived.module_alias(ref.package))}.{ref.name}"
        if self.in_models:
            return self.imports.own(ref.name, self.hidden)
        return self.imports.sibling(self._home or ".models", ref.name, self.hidden)

    def definition(self, ref: Ref) -> TypeDef:
        """What a reference to a type stands for."""
        return self.model.types[ref]

    def resolved(self, type_: Type) -> Type | TypeDef:
        """A type without the aliases in front of it: what it is made of, or the struct, enum or union."""
        while isinstance(type_, Ref):
            found = self.definition(type_)
            if not isinstance(found, Alias):
                return found
            type_ = found.type
        return type_

    def declared_as(self, type_: Type) -> str:
        """The name of the struct, enum or union that a type is, behind aliases and `| null`."""
        while True:
            if isinstance(type_, Nullable):
                type_ = type_.item
            elif isinstance(type_, Ref) and isinstance(found := self.definition(type_), Alias):
                type_ = found.type
            elif isinstance(type_, Ref):
                return self.declared(type_)
            else:
                raise TypeError(f"{type_} has no name")

    # --- annotations ---------------------------------------------------------------------------------------

    def plain(self, type_: Type) -> Doc:
        """A type as type checkers see it, without constraints."""
        return self._type(type_, NO_CONSTRAINTS, constrained=False)

    def full(self, value: Value | Alias) -> Doc:
        """A type as msgspec reads it, with constraints."""
        return self._type(value.type, value.constraints, constrained=True)

    def _type(self, type_: Type, limits: Constraints, *, constrained: bool) -> Doc:
        if constrained:
            type_, limits = self._narrowed(type_, limits)
        match type_:
            case Scalar("int") if constrained:
                return self._int(limits)
            case Scalar(name):
                doc: Doc = Text(_SCALARS[name](self))
            case ListOf(item):
                doc = index(self.builtin("list"), self._type(item, NO_CONSTRAINTS, constrained=constrained))
            case SetOf(item):
                doc = index(self.builtin("set"), self._type(item, NO_CONSTRAINTS, constrained=constrained))
            case MapOf(item):
                key = Text(self.builtin("str"))
                doc = index(self.builtin("dict"), key, self._type(item, NO_CONSTRAINTS, constrained=constrained))
            case Nullable(item):
                return _or_none(self._type(item, limits, constrained=constrained))
            case Ref():
                doc = Text(self.declared(type_))
        return self._annotated(doc, self._meta(type_, limits) if constrained else ())

    def _annotated(self, doc: Doc, meta: Sequence[Doc]) -> Doc:
        if not meta:
            return doc
        return index(self.member("typing", "Annotated"), doc, call(self.of("msgspec", "Meta"), *meta))

    def _narrowed(self, type_: Type, limits: Constraints) -> tuple[Type, Constraints]:
        """What an alias stands for, with its own limits and further ones together: msgspec takes each limit once."""
        scalar = self.resolved(type_)
        if limits == NO_CONSTRAINTS or scalar == Scalar("decimal"):
            return type_, limits
        while isinstance(type_, Ref) and isinstance(alias := self.definition(type_), Alias):
            type_, limits = alias.type, tightened(alias.constraints, limits)
        return type_, limits

    def _int(self, limits: Constraints) -> Doc:
        """An int stays within what JSON can say exactly, whichever side the spec leaves open."""
        below = limits.ge is None and limits.gt is None
        above = limits.le is None and limits.lt is None
        meta = list(self._meta(Scalar("int"), limits))
        if below and above:
            return self._annotated(Text(self.of("perdure", "Int")), meta)
        if below:
            meta.insert(0, _named("ge", "1 - 2**53"))
        if above:
            meta.insert(1, _named("le", "2**53 - 1"))
        return self._annotated(Text(self.builtin("int")), meta)

    def _meta(self, type_: Type, limits: Constraints) -> tuple[Doc, ...]:
        """The constraints that msgspec checks; those on decimals are checked in `__post_init__`."""
        found: list[Doc] = []
        final = self.resolved(type_)
        if isinstance(final, Nullable):
            final = self.resolved(final.item)
        scalar = final.name if isinstance(final, Scalar) else ""
        if scalar in ("int", "float"):
            bounds = {name: getattr(limits, name) for name in _BOUNDS}
            found += [_named(name, number(bound)) for name, bound in bounds.items() if bound is not None]
        lengths = _LENGTHS if scalar in ("string", "bytes") else _COUNTS
        if scalar in ("string", "bytes", ""):
            pairs = [(to, getattr(limits, name)) for name, to in lengths.items()]
            found += [_named(to, str(length)) for to, length in pairs if length is not None]
        if scalar == "string" and limits.pattern is not None:
            found.append(_named("pattern", literals.pattern(limits.pattern)))
        if scalar == "datetime" and isinstance(type_, Scalar):
            found.append(_named("tz", "True"))
        return tuple(found)


def _or_none(doc: Doc) -> Doc:
    return Bar((*operands(doc), Text("None")))


def operands(doc: Doc) -> tuple[Doc, ...]:
    """What a union has, or the one thing that is none."""
    return doc.operands if isinstance(doc, Bar) else (doc,)


def _named(name: str, value: str) -> Doc:
    return Labelled(f"{name}=", Text(value))


def number(value: float) -> str:
    """A bound as it is best read: `1`, not `1.0`."""
    return str(int(value)) if value == int(value) else real(value)


def real(value: float) -> str:
    """A float literal as the formatter wants it."""
    return repr(float(value)).replace("e+", "e")


_SCALARS: dict[ScalarName, Callable[[Scope], str]] = {
    "string": lambda scope: scope.builtin("str"),
    "bool": lambda scope: scope.builtin("bool"),
    "int": lambda scope: scope.builtin("int"),
    "float": lambda scope: scope.builtin("float"),
    "bytes": lambda scope: scope.builtin("bytes"),
    "decimal": lambda scope: scope.member("decimal", "Decimal"),
    "uuid": lambda scope: scope.member("uuid", "UUID"),
    "datetime": lambda scope: scope.of("datetime", "datetime"),
    "date": lambda scope: scope.of("datetime", "date"),
    "time": lambda scope: scope.of("datetime", "time"),
    "duration": lambda scope: scope.of("datetime", "timedelta"),
    "json": lambda scope: scope.of("perdure", "Json"),
}
