"""Defaults: whether one fits its type and constraints, and its JSON form.

Decimals come out as the text that the spec has, so that `1.10` keeps its digits; durations as they are
written in specs. What a reader of JSON would refuse as a value is refused as a default.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from perdure_codegen import durations
from perdure_codegen.bounds import INT_MAX, violated
from perdure_codegen.constraints import sort_of
from perdure_codegen.diagnostic import Span, error
from perdure_codegen.model import (
    NO_CONSTRAINTS,
    Constraints,
    Enum,
    ListOf,
    MapOf,
    Nullable,
    Ref,
    Scalar,
    SetOf,
    Struct,
    Type,
    Union,
)
from perdure_codegen.suggest import did_you_mean
from perdure_codegen.tree import BrokenNode, ListNode, MapNode, Node, Plain, ScalarNode, plain
from perdure_codegen.world import UNKNOWN, World


class DefaultCheck:
    """Reads one default. Reports the first thing in it that does not fit; later ones often follow from it."""

    def __init__(self, world: World, inside: Ref | None = None) -> None:
        """`inside` is the struct that has the default, if it is one's."""
        self._world = world
        self._inside = inside
        self._said = False

    def read(self, node: Node, wanted: Type, constraints: Constraints = NO_CONSTRAINTS) -> Plain:
        """The default as JSON. What does not fit is reported and comes out as it is."""
        if isinstance(node, BrokenNode):
            return None
        found = self._read(node, wanted)
        if found is None or self._said:
            return found
        sort = sort_of(self._world, wanted)
        for bounds in (constraints, *(alias.constraints for alias in self._world.aliases(wanted))):
            if broken := violated(found, bounds, sort):
                said = f"`{node.text}`" if isinstance(node, ScalarNode) else "the default"
                self._fault(node.span, f"{said} does not satisfy `{broken}`")
        return found

    def _read(self, node: Node, wanted: Type) -> Plain:
        base = self._world.base(wanted)
        if base is UNKNOWN:
            return plain(node)
        if isinstance(node, ScalarNode) and node.value is None and base != Scalar("json"):
            if not isinstance(wanted, Nullable):
                advice = f"for a value that may be null write `{self._world.describe(wanted)} | null`"
                self._fault(node.span, f"`null` is not a default of `{self._world.describe(wanted)}`", advice)
            return None
        match base:
            case Scalar():
                return self._scalar(node, base)
            case ListOf(item):
                return self._list(node, base, item)
            case SetOf(item):
                found = self._list(node, base, item)
                self._distinct(node, found)
                return found
            case MapOf(value):
                return self._map(node, base, value)
            case Nullable() | Ref():
                return self._declared(node, base)

    def _fault(self, span: Span, message: str, advice: str = "") -> None:
        if not self._said:
            self._said = True
            self._world.faults.append(error("S016", span, message, help=advice))

    def _misfit(self, node: Node, wanted: Type, advice: str = "") -> Plain:
        said = f"`{node.text}`" if isinstance(node, ScalarNode) else _KINDS[type(node)]
        self._fault(node.span, f"{said} is not a default of `{self._world.describe(wanted)}`", advice)
        return plain(node)

    # --- by kind of type -----------------------------------------------------------------------------------

    def _scalar(self, node: Node, wanted: Scalar) -> Plain:
        rule = _RULES[wanted.name]
        if wanted.name == "json":
            return plain(node) if _finite(plain(node)) else self._misfit(node, wanted, rule.form)
        if not isinstance(node, ScalarNode):
            return self._misfit(node, wanted, rule.form)
        if wanted.name == "decimal" and isinstance(node.value, int | float | str) and rule.fits(node.text):
            return node.text
        if rule.fits(node.value):
            return node.value
        return self._misfit(node, wanted, rule.form)

    def _list(self, node: Node, wanted: Type, item: Type) -> Plain:
        if not isinstance(node, ListNode):
            return self._misfit(node, wanted, "write a list: `[]`")
        return [self.read(each, item) for each in node.items]

    def _distinct(self, node: Node, found: Plain) -> None:
        if isinstance(found, list) and isinstance(node, ListNode) and not self._said:
            seen: list[Plain] = []
            for item, each in zip(node.items, found, strict=True):
                if each in seen:
                    self._fault(item.span, f"`{each}` is twice in the default of a set")
                seen.append(each)

    def _map(self, node: Node, wanted: Type, value: Type) -> Plain:
        if not isinstance(node, MapNode):
            return self._misfit(node, wanted, "write a mapping: `{}`")
        return {key: self.read(entry.value, value) for key, entry in node.entries.items()}

    def _declared(self, node: Node, wanted: Type) -> Plain:
        match self._world.definition(wanted):
            case Enum() as found:
                return self._enum(node, found)
            case Struct() as found:
                return self._struct(node, wanted, found)
            case Union() as found:
                return self._union(node, wanted, found)
            case None:
                return plain(node)

    def _enum(self, node: Node, wanted: Enum) -> Plain:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            known = [value.name for value in wanted.values]
            if node.value not in known:
                advice = did_you_mean(node.value, known) or f"values: {', '.join(known)}"
                self._fault(node.span, f"`{node.value}` is not a value of `{wanted.name}`", advice)
            return node.value
        advice = f'quote it: `"{node.text}"`' if isinstance(node, ScalarNode) else ""
        return self._misfit(node, Ref("", wanted.name), advice)

    def _union(self, node: Node, wanted: Type, union: Union) -> Plain:
        if not isinstance(node, MapNode):
            return self._misfit(node, wanted, f"write a mapping with `{union.tag_field}`")
        tag = node.get(union.tag_field)
        tags = dict(union.variants)
        value = tag.value if isinstance(tag, ScalarNode) else None
        if not isinstance(value, str) or value not in tags:
            span = tag.span if tag else node.span
            message = f"`{union.tag_field}` must be one of {', '.join(f'`{each}`' for each in tags)}"
            self._fault(span, message)
            return plain(node)
        found = self._world.definition(tags[value])
        return self._struct(node, tags[value], found) if isinstance(found, Struct) else plain(node)

    def _struct(self, node: Node, wanted: Type, struct: Struct) -> Plain:
        if not isinstance(node, MapNode):
            return self._misfit(node, wanted, "write a mapping with its fields")
        if self._inside and isinstance(wanted, Ref) and self._world.reaches(wanted, self._inside):
            message = f"the default of a field of `{self._inside.name}` has a `{self._inside.name}` in it"
            self._fault(node.span, message, "it would be made without end; use `[]`, `{}` or `null`")
            return plain(node)
        fields = {field.name: field for field in struct.fields}
        tag_field = struct.tag[0] if struct.tag else None
        whole = wanted not in self._world.partial
        out: dict[str, Plain] = {}
        for key, entry in node.entries.items():
            if key in fields:
                out[key] = self.read(entry.value, fields[key].type, fields[key].constraints)
            elif key == tag_field:
                out[key] = plain(entry.value)
            elif whole:
                self._fault(entry.span, f"`{struct.name}` has no field `{key}`", did_you_mean(key, fields))
        missing = [name for name, field in fields.items() if field.required and name not in node.entries]
        if missing and whole:
            self._fault(node.span, f"`{missing[0]}` of `{struct.name}` is missing in the default")
        return out


_KINDS: dict[type, str] = {ListNode: "a list", MapNode: "a mapping"}


# --- scalars -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a scalar fits a type, and how one is written."""

    fits: Callable[[object], bool]
    form: str


def _parses(parse: Callable[[str], object]) -> Callable[[object], bool]:
    """Whether `parse` takes a text."""

    def fits(value: object) -> bool:
        try:
            return isinstance(value, str) and parse(value) not in (None, False)
        except (ValueError, OverflowError, ArithmeticError, binascii.Error):
            return False

    return fits


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INT_MAX


def _is_float(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _aware(text: str) -> bool:
    return dt.datetime.fromisoformat(text).tzinfo is not None


def _extended_date(text: str) -> bool:
    return len(text) == len("2026-01-31") and bool(dt.date.fromisoformat(text))


def _time(text: str) -> bool:
    # Midnight is true since Python 3.5, so any time that is read counts.
    return ":" in text and bool(dt.time.fromisoformat(text))


def _hyphenated(text: str) -> bool:
    return str(uuid.UUID(text)) == text.lower()


def _base64(text: str) -> bool:
    base64.b64decode(text, validate=True)
    return True


_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", re.ASCII)


def _finite(value: Plain) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_finite, value))
        case dict():
            return all(map(_finite, value.values()))
        case _:
            return True


_RULES = {
    "string": _Rule(lambda value: isinstance(value, str), "quote it to make it a string"),
    "bool": _Rule(lambda value: isinstance(value, bool), "write `true` or `false`"),
    "int": _Rule(_is_int, "write a whole number between -(2^53 - 1) and 2^53 - 1"),
    "float": _Rule(_is_float, "write a number"),
    "decimal": _Rule(_parses(_DECIMAL.fullmatch), "write digits and a point, no exponent"),
    "bytes": _Rule(_parses(_base64), "write base64"),
    "uuid": _Rule(_parses(_hyphenated), "write 8-4-4-4-12 hex digits"),
    "datetime": _Rule(_parses(_aware), "write it with an offset: `2026-01-31T09:00:00Z`"),
    "date": _Rule(_parses(_extended_date), "write `2026-01-31`"),
    "time": _Rule(_parses(_time), "write `09:00:00`"),
    "duration": _Rule(_parses(durations.parse), "write it like `100ms`, `5m`, `1h30m` or `7d`"),
    "json": _Rule(lambda _: True, "JSON has no infinity and no NaN"),
}
