"""Bounds on values: reading them, and whether they fit the type and each other."""

from __future__ import annotations

import dataclasses
from typing import Any

from perdure_codegen.bounds import INT_MAX, Sort, compile_pattern
from perdure_codegen.diagnostic import Note, error
from perdure_codegen.model import Constraints, ListOf, MapOf, Scalar, SetOf, Type
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
    given = {name: node.entries[name] for name in NAMES if isinstance(node.get(name), ScalarNode)}
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
    return len(world.faults) == before


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


def _contradiction(world: World, first: Entry, second: Entry, message: str) -> None:
    note = Note(first.span, f"`{first.key}` is here")
    world.faults.append(error("S017", second.span, message, note=note))


def _number(entry: Entry) -> float:
    value = entry.value.value if isinstance(entry.value, ScalarNode) else None
    return value if isinstance(value, int | float) else 0
