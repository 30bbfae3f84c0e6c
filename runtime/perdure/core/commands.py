"""What each command does to the node, one small rule a command, in a table.

A rule that can answer at once does; one that cannot leaves its command open in the invocation's row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from perdure.core.entry import (
    VOID,
    Attach,
    Call,
    Cancel,
    ClearAllState,
    ClearRun,
    ClearState,
    ClearTimer,
    Command,
    CompleteAwakeable,
    CompletePromise,
    Failure,
    GetPromise,
    PeekPromise,
    Run,
    Send,
    SendSignal,
    SetState,
    Sleep,
    Target,
)
from perdure.core.event import StartRun
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.lifecycle import CANCELLED, Request, accept, complete, replace, resume, signal
from perdure.core.tables import (
    PROMISE,
    STATE,
    Invocation,
    Open,
    OpenCall,
    OpenPromise,
    OpenRun,
    OpenSleep,
    Promise,
    StateValue,
    TimerKind,
    address,
    promise_key,
    state_key,
    timer_key,
)
from perdure.core.work import Work

ALREADY_INVOKED = Failure(409, "the workflow method was already invoked")
ALREADY_COMPLETED = Failure(409, "promise was already completed")
UNKNOWN_INVOCATION = Failure(404, "not found")


def open_item(command: Command) -> Open | None:
    """What stays open of a command until it is answered; None if it is never answered."""
    match command:
        case Sleep():
            return OpenSleep(command.wake_up_at_ms)
        case Call():
            return OpenCall(command.callee)
        case Attach():
            return OpenCall(command.invocation, True)
        case Run():
            return OpenRun()
        case GetPromise() | PeekPromise() | CompletePromise():
            return OpenPromise(command.name)
        case _:
            return None


# --- state -------------------------------------------------------------------------------------------------


def _set_state(w: Work, at: _At, command: SetState) -> None:
    w.txn.put(STATE, state_key(address(at.target), command.key), StateValue(command.key, command.value))


def _clear_state(w: Work, at: _At, command: ClearState) -> None:
    w.txn.delete(state_key(address(at.target), command.key))


def _clear_all_state(w: Work, at: _At, _: ClearAllState) -> None:
    for key in list(w.txn.keys(state_key(address(at.target)))):
        w.txn.delete(key)


# --- time --------------------------------------------------------------------------------------------------


def _sleep(w: Work, at: _At, command: Sleep) -> None:
    w.set_timer(command.wake_up_at_ms, at.id, TimerKind.SLEEP, at.index)


def _clear_run(w: Work, at: _At, command: ClearRun) -> None:
    row = w.load(at.id)
    item = None if row is None else row.open.get(command.command)
    if row is None or not isinstance(item, OpenRun):
        return  # it ended before it was cleared
    if item.retry is not None:
        w.txn.delete(timer_key(item.retry.next_at_ms, at.id, TimerKind.RUN_RETRY, command.command))
    w.store(at.id, replace(row, open={k: v for k, v in row.open.items() if k != command.command}))


def _clear_timer(w: Work, at: _At, command: ClearTimer) -> None:
    row = w.load(at.id)
    item = None if row is None else row.open.get(command.command)
    if row is None or not isinstance(item, OpenSleep):
        return  # it fired before it was cleared
    w.txn.delete(timer_key(item.at_ms, at.id, TimerKind.SLEEP, command.command))
    w.store(at.id, replace(row, open={k: v for k, v in row.open.items() if k != command.command}))


# --- other invocations -------------------------------------------------------------------------------------


def _call(w: Work, at: _At, command: Call) -> None:
    row = w.load(command.callee)
    if row is None:
        _create(w, at, command, 0, (at.id, at.index))
    elif row.kind == "run":
        complete(w, at.id, at.index, ALREADY_INVOKED)
    else:
        _wait_for(w, at, command.callee, row)


def _send(w: Work, at: _At, command: Send) -> None:
    if w.load(command.callee) is None:
        _create(w, at, command, command.delay_ms, None)


def _create(w: Work, at: _At, command: Call | Send, delay_ms: int, waiter: tuple[bytes, int] | None) -> None:
    target = command.target
    facts = w.catalog[target.service, target.handler]
    # The callee's chance comes from its id; an id is never used for two seeds.
    seed = int.from_bytes(command.callee[-8:], "big") ^ w.now_ms
    request = Request(
        id=command.callee,
        target=target,
        value=command.value,
        headers=command.headers,
        seed=seed,
        delay_ms=delay_ms,
        idempotency_key=command.idempotency_key,
        waiter=waiter,
    )
    accept(w, request, facts)


def _attach(w: Work, at: _At, command: Attach) -> None:
    row = w.load(command.invocation)
    if row is None:
        complete(w, at.id, at.index, UNKNOWN_INVOCATION)
    else:
        _wait_for(w, at, command.invocation, row)


def _wait_for(w: Work, at: _At, id: bytes, row: Invocation) -> None:
    if row.result is not None:
        complete(w, at.id, at.index, row.result)
    else:
        w.store(id, replace(row, waiters=(*row.waiters, (at.id, at.index))))


def _cancel(w: Work, _: _At, command: Cancel) -> None:
    signal(w, command.invocation, CANCEL_SIGNAL, CANCELLED)
    resume(w, command.invocation)  # one that is paused or backs off is to hear of it, too


def _send_signal(w: Work, _: _At, command: SendSignal) -> None:
    signal(w, command.invocation, 0, command.result, command.name)


def _complete_awakeable(w: Work, _: _At, command: CompleteAwakeable) -> None:
    signal(w, command.invocation, command.index, command.result)


# --- effects -----------------------------------------------------------------------------------------------


def _run(w: Work, at: _At, _: Run) -> None:
    w.actions.append(StartRun(at.id, at.index))


# --- promises ----------------------------------------------------------------------------------------------


def _get_promise(w: Work, at: _At, command: GetPromise) -> None:
    key = promise_key(address(at.target), command.name)
    promise = w.txn.get(PROMISE, key) or Promise(command.name)
    if promise.result is not None:
        complete(w, at.id, at.index, promise.result)
    else:
        w.txn.put(PROMISE, key, replace(promise, waiters=(*promise.waiters, (at.id, at.index))))


def _peek_promise(w: Work, at: _At, command: PeekPromise) -> None:
    promise = w.txn.get(PROMISE, promise_key(address(at.target), command.name))
    complete(w, at.id, at.index, VOID if promise is None or promise.result is None else promise.result)


def _complete_promise(w: Work, at: _At, command: CompletePromise) -> None:
    key = promise_key(address(at.target), command.name)
    promise = w.txn.get(PROMISE, key) or Promise(command.name)
    if promise.result is not None:
        complete(w, at.id, at.index, ALREADY_COMPLETED)
        return
    w.txn.put(PROMISE, key, Promise(command.name, command.result))
    for waiter, index in promise.waiters:
        complete(w, waiter, index, command.result)
    complete(w, at.id, at.index, VOID)


# --- the table ---------------------------------------------------------------------------------------------


class _At:
    """Where a command was issued."""

    __slots__ = ("id", "index", "target")

    def __init__(self, id: bytes, index: int, target: Target) -> None:
        self.id = id
        self.index = index
        self.target = target


_Rule: TypeAlias = Callable[..., None]

_RULES: dict[type, _Rule] = {
    SetState: _set_state,
    ClearState: _clear_state,
    ClearAllState: _clear_all_state,
    Sleep: _sleep,
    ClearTimer: _clear_timer,
    ClearRun: _clear_run,
    Call: _call,
    Send: _send,
    Attach: _attach,
    Cancel: _cancel,
    CompleteAwakeable: _complete_awakeable,
    SendSignal: _send_signal,
    Run: _run,
    GetPromise: _get_promise,
    PeekPromise: _peek_promise,
    CompletePromise: _complete_promise,
}
"""A command that is not here (reading state) only stands in the journal."""


def execute(w: Work, id: bytes, target: Target, first_index: int, commands: tuple[Command, ...]) -> None:
    """Do what newly journaled commands ask for, in their order."""
    for index, command in enumerate(commands, first_index):
        rule = _RULES.get(type(command))
        if rule is not None:
            rule(w, _At(id, index, target), command)
