"""Machine 2, the node.

Something happened; what does the node now know, and what must be done?
`apply` is a function of rows, an event and a time. It is called for one event after the other by the single
writer, and that order is the order of everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perdure.core import commands, lifecycle
from perdure.core.entry import VOID, Failure
from perdure.core.event import (
    Action,
    Ended,
    Event,
    Failed,
    JournalPurged,
    Killed,
    Paused,
    Purged,
    Restarted,
    Resumed,
    RetryRun,
    RunEnded,
    RunFailed,
    SetAlarm,
    Signalled,
    Start,
    StateEdited,
    Stepped,
    Submitted,
    Suspended,
    TimersDue,
)
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.lifecycle import Request, replace
from perdure.core.port import Catalog, Txn
from perdure.core.restart import restart
from perdure.core.retry import next_try
from perdure.core.state import edit
from perdure.core.tables import ACTIVE, TIMER, OpenRun, Status, TimerKind, read_timer_key, timer_key
from perdure.core.work import Work

TIMERS_AT_ONCE = 256
"""So many due timers are handled in one event; the rest follow in the next, so that no backlog holds up the node."""


class Applied:
    """What came of an event."""

    __slots__ = ("actions", "damaged", "fresh")

    def __init__(self, work: Work) -> None:
        self.actions = work.actions
        self.fresh = work.fresh
        """False if a submitted invocation was there already."""
        self.damaged = work.damaged
        """Rows that could not be read and were passed over."""


def apply(txn: Txn, event: Event, now_ms: int, catalog: Catalog) -> Applied:
    """Write what follows from an event; return what must be done about it."""
    w = Work(txn, catalog, now_ms)
    _RULES[type(event)](w, event)
    return Applied(w)


def recover(txn: Txn) -> list[Action]:
    """What must be done when a node opens its store: go on with what ran, and wait for the next timer."""
    return [
        *(Start(key[1:]) for key in txn.keys(ACTIVE.letter)),
        *(SetAlarm(read_timer_key(key)[0]) for key in txn.keys(TIMER.letter, 1)),
    ]


def _submitted(w: Work, event: Submitted) -> None:
    if not event.fresh and w.load(event.id) is not None:
        w.fresh = False
        return
    facts = w.catalog[event.target.service, event.target.handler]
    request = Request(
        id=event.id,
        target=event.target,
        value=event.value,
        headers=event.headers,
        seed=event.seed,
        delay_ms=event.delay_ms,
        idempotency_key=event.idempotency_key,
        retention_ms=event.retention_ms,
    )
    lifecycle.accept(w, request, facts)


def _stepped(w: Work, event: Stepped) -> None:
    row = w.load(event.id)
    if row is None or row.status is not Status.RUNNING:
        return  # killed or paused while it ran
    if event.commands:
        first = row.commands
        opened = {
            index: item
            for index, command in enumerate(event.commands, first)
            if (item := commands.open_item(command)) is not None
        }
        row = lifecycle.append(w, event.id, row, event.commands)
        row = replace(row, commands=first + len(event.commands), open={**row.open, **opened}, retry=None)
        if first == 1:
            # It belongs to the version that issues its first command, whichever accepted it.
            row = replace(row, deployment=w.catalog[row.target.service, row.target.handler].deployment)
        w.store(event.id, row)
        commands.execute(w, event.id, row.target, first, event.commands)
    match event.end:
        case None:
            pass
        case Ended(result):
            lifecycle.end(w, event.id, result)
        case Suspended(awaits):
            lifecycle.suspend(w, event.id, awaits)
        case Failed() as failed:
            lifecycle.fail(w, event.id, failed)


def _run_ended(w: Work, event: RunEnded) -> None:
    _forget_run_retry(w, event.id, event.command)
    lifecycle.complete(w, event.id, event.command, event.result)


def _run_failed(w: Work, event: RunFailed) -> None:
    row = w.load(event.id)
    item = None if row is None else row.open.get(event.command)
    if row is None or not isinstance(item, OpenRun) or row.status is Status.PAUSED:
        return
    retry = next_try(event.policy, item.retry, event.failure, w.now_ms, event.retry_after_ms)
    if retry is not None:
        w.store(event.id, replace(row, open={**row.open, event.command: OpenRun(retry)}))
        w.set_timer(retry.next_at_ms, event.id, TimerKind.RUN_RETRY, event.command)
    elif event.policy.on_exhausted == "fail":
        lifecycle.complete(w, event.id, event.command, event.failure)
    else:
        w.store(event.id, replace(row, open={**row.open, event.command: OpenRun()}))
        lifecycle.pause(w, event.id, event.failure)


def _forget_run_retry(w: Work, id: bytes, command: int) -> None:
    """A closure of an earlier attempt may return while the next try of a later one is due."""
    row = w.load(id)
    item = None if row is None else row.open.get(command)
    if isinstance(item, OpenRun) and item.retry is not None:
        w.txn.delete(timer_key(item.retry.next_at_ms, id, TimerKind.RUN_RETRY, command))


def _signalled(w: Work, event: Signalled) -> None:
    lifecycle.signal(w, event.id, event.index, event.result, event.name)
    if event.index == CANCEL_SIGNAL:
        lifecycle.resume(w, event.id)


def _timers_due(w: Work, _: TimersDue) -> None:
    for count, key in enumerate(list(w.txn.keys(TIMER.letter, TIMERS_AT_ONCE + 1))):
        at_ms, id, kind, command = read_timer_key(key)
        if at_ms > w.now_ms or count == TIMERS_AT_ONCE:
            w.actions.append(SetAlarm(at_ms))
            return
        w.txn.delete(key)
        if w.load_other(id) is not None:
            _TIMERS[kind](w, id, command)


def _start_scheduled(w: Work, id: bytes, _: int) -> None:
    row = w.load(id)
    if row is not None and row.status is Status.SCHEDULED:
        lifecycle.admit(w, id, row)


def _wake(w: Work, id: bytes, command: int) -> None:
    lifecycle.complete(w, id, command, VOID)


def _retry(w: Work, id: bytes, _: int) -> None:
    row = w.load(id)
    if row is not None and row.status is Status.BACKING_OFF:
        lifecycle.start(w, id, row)


def _retry_run(w: Work, id: bytes, command: int) -> None:
    row = w.load(id)
    if row is None or command not in row.open:
        return
    if row.status is Status.SUSPENDED:
        lifecycle.start(w, id, row)
    elif row.status is Status.RUNNING:
        w.actions.append(RetryRun(id, command))


def _timed_out(w: Work, id: bytes, _: int) -> None:
    row = w.load(id)
    if row is None or row.status is Status.COMPLETED:
        return
    limit_ms = row.deadline_ms - (row.execute_at_ms or row.created_at_ms)
    w.store(id, replace(row, deadline_ms=0))
    lifecycle.signal(
        w, id, CANCEL_SIGNAL, Failure(408, f"{row.target} timed out: timeouts.run is {limit_ms / 1000:g} s")
    )
    lifecycle.resume(w, id)


def _forget(w: Work, id: bytes, _: int) -> None:
    lifecycle.forget(w, id)


def _forget_journal(w: Work, id: bytes, _: int) -> None:
    lifecycle.forget_journal(w, id)


def _paused(w: Work, event: Paused) -> None:
    row = w.load(event.id)
    if row is not None and row.status in (Status.RUNNING, Status.SUSPENDED, Status.BACKING_OFF):
        lifecycle.pause(w, event.id, event.failure)


def _resumed(w: Work, event: Resumed) -> None:
    lifecycle.retry_runs(w, event.id)
    lifecycle.resume(w, event.id)


def _killed(w: Work, event: Killed) -> None:
    lifecycle.kill(w, event.id)


def _purged(w: Work, event: Purged) -> None:
    row = w.load(event.id)
    if row is not None and row.status is Status.COMPLETED:
        lifecycle.forget(w, event.id)


def _restarted(w: Work, event: Restarted) -> None:
    restart(w, event.id, event.new_id, event.keep)


def _journal_purged(w: Work, event: JournalPurged) -> None:
    row = w.load(event.id)
    if row is not None and row.status is Status.COMPLETED:
        lifecycle.forget_journal(w, event.id)


_RULES: dict[type, Callable[[Work, Any], None]] = {
    Submitted: _submitted,
    Stepped: _stepped,
    RunEnded: _run_ended,
    RunFailed: _run_failed,
    Signalled: _signalled,
    TimersDue: _timers_due,
    Paused: _paused,
    Resumed: _resumed,
    Killed: _killed,
    Restarted: _restarted,
    JournalPurged: _journal_purged,
    Purged: _purged,
    StateEdited: edit,
}

_TIMERS: dict[TimerKind, Callable[[Work, bytes, int], None]] = {
    TimerKind.START: _start_scheduled,
    TimerKind.SLEEP: _wake,
    TimerKind.RETRY: _retry,
    TimerKind.RUN_RETRY: _retry_run,
    TimerKind.PURGE_JOURNAL: _forget_journal,
    TimerKind.PURGE: _forget,
    TimerKind.DEADLINE: _timed_out,
}
