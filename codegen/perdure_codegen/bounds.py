"""Whether a value in JSON form satisfies constraints."""

from __future__ import annotations

import base64
import binascii
import decimal
import operator
import re
import warnings
from collections.abc import Callable, Sized
from dataclasses import fields
from typing import Any, Literal, cast

from perdure_codegen.model import NO_CONSTRAINTS, Constraints

Sort = Literal["int", "float", "decimal", "string", "bytes", "collection", "other"]
"""Kinds of values by the constraints that they take."""

INT_MAX = 2**53 - 1
"""Largest `int`: beyond it JSON numbers are not exact everywhere."""


def violated(value: object, constraints: Constraints, sort: Sort) -> str:
    """The first constraint that `value` does not satisfy, as a spec writes it; empty if it satisfies all."""
    if constraints == NO_CONSTRAINTS:
        return ""
    subject = _SUBJECT[sort](value)
    if subject is None:
        return ""
    for name, holds in _HOLDS.items():
        bound = getattr(constraints, name)
        if bound is not None and not holds(subject, bound):
            return f"{name}: {bound}"
    return ""


def tightened(outer: Constraints, inner: Constraints) -> Constraints:
    """Both at once: of two bounds on one side, the one that leaves less.

    Where only one can be had (`pattern`, `multiple_of`) it is the inner one; the front end refuses two.
    """
    found: dict[str, Any] = {each.name: getattr(outer, each.name) for each in fields(outer)}
    for each in fields(inner):
        bound = getattr(inner, each.name)
        if bound is not None:
            before = found[each.name]
            found[each.name] = bound if before is None else _TIGHTER.get(each.name, _inner)(before, bound)
    for strict, weak, wins in (("gt", "ge", operator.ge), ("lt", "le", operator.le)):
        if found[strict] is not None and found[weak] is not None:
            found[weak if wins(found[strict], found[weak]) else strict] = None
    return Constraints(**found)


def _inner(_outer: object, inner: object) -> object:
    return inner


_TIGHTER: dict[str, Callable[[Any, Any], object]] = {
    **dict.fromkeys(("ge", "gt", "min_length", "min_items"), max),
    **dict.fromkeys(("le", "lt", "max_length", "max_items", "max_digits", "decimal_places"), min),
}


def compile_pattern(source: str) -> re.Pattern[str] | str:
    """The pattern, or why it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(source)
    except re.error as fault:
        return str(fault)
    except (RecursionError, OverflowError, ValueError):
        return "it is too large"


def _exact(value: object) -> decimal.Decimal | None:
    """A number, or a decimal in its text form, without rounding."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return decimal.Decimal(repr(value) if isinstance(value, float) else value)
    except decimal.InvalidOperation:
        return None


def _decoded(value: object) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _sized(value: object) -> Sized | None:
    return cast("Sized", value) if isinstance(value, list | dict) else None


_SUBJECT: dict[Sort, Callable[[object], Any]] = {
    "int": _exact,
    "float": _exact,
    "decimal": _exact,
    "string": _text,
    "bytes": _decoded,
    "collection": _sized,
    "other": lambda _: None,
}


def _number(bound: float) -> decimal.Decimal:
    return decimal.Decimal(repr(bound))


def _is_multiple(value: decimal.Decimal, bound: float) -> bool:
    # The widest quotient of two floats has about 640 digits.
    with decimal.localcontext(decimal.Context(prec=1000)):
        return value % _number(bound) == 0


def _places(value: decimal.Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _digits(value: decimal.Decimal) -> int:
    """Digits before and after the point, zeros in front not counted."""
    return max(0, value.adjusted() + 1) + _places(value) if value else max(1, _places(value))


def _matches(value: str, source: str) -> bool:
    pattern = compile_pattern(source)
    return isinstance(pattern, str) or pattern.search(value) is not None


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "ge": lambda value, bound: value >= _number(bound),
    "gt": lambda value, bound: value > _number(bound),
    "le": lambda value, bound: value <= _number(bound),
    "lt": lambda value, bound: value < _number(bound),
    "multiple_of": _is_multiple,
    "max_digits": lambda value, bound: _digits(value) <= bound,
    "decimal_places": lambda value, bound: _places(value) <= bound,
    "min_length": lambda value, bound: len(value) >= bound,
    "max_length": lambda value, bound: len(value) <= bound,
    "pattern": _matches,
    "min_items": lambda value, bound: len(value) >= bound,
    "max_items": lambda value, bound: len(value) <= bound,
}
