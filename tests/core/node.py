"""The ledger over a dict of rows: events go in, actions come out, and after each event the store must be in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from perdure.core import ledger
from perdure.core.check import violations
from perdure.core.entry import Command, Entry, Failure, Ok, Target
from perdure.core.event import Action, Ended, Event, Failed, SetAlarm, Stepped, Submitted, Suspended, TimersDue
from perdure.core.journal import read_journal
from perdure.core.port import Catalog, Facts, HandlerKind, Table
from perdure.core.tables import BY_LETTER, INVOCATION, Invocation, Status, invocation_key

Row = TypeVar("Row")

BEGIN_MS = 1_000_000
DAY = 86_400_000


class Rows:
    """Implements `port.Txn` on records in a dict, so that every row is written and read as on disk."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}

    def get(self, table: Table[Row], key: bytes) -> Row | None:
        """The row, or None."""
        record = self.records.get(key)
        return None if record is None else table.decode(record, key)

    def put(self, table: Table[Row], key: bytes, row: Row) -> None:
        """Write a row; its table is the one that its key names."""
        assert BY_LETTER[key[0]].encode(row) == table.encode(row)
        self.records[key] = table.encode(row)

    def delete(self, key: bytes) -> None:
        """Remove a row."""
        self.records.pop(key, None)

    def keys(self, prefix: bytes, limit: int = 0) -> Iterator[bytes]:
        """Keys in order."""
        found = sorted(key for key in self.records if key.startswith(prefix))
        return iter(found[:limit] if limit else found)

    def scan(self, table: Table[Row], prefix: bytes, limit: int = 0) -> Iterator[tuple[bytes, Row]]:
        """Rows in the order of their keys."""
        for key in self.keys(prefix, limit):
            yield key, table.decode(self.records[key], key)


def facts(kind: HandlerKind, journal_ms: int = DAY, completed_ms: int = DAY, timeout_ms: int = 0) -> Facts:
    """What the ledger knows of a handler."""
    return Facts(kind, journal_ms, completed_ms, timeout_ms)


CATALOG: Catalog = {
    ("Svc", "go"): facts("service"),
    ("Svc", "limited"): facts("service", timeout_ms=5_000),
    ("Obj", "go"): facts("exclusive"),
    ("Obj", "peek"): facts("shared"),
    ("Flow", "run"): facts("run"),
    ("Flow", "peek"): facts("shared"),
    ("Brief", "go"): facts("service", 0, 0),
    ("Brief", "keep"): facts("service", 1_000, 60_000),
    ("Gone", "run"): facts("run", 0, 0),
    ("Gone", "peek"): facts("shared"),
}


class Node:
    """A node that consists of its ledger."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.now_ms = BEGIN_MS
        self.checks = True
        """Whether to look at the invariants after each event; with hundreds of rows that takes its time."""
        self._serial = 0

    def apply(self, event: Event) -> list[Action]:
        """What is to be done after an event, but for alarms."""
        applied = ledger.apply(self.rows, event, self.now_ms, CATALOG)
        if self.checks:
            assert violations(self.rows) == []
        assert applied.damaged == []
        return [action for action in applied.actions if not isinstance(action, SetAlarm)]

    def id(self) -> bytes:
        """A fresh id; later ones sort after earlier ones."""
        self._serial += 1
        return self._serial.to_bytes(24, "big")

    def submit(
        self,
        target: str,
        id: bytes | None = None,
        *,
        delay_ms: int = 0,
        idempotency_key: str | None = None,
        retention_ms: int | None = None,
    ) -> bytes:
        """A caller outside asks for an invocation of `Service/handler` or `Object/key/handler`."""
        service, *key, handler = target.split("/")
        id = self.id() if id is None else id
        asked = Target(service, key[0] if key else None, handler)
        self.apply(Submitted(id, asked, b"in", (), 0, delay_ms, idempotency_key, retention_ms))
        return id

    def step(self, id: bytes, *commands: Command) -> list[Action]:
        """An attempt asks for something and waits."""
        return self.apply(Stepped(id, commands))

    def end(self, id: bytes, result: Ok | Failure = Ok(b"out")) -> list[Action]:  # noqa: B008  it is frozen
        """An attempt comes to its end."""
        return self.apply(Stepped(id, (), Ended(result)))

    def fail(self, id: bytes, failed: Failed) -> list[Action]:
        """An attempt fails."""
        return self.apply(Stepped(id, (), failed))

    def suspend(self, id: bytes, *awaits: int | str) -> list[Action]:
        """An attempt leaves memory."""
        return self.apply(Stepped(id, (), Suspended(awaits)))

    def tick(self, ms: int) -> list[Action]:
        """Time passes, and timers ring."""
        self.now_ms += ms
        return self.apply(TimersDue())

    def row(self, id: bytes) -> Invocation:
        """The row of an invocation that is there."""
        row = self.find(id)
        assert row is not None
        return row

    def find(self, id: bytes) -> Invocation | None:
        """The row of an invocation."""
        return self.rows.get(INVOCATION, invocation_key(id))

    def status(self, id: bytes) -> Status:
        """Where it is in its life."""
        return self.row(id).status

    def journal(self, id: bytes) -> list[Entry]:
        """All entries."""
        return read_journal(self.rows, id, self.row(id).journal_length)

    def keys(self, letter: bytes) -> list[bytes]:
        """Keys of a table."""
        return list(self.rows.keys(letter))
