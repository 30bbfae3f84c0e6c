"""Why an invocation has not completed, down the chain of those that it waits for.

The fifth law says that there is always a reason; this names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from perdure.core.entry import Failure, Run, is_command
from perdure.core.ids import format_awakeable, format_id
from perdure.core.journal import read_journal
from perdure.core.port import Txn
from perdure.core.retry import RetryState
from perdure.core.tables import (
    INVOCATION,
    LOCK,
    Invocation,
    Open,
    OpenCall,
    OpenPromise,
    OpenRun,
    OpenSleep,
    Status,
    address,
    invocation_key,
    lock_key,
)

Awaited = Callable[[bytes], tuple[int | str, ...] | None]
"""What the attempt of an invocation in memory awaits beside commands; None if none is in memory."""


class Reason(msgspec.Struct, frozen=True):
    """Something that an invocation waits for. `at_ms` is when that will be over, if it is known."""

    text: str
    at_ms: int = 0
    invocation: Answer | None = None
    """The invocation that is waited for, if it is one."""


class Answer(msgspec.Struct, frozen=True):
    """An invocation and its reasons."""

    id: str
    target: str
    status: str
    reasons: tuple[Reason, ...] = ()


def why(txn: Txn, id: bytes, awaited: Awaited, above: tuple[bytes, ...] = ()) -> Answer | None:
    """The reasons of an invocation, and of those it waits for; None if there is no such invocation."""
    row = txn.get(INVOCATION, invocation_key(id))
    if row is None:
        return None
    reasons = tuple(_reasons(txn, id, row, awaited, (*above, id)))
    return Answer(format_id(id), str(row.target), status_name(row.status), reasons)


def status_name(status: Status) -> str:
    """The status as operators know it."""
    return status.name.lower().replace("_", "-")


def _reasons(txn: Txn, id: bytes, row: Invocation, awaited: Awaited, chain: tuple[bytes, ...]) -> Iterator[Reason]:
    match row.status:
        case Status.COMPLETED:
            yield Reason(f"failed: {row.result.message}" if isinstance(row.result, Failure) else "succeeded")
        case Status.SCHEDULED:
            yield Reason("starts at its time", row.execute_at_ms)
        case Status.PENDING:
            lock = txn.get(LOCK, lock_key(address(row.target)))
            if lock is not None:
                yield _for(txn, "is queued behind the invocation that holds its key", lock.holder, awaited, chain)
        case Status.BACKING_OFF if row.retry is not None:
            yield Reason(f"tries again {_after(row.retry)}", row.retry.next_at_ms)
        case Status.PAUSED if row.retry is not None:
            yield Reason(f"is paused until somebody resumes it, {_after(row.retry)}")
        case _:
            yield from _waits(txn, id, row, awaited, chain)


def _after(retry: RetryState) -> str:
    return f"after {retry.failures} failures; the last: {retry.last.message}"


def _waits(txn: Txn, id: bytes, row: Invocation, awaited: Awaited, chain: tuple[bytes, ...]) -> Iterator[Reason]:
    """What a running or suspended invocation waits for."""
    live = awaited(id)
    names = _run_names(txn, id, row) if any(isinstance(item, OpenRun) for item in row.open.values()) else {}
    for command, item in row.open.items():
        yield _open(txn, row, item, names.get(command, ""), awaited, chain)
    for signal in row.awaits if live is None else live:
        name = f"signal {signal}" if isinstance(signal, str) else f"awakeable {format_awakeable(id, signal)}"
        yield Reason(f"waits for {name}")
    if not row.open and not row.awaits and not live:
        yield Reason("is about to run" if live is None else "runs")


def _open(txn: Txn, row: Invocation, item: Open, name: str, awaited: Awaited, chain: tuple[bytes, ...]) -> Reason:
    match item:
        case OpenSleep(at_ms):
            return Reason("sleeps", at_ms)
        case OpenCall(callee):
            return _for(txn, "waits for the result of", callee, awaited, chain)
        case OpenPromise(promise):
            return Reason(f"waits for promise {promise} of {row.target.service}/{row.target.key}")
        case OpenRun(None):
            return Reason(f"executes run {name}")
        case OpenRun(retry):
            assert retry is not None
            return Reason(f"tries run {name} again {_after(retry)}", retry.next_at_ms)


def _run_names(txn: Txn, id: bytes, row: Invocation) -> dict[int, str]:
    commands = filter(is_command, read_journal(txn, id, row.journal_length))
    return {index: command.name for index, command in enumerate(commands) if isinstance(command, Run)}


def _for(txn: Txn, text: str, id: bytes, awaited: Awaited, chain: tuple[bytes, ...]) -> Reason:
    if id in chain:
        return Reason(f"{text} {format_id(id)}, which waits for this one: they never end unless one is cancelled")
    return Reason(text, 0, why(txn, id, awaited, chain))
