"""Values of every kind that the core has, made by what msgspec knows of their fields."""

from __future__ import annotations

import functools
from typing import Any, cast, get_args

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from perdure.core.entry import Command, Completion, Entry, Signal

COMMANDS: tuple[type[Command], ...] = get_args(Command)
NOTIFICATIONS: tuple[type[Completion | Signal], ...] = (Completion, Signal)
KINDS = (*COMMANDS, *NOTIFICATIONS)

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_PLAIN: dict[type[msgspec.inspect.Type], SearchStrategy[Any]] = {
    msgspec.inspect.StrType: TEXT,
    msgspec.inspect.BytesType: st.binary(max_size=30),
    msgspec.inspect.IntType: st.integers(0, 2**62),
    msgspec.inspect.FloatType: st.floats(allow_nan=False),
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.NoneType: st.none(),
}


def of_type(type_: object) -> SearchStrategy[Any]:
    """Values of a type, structs with all their fields."""
    return _of(msgspec.inspect.type_info(type_))


def _of(info: msgspec.inspect.Type) -> SearchStrategy[Any]:
    if isinstance(info, msgspec.inspect.UnionType):
        return st.one_of(*(_of(option) for option in info.types))
    if isinstance(info, msgspec.inspect.StructType):
        made = {field.name: _of(field.type) for field in info.fields}
        return st.builds(info.cls, **made)
    if isinstance(info, msgspec.inspect.TupleType):
        return st.tuples(*(_of(item) for item in info.item_types))
    if isinstance(info, msgspec.inspect.VarTupleType):
        return st.lists(_of(info.item_type), max_size=3).map(tuple)
    if isinstance(info, msgspec.inspect.DictType):
        return st.dictionaries(_of(info.key_type), _of(info.value_type), max_size=3)
    if isinstance(info, msgspec.inspect.LiteralType):
        return st.sampled_from(info.values)
    if isinstance(info, msgspec.inspect.EnumType):
        return st.sampled_from(list(info.cls))
    return _PLAIN[type(info)]


@functools.cache
def of_kind(kind: type[Entry]) -> SearchStrategy[Entry]:
    """Entries of one kind."""
    return cast("SearchStrategy[Entry]", of_type(kind))


def any_entry() -> SearchStrategy[Entry]:
    """Entries of all kinds."""
    return st.one_of(*(of_kind(kind) for kind in KINDS))
