"""What the rules of the ledger work with: the rows, the time, and the actions that come out."""

from __future__ import annotations

from perdure.core.event import Action, SetAlarm
from perdure.core.port import Catalog, Txn
from perdure.core.tables import INVOCATION, TIMER, Invocation, TimerKind, invocation_key, timer_key
from perdure.errors import CorruptRecord


class Work:
    """One event being applied: the rows, the time, and the actions that come out."""

    __slots__ = ("actions", "catalog", "damaged", "fresh", "now_ms", "txn")

    def __init__(self, txn: Txn, catalog: Catalog, now_ms: int) -> None:
        self.txn = txn
        self.catalog = catalog
        self.now_ms = now_ms
        self.actions: list[Action] = []
        self.damaged: list[CorruptRecord] = []
        """Rows that could not be read, of invocations that the event is not about."""
        self.fresh = True
        """Whether a submitted invocation was new."""

    def load(self, id: bytes) -> Invocation | None:
        """The row of an invocation."""
        return self.txn.get(INVOCATION, invocation_key(id))

    def load_other(self, id: bytes) -> Invocation | None:
        """The row of an invocation that the event is not about: one that cannot be read is as one that is gone."""
        try:
            return self.load(id)
        except CorruptRecord as e:
            self.damaged.append(e)
            return None

    def store(self, id: bytes, row: Invocation) -> None:
        """Write the row of an invocation."""
        self.txn.put(INVOCATION, invocation_key(id), row)

    def set_timer(self, at_ms: int, id: bytes, kind: TimerKind, command: int = 0) -> None:
        """Have `kind` happen at a time."""
        self.txn.put(TIMER, timer_key(at_ms, id, kind, command), None)
        self.actions.append(SetAlarm(at_ms))
