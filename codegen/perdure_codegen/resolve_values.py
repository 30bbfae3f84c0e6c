"""Typed places: fields, parameters, payloads, state keys, promises, keys.

First what stands there is read (`read`), when the types of other files may not be known yet; then it is
checked against the types it names (`finish`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from perdure_codegen import typeexpr
from perdure_codegen.constraints import check_constraints, check_loose, read_constraints
from perdure_codegen.defaults import DefaultCheck
from perdure_codegen.diagnostic import Span, error
from perdure_codegen.findings import describe
from perdure_codegen.model import Enum, ListOf, MapOf, Nullable, Ref, Scalar, ScalarName, SetOf, Type, Value
from perdure_codegen.names import Names
from perdure_codegen.naming import snake
from perdure_codegen.tree import BrokenNode, MapNode, Node, ScalarNode, child, flag, text
from perdure_codegen.typeexpr import Expr, Generic, Name, OrNull, Unreadable
from perdure_codegen.world import UNKNOWN, World

SCALARS: frozenset[ScalarName] = frozenset(get_args(ScalarName))
_KEY_TYPES = ("string", "int", "uuid")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is declared."""

    name: str
    span: Span
    node: Node | None
    """A type expression, a mapping with `type` and more, or None where the value is left out."""
    type_key: str = "type"
    """Key of the type expression if `node` is a mapping."""

    @property
    def type_node(self) -> Node | None:
        """The type expression."""
        return self.node.get(self.type_key) if isinstance(self.node, MapNode) else self.node

    @property
    def type_span(self) -> Span:
        """Where it stands."""
        return self.type_node.span if self.type_node else self.span


class Values:
    """Resolves the values of one file."""

    def __init__(self, world: World, names: Names) -> None:
        self._world = world
        self._names = names

    def read(self, place: Place) -> Value:
        """The value declared at `place`, with its default not read yet. Faulty types become UNKNOWN."""
        node = place.node
        found = self.type(place.type_node)
        return Value(
            name=place.name,
            py_name=text(node, "py_name") or snake(place.name),
            type=found,
            constraints=read_constraints(node),
            has_default=child(node, "default") is not None,
            doc=documentation(node),
            deprecated=deprecation(node),
            sensitive=flag(node, "sensitive"),
        )

    def finish(self, value: Value, place: Place, inside: Ref | None = None) -> Value:
        """`value` with its default, after its constraints and default have been checked.

        `inside` is the struct that it is a field of, if it is one.
        """
        if self._world.base(value.type) is UNKNOWN:
            return value
        self._check_sets(value.type, place.type_span)
        sound = check_constraints(self._world, value.type, place.node)
        default = child(place.node, "default")
        if default is None or isinstance(default, BrokenNode) or not sound:
            return value
        check = DefaultCheck(self._world, inside)
        return replace(value, default=check.read(default, value.type, value.constraints))

    def value(self, place: Place) -> Value:
        """The value declared at `place`, checked."""
        return self.finish(self.read(place), place)

    def check_alone(self, value: Value, place: Place, instead: str = "") -> None:
        """Report limits that only a struct can hold. `instead` is what else could be written for the value."""
        if self._world.base(value.type) is UNKNOWN:
            return
        advice = instead or f"declare a struct with a field `{place.name}: {{}}` and use that here"
        check_loose(self._world, value.type, place.node, advice)

    def key(self, place: Place) -> Value:
        """The key of an object or the id of a workflow; a string if nothing is said about its type."""
        if place.type_node is None:
            value = self.finish(replace(self.read(place), type=Scalar("string")), place)
        else:
            value = self.value(place)
        base = self._world.base(value.type)
        allowed = isinstance(base, Scalar) and base.name in _KEY_TYPES and not isinstance(value.type, Nullable)
        if base is not UNKNOWN and not allowed:
            message = f"a key is a string, int or uuid, not `{self._world.describe(value.type)}`"
            self._world.faults.append(error("S027", place.type_span, message))
        return value

    # --- type expressions ----------------------------------------------------------------------------------

    def type(self, node: Node | None) -> Type:
        """The type that `node` denotes. UNKNOWN if it has a fault, which has then been reported."""
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            return UNKNOWN
        found = typeexpr.parse(node.value)
        if isinstance(found, Unreadable):
            span = node.part(found.start, found.end)
            message = f"cannot read the type {describe(node)}: {found.message}"
            self._world.faults.append(error("S011", span, message, help=found.help))
            return UNKNOWN
        return self._resolve(found, node)

    def _resolve(self, expr: Expr, node: ScalarNode) -> Type:
        if isinstance(expr, Name):
            if expr.text in SCALARS:
                return _scalar(expr.text)
            return self._names.find("types", expr.text, node.part(expr.start, expr.end)) or UNKNOWN
        item = self._resolve(expr.item, node)
        if item is UNKNOWN:
            return UNKNOWN
        match expr:
            case OrNull():
                return Nullable(item)
            case Generic(name="list"):
                return ListOf(item)
            case Generic(name="set"):
                return SetOf(item)
            case Generic():
                return MapOf(item)

    def _check_sets(self, found: Type, span: Span) -> None:
        """Sets hold only what can be told apart cheaply in every language."""
        match found:
            case SetOf(item):
                base = self._world.base(item)
                hashable = isinstance(base, Scalar) and (base is UNKNOWN or base.name != "json")
                if isinstance(item, Nullable) or not (hashable or isinstance(self._world.definition(base), Enum)):
                    message = f"a set cannot hold `{self._world.describe(item)}`"
                    advice = "sets hold scalars and enums; use a list"
                    self._world.faults.append(error("S027", span, message, help=advice))
            case ListOf(item) | Nullable(item):
                self._check_sets(item, span)
            case MapOf(item):
                self._check_sets(item, span)
            case Scalar() | Ref():
                pass


def _scalar(name: str) -> Scalar:
    return next(Scalar(scalar) for scalar in SCALARS if scalar == name)


def documentation(node: Node | None) -> str:
    """What `doc` says, without white space around it."""
    return (text(node, "doc") or "").strip()


def deprecation(node: Node | None) -> str | None:
    """What `deprecated` says: a text, an empty one for `true`, None for `false`."""
    if flag(node, "deprecated"):
        return ""
    said = text(node, "deprecated")
    return None if said is None else said.strip()
