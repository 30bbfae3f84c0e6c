"""Structs: those that a spec declares, the fields of errors, and the parameters of handlers.

The law: a field reads and writes exactly the JSON the spec describes: its wire name, its default, its limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from perdure_codegen import expressions, literals, naming
from perdure_codegen.annotate import Scope, number
from perdure_codegen.bounds import tightened
from perdure_codegen.layout import (
    STEP,
    WIDTH,
    Bar,
    Bracket,
    Doc,
    Labelled,
    Text,
    annotated,
    call,
    index,
    not_none,
    returned,
    signature,
    statement,
)
from perdure_codegen.model import (
    NO_CONSTRAINTS,
    Alias,
    Constraints,
    Enum,
    ListOf,
    MapOf,
    Nullable,
    Ref,
    Scalar,
    SetOf,
    Type,
    Value,
)
from perdure_codegen.views import docs

_NAME_LENGTH = 50
"""Of a function for a default; so that its head never has to be broken before its first bracket."""

_DECIMAL_LIMITS = ("ge", "gt", "le", "lt", "max_digits", "decimal_places")


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a class body, and the docstring below it."""

    text: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A private function that builds a default."""

    head: str
    body: str
    kind: str = "function"


@dataclass(frozen=True, slots=True)
class Record:
    """A msgspec struct."""

    head: str
    doc: str
    members: tuple[Member, ...]
    checks: tuple[str, ...]
    """Lines of `__post_init__`."""
    check_head: str
    masked: str
    """What `__repr__` does, if a field must not be shown."""
    mask_head: str
    pad: str = ""
    kind: str = "struct"


@dataclass(slots=True)
class Factories:
    """What one file needs for its defaults: functions that build them and constants that hold them."""

    functions: list[Function] = field(default_factory=list[Function])
    aliases: list[str] = field(default_factory=list[str])
    constants: list[str] = field(default_factory=list[str])
    _names: set[str] = field(default_factory=set[str])

    def constant(self, scope: Scope, name: str, value: Value) -> str:
        """Write the constant that holds the default of a parameter; its name."""
        outside = scope.hiding()
        expression = expressions.expression(outside, value.type, value.default)
        if not isinstance(expression, Bracket):
            raise TypeError(f"{expression.flat} needs no constant")
        final = index(outside.member("typing", "Final"), outside.plain(value.type))
        self.constants.append(annotated(name, final, expression))
        return name

    def expression(self, scope: Scope, wanted: str, value: Value) -> Doc:
        """The type of `value` where an expression stands.

        There `Annotated[…] | None` is no type for type checkers, so it gets a name; `wanted` says which.
        """
        type_ = scope.probe().full(value)
        if not isinstance(type_, Bar) or not _is_annotated(type_.operands[0]):
            return scope.full(value)
        outside = scope.hiding()
        name = self.fresh(f"_{wanted.strip('_')}")
        alias = f"{name}: {outside.member('typing', 'TypeAlias')} = "
        self.aliases.append(statement(alias, outside.full(value)))
        return Text(name)

    def fresh(self, wanted: str) -> str:
        """`wanted`, or that with a number if the file has it already."""
        name, number = wanted, 1
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def add(self, scope: Scope, owner: str, value: Value) -> str:
        """Write the function that builds the default of `value`; its name."""
        full = f"_default_{naming.snake(owner)}_{value.py_name.strip('_')}"
        name = self.fresh(full if len(full) <= _NAME_LENGTH else "_default")
        outside = scope.hiding()
        body = statement("return ", expressions.expression(outside, value.type, value.default), STEP)
        self.functions.append(Function(signature(f"def {name}", (), outside.plain(value.type), 0), body))
        return name


def _is_annotated(doc: Doc) -> bool:
    return isinstance(doc, Bracket) and doc.head.flat.endswith("Annotated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a record is made from, apart from where it stands."""

    name: str
    fields: tuple[Value, ...]
    doc: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """Class arguments besides `frozen` and `kw_only`."""
    owner: str = ""
    """What the functions for its defaults are named after, if not after itself."""


def record(scope: Scope, factories: Factories, shape: Shape, *, indent: int = 0) -> Record:
    """The view of a struct whose class statement stands at `indent`."""
    inside = scope.hiding(*(value.py_name for value in shape.fields))
    body = indent + STEP
    owner = shape.owner or shape.name
    masked = _masked(shape)
    options = (("frozen", "True"), ("kw_only", "True"), *shape.options)
    base = Text(scope.of("msgspec", "Struct"))
    arguments = (Labelled(f"{name}=", Text(text)) for name, text in options)
    return Record(
        head=statement("class ", call(shape.name, base, *arguments), indent, ":"),
        doc=literals.docstring(shape.doc, body),
        members=tuple(
            Member(_field(inside, factories, owner, value, body), literals.docstring(docs.of_value(value), body))
            for value in shape.fields
        ),
        checks=tuple(decimal_checks(scope, shape.fields, body + STEP)),
        check_head="def __post_init__(self) -> None:",
        masked=returned(masked, body + STEP) if masked else "",
        mask_head=f"def __repr__(self) -> {inside.builtin('str')}:" if masked else "",
        pad=" " * indent,
    )


def _masked(shape: Shape) -> str:
    if not any(value.sensitive for value in shape.fields):
        return ""
    shown = (
        f"{value.py_name}=***" if value.sensitive else f"{value.py_name}={{self.{value.py_name}!r}}"
        for value in shape.fields
    )
    prefix = "" if all(value.sensitive for value in shape.fields) else "f"
    return f'{prefix}"{shape.name}({", ".join(shown)})"'


def _field(scope: Scope, factories: Factories, owner: str, value: Value, indent: int) -> str:
    annotation = scope.full(value)
    parts = [Labelled("name=", Text(literals.string(value.name)))] if value.name != value.py_name else []
    given = field_default(scope, factories, owner, value)
    if given is None and not parts:
        return annotated(value.py_name, annotation, indent=indent)
    simple = given is not None and not parts and given.label == "default="
    if simple and given is not None:
        flat = f"{value.py_name}: {annotation.flat} = {given.value.flat}"
        if indent + len(flat) <= WIDTH:
            return flat
    found = call(scope.of("msgspec", "field"), *parts, *([] if given is None else [given]))
    return annotated(value.py_name, annotation, found, indent)


def field_default(scope: Scope, factories: Factories, owner: str, value: Value) -> Labelled | None:
    """`default=…` or `default_factory=…` of a field or a state key; None if there is none."""
    if value.required:
        return None
    default = value.default if value.has_default else None
    match expressions.nature(scope, value.type, default):
        case "literal" | "constant":
            return Labelled("default=", expressions.expression(scope, value.type, default))
        case "empty" if not _too_early(scope, value.type):
            return Labelled("default_factory=", expressions.factory(scope, value.type))
        case _:
            return Labelled("default_factory=", Text(factories.add(scope, owner, value)))


def _too_early(scope: Scope, type_: Type) -> bool:
    """Whether a type names something that is not there yet when the fields of a struct are made."""
    match type_:
        case ListOf(item) | SetOf(item) | MapOf(item) | Nullable(item):
            return _too_early(scope, item)
        case Ref():
            here = scope.in_models and type_.package == scope.package.name
            return here and not isinstance(scope.definition(type_), Enum)
        case _:
            return False


# --- decimals ----------------------------------------------------------------------------------------------


def decimal_checks(scope: Scope, values: Iterable[Value], indent: int) -> list[str]:
    """Statements that check the decimals in some fields, also those in lists and behind aliases."""
    lines: list[str] = []
    names = _Variables()
    for value in values:
        place = _Place(f"self.{value.py_name}", value.name, indent, names)
        lines += _checks(scope, value.type, value.constraints, place)
    return lines


@dataclass(slots=True)
class _Variables:
    """Loop variables of one function: each loop has its own, because type checkers give a variable one type."""

    used: int = 0

    def next(self) -> str:
        self.used += 1
        return "item" if self.used == 1 else f"item{self.used}"

    def give_back(self) -> None:
        """The last one was not needed."""
        self.used -= 1


@dataclass(frozen=True, slots=True)
class _Place:
    """Something to check: an expression, the wire name to report, the column to write at."""

    expression: str
    wire: str
    indent: int
    names: _Variables

    def line(self, text: str) -> str:
        return " " * self.indent + text

    def inside(self, expression: str = "") -> _Place:
        return replace(self, expression=expression or self.expression, indent=self.indent + STEP)


def _checks(scope: Scope, type_: Type, limits: Constraints, place: _Place) -> list[str]:
    match type_:
        case Scalar("decimal"):
            found = _limits(limits)
            if not found:
                return []
            arguments = (Text(place.expression), Text(literals.string(place.wire)))
            check = call(scope.of("perdure", "check_decimal"), *arguments, *found)
            return [place.line(statement("", check, place.indent))]
        case Ref() if isinstance(alias := scope.model.types.get(type_), Alias):
            return _checks(scope, alias.type, tightened(alias.constraints, limits), place)
        case Nullable(item):
            lines = _checks(scope, item, limits, place.inside())
            return [place.line(not_none(place.expression, place.indent)), *lines] if lines else []
        case ListOf(item) | SetOf(item) | MapOf(item):
            name = place.names.next()
            values = f"{place.expression}.values()" if isinstance(type_, MapOf) else place.expression
            lines = _checks(scope, item, NO_CONSTRAINTS, place.inside(name))
            if not lines:
                place.names.give_back()
                return []
            return [place.line(f"for {name} in {values}:"), *lines]
        case _:
            return []


def _limits(limits: Constraints) -> Sequence[Doc]:
    found: list[Doc] = []
    for name in _DECIMAL_LIMITS:
        bound = getattr(limits, name)
        if bound is not None:
            found.append(Labelled(f"{name}=", Text(number(bound))))
    return found
