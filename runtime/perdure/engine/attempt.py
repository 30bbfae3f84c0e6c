"""One try at running an invocation: a handler on a durable loop, against its journal.

An attempt does no I/O. `advance` runs the handler as far as it can go and returns what happened as one event;
the runner applies it, executes the closures, and calls `advance` again when there is something to tell.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from perdure.core.entry import (
    Call,
    Cancel,
    ClearAllState,
    ClearRun,
    ClearState,
    ClearTimer,
    Command,
    Completion,
    Entry,
    Failure,
    GetState,
    GetStateKeys,
    Notification,
    Ok,
    Run,
    SetState,
    Signal,
    Sleep,
    Target,
    check_storable,
)
from perdure.core.event import Ended, Failed, Stepped
from perdure.core.ids import CANCEL_SIGNAL, FIRST_AWAKEABLE, format_id
from perdure.core.replay import Replay
from perdure.engine.effects import Effect
from perdure.engine.registry import Bound
from perdure.engine.signals import Signals
from perdure.engine.unsaved import Unsaved
from perdure.errors import JournalMismatch, NonDurableOperation, RetryableError, TerminalError
from perdure.journal import CallFuture, Closure, Decode, complete, fail
from perdure.loop import DurableFuture, DurableLoop
from perdure.outcome import as_terminal, explain, to_exception, to_failure
from perdure.serde import BadValue, seal
from perdure.service import HandlerDef, RetryPolicy, milliseconds

_log = logging.getLogger("perdure.handler")

STATE_KINDS = ("exclusive", "run")
LATE_MS = 50
"""A handler's clock that is later than this is put forward when it is read. Less is the usual delay of a busy node."""
MISMATCH_CODE = 570
"""Restate's code for a journal mismatch."""


class Host(Protocol):
    """What an attempt asks of the node, now."""

    def clock_ms(self) -> int:
        """The time now."""
        ...

    def stored_state(self, target: Target, name: str) -> bytes | None:
        """A value of an object's state."""
        ...

    def stored_names(self, target: Target) -> tuple[str, ...]:
        """The keys of an object's state, sorted."""
        ...

    def callee(self, target: Target, idempotency_key: str | None) -> bytes:
        """Id for an invocation of a target."""
        ...

    def handler(self, service: str, name: str) -> HandlerDef[Any] | None:
        """A handler that is served here."""
        ...


class Attempt:
    """Implements `context.Journal` on the journal of the embedded engine."""

    elsewhere = False
    identify = staticmethod(format_id)

    def __init__(self, id: bytes, target: Target, entries: list[Entry], bound: Bound, host: Host) -> None:
        self.id = id
        self.target = target
        self.bound = bound
        self.replay = Replay(entries)
        self.input = self.replay.input
        self.loop = DurableLoop(self.input.at_ms, self, int.from_bytes(id[-5:], "big"))  # type: ignore[abstract]  # what is missing refuses by name
        self.effects: dict[int, Effect] = {}
        """Closures of runs without a result, by command index."""
        self.recorded_effects: list[int] = []
        """Those among them whose command is in the journal already; the runner starts them."""
        self._host = host
        self.callee = host.callee
        self.handler = host.handler
        self._futures: dict[int, tuple[DurableFuture[Any], Decode]] = {}
        self._signals = Signals()
        self._next_signal = FIRST_AWAKEABLE
        self._armed: dict[int, int] = {}
        self._runs: set[int] = set()
        self._unsaved = Unsaved()
        self._mismatch: JournalMismatch | None = None
        self._clock_read = False
        self._task: asyncio.Task[Any] | None = None

    # --- the runner's side

    def advance(self) -> Stepped | None:
        """Run as far as the journal goes. None if nothing was asked for and the handler waits."""
        try:
            self._run()
            done = self._task is not None and self._task.done()
            self.replay.check_exhausted(_what_now(self._task))
            if not done and not (self._futures or self._signals or self._armed):
                raise NonDurableOperation(
                    "the handler waits for something that no journal entry will wake: an event, a queue or a future"
                    " that nothing durable completes. Wait for a result of ctx, for asyncio.sleep or for a task"
                )
        except (JournalMismatch, NonDurableOperation, SystemExit) as e:
            return self._failed(e)
        if not done:
            commands = self._take()
            return Stepped(self.id, commands) if commands else None
        return self._ended()

    @property
    def replaying(self) -> bool:
        """Whether the handler is being told what is recorded."""
        return self.replay.replaying

    @property
    def awaits(self) -> tuple[int | str, ...]:
        """The awakeables, by index, and the signals, by name, that are waited for."""
        return self._signals.awaited

    def clock_read(self) -> None:
        """Put the clock forward, if the handler reads it late: it queued, or the node was down, or it backed off.

        Nothing tells the handler of such a pause, and its next sleep must not be measured from before it.
        """
        if not self._clock_read:
            self._clock_read = True
            now_ms = self._host.clock_ms()
            at_ms = self.replay.read_clock(now_ms, now_ms - self.loop.now_ms > LATE_MS)
            if at_ms is not None:
                self.loop.advance(at_ms)

    def close(self) -> None:
        """Drop the handler where it is; its journal has all that counts."""
        self.loop.close()

    # --- running

    def _run(self) -> None:
        if self._task is None:
            self._begin()
        self._settle()
        while self._task is not None and not self._task.done():
            notification = self.replay.next_notification()
            if notification is None:
                return
            self._deliver(notification)
            self._settle()

    def _begin(self) -> None:
        self._task = self.loop.create_task(self.bound.handle(self, self.input.value))

    def _settle(self) -> None:
        """Run until quiet, also through timers that are due by the loop's own clock; then arm the next timer."""
        loop = self.loop
        self._clock_read = False
        loop.run_until_quiet()
        while (due := loop.next_timer_ms()) is not None and due <= loop.now_ms:
            loop.fire_timers()
            loop.run_until_quiet()
        if self._mismatch is not None:
            raise self._mismatch
        if due is not None or self._armed:
            self._arm(None if self._task is not None and self._task.done() else due)

    def _arm(self, due_ms: int | None) -> None:
        """Keep a sleep in the journal for the earliest timer, and none that nobody wants any more.

        One is enough: when it fires the next is armed. So a timer that is set and cancelled between two waits
        never reaches the journal.
        """
        for index in [i for i, at in self._armed.items() if due_ms is None or at < due_ms]:
            del self._armed[index]
            self.replay.issue(ClearTimer(index))
        if due_ms is not None and due_ms not in self._armed.values():
            index = self.replay.next_index
            recorded = self.replay.issue(Sleep(due_ms))
            self._armed[index] = recorded.wake_up_at_ms if isinstance(recorded, Sleep) else due_ms

    def _deliver(self, notification: Notification) -> None:
        self.loop.advance(notification.at_ms)
        if not isinstance(notification, Completion):
            self._deliver_signal(notification)
        elif notification.command in self._armed:
            self.loop.advance(self._armed.pop(notification.command))
            self.loop.fire_timers()
        elif notification.command in self._futures:
            self.effects.pop(notification.command, None)
            self._runs.discard(notification.command)
            complete(*self._futures.pop(notification.command), notification.result)
        elif notification.command >= self.replay.next_index:
            self.replay.check_exhausted(_what_now(self._task))

    def _deliver_signal(self, signal: Signal) -> None:
        if signal.index == CANCEL_SIGNAL and isinstance(signal.result, Failure):
            self._cancel(to_exception(signal.result))
            return
        wait = self._signals.tell(signal.name or signal.index, signal.result)
        if wait is not None:
            complete(*wait, signal.result)

    def _cancel(self, error: TerminalError) -> None:
        """Every wait of the handler fails, and what it called is cancelled; what it asks for afterwards is not.

        So it hears of it at its next await, wherever that is, and can undo what it has done.
        """
        waits = [*self._futures.values(), *self._signals.take_waits()]
        self._futures.clear()
        for command in sorted(self._runs):
            self.replay.issue(ClearRun(command))
        self._runs.clear()
        self.effects.clear()
        for future, _ in waits:
            if isinstance(future, CallFuture) and not future.done():
                self.replay.issue(Cancel(future.callee))
            fail(future, error)
        for sleeper in self.loop.take_sleepers():
            fail(sleeper, error)

    def _leave(self, command: int, callee: bytes) -> None:
        """A call that nobody waits for any more, because its task was cancelled, is cancelled too."""
        if self._futures.pop(command, None) is not None and not self.loop.is_closed():
            self._record(Cancel(callee))

    # --- ends

    def _take(self) -> tuple[Command, ...]:
        self._unsaved.saved()
        return self.replay.take_new()

    def _ended(self) -> Stepped:
        assert self._task is not None
        if self._task.cancelled():
            return self._failed(asyncio.CancelledError())
        error = self._task.exception()
        terminal = None if error is None else as_terminal(error)
        if terminal is not None:
            return Stepped(self.id, self._take(), Ended(to_failure(terminal)))
        if error is not None:
            return self._failed(error)
        definition = self.bound.definition
        try:
            output = seal(self._task.result(), definition.output)
        except BadValue as e:
            return self._failed(TypeError(f"{definition.service}/{definition.name} returned a bad value: {e}"))
        return Stepped(self.id, self._take(), Ended(Ok(output)))

    def _failed(self, error: BaseException) -> Stepped:
        """The attempt takes back what it asked for since it was last quiet."""
        self.replay.drop_new()
        _log.warning("an attempt of %s failed", self.target, exc_info=error)
        code = MISMATCH_CODE if isinstance(error, JournalMismatch) else 500
        after = milliseconds(error.retry_after) if isinstance(error, RetryableError) else None
        return Stepped(self.id, (), Failed(Failure(code, explain(error)), self.bound.policy, after))

    # --- context.Journal

    def issue(self, command: Command, decode: Decode) -> DurableFuture[Any]:
        """Ask for something that will be answered."""
        index = self.replay.next_index
        recorded = self._record(command)
        future: DurableFuture[Any]
        if isinstance(recorded, Call):
            future = CallFuture(self.loop)
            future.callee = recorded.callee
            future.on_cancel = lambda: self._leave(index, recorded.callee)
        else:
            future = DurableFuture(self.loop)
        self._futures[index] = (future, decode)
        return future

    def tell(self, command: Command) -> Command:
        """Ask for something that has no answer."""
        if isinstance(command, SetState | ClearState | ClearAllState):
            self._check_writable()
        fresh = self.replay.at_end
        recorded = self._record(command)
        if fresh:
            self._unsaved.remember(command)
        return recorded

    def _record(self, command: Command) -> Command:
        if asyncio.events._get_running_loop() is not self.loop:
            raise NonDurableOperation(
                "ctx can only be used by its own handler while it runs: not inside of a function given to ctx.run,"
                " not in another thread, and not after the attempt"
            )
        if self.replay.at_end:
            check_storable(command)
        try:
            return self.replay.issue(command)
        except JournalMismatch as e:
            self._mismatch = self._mismatch or e
            raise

    def _check_writable(self) -> None:
        if self.bound.definition.kind not in STATE_KINDS:
            raise NonDurableOperation(
                f"{self.target} is a {self.bound.definition.kind} handler: only the exclusive handlers of an object"
                " and the run of a workflow may write state"
            )

    async def read_state(self, name: str) -> bytes | None:
        """One value of the object's state; the value read becomes part of the journal."""
        value: bytes | None = None
        if self.replay.at_end:
            value = self._unsaved.read(name, lambda: self._host.stored_state(self.target, name))
        recorded = self._record(GetState(name, value))
        return recorded.value if isinstance(recorded, GetState) else value

    async def state_names(self) -> tuple[str, ...]:
        """The keys that the object's state has."""
        names: tuple[str, ...] = ()
        if self.replay.at_end:
            names = self._unsaved.names(lambda: self._host.stored_names(self.target))
        recorded = self._record(GetStateKeys(names))
        return recorded.keys if isinstance(recorded, GetStateKeys) else names

    def run(self, name: str, closure: Closure, returns: Any, retry: RetryPolicy | None) -> DurableFuture[Any]:  # noqa: ANN401  a type
        """Execute an effect outside and keep its result."""
        index = self.replay.next_index
        recorded = not self.replay.at_end
        returns, decoding = self.bound.result_type(closure, returns)
        future = self.issue(Run(name), decoding)
        self._runs.add(index)
        if not self.replay.answered(index):
            policy = self.bound.policy if retry is None else self.bound.run_policy(retry)
            self.effects[index] = Effect(name, closure, returns, policy, self.bound.abort_ms)
            if recorded:
                self.recorded_effects.append(index)
        return future

    def await_signal(self, decode: Decode, name: str | None = None) -> tuple[int, DurableFuture[Any]]:
        """Future of a signal by name, or index and future of a new awakeable."""
        index = 0
        if name is None:
            index = self._next_signal
            self._next_signal += 1
        future = DurableFuture[Any](self.loop)
        told = self._signals.wait(name or index, (future, decode))
        if told is not None:
            complete(future, decode, told)
        return index, future


def _what_now(task: asyncio.Task[Any] | None) -> str:
    if task is None or not task.done():
        return "the handler waits, and asks for nothing more"
    if task.cancelled():
        return "the handler failed: its task was cancelled"
    error = task.exception()
    return "the handler returned" if error is None else f"the handler failed: {explain(error)}"
