"""Reading many rows, some of which may be damaged: one bad record harms only what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from perdure.core.port import Table, Txn
from perdure.errors import CorruptRecord

Row = TypeVar("Row")


def sound_rows(txn: Txn, table: Table[Row], prefix: bytes) -> Iterator[tuple[bytes, Row]]:
    """Rows in key order, without those that cannot be read."""
    for key in txn.keys(prefix):
        try:
            row = txn.get(table, key)
        except CorruptRecord:
            continue
        if row is not None:
            yield key, row


def damage(txn: Txn, table: Table[Row], prefix: bytes) -> Iterator[CorruptRecord]:
    """What is wrong with those that cannot be read."""
    for key in txn.keys(prefix):
        try:
            txn.get(table, key)
        except CorruptRecord as e:
            yield e
