"""What has happened, whether it is durable yet or not: new rows over the batch being committed over the store.

Rows stay objects until their batch is committed, so a row that changes ten times in a batch is encoded once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from perdure.core.port import Table
from perdure.core.tables import BY_LETTER, LOCK, PROMISE, STATE, StateValue
from perdure.store.port import Record, Store

Row = TypeVar("Row")


_KEPT = frozenset(table.letter[0] for table in (LOCK, STATE, PROMISE))
_ROWS_AT_MOST = 8192
_LARGE_BYTES = 4096


class _Gone:
    """Stands for a row that was removed."""


GONE: Final = _Gone()
_MISSING: Final = _Gone()

Rows = dict[bytes, Any]
"""Rows by key; GONE where a row was removed."""


class Recent:
    """Rows of objects in use, as they were committed, those that are gone too: a busy key is not read from the store.

    Two generations: when the young one is full it becomes the old one, and what is read of the old one is young again.
    """

    def __init__(self) -> None:
        self._young: Rows = {}
        self._old: Rows = {}

    def get(self, key: bytes) -> Any:  # noqa: ANN401  a row, or _MISSING
        """The row of a key, GONE if it is known that there is none."""
        row = self._young.get(key, _MISSING)
        if row is _MISSING:
            row = self._old.pop(key, _MISSING)
            if row is not _MISSING:
                self._young[key] = row
        return row

    def remember(self, rows: Rows) -> None:
        """These rows were committed."""
        for key, row in rows.items():
            if key[0] in _KEPT:
                large = type(row) is StateValue and len(row.value) > _LARGE_BYTES
                self._old.pop(key, None)
                if large:
                    self._young.pop(key, None)
                else:
                    self._young[key] = row
        if len(self._young) > _ROWS_AT_MOST:
            self._old, self._young = self._young, {}


class Overlay:
    """The transaction that the ledger writes into. An event's writes are kept apart until `accept`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._event: Rows = {}
        self._pending: Rows = {}
        self._committing: Rows = {}
        self._recent = Recent()

    # --- the ledger's side: core.port.Txn

    def get(self, table: Table[Row], key: bytes) -> Row | None:
        row = self._event.get(key, _MISSING)
        if row is _MISSING:
            row = self._pending.get(key, _MISSING)
            if row is _MISSING:
                row = self._committing.get(key, _MISSING)
                if row is _MISSING:
                    row = self._recent.get(key)
                    if row is _MISSING:
                        record = self._store.get(key)
                        return None if record is None else table.decode(record, key)
        return None if row is GONE else row

    def put(self, table: Table[Row], key: bytes, row: Row) -> None:
        self._event[key] = row

    def delete(self, key: bytes) -> None:
        self._event[key] = GONE

    def scan(self, table: Table[Row], prefix: bytes, limit: int = 0) -> Iterator[tuple[bytes, Row]]:
        over = self._over(prefix)
        for key, record in itertools.islice(_merge(over, self._store.scan(prefix)), limit or None):
            yield key, over[key] if record is None else table.decode(record, key)

    def keys(self, prefix: bytes, limit: int = 0) -> Iterator[bytes]:
        for key, _ in itertools.islice(_merge(self._over(prefix), self._store.scan(prefix)), limit or None):
            yield key

    def keys_after(self, prefix: bytes, after: bytes) -> Iterator[bytes]:
        """Keys that start with `prefix` and come behind `after`, in order; what lies before is not read."""
        over = {key: row for key, row in self._over(prefix).items() if key > after}
        for key, _ in _merge(over, self._store.scan(prefix, after)):
            yield key

    def _over(self, prefix: bytes) -> Rows:
        """What lies above the store, GONE rows too."""
        over: Rows = {}
        for rows in (self._committing, self._pending, self._event):
            over.update((key, row) for key, row in rows.items() if key.startswith(prefix))
        return over

    # --- the writer's side

    def accept(self) -> None:
        """The event was applied whole: its rows are pending now."""
        self._pending.update(self._event)
        self._event.clear()

    def discard(self) -> None:
        """The event failed: it wrote nothing."""
        self._event.clear()

    @property
    def dirty(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._pending)

    def take(self) -> Rows:
        """Everything pending becomes the batch being committed; there is none other."""
        self._committing, self._pending = self._pending, {}
        return self._committing

    def committed(self) -> None:
        """The batch is durable: from now on the store has it."""
        self._store.refresh()
        self._recent.remember(self._committing)
        self._committing = {}


def encode(rows: Rows) -> list[Record]:
    """The records of a batch, in key order, which is the order in which LMDB likes to be written."""
    return [
        (key, None if row is GONE else BY_LETTER[key[0]].encode(row)) for key, row in sorted(rows.items(), key=_key)
    ]


def _key(item: tuple[bytes, Any]) -> bytes:
    return item[0]


def _merge(over: Rows, stored: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes | None]]:
    """Keys of both in order, those above hiding those below. The record is None where the row is above."""
    keys = sorted(over)
    position = 0
    for key, record in stored:
        while position < len(keys) and keys[position] < key:
            if over[keys[position]] is not GONE:
                yield keys[position], None
            position += 1
        if key not in over:
            yield key, record
    for later in keys[position:]:
        if over[later] is not GONE:
            yield later, None
