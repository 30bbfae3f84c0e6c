"""A model whose names do what names can do: hide builtins, modules, imports and receivers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

from perdure_codegen import model as m

LOWER = re.findall(
    r"\w+",
    "list str int dict set bool float bytes object type id datetime msgspec perdure abc functools enum clients "
    "models property classmethod isinstance super self ctx key delay idempotency_key options client cls item "
    "uuid decimal builtins typing value request new _datetime",
)
UPPER = re.findall(r"\w+", "Exception Decimal UUID Annotated Final TypeAlias Self Fields ABC Struct Meta Any")
TAKEN = {"send", "with_options", "submit", "attach", "peek", "run", "state", "promises", "keys", "clear_all"}


def nasty(original: m.Model, package: str) -> m.Model:
    """One package of a model, its names replaced by bad ones. It must not import others."""
    found = next(each for each in original.packages if each.name == package)
    renamed = dict(zip((each.name for each in found.types), UPPER, strict=False))
    types = tuple(_type(each, renamed) for each in found.types)
    errors = tuple(replace(each, fields=_places(each.fields, renamed)) for each in found.errors)
    services = tuple(_service(each, renamed) for each in found.services)
    made = replace(found, name="nasty.v1", types=types, errors=errors, services=services)
    return m.Model(
        packages=(made,),
        types={m.Ref("nasty.v1", each.name): each for each in types},
        errors={m.Ref("nasty.v1", each.name): each for each in errors},
        services={m.Ref("nasty.v1", each.py_name): each for each in services},
    )


def _names() -> Iterator[str]:
    return cycle(name for name in LOWER if name not in TAKEN)


def _ref(ref: m.Ref, renamed: dict[str, str]) -> m.Ref:
    return m.Ref("nasty.v1", renamed.get(ref.name, ref.name))


def _expression(type_: m.Type, renamed: dict[str, str]) -> m.Type:
    match type_:
        case m.Ref():
            return _ref(type_, renamed)
        case m.MapOf(value):
            return m.MapOf(_expression(value, renamed))
        case m.ListOf(item) | m.SetOf(item) | m.Nullable(item):
            return type(type_)(_expression(item, renamed))
        case _:
            return type_


def _places(values: tuple[m.Value, ...], renamed: dict[str, str]) -> tuple[m.Value, ...]:
    """Fields or parameters, each called like something else. The wire names stay."""
    return tuple(
        replace(value, py_name=name, type=_expression(value.type, renamed))
        for value, name in zip(values, _names(), strict=False)
    )


def _type(each: m.TypeDef, renamed: dict[str, str]) -> m.TypeDef:
    name = renamed.get(each.name, each.name)
    match each:
        case m.Struct():
            return replace(each, name=name, fields=_places(each.fields, renamed))
        case m.Enum():
            members = zip(each.values, ("classmethod", "object"), strict=False)
            return replace(each, name=name, values=tuple(replace(value, py_name=nasty) for value, nasty in members))
        case m.Union():
            return replace(each, name=name, variants=tuple((tag, _ref(r, renamed)) for tag, r in each.variants))
        case m.Alias():
            return replace(each, name=name, type=_expression(each.type, renamed))


def _service(each: m.Service, renamed: dict[str, str]) -> m.Service:
    handlers = [
        replace(
            handler,
            py_name=handler.py_name if handler.kind == "run" else name,
            params=None if handler.params is None else _places(handler.params, renamed),
            input=None if handler.input is None else _places((handler.input,), renamed)[0],
            output=None if handler.output is None else _places((handler.output,), renamed)[0],
            errors=tuple(_ref(ref, {}) for ref in handler.errors),
        )
        for handler, name in zip(each.handlers, _names(), strict=False)
    ]
    return replace(
        each,
        key=None if each.key is None else _places((each.key,), renamed)[0],
        state=_places(each.state, renamed),
        promises=_places(each.promises, renamed),
        handlers=tuple(handlers),
        uses=tuple(_ref(ref, {}) for ref in each.uses),
    )
