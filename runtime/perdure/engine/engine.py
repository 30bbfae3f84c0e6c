"""The node: a store, a writer, attempts and an alarm, joined by the table of actions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import msgspec

from perdure.core import ledger
from perdure.core.entry import Failure, Headers, Ok, Target
from perdure.core.event import (
    Abort,
    Action,
    Event,
    Notify,
    Paused,
    Respond,
    RetryRun,
    SetAlarm,
    Signalled,
    Start,
    StartRun,
    Submitted,
    TimersDue,
)
from perdure.core.tables import FORMAT, INVOCATION, META, META_KEY, Invocation, Meta, invocation_key
from perdure.core.why import Answer, why
from perdure.engine.alarm import Alarm
from perdure.engine.boundary import Boundary, Probe, no_probe
from perdure.engine.clock import Clock, SystemClock
from perdure.engine.deployment import InFlight, Stranger, refusal, strangers
from perdure.engine.registry import Registry
from perdure.engine.runner import Runner
from perdure.engine.writer import Writer
from perdure.errors import CorruptRecord, StoreError
from perdure.store.port import Store

_log = logging.getLogger("perdure.engine")

DRAIN_S = 10.0
"""How long `stop` lets running closures end."""


class Recovered(msgspec.Struct, frozen=True):
    """What was found in the store at start-up."""

    running: int = 0
    first_timer_ms: int | None = None


class Threads(msgspec.Struct, frozen=True):
    """Where work is done that would block the loop."""

    commits: Executor
    closures: Executor


class Engine:
    """One node. It lives on the running asyncio loop, from `start` to `stop`.

    Args:
        registry: What it serves.
        store: Where it remembers; the engine closes it.
        clock: Where its time and chance come from.
        probe: Is told of each boundary; for tests.
        threads: For tests that want everything on one thread.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        clock: Clock | None = None,
        probe: Probe = no_probe,
        threads: Threads | None = None,
    ) -> None:
        self.registry = registry
        self.clock = clock or SystemClock()
        self.recovered = Recovered()
        self.failed: asyncio.Event = asyncio.Event()
        self.finishing: set[bytes] = set()
        """Invocations of another deployment that end before anything new is accepted from outside."""
        self._store = store
        self._probe = probe
        self._threads = threads or Threads(
            ThreadPoolExecutor(1, "perdure-writer"), ThreadPoolExecutor(thread_name_prefix="perdure-run")
        )
        self._writer = Writer(store, self._threads.commits, self.clock, registry.catalog, probe)
        self._runner = Runner(registry, self._writer, self._threads.closures, self.clock, probe)
        self._alarm = Alarm(self.clock, self._ring)
        self._waiters: dict[bytes, list[asyncio.Future[Ok | Failure]]] = {}
        self._actions: dict[type, Callable[[Any], None]] = {
            Start: lambda action: self._runner.start(action.id),
            Notify: self._runner.notify,
            Abort: lambda action: self._runner.abort(action.id),
            SetAlarm: lambda action: self._alarm.set(action.at_ms),
            RetryRun: lambda action: self._runner.start_run(action.id, action.command),
            StartRun: lambda action: self._runner.start_run(action.id, action.command),
            Respond: self._respond,
        }
        self._writer.dispatch = self._dispatch
        self._writer.on_failure = self._store_failed

    # --- life

    async def start(self, in_flight: InFlight = "refuse") -> None:
        """Go on with what the store holds.

        Args:
            in_flight: What to do with invocations that began under another deployment.

        Raises:
            StoreError: The store is of a format that this program does not know, or cannot be written.
            DeploymentRefused: There are such invocations, and they are to be refused.
        """
        rows = self._writer.rows
        meta = rows.get(META, META_KEY) or Meta(FORMAT, self.clock.now_ms())
        if meta.deployments != self.registry.deployments:
            self._welcome(list(strangers(rows, self.registry)), in_flight)
            rows.put(META, META_KEY, Meta(meta.format, meta.created_at_ms, self.registry.deployments))
            rows.accept()
        actions = ledger.recover(rows)
        first = next((action.at_ms for action in actions if isinstance(action, SetAlarm)), None)
        self.recovered = Recovered(sum(isinstance(action, Start) for action in actions), first)
        for action in actions:
            self._dispatch(action)

    def _welcome(self, found: list[Stranger], in_flight: InFlight) -> None:
        if found and in_flight == "refuse":
            raise refusal(found)
        if in_flight == "pause":
            for stranger in found:
                self._writer.apply(Paused(stranger.id, Failure(409, f"began under {stranger.row.deployment}")))
        elif in_flight == "drain":
            self.finishing = {stranger.id for stranger in found}

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Let closures that run come to an end, for some time; write what is pending; close the store."""
        deadline = asyncio.get_running_loop().time() + drain_s
        while self._runner.busy and self._writer.failed is None and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  once, at the end
            await asyncio.sleep(0.01)
        self._alarm.stop()
        await self._runner.stop()
        try:
            await self._writer.durable()
        except StoreError:
            _log.warning("stopped without writing the last batch; nothing of it was acknowledged")
        self._store_failed(self._writer.close())
        await asyncio.get_running_loop().run_in_executor(None, self._threads.commits.shutdown)
        self._threads.closures.shutdown(wait=False, cancel_futures=True)
        self._store.close()

    # --- for callers

    def target_id(self, target: Target, idempotency_key: str | None = None) -> bytes:
        """Id for a new request to a target: the one it always has, if it has an identity, else a fresh one."""
        return self._runner.callee(target, idempotency_key)

    def submit(
        self,
        id: bytes,
        target: Target,
        value: bytes,
        *,
        headers: Headers = (),
        delay_ms: int = 0,
        idempotency_key: str | None = None,
    ) -> bool:
        """Accept an invocation; it runs at once, and is acknowledged after `durable`.

        Returns:
            Whether it is new; else the one with this id goes on as it is.

        Raises:
            StoreError: Nothing is accepted any more.
        """
        seed = self._runner.ids.seed()
        bound = self.registry.handlers[target.service, target.handler]
        fresh = idempotency_key is None and bound.definition.kind != "run"
        event = Submitted(id, target, value, headers, seed, delay_ms, idempotency_key, fresh=fresh)
        return self._writer.apply(event)

    def apply(self, event: Event) -> None:
        """Let an event take effect, such as an operator's."""
        self._writer.apply(event)

    def signal(self, id: bytes, index: int, result: Ok | Failure) -> None:
        """Complete an awakeable; one that nobody waits for is ignored."""
        self._writer.apply(Signalled(id, index, result))

    async def durable(self) -> None:
        """Wait until everything that happened so far survives a power cut."""
        await self._writer.durable()

    def find(self, id: bytes) -> Invocation | None:
        """The row of an invocation, as it is now; await `durable` before telling anybody."""
        return self._writer.rows.get(INVOCATION, invocation_key(id))

    async def result(self, id: bytes) -> Ok | Failure | None:
        """Wait for the result of an invocation; None if there is no such invocation."""
        row = self.find(id)
        if row is None:
            return None
        if row.result is not None:
            await self.durable()
            return row.result
        waiter: asyncio.Future[Ok | Failure] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(id, [])
        waiters.append(waiter)
        try:
            return await waiter
        finally:
            waiters.remove(waiter)
            if not waiters and self._waiters.get(id) is waiters:
                del self._waiters[id]

    def invocations(self, after: bytes = b"") -> Iterator[tuple[bytes, Invocation]]:
        """Ids and rows of invocations behind an id, in the order of ids. Use it up before anything else happens.

        Rows that cannot be read are left out.
        """
        for key in self._writer.rows.keys_after(INVOCATION.letter, INVOCATION.letter + after):
            try:
                row = self._writer.rows.get(INVOCATION, key)
            except CorruptRecord:
                continue
            if row is not None:
                yield key[1:], row

    def why(self, id: bytes) -> Answer | None:
        """Why an invocation has not completed; None if there is no such invocation."""
        return why(self.rows, id, self._runner.awaited)

    @property
    def rows(self) -> Any:  # noqa: ANN401  core.port.Txn; generic over rows
        """All rows, for reading."""
        return self._writer.rows

    @property
    def store_error(self) -> StoreError | None:
        """Why nothing is accepted any more, if so."""
        return self._writer.failed

    # --- actions

    def _dispatch(self, action: Action) -> None:
        self._actions[type(action)](action)

    def _respond(self, action: Respond) -> None:
        self.finishing.discard(action.id)
        waiters = self._waiters.pop(action.id, None)
        if waiters is None:
            return
        self._probe(Boundary.BEFORE_RESPONSE)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(action.result)
        self._probe(Boundary.AFTER_RESPONSE)

    def _ring(self) -> None:
        self._probe(Boundary.BEFORE_TIMERS)
        try:
            self._writer.apply(TimersDue())
        except StoreError:
            return

    def _store_failed(self, error: StoreError) -> None:
        """Callers must not wait for what will not come."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)
        self.failed.set()
