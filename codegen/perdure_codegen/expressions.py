"""Defaults of the spec, which are JSON, as Python expressions.

The law: evaluating the expression gives what decoding the JSON would give. A default that could be changed
in place, or that needs classes of the spec, is built by a function at each use.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, cast

from perdure_codegen import durations, literals
from perdure_codegen.annotate import Scope, real
from perdure_codegen.layout import Bracket, Doc, Labelled, Text, call, dict_of
from perdure_codegen.model import (
    Enum,
    ListOf,
    MapOf,
    Nullable,
    Scalar,
    ScalarName,
    SetOf,
    Struct,
    Type,
    Union,
)

Nature = Literal["literal", "constant", "empty", "built"]
"""Where a default may stand: a literal anywhere; a constant where an expression is evaluated once; an empty
container needs its class as factory; what is built needs a function of its own."""


def nature(scope: Scope, type_: Type, value: object) -> Nature:
    """How a default has to be written."""
    if value is None:
        return "literal"
    match scope.resolved(type_):
        case Nullable(item):
            return nature(scope, item, value)
        case Scalar("json") if isinstance(value, (list, dict)):
            return "built"
        case Scalar("uuid"):
            return "constant"
        case Enum() as enum:
            return "literal" if value in {member.name for member in enum.values} else "constant"
        case ListOf() | SetOf() | MapOf():
            return "built" if value else "empty"
        case Struct() | Union():
            return "built"
        case _:
            return "literal"


def factory(scope: Scope, type_: Type) -> Doc:
    """The class of an empty container, with its item types: type checkers want to know them."""
    final = scope.resolved(type_)
    if isinstance(final, Nullable):
        return factory(scope, final.item)
    if isinstance(final, (ListOf, SetOf, MapOf)):
        return scope.plain(final)
    raise TypeError(f"{final} is no container")


def expression(scope: Scope, type_: Type, value: object) -> Doc:
    """The default as an expression."""
    if value is None:
        return Text("None")
    match scope.resolved(type_):
        case Nullable(item):
            return expression(scope, item, value)
        case Scalar(name):
            return _SCALARS[name](scope, value)
        case ListOf(item):
            return Bracket(Text(""), "[", _items(scope, item, value))
        case SetOf(item):
            items = {each.flat: each for each in _items(scope, item, value)}
            return Bracket(Text(""), "{", tuple(items.values())) if items else call(scope.builtin("set"))
        case MapOf(item):
            entries = cast("Mapping[str, object]", value).items()
            return dict_of((literals.string(key), expression(scope, item, entry)) for key, entry in entries)
        case Enum() as enum:
            return _member(scope, type_, enum, cast("str", value))
        case Struct() as struct:
            return _struct(scope, scope.declared_as(type_), struct, cast("Mapping[str, object]", value))
        case Union() as union:
            return _variant(scope, union, cast("Mapping[str, object]", value))
        case other:
            raise TypeError(f"{other} has no defaults")


def _items(scope: Scope, item: Type, value: object) -> tuple[Doc, ...]:
    return tuple(expression(scope, item, entry) for entry in cast("Sequence[object]", value))


def _member(scope: Scope, type_: Type, enum: Enum, value: str) -> Doc:
    name = scope.declared_as(type_)
    for member in enum.values:
        if member.name == value:
            return Text(f"{name}.{member.py_name}")
    return call(name, Text(literals.string(value)))


def _struct(scope: Scope, name: str, struct: Struct, value: Mapping[str, object]) -> Doc:
    items = [
        Labelled(f"{field.py_name}=", expression(scope, field.type, value[field.name]))
        for field in struct.fields
        if field.name in value
    ]
    return call(name, *items)


def _variant(scope: Scope, union: Union, value: Mapping[str, object]) -> Doc:
    ref = next(ref for tag, ref in union.variants if tag == value[union.tag_field])
    struct = cast("Struct", scope.definition(ref))
    return _struct(scope, scope.declared(ref), struct, value)


# --- scalars -----------------------------------------------------------------------------------------------


def _json(value: object) -> Doc:
    match value:
        case Mapping():
            entries = cast("Mapping[str, object]", value).items()
            return dict_of((literals.string(key), _json(entry)) for key, entry in entries)
        case list() | tuple():
            return Bracket(Text(""), "[", tuple(_json(item) for item in cast("Sequence[object]", value)))
        case str():
            return Text(literals.string(value))
        case float():
            return Text(real(value))
        case _:
            return Text(repr(value))


def _plain(_scope: Scope, value: object) -> Doc:
    return _json(value)


def _float(_scope: Scope, value: object) -> Doc:
    return Text(real(cast("float", value)))


def _bytes(_scope: Scope, value: object) -> Doc:
    return Text(literals.binary(base64.b64decode(cast("str", value))))


def _decimal(scope: Scope, value: object) -> Doc:
    return call(scope.member("decimal", "Decimal"), Text(literals.string(str(Decimal(str(value))))))


def _uuid(scope: Scope, value: object) -> Doc:
    return call(scope.member("uuid", "UUID"), Text(literals.string(cast("str", value))))


def _duration(scope: Scope, value: object) -> Doc:
    span = durations.parse(cast("str", value))
    if span is None:
        raise TypeError(f"{value!r} is no duration")
    return call(scope.of("datetime", "timedelta"), Text(literals.timedelta_arguments(span)))


def _zone(scope: Scope, value: dt.datetime | dt.time) -> list[Doc]:
    offset = value.utcoffset()
    if offset is None:
        return []
    if not offset:
        return [Labelled("tzinfo=", Text(scope.of("datetime", "UTC")))]
    shift = call(scope.of("datetime", "timedelta"), Text(literals.timedelta_arguments(offset)))
    return [Labelled("tzinfo=", call(scope.of("datetime", "timezone"), shift))]


def _clock(value: dt.datetime | dt.time) -> list[Doc]:
    """Hours to microseconds, without the zeros at the end."""
    kept = [value.hour, value.minute, value.second, value.microsecond]
    while kept and kept[-1] == 0:
        kept.pop()
    return [Text(str(number)) for number in kept]


def _day(value: dt.date) -> list[Doc]:
    return [Text(str(number)) for number in (value.year, value.month, value.day)]


def _datetime(scope: Scope, value: object) -> Doc:
    at = dt.datetime.fromisoformat(cast("str", value))
    return call(scope.of("datetime", "datetime"), *_day(at), *_clock(at), *_zone(scope, at))


def _date(scope: Scope, value: object) -> Doc:
    return call(scope.of("datetime", "date"), *_day(dt.date.fromisoformat(cast("str", value))))


def _time(scope: Scope, value: object) -> Doc:
    at = dt.time.fromisoformat(cast("str", value))
    return call(scope.of("datetime", "time"), *_clock(at), *_zone(scope, at))


_SCALARS: dict[ScalarName, Callable[[Scope, object], Doc]] = {
    "string": _plain,
    "bool": _plain,
    "int": _plain,
    "float": _float,
    "json": _plain,
    "bytes": _bytes,
    "decimal": _decimal,
    "uuid": _uuid,
    "datetime": _datetime,
    "date": _date,
    "time": _time,
    "duration": _duration,
}
