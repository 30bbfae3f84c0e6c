"""An invocation's life, from acceptance until it is forgotten.

Law of this module: load a row, change it, store it, in one function. A row held across a call that may write
the same row is stale.
"""

from __future__ import annotations

import msgspec

from perdure.core.entry import (
    Completion,
    Entry,
    Failure,
    Headers,
    Input,
    Notification,
    Ok,
    Result,
    Signal,
    Target,
)
from perdure.core.event import Abort, Failed, Notify, Respond, RetryRun, Start
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.port import Facts
from perdure.core.retry import RetryState, next_try
from perdure.core.tables import (
    ACTIVE,
    INBOX,
    JOURNAL,
    LOCK,
    PROMISE,
    Invocation,
    Lock,
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
    journal_key,
    lock_key,
    promise_key,
    state_key,
    timer_key,
)
from perdure.core.transitions import TRANSITIONS, IllegalTransition, Move
from perdure.core.work import Work

replace = msgspec.structs.replace

CANCELLED = Failure(409, "cancelled")
KILLED = Failure(409, "killed")
FORGOTTEN = Failure(404, "the workflow was forgotten before the promise was completed")


def _move(w: Work, row: Invocation, move: Move) -> Invocation:
    status = TRANSITIONS[row.status].get(move)
    if status is None:
        raise IllegalTransition(f"{row.target} is {row.status.name} and cannot {move.value}")
    return replace(row, status=status, changed_at_ms=w.now_ms)


# --- beginning ---------------------------------------------------------------------------------------------


class Request(msgspec.Struct, frozen=True):
    """What makes an invocation, whoever asks for it."""

    id: bytes
    target: Target
    value: bytes
    headers: Headers = ()
    seed: int = 0
    delay_ms: int = 0
    idempotency_key: str | None = None
    retention_ms: int | None = None
    waiter: tuple[bytes, int] | None = None


def accept(w: Work, request: Request, facts: Facts) -> None:
    """Make the row and the journal of a new invocation, and let it run, queue or wait for its time."""
    identified = request.idempotency_key is not None or facts.kind == "run"
    completed = facts.completed_retention_ms if identified else facts.journal_retention_ms
    if request.retention_ms is not None:
        completed = request.retention_ms
    execute_at = w.now_ms + request.delay_ms if request.delay_ms else 0
    deadline = (execute_at or w.now_ms) + facts.run_timeout_ms if facts.run_timeout_ms else 0
    row = Invocation(
        target=request.target,
        kind=facts.kind,
        status=Status.SCHEDULED,
        created_at_ms=w.now_ms,
        changed_at_ms=w.now_ms,
        journal_length=1,
        commands=1,
        waiters=() if request.waiter is None else (request.waiter,),
        execute_at_ms=execute_at,
        idempotency_key=request.idempotency_key,
        journal_retention_ms=min(facts.journal_retention_ms, completed),
        completed_retention_ms=completed,
        deployment=facts.deployment,
        deadline_ms=deadline,
    )
    entry = Input(request.value, request.headers, execute_at or w.now_ms, request.seed)
    w.txn.put(JOURNAL, journal_key(request.id, 0), (entry,))
    if deadline:
        w.set_timer(deadline, request.id, TimerKind.DEADLINE)
    if execute_at:
        w.store(request.id, row)
        w.set_timer(execute_at, request.id, TimerKind.START)
    else:
        admit(w, request.id, row)


def admit(w: Work, id: bytes, row: Invocation) -> None:
    """Start it, or queue it behind the invocation that holds its key."""
    if row.kind != "exclusive":
        start(w, id, row)
        return
    place = address(row.target)
    lock = w.txn.get(LOCK, lock_key(place))
    if lock is None:
        w.txn.put(LOCK, lock_key(place), Lock(id))
        start(w, id, row)
        return
    w.txn.put(INBOX, inbox_key(place, lock.tail), id)
    w.txn.put(LOCK, lock_key(place), Lock(lock.holder, lock.head, lock.tail + 1))
    w.store(id, replace(_move(w, row, Move.ENQUEUE), inbox_position=lock.tail))


def start(w: Work, id: bytes, row: Invocation) -> None:
    """Begin an attempt."""
    w.store(id, replace(_move(w, row, Move.START), inbox_position=-1, awaits=()))
    w.txn.put(ACTIVE, active_key(id), None)
    w.actions.append(Start(id))


# --- being told --------------------------------------------------------------------------------------------


def append(w: Work, id: bytes, row: Invocation, entries: tuple[Entry, ...]) -> Invocation:
    """Write entries behind a journal; returns the row, not yet stored, that counts them."""
    w.txn.put(JOURNAL, journal_key(id, row.journal_length), entries)
    return replace(row, journal_length=row.journal_length + len(entries))


def complete(w: Work, id: bytes, command: int, result: Result) -> None:
    """Answer a command. Only its first answer counts."""
    row = w.load_other(id)
    if row is None or command not in row.open:
        return
    still_open = {index: item for index, item in row.open.items() if index != command}
    _tell(w, id, replace(row, open=still_open), Completion(command, result, w.now_ms))


def signal(w: Work, id: bytes, index: int, result: Ok | Failure, name: str | None = None) -> None:
    """Tell an invocation something that it did not ask for. One that has completed hears nothing.

    One that has not begun can be cancelled, and hears signals that were sent by name when it begins.
    """
    row = w.load(id)
    if row is None or row.status is Status.COMPLETED:
        return
    if row.status in (Status.SCHEDULED, Status.PENDING) and index == CANCEL_SIGNAL:
        end(w, id, result)
    else:
        _tell(w, id, row, Signal(index, result, w.now_ms, name))


def _tell(w: Work, id: bytes, row: Invocation, notification: Notification) -> None:
    position = row.journal_length
    row = append(w, id, row, (notification,))
    if row.status is Status.SUSPENDED:
        start(w, id, row)
        return
    w.store(id, row)
    if row.status is Status.RUNNING:
        w.actions.append(Notify(id, position, notification))


# --- resting -----------------------------------------------------------------------------------------------


def suspend(w: Work, id: bytes, awaits: tuple[int | str, ...] = ()) -> None:
    """The attempt left memory; the next notification starts another."""
    row = w.load(id)
    if row is None:
        return
    w.store(id, replace(_move(w, row, Move.SUSPEND), awaits=awaits))
    w.txn.delete(active_key(id))


def fail(w: Work, id: bytes, failed: Failed) -> None:
    """The attempt failed: try again later, or do as the policy says when it is exhausted."""
    row = w.load(id)
    if row is None:
        return
    retry = next_try(failed.policy, row.retry, failed.failure, w.now_ms, failed.retry_after_ms)
    if retry is None and failed.policy.on_exhausted == "fail":
        end(w, id, failed.failure)
    elif retry is None:
        pause(w, id, failed.failure)
    else:
        w.store(id, replace(_move(w, row, Move.FAIL), retry=retry))
        w.txn.delete(active_key(id))
        w.set_timer(retry.next_at_ms, id, TimerKind.RETRY)


def pause(w: Work, id: bytes, failure: Failure) -> None:
    """Stop an invocation where it is, until an operator resumes it."""
    row = w.load(id)
    if row is None:
        return
    if row.status is Status.RUNNING:
        w.actions.append(Abort(id))
    _clear_retry(w, id, row)
    failures = 1 if row.retry is None else row.retry.failures + 1
    first = w.now_ms if row.retry is None else row.retry.first_failed_at_ms
    w.store(id, replace(_move(w, row, Move.PAUSE), retry=RetryState(failures, first, 0, failure)))
    w.txn.delete(active_key(id))


def resume(w: Work, id: bytes) -> None:
    """Let a paused or backing-off invocation go on now, with its failures forgotten."""
    row = w.load(id)
    if row is not None and row.status in (Status.PAUSED, Status.BACKING_OFF):
        _clear_retry(w, id, row)
        start(w, id, replace(row, retry=None))


def runs_backing_off(row: Invocation, now_ms: int) -> dict[int, int]:
    """The runs that wait for their next try: the index of the command, and when it is due."""
    return {
        command: item.retry.next_at_ms
        for command, item in row.open.items()
        if isinstance(item, OpenRun) and item.retry is not None and item.retry.next_at_ms > now_ms
    }


def retry_runs(w: Work, id: bytes) -> None:
    """Let runs that back off be tried now, with their failures forgotten."""
    row = w.load(id)
    waiting = {} if row is None else runs_backing_off(row, w.now_ms)
    if row is None or not waiting:
        return
    for command, at_ms in waiting.items():
        w.txn.delete(timer_key(at_ms, id, TimerKind.RUN_RETRY, command))
    row = replace(row, open={**row.open, **dict.fromkeys(waiting, OpenRun())})
    if row.status is Status.SUSPENDED:
        start(w, id, row)
        return
    w.store(id, row)
    if row.status is Status.RUNNING:
        w.actions.extend(RetryRun(id, command) for command in waiting)


def _clear_retry(w: Work, id: bytes, row: Invocation) -> None:
    if row.status is Status.BACKING_OFF and row.retry is not None:
        w.txn.delete(timer_key(row.retry.next_at_ms, id, TimerKind.RETRY))


# --- ending ------------------------------------------------------------------------------------------------


def end(w: Work, id: bytes, result: Ok | Failure) -> None:
    """Complete an invocation: give back what it holds, tell those who wait, keep the result for a while."""
    row = w.load(id)
    if row is None:
        return
    done = _move(w, row, Move.END)
    _give_back(w, id, row)
    w.txn.delete(active_key(id))
    w.actions.append(Respond(id, result))
    if row.completed_retention_ms:
        expires = w.now_ms + row.completed_retention_ms
        w.store(id, replace(done, result=result, open={}, waiters=(), retry=None, expires_at_ms=expires))
        w.set_timer(expires, id, TimerKind.PURGE)
        if not row.journal_retention_ms:
            forget_journal(w, id)
        elif row.journal_retention_ms < row.completed_retention_ms:
            w.set_timer(w.now_ms + row.journal_retention_ms, id, TimerKind.PURGE_JOURNAL)
    else:
        forget(w, id)
    for waiter, command in row.waiters:
        complete(w, waiter, command, result)


def kill(w: Work, id: bytes) -> None:
    """End an invocation without asking it, and with it those that it called and that nobody else waits for.

    What it sent goes on: it was given away.
    """
    doomed = [id]
    while doomed:
        victim = doomed.pop()
        row = w.load(victim)
        if row is None or row.status is Status.COMPLETED:
            continue
        w.actions.append(Abort(victim))
        end(w, victim, KILLED)
        for item in row.open.values():
            if isinstance(item, OpenCall) and not item.attached:
                callee = w.load_other(item.callee)
                if callee is not None and all(waiter == victim for waiter, _ in callee.waiters):
                    doomed.append(item.callee)


def _give_back(w: Work, id: bytes, row: Invocation) -> None:
    """Timers, promises that are waited for, the place in the inbox, the lock."""
    _clear_retry(w, id, row)
    if row.deadline_ms:
        w.txn.delete(timer_key(row.deadline_ms, id, TimerKind.DEADLINE))
    if row.status is Status.SCHEDULED:
        w.txn.delete(timer_key(row.execute_at_ms, id, TimerKind.START))
    for command, item in row.open.items():
        if isinstance(item, OpenSleep):
            w.txn.delete(timer_key(item.at_ms, id, TimerKind.SLEEP, command))
        elif isinstance(item, OpenRun) and item.retry is not None:
            w.txn.delete(timer_key(item.retry.next_at_ms, id, TimerKind.RUN_RETRY, command))
        elif isinstance(item, OpenPromise):
            _stop_waiting(w, promise_key(address(row.target), item.name), (id, command))
        elif isinstance(item, OpenCall):
            _stop_waiting_for(w, item.callee, (id, command))
    if row.kind == "exclusive":
        place = address(row.target)
        if row.status is Status.PENDING:
            w.txn.delete(inbox_key(place, row.inbox_position))
        elif row.status is not Status.SCHEDULED:
            _pass_lock(w, place)


def _stop_waiting(w: Work, key: bytes, waiter: tuple[bytes, int]) -> None:
    promise = w.txn.get(PROMISE, key)
    if promise is not None:
        w.txn.put(PROMISE, key, replace(promise, waiters=tuple(x for x in promise.waiters if x != waiter)))


def _stop_waiting_for(w: Work, callee: bytes, waiter: tuple[bytes, int]) -> None:
    """Else its result would answer a command of whoever has this id next."""
    row = w.load_other(callee)
    if row is not None and waiter in row.waiters:
        w.store(callee, replace(row, waiters=tuple(x for x in row.waiters if x != waiter)))


def _pass_lock(w: Work, place: bytes) -> None:
    """Give the key to the next in its inbox. Places of those that were cancelled are empty."""
    lock = w.txn.get(LOCK, lock_key(place))
    if lock is None:
        raise IllegalTransition("a key was released that nobody held")
    for position in range(lock.head, lock.tail):
        key = inbox_key(place, position)
        id = w.txn.get(INBOX, key)
        if id is None:
            continue
        w.txn.delete(key)
        row = w.load_other(id)
        if row is not None:
            w.txn.put(LOCK, lock_key(place), Lock(id, position + 1, lock.tail))
            start(w, id, row)
            return
    w.txn.delete(lock_key(place))


def forget(w: Work, id: bytes) -> None:
    """Remove an invocation; with a workflow's run go its state and its promises."""
    row = w.load(id)
    if row is None:
        return
    if row.expires_at_ms:
        w.txn.delete(timer_key(row.expires_at_ms, id, TimerKind.PURGE))
    forget_journal(w, id)
    w.txn.delete(invocation_key(id))
    if row.kind == "run":
        place = address(row.target)
        for key in list(w.txn.keys(state_key(place))):
            w.txn.delete(key)
        for key, promise in list(w.txn.scan(PROMISE, promise_key(place))):
            w.txn.delete(key)
            for waiter, command in promise.waiters:
                complete(w, waiter, command, FORGOTTEN)


def forget_journal(w: Work, id: bytes) -> None:
    """Remove the journal and keep the result."""
    for key in list(w.txn.keys(journal_key(id, 0)[:-4])):
        w.txn.delete(key)
    row = w.load(id)
    if row is not None:
        w.txn.delete(timer_key(row.changed_at_ms + row.journal_retention_ms, id, TimerKind.PURGE_JOURNAL))
        w.store(id, replace(row, journal_length=0, commands=0))
