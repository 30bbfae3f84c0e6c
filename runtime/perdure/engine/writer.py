"""The single writer: events in order, one commit for all that gathered while the last one was synced.

`apply` takes effect at once for everything inside the process, in the order of its calls. What leaves the
process is held until the commit that holds its past is durable. A commit that fails is the end: nothing that
was held is released, and the process has to start again from what is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from perdure.core import ledger
from perdure.core.entry import Failure, storable
from perdure.core.event import Action, Event, Paused
from perdure.core.port import Catalog
from perdure.engine.boundary import Boundary, Probe
from perdure.engine.clock import Clock
from perdure.errors import StoreError, StoreFailed
from perdure.store.overlay import Overlay, Rows, encode
from perdure.store.port import MapFull, Store

_log = logging.getLogger("perdure.writer")

Release = Callable[[], None]


class Writer:
    """Applies events and commits their rows.

    Args:
        store: Where they become durable.
        thread: Where commits run, one at a time.
        clock: Gives each event its time.
        catalog: The handlers that are served.
        probe: Is told of each boundary.
    """

    def __init__(self, store: Store, thread: Executor, clock: Clock, catalog: Catalog, probe: Probe) -> None:
        self.rows = Overlay(store)
        self.failed: StoreError | None = None
        self.on_failure: Callable[[StoreError], None] = _ignore
        self.dispatch: Callable[[Action], None] = _ignore
        self._store = store
        self._thread = thread
        self._clock = clock
        self._catalog = catalog
        self._probe = probe
        self._held: list[Release] = []
        self._flying: list[Release] | None = None
        self._begins = False
        self._waiting: set[asyncio.Future[None]] = set()

    def apply(self, event: Event) -> bool:
        """Let an event take effect. Returns False if it was a submission that had been accepted before.

        Raises:
            StoreError: The store has failed; nothing is accepted any more.
        """
        if self.failed is not None:
            raise self.failed
        try:
            applied = ledger.apply(self.rows, event, self._clock.now_ms(), self._catalog)
        except Exception as e:
            self.rows.discard()
            self._quarantine(event, e)
            raise
        self.rows.accept()
        for damaged in applied.damaged:
            _log.error("%s was passed over: %s", type(event).__name__, damaged)
        for action in applied.actions:
            if action.held:
                self._hold(lambda action=action: self.dispatch(action))  # type: ignore[misc]  # mypy cannot infer the default
            else:
                self.dispatch(action)
        self._kick()
        return applied.fresh

    def _quarantine(self, event: Event, error: Exception) -> None:
        """An event that cannot be applied harms only the invocation it is about."""
        id = getattr(event, "id", None)
        _log.error("%s cannot be applied", type(event).__name__, exc_info=error)
        if id is None or isinstance(event, Paused):
            return
        try:
            self.apply(Paused(id, Failure(500, storable(f"the engine failed on it: {error!r}"))))
        except Exception:
            _log.exception("and its invocation cannot be paused")

    async def durable(self) -> None:
        """Wait until everything that happened so far is durable.

        Raises:
            StoreError: It never will be.
        """
        if self.failed is not None:
            raise self.failed
        if not self.rows.dirty and self._flying is None:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hold(lambda: None if future.done() else future.set_result(None))
        self._waiting.add(future)
        self._kick()  # rows that no event wrote, as at start-up, are committed as soon as somebody waits for them
        try:
            await future
        finally:
            self._waiting.discard(future)

    def close(self) -> StoreError:
        """Nothing is accepted any more; returns what those hear who ask."""
        if self.failed is None:
            self.failed = StoreError("this node has stopped; what it accepted goes on when it is started again")
        return self.failed

    def _hold(self, release: Release) -> None:
        if self.rows.dirty:
            self._held.append(release)
        elif self._flying is not None:
            self._flying.append(release)
        else:
            release()

    def _kick(self) -> None:
        if self.rows.dirty and self._flying is None and not self._begins:
            self._begins = True
            # Not at once: what else is ready in this turn of the loop goes into the same batch.
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._begins = False
        self._probe(Boundary.BEFORE_COMMIT)
        self._flying, self._held = self._held, []
        self._commit(self.rows.take())

    def _commit(self, rows: Rows) -> None:
        done = asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)
        done.add_done_callback(lambda done: self._committed(rows, done))

    def _write(self, rows: Rows) -> None:
        self._store.commit(encode(rows))

    def _committed(self, rows: Rows, done: asyncio.Future[None]) -> None:
        error = done.exception()
        try:
            if isinstance(error, MapFull):
                self._store.grow()
                self._commit(rows)
                return
            if error is None:
                self.rows.committed()
        except Exception as e:
            error = e
        if error is not None:
            self._fail(error)
            return
        self._probe(Boundary.AFTER_COMMIT)
        released, self._flying = self._flying or [], None
        for release in released:
            release()
        self._kick()

    def _fail(self, error: BaseException) -> None:
        self.failed = error if isinstance(error, StoreError) else StoreFailed(f"committing failed: {error!r}")
        _log.critical("%s", self.failed)
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(self.failed)
        self.on_failure(self.failed)


def _ignore(_: object) -> None:
    """Before the engine has connected itself, nothing is dispatched."""
