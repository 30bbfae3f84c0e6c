"""Runs attempts, one at a time and each until it is quiet."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import Executor
from typing import Any

from perdure.core.entry import Failure, Target, storable
from perdure.core.event import Failed, Notify, Stepped, Suspended
from perdure.core.ids import idempotent_id, workflow_id
from perdure.core.journal import read_journal
from perdure.core.retry import Policy
from perdure.core.tables import INVOCATION, STATE, OpenRun, Status, address, invocation_key, state_key
from perdure.engine.attempt import Attempt
from perdure.engine.boundary import Boundary, Probe
from perdure.engine.clock import Clock, Ids
from perdure.engine.effects import Effects
from perdure.engine.idle import Idle
from perdure.engine.registry import Registry
from perdure.engine.writer import Writer
from perdure.errors import StoreError
from perdure.service import HandlerDef

_log = logging.getLogger("perdure.runner")

STEPS_PER_TURN = 64
"""So many attempts advance before the loop gets a turn for callers, commits and timers."""
NEVER_AGAIN = Policy(max_attempts=1, on_exhausted="pause")


class Runner:
    """Implements `attempt.Host` and the actions that concern attempts."""

    def __init__(self, registry: Registry, writer: Writer, threads: Executor, clock: Clock, probe: Probe) -> None:
        self.attempts: dict[bytes, Attempt] = {}
        self.ids = Ids(clock)
        self._registry = registry
        self._writer = writer
        self._clock = clock
        self._probe = probe
        self._queue: deque[bytes] = deque()
        self._queued: set[bytes] = set()
        self._pumps = False
        self._stopped = False
        self._idle = Idle(self._suspend)
        self._effects = Effects(writer, threads, probe, self._rest)

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
        """Drop an attempt; its closures run on."""
        self._drop(id)
        self._disown(id)

    def start_run(self, id: bytes, command: int) -> None:
        """Execute the closure of a run; its command is durable."""
        attempt = self.attempts.get(id)
        if attempt is not None and command in attempt.effects:
            self._idle.wake(id)
            self._effects.start(id, command, attempt.effects[command], durable=True)

    # --- attempts

    def _enqueue(self, id: bytes) -> None:
        if id in self._queued:
            return
        self._idle.wake(id)  # or a sweep before its turn would suspend it, and nobody would start it again
        self._queued.add(id)
        self._queue.append(id)
        if not self._pumps:
            self._pumps = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        for _ in range(STEPS_PER_TURN):  # a call and its callee in one turn, hence in one commit
            if self._stopped or not self._queue:
                break
            id = self._queue.popleft()
            self._queued.discard(id)
            try:
                self._step(id)
            except Exception:
                if self._writer.failed is not None:
                    break  # the writer has said it
                _log.exception("an attempt could not be advanced")
        self._pumps = bool(self._queue) and not self._stopped and self._writer.failed is None
        if self._pumps:
            asyncio.get_running_loop().call_soon(self._pump)

    def _step(self, id: bytes) -> None:
        attempt = self.attempts.get(id) or self._begin(id)
        if attempt is None:
            return
        self._idle.wake(id)
        event = self._advance(id, attempt)
        if event is not None:
            if event.end is not None:
                self._drop(id)
            self._writer.apply(event)
            self._disown(id)
        if id in self.attempts:
            self._start_recorded(id, attempt)
            self._rest(id)

    def _advance(self, id: bytes, attempt: Attempt) -> Stepped | None:
        try:
            return attempt.advance()
        except Exception as e:
            _log.exception("an attempt could not be advanced")
            return Stepped(id, (), Failed(Failure(500, storable(f"the engine failed on it: {e!r}")), NEVER_AGAIN))

    def _begin(self, id: bytes) -> Attempt | None:
        row = self._writer.rows.get(INVOCATION, invocation_key(id))
        if row is None or row.status is not Status.RUNNING:
            return None
        bound = self._registry.handlers.get((row.target.service, row.target.handler))
        if bound is None:
            self._give_up(id, f"nothing here serves {row.target.service}/{row.target.handler}; serve it and resume")
            return None
        try:
            attempt = Attempt(id, row.target, read_journal(self._writer.rows, id, row.journal_length), bound, self)
        except Exception as e:
            self._give_up(id, f"its journal cannot be read: {e}")
            return None
        self.attempts[id] = attempt
        return attempt

    def _give_up(self, id: bytes, reason: str) -> None:
        self._writer.apply(Stepped(id, (), Failed(Failure(500, storable(reason)), NEVER_AGAIN)))

    def _drop(self, id: bytes) -> None:
        attempt = self.attempts.pop(id, None)
        if attempt is not None:
            self._idle.wake(id)
            attempt.close()

    def _disown(self, id: bytes) -> None:
        """What still runs of an invocation that has ended concerns nobody."""
        if self._effects.busy(id):
            row = self._writer.rows.get(INVOCATION, invocation_key(id))
            if row is None or row.status is Status.COMPLETED:
                self._effects.disown(id)

    def _rest(self, id: bytes) -> None:
        """The attempt waits. If nothing of it runs, it may leave memory after some time."""
        attempt = self.attempts.get(id)
        if attempt is None or id in self._queued or self._effects.busy(id) or self._stopped:
            return
        if not attempt.effects or not self._owes_run(id, attempt):
            self._idle.rest(id, attempt.bound.inactivity_ms)

    def _owes_run(self, id: bytes, attempt: Attempt) -> bool:
        """Whether a run will start as soon as its command is durable; only this attempt has its closure."""
        row = self._writer.rows.get(INVOCATION, invocation_key(id))
        runs = () if row is None else (row.open.get(command) for command in attempt.effects)
        return any(isinstance(run, OpenRun) and run.retry is None for run in runs)

    def _suspend(self, id: bytes) -> None:
        self._probe(Boundary.BEFORE_SUSPENSION)
        attempt = self.attempts.get(id)
        awaits = () if attempt is None else attempt.awaits
        self._drop(id)
        try:
            self._writer.apply(Stepped(id, (), Suspended(awaits)))
        except StoreError:
            return

    def _start_recorded(self, id: bytes, attempt: Attempt) -> None:
        """Runs that an attempt before recorded and that have no result: start those that do not back off.

        Their command may have been written a moment ago, so it is waited for.
        """
        recorded, attempt.recorded_effects = attempt.recorded_effects, []
        row = self._writer.rows.get(INVOCATION, invocation_key(id)) if recorded else None
        for command in recorded:
            item = None if row is None else row.open.get(command)
            retry = item.retry if isinstance(item, OpenRun) else None
            if command in attempt.effects and (retry is None or retry.next_at_ms <= self._clock.now_ms()):
                self._effects.start(id, command, attempt.effects[command], durable=False)

    # --- attempt.Host

    def clock_ms(self) -> int:
        """The time now."""
        return self._clock.now_ms()

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

    def awaited(self, id: bytes) -> tuple[int | str, ...] | None:
        """The awakeables and signals that an attempt in memory awaits; None if there is none."""
        attempt = self.attempts.get(id)
        return None if attempt is None else attempt.awaits

    # --- the end

    @property
    def busy(self) -> bool:
        """Whether an attempt has something to do, or a closure runs."""
        return bool(self._queue) or self._effects.any

    async def stop(self) -> None:
        """Drop everything where it is."""
        self._stopped = True
        self._idle.stop()
        await self._effects.stop()
        for id in list(self.attempts):
            self._drop(id)
