"""Typed values to bytes and back: JSON, as on the wire, so that a journal and a request hold the same bytes.

Law: what is written is what will be read. A value is decoded again with its declared type before it may go
into a journal, so a replay never meets bytes that it cannot read.
"""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(decimal_format="string")
_NATIVE: tuple[object, ...] = (str, int, float, bool, type(None))


class BadValue(ValueError):
    """A value, or bytes, that are not of the declared type. The message says where, what was expected and found."""


@functools.cache
def decoder(type_: object) -> Callable[[bytes], Any]:
    """Decoder of a type, made once."""
    return msgspec.json.Decoder(type_).decode


def encode(value: object) -> bytes:
    """JSON bytes of a value.

    Raises:
        BadValue: It has no JSON form.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as e:
        raise BadValue(str(e)) from None


def decode(raw: bytes, type_: object) -> Any:  # noqa: ANN401  the type is a value here
    """The value that bytes hold. A type of None takes no bytes at all.

    Raises:
        BadValue: They are not JSON, or not of this type.
    """
    if type_ is None:
        if raw:
            raise BadValue("expected an empty body")
        return None
    try:
        return _decoder(type_)(raw)
    except (msgspec.DecodeError, RecursionError) as e:
        raise BadValue(str(e)) from None
    except (TypeError, ValueError) as e:
        raise BadValue(str(e)) from None


def _decoder(type_: object) -> Callable[[bytes], Any]:
    try:
        return decoder(type_)
    except TypeError:  # an Annotated with an unhashable default
        return msgspec.json.Decoder(type_).decode


def seal(value: object, type_: object) -> bytes:
    """Bytes of a value that are known to be readable as `type_`.

    Raises:
        BadValue: They would not be.
    """
    if type_ is None:
        if value is not None:
            raise BadValue(f"expected None, found {type(value).__name__}")
        return b""
    raw = encode(value)
    decode(raw, type_)
    return raw


def seal_untyped(value: object) -> bytes:
    """Bytes of a value of no declared type, if it comes back as what it is.

    Raises:
        BadValue: It would come back as something else (a struct as a dict, a tuple as a list).
    """
    raw = encode(value)
    if not _comes_back(value):
        raise BadValue(
            f"a {type(value).__name__} comes back from the journal as something else unless its type is known:"
            " annotate what the function returns, or pass returns="
        )
    return raw


def _comes_back(value: Any) -> bool:  # noqa: ANN401  whatever a closure returned
    kind: object = value.__class__
    if kind is list:
        return all(_comes_back(item) for item in value)
    if kind is dict:
        return all(type(key) is str and _comes_back(item) for key, item in value.items())
    return kind in _NATIVE and value == value  # NaN has no JSON form


def check_decimal(
    value: decimal.Decimal,
    name: str,
    **bounds: float,
) -> None:
    """Check a decimal field; msgspec has no constraints on decimals.

    Args:
        value: What the field holds.
        name: The field's wire name, for the message.
        bounds: `ge`, `gt`, `le`, `lt`, `max_digits`, `decimal_places`.

    Raises:
        ValueError: A bound does not hold; msgspec adds the path.
    """
    if not value.is_finite():
        raise ValueError(f"Expected a finite decimal for `{name}`")
    for bound, holds in _BOUNDS.items():
        if bound in bounds and not holds(value, bounds[bound]):
            raise ValueError(f"Expected {_WORDS[bound].format(bounds[bound])} for `{name}`, found {value}")


_BOUNDS: dict[str, Callable[[decimal.Decimal, Any], bool]] = {
    "ge": lambda value, bound: value >= decimal.Decimal(str(bound)),
    "gt": lambda value, bound: value > decimal.Decimal(str(bound)),
    "le": lambda value, bound: value <= decimal.Decimal(str(bound)),
    "lt": lambda value, bound: value < decimal.Decimal(str(bound)),
    "max_digits": lambda value, bound: len(value.normalize().as_tuple().digits) <= bound,
    "decimal_places": lambda value, bound: _places(value) <= bound,
}
_WORDS = {
    "ge": "a decimal >= {}",
    "gt": "a decimal > {}",
    "le": "a decimal <= {}",
    "lt": "a decimal < {}",
    "max_digits": "at most {} digits",
    "decimal_places": "at most {} decimal places",
}


def _places(value: decimal.Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0
