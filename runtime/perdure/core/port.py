"""What the core needs of the world, and nothing more of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, TypeVar

import msgspec

Row = TypeVar("Row")

HandlerKind = Literal["service", "exclusive", "shared", "run"]


class Table(Protocol[Row]):
    """A kind of rows; `core.tables` has them all."""

    def encode(self, row: Row) -> bytes:
        """Bytes to store."""
        ...

    def decode(self, record: bytes, key: bytes) -> Row:
        """The row of stored bytes; raises `CorruptRecord`."""
        ...


class Txn(Protocol):
    """Rows by key, as everything that happened so far left them. Keys carry their table's letter."""

    def get(self, table: Table[Row], key: bytes) -> Row | None:
        """The row, or None."""
        ...

    def put(self, table: Table[Row], key: bytes, row: Row) -> None:
        """Write a row."""
        ...

    def delete(self, key: bytes) -> None:
        """Remove a row; no error if there is none."""
        ...

    def keys(self, prefix: bytes, limit: int = 0) -> Iterator[bytes]:
        """Keys that start with `prefix`, in order, at most `limit` of them if it is not 0; no record is read."""
        ...

    def scan(self, table: Table[Row], prefix: bytes, limit: int = 0) -> Iterator[tuple[bytes, Row]]:
        """Rows whose keys start with `prefix`, in key order, at most `limit` of them if it is not 0."""
        ...


class Facts(msgspec.Struct, frozen=True):
    """What the ledger has to know of a handler."""

    kind: HandlerKind
    journal_retention_ms: int
    completed_retention_ms: int
    run_timeout_ms: int = 0
    """How long an invocation may take from its acceptance to its result; 0 is as long as it likes."""
    deployment: str = ""
    """Fingerprint of the spec, and of the code if it has a version."""


Catalog = Mapping[tuple[str, str], Facts]
"""The handlers this node serves, by service and handler name."""
