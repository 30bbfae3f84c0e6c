"""Runs attempts, one at a time and each until it is quiet, and the closures of their runs beside them."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections import OrderedDict, deque
from concurrent.futures import Executor
from typing import Any

from perdure.context import Closure
from perdure.core.check import read_journal
from perdure.core.entry import Failure, Ok, Target
from perdure.core.event import Failed, Notify, RunEnded, RunFailed, Stepped, Suspended
from perdure.core.ids import idempotent_id, workflow_id
from perdure.core.retry import Policy
from perdure.core.tables import INVOCATION, STATE, OpenRun, Status, address, invocation_key, state_key
from perdure.engine.attempt import Attempt, Effect
from perdure.engine.boundary import Boundary, Probe
from perdure.engine.clock import Clock, Ids
from perdure.engine.registry import UNTYPED, Bound, Registry
from perdure.engine.writer import Writer
from perdure.errors import RetryableError, StoreError, TerminalError
from perdure.outcome import to_failure
from perdure.serde import BadValue, seal, seal_untyped
from perdure.service import HandlerDef, milliseconds

_log = logging.getLogger("perdure.runner")

STEPS_PER_TURN = 64
"""So many attempts advance before the loop gets a turn for callers, commits and timers."""
IDLE_AT_MOST = 10_000
"""Attempts that only wait, in memory; more, and the one that has waited longest is suspended."""
NEVER_AGAIN = Policy(max_attempts=1, on_exhausted="pause")


class Runner:
    """Implements `attempt.Host` and the actions that concern attempts."""

    def __init__(self, registry: Registry, writer: Writer, threads: Executor, clock: Clock, probe: Probe) -> None:
        self.attempts: dict[bytes, Attempt] = {}
        self.ids = Ids(clock)
        self._registry = registry
        self._writer = writer
        self._threads = threads
        self._clock = clock
        self._probe = probe
        self._queue: deque[bytes] = deque()
        self._queued: set[bytes] = set()
        self._pumps = False
        self._effects: dict[tuple[bytes, int], asyncio.Task[None]] = {}
        self._busy: dict[bytes, int] = {}
        self._idle: dict[int, OrderedDict[bytes, float]] = {}
        self._sweep: dict[int, asyncio.TimerHandle] = {}
        self._stopped = False

    # --- actions

    def start(self, id: bytes) -> None:
        """Begin an attempt."""
        self._enqueue(id)

    def notify(self, action: Notify) -> None:
        """Tell an attempt in memory; one that has yet to begin will find it in the journal."""
        attempt = self.attempts.get(action.id)
        if attempt is not None:
            attempt.replay.tell(action.position, action.notification)
            self._enqueue(action.id)

    def abort(self, id: bytes) -> None:
        """Drop an attempt; its closures run on, and nobody hears of them."""
        self._drop(id)

    def start_run(self, id: bytes, command: int) -> None:
        """Execute the closure of a run, unless it is being executed."""
        attempt = self.attempts.get(id)
        if attempt is None or command not in attempt.effects or (id, command) in self._effects or self._stopped:
            return
        task = asyncio.get_running_loop().create_task(self._execute(id, command, attempt.effects[command]))
        self._effects[id, command] = task
        self._busy[id] = self._busy.get(id, 0) + 1
        self._wake_up(id)

    # --- attempts

    def _enqueue(self, id: bytes) -> None:
        if id in self._queued:
            return
        self._queued.add(id)
        self._queue.append(id)
        if not self._pumps:
            self._pumps = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pumps = False
        for _ in range(min(len(self._queue), STEPS_PER_TURN)):
            if self._stopped:
                return
            id = self._queue.popleft()
            self._queued.discard(id)
            try:
                self._step(id)
            except StoreError:
                return  # the writer has said it
            except Exception:
                _log.exception("an attempt could not be advanced")
        if self._queue and not self._pumps:
            self._pumps = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _step(self, id: bytes) -> None:
        attempt = self.attempts.get(id)
        if attempt is None:
            attempt = self._begin(id)
            if attempt is None:
                return
        self._wake_up(id)
        event = attempt.advance()
        if event is not None:
            if event.end is not None:
                self._drop(id)
            self._writer.apply(event)
        if event is None or event.end is None:
            self._start_recorded(id, attempt)
            self._rest(id, attempt)

    def _begin(self, id: bytes) -> Attempt | None:
        row = self._writer.rows.get(INVOCATION, invocation_key(id))
        if row is None or row.status is not Status.RUNNING:
            return None
        bound = self._registry.handlers.get((row.target.service, row.target.handler))
        if bound is None:
            failure = Failure(
                404, f"nothing here serves {row.target.service}/{row.target.handler}; serve it and resume"
            )
            self._writer.apply(Stepped(id, (), Failed(failure, NEVER_AGAIN)))
            return None
        try:
            entries = read_journal(self._writer.rows, id, row.journal_length)
            attempt = Attempt(id, row.target, entries, bound, self)
        except Exception as e:
            failure = Failure(500, f"its journal cannot be read: {e}")
            self._writer.apply(Stepped(id, (), Failed(failure, NEVER_AGAIN)))
            return None
        self.attempts[id] = attempt
        return attempt

    def _drop(self, id: bytes) -> None:
        attempt = self.attempts.pop(id, None)
        if attempt is not None:
            self._wake_up(id)
            attempt.close()

    # --- memory

    def _bound(self, attempt: Attempt) -> Bound:
        return self._registry.handlers[attempt.target.service, attempt.target.handler]

    def _rest(self, id: bytes, attempt: Attempt) -> None:
        """The attempt waits. If nothing of it runs, it may leave memory after some time."""
        if id in self._queued or self._busy.get(id) or attempt.recorded_effects:
            return
        timeout = self._bound(attempt).inactivity_ms
        idle = self._idle.setdefault(timeout, OrderedDict())
        idle[id] = asyncio.get_running_loop().time()
        if len(idle) > IDLE_AT_MOST:
            self._suspend(next(iter(idle)))
        if timeout not in self._sweep:
            self._schedule_sweep(timeout)

    def _wake_up(self, id: bytes) -> None:
        for idle in self._idle.values():
            idle.pop(id, None)

    def _schedule_sweep(self, timeout: int) -> None:
        idle = self._idle[timeout]
        loop = asyncio.get_running_loop()
        if idle and not self._stopped:
            oldest = next(iter(idle.values()))
            self._sweep[timeout] = loop.call_at(oldest + timeout / 1000, self._suspend_idle, timeout)

    def _suspend_idle(self, timeout: int) -> None:
        del self._sweep[timeout]
        idle = self._idle[timeout]
        now = asyncio.get_running_loop().time()
        while idle:
            id, since = next(iter(idle.items()))
            if since + timeout / 1000 > now + 0.0005:
                break
            self._suspend(id)
        self._schedule_sweep(timeout)

    def _suspend(self, id: bytes) -> None:
        self._probe(Boundary.BEFORE_SUSPENSION)
        self._drop(id)
        self._writer.apply(Stepped(id, (), Suspended()))

    # --- effects

    def _start_recorded(self, id: bytes, attempt: Attempt) -> None:
        """Runs that were recorded, but not answered, by an attempt before: their time may have come or not."""
        recorded, attempt.recorded_effects = attempt.recorded_effects, []
        row = self._writer.rows.get(INVOCATION, invocation_key(id)) if recorded else None
        for command in recorded:
            item = None if row is None else row.open.get(command)
            waits = isinstance(item, OpenRun) and item.retry is not None
            if waits and item.retry.next_at_ms > self._clock.now_ms():  # type: ignore[union-attr]  # `waits` says it
                continue
            self._busy[id] = self._busy.get(id, 0) + 1
            asyncio.get_running_loop().create_task(self._when_durable(id, command))

    async def _when_durable(self, id: bytes, command: int) -> None:
        """The command may have been written by an attempt that failed a moment ago."""
        try:
            await self._writer.durable()
        except StoreError:
            return
        finally:
            self._less_busy(id)
        self.start_run(id, command)

    def _less_busy(self, id: bytes) -> None:
        left = self._busy[id] - 1
        if left:
            self._busy[id] = left
        else:
            del self._busy[id]

    async def _execute(self, id: bytes, command: int, effect: Effect) -> None:
        self._probe(Boundary.BEFORE_RUN)
        event: RunEnded | RunFailed
        try:
            event = RunEnded(id, command, Ok(await self._outcome(effect)))
        except TerminalError as e:
            event = RunEnded(id, command, to_failure(e))
        except asyncio.CancelledError:
            if self._stopped:
                raise
            event = RunFailed(id, command, Failure(500, f"run {effect.name}: cancelled"), effect.policy)
        except Exception as e:
            _log.warning("run %s failed", effect.name, exc_info=e)
            after = milliseconds(e.retry_after) if isinstance(e, RetryableError) else None
            failure = Failure(500, f"{type(e).__name__}: {e}")
            event = RunFailed(id, command, failure, effect.policy, after)
        self._probe(Boundary.AFTER_RUN)
        del self._effects[id, command]
        self._less_busy(id)
        try:
            self._writer.apply(event)
        except StoreError:
            return
        attempt = self.attempts.get(id)
        if attempt is not None:
            self._rest(id, attempt)

    async def _outcome(self, effect: Effect) -> bytes:
        if _is_async(effect.closure):
            value = await effect.closure()
        else:
            value = await asyncio.get_running_loop().run_in_executor(self._threads, effect.closure)
            if inspect.isawaitable(value):  # a lambda around a coroutine
                value = await value
        try:
            return seal_untyped(value) if effect.returns is UNTYPED else seal(value, effect.returns)
        except BadValue as e:
            raise TypeError(f"the result of run {effect.name} cannot be kept: {e}") from None

    # --- attempt.Host

    def stored_state(self, target: Target, name: str) -> bytes | None:
        """A value of an object's state."""
        found = self._writer.rows.get(STATE, state_key(address(target), name))
        return None if found is None else found.value

    def stored_names(self, target: Target) -> tuple[str, ...]:
        """The keys of an object's state, sorted."""
        return tuple(sorted(row.name for _, row in self._writer.rows.scan(STATE, state_key(address(target)))))

    def callee(self, target: Target, idempotency_key: str | None) -> bytes:
        """Id for an invocation of a target: of a workflow's run and with an idempotency key, the one it always has."""
        bound = self._registry.handlers.get((target.service, target.handler))
        if bound is not None and bound.definition.kind == "run":
            return workflow_id(target.service, target.key or "")
        if idempotency_key is not None:
            return idempotent_id(target.service, target.key, target.handler, idempotency_key)
        return self.ids.next()

    def handler(self, service: str, name: str) -> HandlerDef[Any] | None:
        """A handler that is served here."""
        bound = self._registry.handlers.get((service, name))
        return None if bound is None else bound.definition

    # --- the end

    @property
    def busy(self) -> bool:
        """Whether an attempt has something to do, or a closure runs."""
        return bool(self._queue or self._effects)

    async def stop(self) -> None:
        """Drop everything where it is."""
        self._stopped = True
        for handle in self._sweep.values():
            handle.cancel()
        for task in list(self._effects.values()):
            task.cancel()
        await asyncio.gather(*self._effects.values(), return_exceptions=True)
        for id in list(self.attempts):
            self._drop(id)


def _is_async(closure: Closure) -> bool:
    function: Any = closure
    while isinstance(function, functools.partial):
        function = function.func
    method: object = getattr(function, "__call__", None)  # noqa: B004  not whether, but how it is called
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(method)
