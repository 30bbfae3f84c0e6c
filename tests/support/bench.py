"""The two machines and a handler's loop on one table: no asyncio around them, no threads, no waiting.

The bench plays the engine: it applies events, commits after each of them, and advances attempts in between.
Time jumps to whatever comes next. An attempt may be dropped whenever the bench pleases, and is then built
again from what is committed; nothing that can be observed may change by that.
"""

from __future__ import annotations

import heapq
import inspect
import itertools
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from perdure.core import ledger
from perdure.core.check import violations
from perdure.core.entry import Entry, Failure, Ok, Target
from perdure.core.event import (
    Abort,
    Action,
    Event,
    Failed,
    Notify,
    Respond,
    RetryRun,
    RunEnded,
    RunFailed,
    SetAlarm,
    Signalled,
    Start,
    StartRun,
    Stepped,
    Submitted,
    Suspended,
    TimersDue,
)
from perdure.core.ids import idempotent_id, parse_awakeable, workflow_id
from perdure.core.journal import read_journal
from perdure.core.tables import INVOCATION, STATE, Invocation, OpenRun, address, invocation_key, state_key
from perdure.engine.attempt import Attempt
from perdure.engine.registry import Registry
from perdure.errors import TerminalError
from perdure.outcome import to_failure
from perdure.serde import encode
from perdure.service import HandlerDef
from perdure.store.memory import MemoryStore
from perdure.store.overlay import Overlay
from perdure.store.overlay import encode as encode_rows

BEGIN_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Disturbance:
    """What befalls attempts, each by chance (a number from 0 to 1)."""

    drop: float = 0.0
    """Dropped before it is told something."""
    suspend: float = 0.0
    """Suspended when it only waits."""
    fail: float = 0.0
    """Fails where it would have been quiet, and is retried."""
    lag_ms: int = 0
    """It is told things up to so much later, several at a time."""
    seed: int = 0


NONE = Disturbance()


class Bench:
    """A node without an event loop. Implements `attempt.Host`."""

    def __init__(self, registry: Registry, disturbance: Disturbance = NONE) -> None:
        self.registry = registry
        self.now_ms = BEGIN_MS
        self.rows = Overlay(MemoryStore())
        self.attempts: dict[bytes, Attempt] = {}
        self.results: dict[bytes, Ok | Failure] = {}
        self.executed: Counter[tuple[bytes, int]] = Counter()
        """How often the closure of each run was started."""
        self.calls: Counter[object] = Counter()
        """How often something outside was called; it is outside, so no crash makes it forget."""
        self.dropped = 0
        self.problems: list[str] = []
        self.latency_ms: Callable[[str], int] = lambda name: 1
        self._disturbance = disturbance
        self._chance = random.Random(disturbance.seed)
        self._serial = itertools.count(1)
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._stepping: list[bytes] = []
        self._promised: set[str] = set()
        self._under_way: set[tuple[bytes, int]] = set()

    # --- the world around

    def at(self, at_ms: int, what: Callable[[], None]) -> None:
        """Have something happen at a time."""
        heapq.heappush(self._agenda, (max(at_ms, self.now_ms), next(self._serial), what))

    def complete_later(self, awakeable: str, after_ms: int, result: Ok | Failure) -> None:
        """Somebody outside completes an awakeable; asked for a second time, by a replay, nothing more happens."""
        if awakeable not in self._promised:
            self._promised.add(awakeable)
            id, index = parse_awakeable(awakeable)
            self.at(self.now_ms + after_ms, lambda: self.apply(Signalled(id, index, result)))

    def submit(self, target: Target, value: object = None, key: str | None = None) -> bytes:
        """A caller asks for an invocation."""
        id = self.callee(target, key)
        self.apply(Submitted(id, target, encode(value), seed=next(self._serial), idempotency_key=key))
        return id

    def run(self, until: Callable[[], bool] | None = None, at_most: int = 10_000) -> None:
        """Let happen what is due to happen, until there is nothing more."""
        for _ in range(at_most):
            if (until is not None and until()) or not self._agenda:
                return
            at_ms, _, what = heapq.heappop(self._agenda)
            self.now_ms = max(self.now_ms, at_ms)
            what()
        raise AssertionError(f"there is no end to it: {len(self._agenda)} things are left to happen")

    def result(self, target: Target, value: object = None) -> Ok | Failure:
        """Invoke, and let time pass until there is a result."""
        id = self.submit(target, value)
        self.run(lambda: id in self.results)
        assert id in self.results, f"nothing more happens, and {self.row(id)} has no result"
        return self.results[id]

    # --- what is known

    def row(self, id: bytes) -> Invocation | None:
        """The row of an invocation."""
        return self.rows.get(INVOCATION, invocation_key(id))

    def journal(self, id: bytes) -> list[Entry]:
        """The journal of an invocation."""
        row = self.row(id)
        assert row is not None
        return read_journal(self.rows, id, row.journal_length)

    # --- the machines

    def apply(self, event: Event) -> None:
        """Apply an event, commit, look at the invariants, and do what is to be done."""
        applied = ledger.apply(self.rows, event, self.now_ms, self.registry.catalog)
        self.rows.accept()
        records = encode_rows(self.rows.take())
        self.rows._store.commit(records)
        self.rows.committed()
        self.problems += violations(self.rows)
        for action in applied.actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case Start(id):
                self._step_later(id)
            case Notify(id, position, notification):
                attempt = self.attempts.get(id)
                if attempt is not None:
                    attempt.replay.tell(position, notification)
                    self._step_later(id)
            case StartRun(id, command) | RetryRun(id, command):
                self._start_run(id, command)
            case SetAlarm(at_ms):
                self.at(at_ms, lambda: self.apply(TimersDue()))
            case Respond(id, result):
                self.results[id] = result
            case Abort(id):
                self.drop(id)

    def drop(self, id: bytes) -> None:
        """Forget an attempt, as a crash does."""
        attempt = self.attempts.pop(id, None)
        if attempt is not None:
            attempt.close()
            self.dropped += 1

    def _step_later(self, id: bytes) -> None:
        lag = self._chance.randint(0, self._disturbance.lag_ms) if self._disturbance.lag_ms else 0
        self.at(self.now_ms + lag, lambda: self._step(id))

    def close(self) -> None:
        """Nothing happens any more."""
        for id in list(self.attempts):
            self.drop(id)

    def _step(self, id: bytes) -> None:
        if self._befalls(self._disturbance.drop):
            self.drop(id)
        row = self.row(id)
        if row is None or row.status.name != "RUNNING":
            return
        attempt = self.attempts.get(id)
        if attempt is None:
            bound = self.registry.handlers[row.target.service, row.target.handler]
            attempt = self.attempts[id] = Attempt(id, row.target, self.journal(id), bound, self)
        self._stepping.append(id)
        event = attempt.advance()
        self._stepping.pop()
        if event is not None and event.end is None and self._befalls(self._disturbance.fail):
            event = Stepped(id, (), Failed(Failure(500, "stumbled"), attempt.bound.policy))
        if event is not None:
            if event.end is not None:
                self.attempts.pop(id).close()
            self.apply(event)
        if id in self.attempts:
            self._start_recorded(id, attempt)
            self._rest(id)

    def _rest(self, id: bytes) -> None:
        if self._befalls(self._disturbance.suspend):
            self.at(self.now_ms, lambda: self._suspend(id))

    def _befalls(self, chance: float) -> bool:
        return chance > 0 and self._chance.random() < chance

    def _suspend(self, id: bytes) -> None:
        attempt = self.attempts.get(id)
        busy = any(invocation == id for invocation, _ in self._under_way)
        if attempt is not None and not attempt.replay.replaying and not busy:
            awaits = attempt.awaits
            self.drop(id)
            self.apply(Stepped(id, (), Suspended(awaits)))

    # --- effects

    def _start_recorded(self, id: bytes, attempt: Attempt) -> None:
        recorded, attempt.recorded_effects = attempt.recorded_effects, []
        row = self.row(id)
        for command in recorded:
            item = None if row is None else row.open.get(command)
            retry = item.retry if isinstance(item, OpenRun) else None
            if command in attempt.effects and (retry is None or retry.next_at_ms <= self.now_ms):
                self._start_run(id, command)

    def _start_run(self, id: bytes, command: int) -> None:
        attempt = self.attempts.get(id)
        if attempt is None or command not in attempt.effects or (id, command) in self._under_way:
            return
        effect = attempt.effects[command]
        self.executed[id, command] += 1
        self._under_way.add((id, command))
        event: RunEnded | RunFailed
        try:
            value = effect.closure()
            if inspect.iscoroutine(value):
                value = _complete(value)
            event = RunEnded(id, command, Ok(encode(value)))
        except TerminalError as e:
            event = RunEnded(id, command, to_failure(e))
        except Exception as e:
            event = RunFailed(id, command, Failure(500, f"{type(e).__name__}: {e}"), effect.policy)
        self.at(self.now_ms + self.latency_ms(effect.name), lambda: self._run_ended(id, command, event))

    def _run_ended(self, id: bytes, command: int, event: RunEnded | RunFailed) -> None:
        self._under_way.discard((id, command))
        self.apply(event)
        if id in self.attempts:
            self._rest(id)

    # --- attempt.Host

    def clock_ms(self) -> int:
        """The time of the bench."""
        return self.now_ms

    def stored_state(self, target: Target, name: str) -> bytes | None:
        """A value of an object's state."""
        found = self.rows.get(STATE, state_key(address(target), name))
        return None if found is None else found.value

    def stored_names(self, target: Target) -> tuple[str, ...]:
        """The keys of an object's state, sorted."""
        return tuple(sorted(row.name for _, row in self.rows.scan(STATE, state_key(address(target)))))

    def callee(self, target: Target, idempotency_key: str | None) -> bytes:
        """An id that a replay would be given again, so that journals can be compared byte by byte."""
        if self.registry.handlers[target.service, target.handler].definition.kind == "run":
            return workflow_id(target.service, target.key or "")
        if idempotency_key is not None:
            return idempotent_id(target.service, target.key, target.handler, idempotency_key)
        if not self._stepping:
            return next(self._serial).to_bytes(24, "big")
        caller = self._stepping[-1]
        index = self.attempts[caller].replay.next_index
        return idempotent_id("", caller.hex(), "", str(index))

    def handler(self, service: str, name: str) -> HandlerDef[Any] | None:
        """A handler that is served here."""
        bound = self.registry.handlers.get((service, name))
        return None if bound is None else bound.definition


def _complete(coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  whatever it returns
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a closure on the bench cannot wait")
