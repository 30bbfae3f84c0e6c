"""Bounds on values: reading them, and whether they fit the type and each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from perdure_codegen.bounds import INT_MAX, Sort, compile_pattern
from perdure_codegen.diagnostic import Note, error
from perdure_codegen.model import (
    NO_CONSTRAINTS,
    Alias,
    Constraints,
    ListOf,
    MapOf,
    Nullable,
    Ref,
    Scalar,
    SetOf,
    Type,
)
from perdure_codegen.tree import Entry, MapNode, Node, ScalarNode
from perdure_codegen.world import UNKNOWN, World

NAMES = tuple(each.name for each in dataclasses.fields(Constraints))
"""The names of all constraints, in the order of the documentation."""

_APPLICABLE: dict[Sort, frozenset[str]] = {
    "int": frozenset({"ge", "gt", "le", "lt", "multiple_of"}),
    "float": frozenset({"ge", "gt", "le", "lt", "multiple_of"}),
    "decimal": frozenset({"ge", "gt", "le", "lt", "max_digits", "decimal_places"}),
    "string": frozenset({"min_length", "max_length", "pattern"}),
    "bytes": frozenset({"min_length", "max_length"}),
    "collection": frozenset({"min_items", "max_items"}),
    "other": frozenset(),
}
_SORT_OF_SCALAR: dict[str, Sort] = {
    "int": "int",
    "float": "float",
    "decimal": "decimal",
    "string": "string",
    "bytes": "bytes",
}
_ALTERNATIVE = {
    ("min_length", "collection"): "use `min_items`",
    ("max_length", "collection"): "use `max_items`",
    ("min_items", "string"): "use `min_length`",
    ("max_items", "string"): "use `max_length`",
    ("min_items", "bytes"): "use `min_length`",
    ("max_items", "bytes"): "use `max_length`",
}
# The second may not lie below the first; where it is strict, nor on it.
_ORDERED = (
    ("ge", "le", False),
    ("ge", "lt", True),
    ("gt", "le", True),
    ("gt", "lt", True),
    ("min_length", "max_length", False),
    ("min_items", "max_items", False),
    ("decimal_places", "max_digits", False),
)
_EXCLUSIVE = (("ge", "gt"), ("le", "lt"))
_ONE_ONLY = ("pattern", "multiple_of")
"""What a value has once, itself or by its alias; of bounds both hold."""


def read_constraints(node: Node | None) -> Constraints:
    """The constraints that a mapping sets."""
    found: dict[str, Any] = {}
    for name in NAMES:
        value = node.get(name) if isinstance(node, MapNode) else None
        if isinstance(value, ScalarNode):
            found[name] = value.value
    return Constraints(**found)


def sort_of(world: World, found: Type) -> Sort:
    """What kind of constraints a type takes."""
    base = world.base(found)
    if isinstance(base, ListOf | SetOf | MapOf):
        return "collection"
    if isinstance(base, Scalar):
        return _SORT_OF_SCALAR.get(base.name, "other")
    return "other"


def check_constraints(world: World, found: Type, node: Node | None) -> bool:
    """Report the constraints in `node` that do not fit the type or each other; True if all do."""
    if not isinstance(node, MapNode) or world.base(found) is UNKNOWN:
        return True
    given = {entry.key: entry for entry in _set_limits(node)}
    sort = sort_of(world, found)
    before = len(world.faults)
    for name, entry in given.items():
        if name not in _APPLICABLE[sort]:
            message = f"`{name}` does not apply to `{world.describe(found)}`"
            advice = _ALTERNATIVE.get((name, sort)) or _applies_to(name)
            world.faults.append(error("S017", entry.span, message, help=advice))
        elif name == "pattern":
            _check_pattern(world, entry)
        elif sort == "int":
            _check_int_bound(world, entry)
    if len(world.faults) == before:
        _check_agreement(world, given)
    for alias in world.aliases(found):
        if len(world.faults) == before:
            _check_alias(world, given, alias)
    return len(world.faults) == before


def check_loose(world: World, found: Type, node: Node | None, advice: str) -> None:
    """Report limits on decimals that are in no struct: generated code checks them when it makes a struct.

    `advice` says how to put the value into one; in it `{}` stands for the value's type and limits.
    """
    type_node = node.get("type") if isinstance(node, MapNode) else node
    if not isinstance(type_node, ScalarNode):
        return
    limits = list(_set_limits(node)) if sort_of(world, found) == "decimal" else []
    alias = _limited_decimal(world, found, set())
    if not limits and alias is None:
        return
    span = limits[0].span if limits else type_node.span
    limited = f"`{limits[0].key}` of a decimal" if limits else f"the limits of `{alias.name}`" if alias else ""
    written = ", ".join([f"type: {type_node.text}", *(f"{each.key}: {_text(each)}" for each in limits)])
    message = f"{limited} can be checked only in a struct"
    shown = advice.replace("{}", f"{{{written}}}" if limits else type_node.text)
    world.faults.append(error("S028", span, message, help=shown))


def _text(entry: Entry) -> str:
    return entry.value.text if isinstance(entry.value, ScalarNode) else ""


def _applies_to(name: str) -> str:
    sorts = [f"{sort}" for sort, names in _APPLICABLE.items() if name in names]
    return f"it applies to {', '.join(sorts).replace('collection', 'lists, sets and maps')}"


def _check_int_bound(world: World, entry: Entry) -> None:
    value = entry.value.value if isinstance(entry.value, ScalarNode) else None
    if isinstance(value, float):
        message = f"`{entry.key}` of an int must be a whole number"
        world.faults.append(error("S017", entry.value.span, message))
    elif isinstance(value, int) and abs(value) > INT_MAX:
        message = f"`{entry.key}` is beyond the range of int, which ends at 2^53 - 1"
        world.faults.append(error("S017", entry.value.span, message))


def _check_pattern(world: World, entry: Entry) -> None:
    if not isinstance(entry.value, ScalarNode):
        return
    why = compile_pattern(entry.value.text)
    if isinstance(why, str):
        message = f"the pattern is not a regular expression: {why}"
        world.faults.append(error("S017", entry.value.span, message))


def _check_agreement(world: World, given: dict[str, Entry]) -> None:
    for first, second in _EXCLUSIVE:
        if first in given and second in given:
            _contradiction(world, given[first], given[second], f"`{first}` and `{second}` exclude each other")
            return
    for low, high, strict in _ORDERED:
        if low in given and high in given:
            below, above = _number(given[low]), _number(given[high])
            if above < below or (strict and above == below):
                message = f"`{high}: {above}` leaves nothing above `{low}: {below}`"
                if low == "decimal_places":
                    message = f"`max_digits: {above}` is less than `decimal_places: {below}`"
                _contradiction(world, given[low], given[high], message)
                return


def _check_alias(world: World, given: dict[str, Entry], alias: Alias) -> None:
    """Report limits that go with none of those that the alias of the value has."""
    for name in _ONE_ONLY:
        if name in given and getattr(alias.constraints, name) is not None:
            message = f"`{alias.name}` has a `{name}` already, and a value has one"
            advice = f"write the type that `{alias.name}` stands for, with one `{name}` that says both"
            world.faults.append(error("S017", given[name].span, message, help=advice))
    for low, high, strict in _ORDERED:
        for name, other in ((low, high), (high, low)):
            bound = getattr(alias.constraints, other)
            if name not in given or bound is None:
                continue
            own = _number(given[name])
            below, above = (own, bound) if name == low else (bound, own)
            if above < below or (strict and above == below):
                message = f"`{name}: {own}` leaves nothing of `{alias.name}`, which has `{other}: {bound}`"
                world.faults.append(error("S017", given[name].span, message))
                return


def _set_limits(node: Node | None) -> Iterator[Entry]:
    if isinstance(node, MapNode):
        yield from (node.entries[name] for name in NAMES if isinstance(node.get(name), ScalarNode))


def _limited_decimal(world: World, found: Type, seen: set[Ref]) -> Alias | None:
    """An alias in `found`, but not inside of a struct of it, that limits a decimal."""
    match found:
        case Nullable(item) | ListOf(item) | SetOf(item) | MapOf(item):
            return _limited_decimal(world, item, seen)
        case Ref() if found not in seen and isinstance(alias := world.types.get(found), Alias):
            seen.add(found)
            limited = alias.constraints != NO_CONSTRAINTS and sort_of(world, alias.type) == "decimal"
            return alias if limited else _limited_decimal(world, alias.type, seen)
        case _:
            return None


def _contradiction(world: World, first: Entry, second: Entry, message: str) -> None:
    note = Note(first.span, f"`{first.key}` is here")
    world.faults.append(error("S017", second.span, message, note=note))


def _number(entry: Entry) -> float:
    value = entry.value.value if isinstance(entry.value, ScalarNode) else None
    return value if isinstance(value, int | float) else 0
