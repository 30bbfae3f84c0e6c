"""The invariants of the store, as a function of its rows. Simulation asks after every commit."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.core.entry import Completion, Input, is_command
from perdure.core.ids import format_id
from perdure.core.journal import read_journal
from perdure.core.port import Txn
from perdure.core.sound import damage
from perdure.core.tables import (
    ACTIVE,
    ALL,
    INBOX,
    INVOCATION,
    JOURNAL,
    LOCK,
    PROMISE,
    TIMER,
    Invocation,
    OpenCall,
    OpenPromise,
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
    problems = [str(error) for table in ALL for error in damage(txn, table, table.letter)]
    if problems:
        return problems  # what cannot be read may be what the rest agrees with
    for key, row in txn.scan(INVOCATION, INVOCATION.letter):
        found = [*_journal(txn, key[1:], row), *_life(txn, key[1:], row), *_open_commands(txn, key[1:], row)]
        problems += [f"{format_id(key[1:])} ({row.target}, {row.status.name}): {problem}" for problem in found]
    for rule in (_chunks, _locks, _inboxes, _timers, _marks, _promises):
        problems += rule(txn)
    return problems


def _journal(txn: Txn, id: bytes, row: Invocation) -> Iterator[str]:
    journal = read_journal(txn, id, row.journal_length)
    if len(journal) != row.journal_length:
        yield f"its journal has {len(journal)} entries, its row says {row.journal_length}"
    if journal and not isinstance(journal[0], Input):
        yield "its journal does not begin with an input"
    issued = sum(is_command(entry) for entry in journal)
    if issued != row.commands:
        yield f"{issued} commands in the journal, {row.commands} in the row"
    answers = [entry.command for entry in journal if isinstance(entry, Completion)]
    if len(answers) != len(set(answers)):
        yield "a command was answered twice"
    if any(command in row.open for command in answers):
        yield "an answered command is still open"


def _life(txn: Txn, id: bytes, row: Invocation) -> Iterator[str]:
    if (row.status is Status.RUNNING) != _has(txn, active_key(id)):
        yield "the active mark does not agree with its status"
    if row.status is Status.COMPLETED:
        if row.open or row.waiters or row.result is None:
            yield "completed, but open, awaited or without a result"
        if not _has(txn, timer_key(row.expires_at_ms, id, TimerKind.PURGE)):
            yield "completed, and nothing will ever forget it"
        return
    if row.status is Status.BACKING_OFF and (
        row.retry is None or not _has(txn, timer_key(row.retry.next_at_ms, id, TimerKind.RETRY))
    ):
        yield "backs off without a timer"
    if row.status is Status.SCHEDULED and not _has(txn, timer_key(row.execute_at_ms, id, TimerKind.START)):
        yield "scheduled without a timer"
    if row.status is Status.SUSPENDED and not row.open and not row.awaits:
        yield "suspended, and nothing will ever wake it"
    if row.deadline_ms and not _has(txn, timer_key(row.deadline_ms, id, TimerKind.DEADLINE)):
        yield "its deadline has no timer"
    if row.kind == "exclusive" and row.status in _HOLDERS:
        lock = txn.get(LOCK, lock_key(address(row.target)))
        if lock is None or lock.holder != id:
            yield "runs without holding its key"
    if row.status is Status.PENDING and txn.get(INBOX, inbox_key(address(row.target), row.inbox_position)) != id:
        yield "pending, but not in its place in the inbox"


def _open_commands(txn: Txn, id: bytes, row: Invocation) -> Iterator[str]:
    for command, item in row.open.items():
        if isinstance(item, OpenSleep) and not _has(txn, timer_key(item.at_ms, id, TimerKind.SLEEP, command)):
            yield f"sleep {command} has no timer"
        elif isinstance(item, OpenCall):
            callee = txn.get(INVOCATION, invocation_key(item.callee))
            if callee is None or callee.status is Status.COMPLETED or (id, command) not in callee.waiters:
                yield f"call {command} waits for a callee that does not know of it"
        elif isinstance(item, OpenPromise):
            promise = txn.get(PROMISE, promise_key(address(row.target), item.name))
            if promise is None or (id, command) not in promise.waiters:
                yield f"command {command} waits for a promise that does not know of it"
        elif (
            isinstance(item, OpenRun)
            and item.retry is not None
            and row.status is Status.SUSPENDED
            and not _has(txn, timer_key(item.retry.next_at_ms, id, TimerKind.RUN_RETRY, command))
        ):
            yield f"run {command} backs off without a timer"


def _chunks(txn: Txn) -> Iterator[str]:
    for key in txn.keys(JOURNAL.letter):
        row = txn.get(INVOCATION, invocation_key(key[1:-4]))
        if row is None or int.from_bytes(key[-4:], "big") >= row.journal_length:
            yield f"journal chunk {key.hex()}: of no invocation, or behind the end of its journal"


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
    for key in txn.keys(TIMER.letter):
        at_ms, id, kind, command = read_timer_key(key)
        row = txn.get(INVOCATION, invocation_key(id))
        problem = "its invocation is gone" if row is None else _timer(row, at_ms, kind, command)
        if problem is not None:
            yield f"timer {kind.name} of {format_id(id)}: {problem}"


def _timer(row: Invocation, at_ms: int, kind: TimerKind, command: int) -> str | None:
    if (row.status is Status.COMPLETED) != (kind in (TimerKind.PURGE, TimerKind.PURGE_JOURNAL)):
        return f"not a timer of a {row.status.name} invocation"
    if kind is TimerKind.DEADLINE and row.deadline_ms != at_ms:
        return "not the deadline of its invocation"
    if kind is TimerKind.SLEEP and row.open.get(command) != OpenSleep(at_ms):
        return "no sleep waits for it"
    return None


def _marks(txn: Txn) -> Iterator[str]:
    for key in txn.keys(ACTIVE.letter):
        row = txn.get(INVOCATION, invocation_key(key[1:]))
        if row is None or row.status is not Status.RUNNING:
            yield f"active mark of {format_id(key[1:])}: it does not run"


def _promises(txn: Txn) -> Iterator[str]:
    for key, promise in txn.scan(PROMISE, PROMISE.letter):
        if promise.result is not None and promise.waiters:
            yield f"promise {promise.name}: completed, but waited for"
        for id, command in promise.waiters:
            row = txn.get(INVOCATION, invocation_key(id))
            waits = row is not None and promise_key(address(row.target), promise.name) == key
            if row is None or not waits or row.open.get(command) != OpenPromise(promise.name):
                yield f"promise {promise.name}: {format_id(id)} does not wait for it"


def _has(txn: Txn, key: bytes) -> bool:
    """Whether a row is there whose value says nothing."""
    return any(found == key for found in txn.keys(key, 1))
