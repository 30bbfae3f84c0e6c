"""The invariants of the store, as a function of its rows. Simulation asks after every commit."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.core.entry import Completion, Input, is_command
from perdure.core.ids import format_id
from perdure.core.journal import read_journal
from perdure.core.port import Txn
from perdure.core.tables import (
    ACTIVE,
    INBOX,
    INVOCATION,
    LOCK,
    PROMISE,
    TIMER,
    Invocation,
    OpenCall,
    OpenRun,
    OpenSleep,
    Status,
    TimerKind,
    active_key,
    address,
    inbox_key,
    invocation_key,
    lock_key,
    promise_key,
    read_timer_key,
    timer_key,
)

_HOLDERS = (Status.RUNNING, Status.SUSPENDED, Status.BACKING_OFF, Status.PAUSED)


def violations(txn: Txn) -> list[str]:
    """What is wrong with the store, in words; empty if nothing is."""
    return [
        *(
            problem
            for key, row in txn.scan(INVOCATION, INVOCATION.letter)
            for problem in _invocation(txn, key[1:], row)
        ),
        *_locks(txn),
        *_inboxes(txn),
        *_timers(txn),
        *_marks(txn),
        *_promises(txn),
    ]


def _invocation(txn: Txn, id: bytes, row: Invocation) -> Iterator[str]:
    name = f"{format_id(id)} ({row.target}, {row.status.name})"
    journal = read_journal(txn, id, row.journal_length)
    if len(journal) != row.journal_length:
        yield f"{name}: its journal has {len(journal)} entries, its row says {row.journal_length}"
    if journal and not isinstance(journal[0], Input):
        yield f"{name}: its journal does not begin with an input"
    issued = sum(is_command(entry) for entry in journal)
    if issued != row.commands:
        yield f"{name}: {issued} commands in the journal, {row.commands} in the row"
    answers = [entry.command for entry in journal if isinstance(entry, Completion)]
    if len(answers) != len(set(answers)):
        yield f"{name}: a command was answered twice"
    if any(command in row.open for command in answers):
        yield f"{name}: an answered command is still open"
    if row.status is Status.COMPLETED:
        if row.open or row.waiters or row.result is None:
            yield f"{name}: completed, but open, awaited or without a result"
        return
    if (row.status is Status.RUNNING) != _has(txn, active_key(id)):
        yield f"{name}: the active mark does not agree with its status"
    yield from _open_commands(txn, id, row, name)
    if row.status is Status.BACKING_OFF and (
        row.retry is None or not _has(txn, timer_key(row.retry.next_at_ms, id, TimerKind.RETRY))
    ):
        yield f"{name}: backs off without a timer"
    if row.status is Status.SCHEDULED and not _has(txn, timer_key(row.execute_at_ms, id, TimerKind.START)):
        yield f"{name}: scheduled without a timer"
    if row.kind == "exclusive" and row.status in _HOLDERS:
        lock = txn.get(LOCK, lock_key(address(row.target)))
        if lock is None or lock.holder != id:
            yield f"{name}: runs without holding its key"
    if row.status is Status.PENDING and txn.get(INBOX, inbox_key(address(row.target), row.inbox_position)) != id:
        yield f"{name}: pending, but not in its place in the inbox"


def _open_commands(txn: Txn, id: bytes, row: Invocation, name: str) -> Iterator[str]:
    for command, item in row.open.items():
        if isinstance(item, OpenSleep) and not _has(txn, timer_key(item.at_ms, id, TimerKind.SLEEP, command)):
            yield f"{name}: sleep {command} has no timer"
        elif isinstance(item, OpenCall):
            callee = txn.get(INVOCATION, invocation_key(item.callee))
            if callee is None or callee.status is Status.COMPLETED or (id, command) not in callee.waiters:
                yield f"{name}: call {command} waits for a callee that does not know of it"
        elif (
            isinstance(item, OpenRun)
            and item.retry is not None
            and row.status is Status.SUSPENDED
            and not _has(txn, timer_key(item.retry.next_at_ms, id, TimerKind.RUN_RETRY, command))
        ):
            yield f"{name}: run {command} backs off without a timer"


def _locks(txn: Txn) -> Iterator[str]:
    for key, lock in txn.scan(LOCK, LOCK.letter):
        row = txn.get(INVOCATION, invocation_key(lock.holder))
        if row is None or row.status not in _HOLDERS or lock_key(address(row.target)) != key:
            yield f"lock {key.hex()}: held by {format_id(lock.holder)}, which does not hold it"


def _inboxes(txn: Txn) -> Iterator[str]:
    for key, id in txn.scan(INBOX, INBOX.letter):
        lock = txn.get(LOCK, LOCK.letter + key[1:-8])
        position = int.from_bytes(key[-8:], "big")
        row = txn.get(INVOCATION, invocation_key(id))
        if lock is None or not lock.head <= position < lock.tail:
            yield f"inbox {key.hex()}: its key is not locked, or the place is outside of the inbox"
        if row is None or row.status is not Status.PENDING:
            yield f"inbox {key.hex()}: {format_id(id)} is not pending"


def _timers(txn: Txn) -> Iterator[str]:
    for key, _ in txn.scan(TIMER, TIMER.letter):
        at_ms, id, kind, command = read_timer_key(key)
        row = txn.get(INVOCATION, invocation_key(id))
        name = f"timer {kind.name} of {format_id(id)}"
        if row is None:
            yield f"{name}: its invocation is gone"
            continue
        completed = row.status is Status.COMPLETED
        if kind is TimerKind.DEADLINE and row.deadline_ms != at_ms:
            yield f"{name}: not the deadline of its invocation"
        if completed != (kind in (TimerKind.PURGE, TimerKind.PURGE_JOURNAL)):
            yield f"{name}: not a timer of a {row.status.name} invocation"
        elif kind is TimerKind.SLEEP and row.open.get(command) != OpenSleep(at_ms):
            yield f"{name}: no sleep waits for it"


def _marks(txn: Txn) -> Iterator[str]:
    for key, _ in txn.scan(ACTIVE, ACTIVE.letter):
        row = txn.get(INVOCATION, invocation_key(key[1:]))
        if row is None or row.status is not Status.RUNNING:
            yield f"active mark of {format_id(key[1:])}: it does not run"


def _promises(txn: Txn) -> Iterator[str]:
    for key, promise in txn.scan(PROMISE, PROMISE.letter):
        if promise.result is not None and promise.waiters:
            yield f"promise {promise.name}: completed, but waited for"
        for id, command in promise.waiters:
            row = txn.get(INVOCATION, invocation_key(id))
            if row is None or command not in row.open or promise_key(address(row.target), promise.name) != key:
                yield f"promise {promise.name}: {format_id(id)} does not wait for it"


def _has(txn: Txn, key: bytes) -> bool:
    """Whether a row is there whose value says nothing."""
    return any(found == key for found, _ in txn.scan(TIMER, key, 1))
