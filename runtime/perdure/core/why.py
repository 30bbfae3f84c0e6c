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


LINKS_MOST = 50
ANSWERS_MOST = 500


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


class _Walk:
    """One answer in the making: where it is read, and of which invocations it has spoken."""

    __slots__ = ("awaited", "chain", "spoken", "txn")

    def __init__(self, txn: Txn, awaited: Awaited) -> None:
        self.txn = txn
        self.awaited = awaited
        self.spoken: set[bytes] = set()
        self.chain: list[bytes] = []
        """From the one that was asked about down to the one that is spoken of."""

    def answer(self, id: bytes) -> Answer | None:
        """An invocation and its reasons."""
        row = self.txn.get(INVOCATION, invocation_key(id))
        if row is None:
            return None
        self.spoken.add(id)
        self.chain.append(id)
        reasons = tuple(_reasons(self, id, row))
        self.chain.pop()
        return Answer(format_id(id), str(row.target), status_name(row.status), reasons)

    def link(self, text: str, id: bytes) -> Reason:
        """A reason that is another invocation, and what that waits for, unless it was said or leads too far."""
        if id in self.chain:
            return Reason(f"{text} {format_id(id)}, which waits for this one: they never end unless one is cancelled")
        if id in self.spoken:
            return Reason(f"{text} {format_id(id)}, of which more is said elsewhere in this answer")
        if len(self.chain) == LINKS_MOST or len(self.spoken) >= ANSWERS_MOST:
            return Reason(f"{text} {format_id(id)}; it leads on from there, ask about that one")
        return Reason(text, 0, self.answer(id))


def why(txn: Txn, id: bytes, awaited: Awaited) -> Answer | None:
    """The reasons of an invocation, and of those it waits for; None if there is no such invocation.

    An answer follows at most `LINKS_MOST` invocations down a chain and speaks of at most `ANSWERS_MOST` in all.
    """
    return _Walk(txn, awaited).answer(id)


def status_name(status: Status) -> str:
    """The status as operators know it."""
    return status.name.lower().replace("_", "-")


def _reasons(walk: _Walk, id: bytes, row: Invocation) -> Iterator[Reason]:
    match row.status:
        case Status.COMPLETED:
            yield Reason(f"failed: {row.result.message}" if isinstance(row.result, Failure) else "succeeded")
        case Status.SCHEDULED:
            yield Reason("starts at its time", row.execute_at_ms)
        case Status.PENDING:
            lock = walk.txn.get(LOCK, lock_key(address(row.target)))
            if lock is not None:
                yield walk.link("is queued behind the invocation that holds its key", lock.holder)
        case Status.BACKING_OFF if row.retry is not None:
            yield Reason(f"tries again {_after(row.retry)}", row.retry.next_at_ms)
        case Status.PAUSED if row.retry is not None:
            yield Reason(f"is paused until somebody resumes it, {_after(row.retry)}")
        case _:
            yield from _waits(walk, id, row)


def _after(retry: RetryState) -> str:
    return f"after {retry.failures} failures; the last: {retry.last.message}"


def _waits(walk: _Walk, id: bytes, row: Invocation) -> Iterator[Reason]:
    """What a running or suspended invocation waits for."""
    live = walk.awaited(id)
    names = _run_names(walk.txn, id, row) if any(isinstance(item, OpenRun) for item in row.open.values()) else {}
    for command, item in row.open.items():
        yield _open(walk, row, item, names.get(command, ""))
    for signal in row.awaits if live is None else live:
        name = f"signal {signal}" if isinstance(signal, str) else f"awakeable {format_awakeable(id, signal)}"
        yield Reason(f"waits for {name}")
    if not row.open and not row.awaits and not live:
        yield Reason("is about to run" if live is None else "runs")


def _open(walk: _Walk, row: Invocation, item: Open, name: str) -> Reason:
    match item:
        case OpenSleep(at_ms):
            return Reason("sleeps", at_ms)
        case OpenCall(callee):
            return walk.link("waits for the result of", callee)
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
