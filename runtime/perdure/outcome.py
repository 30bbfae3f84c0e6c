"""Failures in a journal or on the wire, and the exceptions that they are in Python."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from perdure.core.entry import Failure, storable
from perdure.errors import JournalMismatch, NonDurableOperation, TerminalError
from perdure.serde import BadValue, decode, encode

ERROR = "error"
FIELDS = "fields"
"""Metadata of a declared error: its name in the spec, and its fields as JSON."""


def to_failure(error: TerminalError) -> Failure:
    """What the journal keeps of a terminal error."""
    metadata = {storable(name): storable(value) for name, value in error.metadata.items()}
    if error.name:
        metadata[ERROR] = error.name
    if error.fields is not None:
        metadata[FIELDS] = encode(error.fields).decode()
    return Failure(int(error.code), storable(error.message), metadata)


def describe(error: BaseException) -> str:
    """An exception on one line, for a journal: what it is, and what it says."""
    try:
        text = str(error)
    except Exception as e:
        text = f"(its message failed: {type(e).__name__})"
    name = type(error).__name__
    return storable(f"{name}: {text}" if text else name)


def explain(error: BaseException) -> str:
    """What the author of a handler has to know; a fault that we found says it all itself."""
    return storable(error) if isinstance(error, JournalMismatch | NonDurableOperation) else describe(error)


def as_terminal(error: BaseException) -> TerminalError | None:
    """The terminal error that an exception is, also as all that a group of tasks failed with."""
    if isinstance(error, TerminalError):
        return error
    if isinstance(error, BaseExceptionGroup):
        group: BaseExceptionGroup[BaseException] = error  # pyright: ignore[reportUnknownVariableType]  isinstance cannot say of what
        leaves = [as_terminal(leaf) for leaf in group.exceptions]
        return leaves[0] if all(leaves) else None
    return None


def to_exception(failure: Failure, declared: Iterable[type[TerminalError]] = ()) -> TerminalError:
    """The exception to raise for a failure: the declared class if it is one, else a plain `TerminalError`."""
    name = failure.metadata.get(ERROR)
    for cls in declared:
        if cls.name == name:
            error = _rebuild(cls, failure.metadata.get(FIELDS, ""))
            if error is not None:
                return error
    return TerminalError(failure.message, code=failure.code, metadata=failure.metadata)


def _rebuild(cls: type[TerminalError], fields: str) -> TerminalError | None:
    """None if the fields are not those of the class: then the caller has another version of the spec."""
    if cls.Fields is None:
        return cls()
    try:
        values: msgspec.Struct = decode(fields.encode(), cls.Fields)
    except BadValue:
        return None
    return cls(**{name: getattr(values, name) for name in cls.Fields.__struct_fields__})
