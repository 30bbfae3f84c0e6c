"""The view of `models.py`: the types and errors of a package.

The law: enums come first, aliases and unions after the structs they name, errors last; so every name that is
needed while the module is loaded is there. References between structs are resolved when they are first used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perdure_codegen import expressions, literals, naming
from perdure_codegen.annotate import Scope, operands
from perdure_codegen.imports import Imports
from perdure_codegen.layout import (
    STEP,
    Bar,
    Doc,
    Labelled,
    Parameter,
    Text,
    assigned,
    call,
    signature,
    statement,
)
from perdure_codegen.model import (
    Alias,
    Enum,
    ErrorDef,
    ListOf,
    MapOf,
    Model,
    Nullable,
    Package,
    Ref,
    SetOf,
    Struct,
    Type,
    Union,
    Value,
)
from perdure_codegen.views import docs
from perdure_codegen.views.heads import Head, head
from perdure_codegen.views.records import Factories, Function, Member, Record, Shape, record

_OPEN = "Open: a value this code does not know is kept as it is."


@dataclass(frozen=True, slots=True)
class EnumView:
    """An enum of strings. `missing` has the lines of `_missing_` if it is open."""

    head: str
    doc: str
    members: tuple[Member, ...]
    missing: tuple[str, ...]
    kind: str = "enum"


@dataclass(frozen=True, slots=True)
class AliasView:
    """A name for a type."""

    text: str
    doc: str
    kind: str = "alias"


@dataclass(frozen=True, slots=True)
class ErrorView:
    """A terminal error."""

    head: str
    doc: str
    code: int
    name: str
    fields: Record | None
    init: str
    body: tuple[str, ...]
    kind: str = "error"


Block = Function | Record | EnumView | AliasView | ErrorView


@dataclass(frozen=True, slots=True)
class ModelsView:
    """All of `models.py`."""

    head: Head
    blocks: tuple[Block, ...]
    second_names: str


def models(model: Model, package: Package) -> ModelsView:
    """The view of a package's types and errors."""
    imports = Imports(frozenset(declared.name for declared in (*package.types, *package.errors)))
    scope = Scope(model, package, imports, in_models=True)
    factories = Factories()
    enums = [_enum(scope, each) for each in package.types if isinstance(each, Enum)]
    structs = [_struct(scope, factories, each) for each in package.types if isinstance(each, Struct)]
    aliases = [_alias(scope, each) for each in _in_order(package)]
    errors = [_error(scope, factories, each) for each in package.errors]
    constants = [AliasView(text, "") for text in factories.constants]
    second = [f"{alias}: {scope.member('typing', 'TypeAlias')} = {name}" for alias, name in imports.second_names()]
    blocks: tuple[Block, ...] = (*enums, *factories.functions, *structs, *aliases, *constants, *errors)
    starts_with_block = not isinstance(blocks[0], AliasView) if blocks else True
    top = head(package, imports, doc=package.doc, starts_with_block=starts_with_block)
    return ModelsView(top, blocks, "\n".join(second))


# --- types -------------------------------------------------------------------------------------------------


def _struct(scope: Scope, factories: Factories, struct: Struct) -> Record:
    options: list[tuple[str, str]] = []
    if struct.strict:
        options.append(("forbid_unknown_fields", "True"))
    if struct.tag is not None:
        field, tag = struct.tag
        options += [("tag_field", literals.string(field)), ("tag", literals.string(tag))]
    doc = docs.described(struct.doc, struct.deprecated)
    return record(scope, factories, Shape(name=struct.name, fields=struct.fields, doc=doc, options=tuple(options)))


def _enum(scope: Scope, enum: Enum) -> EnumView:
    inside = scope.hiding(*(value.py_name for value in enum.values))
    doc = docs.described(enum.doc, enum.deprecated, _OPEN if enum.open else "")
    return EnumView(
        head=f"class {enum.name}({scope.of('enum', 'StrEnum')}):",
        doc=literals.docstring(doc, STEP),
        members=tuple(
            Member(
                assigned(value.py_name, literals.string(value.name), STEP),
                literals.docstring(docs.described(value.doc, value.deprecated), STEP),
            )
            for value in enum.values
        ),
        missing=tuple(_missing(scope, inside)) if enum.open else (),
    )


def _missing(scope: Scope, inside: Scope) -> Iterator[str]:
    string = scope.builtin("str")
    yield f"@{inside.builtin('classmethod')}"
    own = inside.member("typing", "Self")
    yield f"def _missing_(cls, value: {inside.builtin('object')}) -> {own} | None:"
    yield f"    if not {scope.builtin('isinstance')}(value, {string}):"
    yield "        return None"
    yield f"    new = {string}.__new__(cls, value)"
    yield "    new._name_ = new._value_ = value"
    yield "    return new"


def _alias(scope: Scope, alias: Alias | Union) -> AliasView:
    if isinstance(alias, Union):
        first, *others = [Text(scope.declared(ref)) for _, ref in alias.variants]
        target: Doc = Bar((first, *others)) if others else first
    else:
        target = scope.full(alias)
    text = statement(f"{alias.name}: {scope.member('typing', 'TypeAlias')} = ", target)
    if isinstance(target, Text):
        text = assigned(f"{alias.name}: {scope.member('typing', 'TypeAlias')}", target.flat)
    return AliasView(text, literals.docstring(docs.described(alias.doc, alias.deprecated), 0))


def _in_order(package: Package) -> list[Alias | Union]:
    """Aliases and unions, each after those that it names."""
    waiting = {each.name: each for each in package.types if isinstance(each, (Alias, Union))}
    done: list[Alias | Union] = []

    def visit(name: str) -> None:
        each = waiting.pop(name, None)
        if each is None:
            return
        for ref in _mentioned(each):
            if ref.package == package.name:
                visit(ref.name)
        done.append(each)

    for name in list(waiting):
        visit(name)
    return done


def _mentioned(each: Alias | Union) -> Iterator[Ref]:
    if isinstance(each, Union):
        yield from (ref for _, ref in each.variants)
    else:
        yield from _refs(each.type)


def _refs(type_: Type) -> Iterator[Ref]:
    match type_:
        case Ref():
            yield type_
        case ListOf(item) | SetOf(item) | MapOf(item) | Nullable(item):
            yield from _refs(item)
        case _:
            return


# --- errors ------------------------------------------------------------------------------------------------


def _error(scope: Scope, factories: Factories, error: ErrorDef) -> ErrorView:
    inside = scope.hiding("code", "name", "Fields")
    names = tuple(value.py_name for value in error.fields)
    receiver = "_self" if "self" in names else "self"
    parameters = [_parameter(inside, factories, error, value) for value in error.fields]
    star = [Parameter("*")] if parameters else []
    shape = Shape(name="Fields", fields=error.fields, owner=error.name)
    about = f"Ends an invocation with code {error.code}."
    return ErrorView(
        head=f"class {error.name}({scope.of('perdure', 'TerminalError')}):",
        doc=literals.docstring(docs.described(error.doc, error.deprecated, otherwise=about), STEP),
        code=error.code,
        name=literals.string(error.name),
        fields=record(scope, factories, shape, indent=STEP) if error.fields else None,
        init=signature("def __init__", [Parameter(receiver), *star, *parameters], Text("None"), STEP),
        body=tuple(_init_body(scope.hiding(*names), error, receiver)),
    )


def _parameter(scope: Scope, factories: Factories, error: ErrorDef, value: Value) -> Parameter:
    annotation = scope.plain(value.type)
    if value.required:
        return Parameter(value.py_name, annotation)
    default = value.default if value.has_default else None
    nature = expressions.nature(scope, value.type, default)
    if nature in ("empty", "built"):
        absent, class_ = _absent(scope, value)
        return Parameter(value.py_name, Bar((*operands(annotation), Text(class_))), Text(absent))
    if nature == "literal":
        return Parameter(value.py_name, annotation, expressions.expression(scope, value.type, default))
    wanted = f"_{naming.constant(error.name)}_{naming.constant(value.py_name)}"
    return Parameter(value.py_name, annotation, Text(factories.constant(scope, factories.fresh(wanted), value)))


def _absent(scope: Scope, value: Value) -> tuple[str, str]:
    """What stands for a default that each error has for itself, and its type: None, unless that means something."""
    if isinstance(scope.resolved(value.type), Nullable):
        return scope.of("msgspec", "UNSET"), scope.of("msgspec", "UnsetType")
    return "None", "None"


def _fresh(scope: Scope, value: Value) -> Iterator[str]:
    """Statements that make a default which errors may not share."""
    if not value.has_default or expressions.nature(scope, value.type, value.default) not in ("empty", "built"):
        return
    absent, _ = _absent(scope, value)
    yield f"if {value.py_name} is {absent}:"
    made = expressions.expression(scope, value.type, value.default)
    yield " " * STEP + statement(f"{value.py_name} = ", made, 3 * STEP)


def _init_body(scope: Scope, error: ErrorDef, receiver: str) -> Iterator[str]:
    """Statements of `__init__`: defaults, the message, the typed fields, and the same as attributes."""
    indent = 2 * STEP
    for value in error.fields:
        yield from _fresh(scope, value)
    names = [value.py_name for value in error.fields]
    arguments: list[Doc] = [Text(_message(error))]
    if names:
        values = [Labelled(f"{name}=", Text(name)) for name in names]
        arguments.append(Labelled("fields=", call(f"{receiver}.Fields", *values)))
    if "super" in names:
        target, arguments = f"{scope.of('perdure', 'TerminalError')}.__init__", [Text(receiver), *arguments]
    else:
        target = "super().__init__"
    yield statement("", call(target, *arguments), indent)
    for name in names:
        yield assigned(f"{receiver}.{name}", name, indent)


def _message(error: ErrorDef) -> str:
    """An f-string over the fields that may be shown."""
    if not error.fields:
        return literals.string(docs.message(error))
    shown: Sequence[Value] = [value for value in error.fields if not value.sensitive]
    if not shown:
        return literals.string(error.name)
    return f'f"{error.name}({", ".join(f"{value.name}={{{value.py_name}!r}}" for value in shown)})"'
