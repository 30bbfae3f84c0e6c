"""Every exception that a user of perdure can meet.

PerdureError
 ├ TerminalError            raised in a handler, ends the invocation; the caller gets the same class
 │  └ (declared errors)     generated from the spec's `errors`
 ├ RetryableError           raised in a handler or a run: try again, after a time if given
 ├ HandlerError             the handler's code did wrong; the attempt fails and is retried, then paused
 │  ├ JournalMismatch       it took another path than the recorded one
 │  └ NonDurableOperation   it did something that cannot be replayed, outside of `ctx.run`
 ├ DeploymentRefused        what is to be served does not fit what is in flight
 ├ RequestError             a call was not answered with a result
 │  ├ RequestRefused        the server says why (4xx of the ingress itself)
 │  └ ServerUnreachable     nobody answered, or not in time; the request may have been accepted
 └ StoreError               the data folder cannot be used
    ├ StoreLocked           another process has it
    ├ StoreFull             no room on the disk
    ├ StoreFailed           a write or a sync failed; what was acknowledged is safe, the process must stop
    └ CorruptRecord         a record is damaged, or of a format that this program does not know
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import ClassVar

import msgspec


class PerdureError(Exception):
    """Base of all of them."""


class TerminalError(PerdureError):
    """Ends the invocation for good; it is not retried, and whoever called gets it.

    Args:
        message: What happened, for people.
        code: HTTP status at the ingress. A declared error has one of its own.
        metadata: Small texts that travel along.
        fields: Typed fields of a declared error.
    """

    code: int = 500
    name: ClassVar[str] = ""
    """Name of a declared error in the spec; empty for one that is not declared."""
    Fields: ClassVar[type[msgspec.Struct] | None] = None

    def __init__(
        self,
        message: str = "",
        *,
        code: int | None = None,
        metadata: Mapping[str, str] | None = None,
        fields: msgspec.Struct | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.metadata: Mapping[str, str] = {} if metadata is None else dict(metadata)
        self.fields = fields


class RetryableError(PerdureError):
    """Says that trying again may help; any exception but a terminal one means the same, this one can also say when."""

    def __init__(self, message: str = "", *, retry_after: datetime.timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class HandlerError(PerdureError):
    """The handler's code did something that a durable handler cannot do."""


class JournalMismatch(HandlerError):
    """A re-executed handler took another path than the recorded one."""


class NonDurableOperation(HandlerError):
    """The handler did I/O, or waited for something that no journal can repeat."""


class DeploymentRefused(PerdureError):
    """Invocations are in flight that began under another version of a spec, or whose handler is gone."""


class RequestError(PerdureError):
    """A call from outside was not answered with a result."""


class RequestRefused(RequestError):
    """The ingress did not accept the request. `code` is its HTTP status."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class ServerUnreachable(RequestError):
    """Nobody answered, or not in time. Without an idempotency key it is not known whether the request was accepted."""


class StoreError(PerdureError):
    """The data folder cannot be used."""


class StoreLocked(StoreError):
    """Another process has opened the data folder."""


class StoreFull(StoreError):
    """There is no room for a write. Nothing of it was acknowledged."""


class StoreFailed(StoreError):
    """A write or a sync failed. What was acknowledged before is on disk; nothing after it is."""


class CorruptRecord(StoreError):
    """A record of the store cannot be read."""

    def __init__(self, table: str, key: bytes, reason: str) -> None:
        super().__init__(f"record {key.hex()} of table {table} cannot be read: {reason}")
        self.table = table
        self.key = key
        self.reason = reason
