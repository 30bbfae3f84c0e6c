"""One node on a virtual loop, and the few words in which tests speak to it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, Self, TypeVar

import perdure
from perdure import Json
from perdure.client import Client, Request
from perdure.core.check import violations
from perdure.core.entry import Entry, Failure, Ok, Target
from perdure.core.ids import parse_id
from perdure.core.journal import read_journal
from perdure.core.tables import Invocation, Status
from perdure.engine.boundary import Boundary
from perdure.engine.engine import Engine, Threads
from perdure.engine.registry import Defaults, Registry
from perdure.local import LocalTransport
from perdure.serde import decode, encode
from perdure.store.memory import MemoryStore
from perdure.store.port import Record, Store
from tests.support.handlers import ms
from tests.support.virtual import Inline, VirtualClock, VirtualLoop, run_virtually

P = ParamSpec("P")
T = TypeVar("T")


class Counting(MemoryStore):
    """Counts commits, and fails or waits as it is told."""

    def __init__(self, disk: dict[bytes, bytes] | None = None, room: int | None = None) -> None:
        super().__init__(disk, room)
        self.commits = 0
        self.failure: Exception | None = None

    def commit(self, records: Sequence[Record]) -> None:
        """Commit, unless there is a failure to raise."""
        if self.failure is not None:
            raise self.failure
        super().commit(records)
        self.commits += 1


class Gate(Executor):
    """Does no work until it is opened."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._open = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The work is done as soon as the gate is open."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as e:
                future.set_exception(e)

        self._waiting.append(work)
        if self._open:
            self.open()
        return future

    def open(self) -> None:
        """Do what waits, and from now on do everything at once."""
        self._open = True
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()


class Node:
    """An engine, from `async with` to its end; another one on the same `disk` is its next life."""

    def __init__(
        self,
        loop: VirtualLoop,
        *services: perdure.Handlers,
        store: Store | None = None,
        commits: Executor | None = None,
        defaults: Defaults | None = None,
    ) -> None:
        self.loop = loop
        self.reached: Counter[Boundary] = Counter()
        self.store = Counting() if store is None else store
        self.clock = VirtualClock(loop)
        registry = Registry(services, defaults or Defaults())
        threads = Threads(commits or Inline(), Inline())
        self.engine = Engine(registry, self.store, self.clock, self._probe, threads)
        self.client = Client(LocalTransport(self.engine))

    async def __aenter__(self) -> Self:
        await self.engine.start("accept")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.engine.store_error is None:
            await self.engine.durable()
            assert violations(self.engine.rows) == []
        await self.engine.stop(0)

    def _probe(self, boundary: Boundary) -> None:
        self.reached[boundary] += 1

    # --- asking

    async def call(self, target: str, value: object = None, key: str | None = None) -> Json:
        """The answer to `Service/handler` or `Object/key/handler`; raises `TerminalError`."""
        return plain(await self.client.transport.call(Request(parse(target), encode(value), key)))

    async def send(self, target: str, value: object = None, key: str | None = None, delay_ms: float = 0) -> str:
        """Send; returns the id."""
        request = Request(parse(target), encode(value), key, {}, ms(delay_ms) if delay_ms else None)
        return (await self.client.transport.send(request)).invocation_id

    async def attach(self, id: str) -> Json:
        """The result of an invocation."""
        return plain(await self.client.transport.attach(id))

    # --- looking

    def row(self, id: str) -> Invocation | None:
        """The row of an invocation."""
        return self.engine.find(parse_id(id))

    def status(self, id: str) -> Status | None:
        """Where an invocation is in its life; None if there is none."""
        row = self.row(id)
        return None if row is None else row.status

    def journal(self, id: str) -> list[Entry]:
        """The journal of an invocation."""
        row = self.row(id)
        return [] if row is None else read_journal(self.engine.rows, parse_id(id), row.journal_length)

    def reason(self, id: str) -> str:
        """Why an invocation backs off or is paused."""
        row = self.row(id)
        assert row is not None
        assert row.retry is not None
        return row.retry.last.message


def parse(target: str) -> Target:
    """`Service/handler` or `Object/key/handler`."""
    service, *key, handler = target.split("/")
    return Target(service, key[0] if key else None, handler)


def plain(result: Ok | Failure) -> Json:
    """The value; raises the failure."""
    if isinstance(result, Failure):
        raise perdure.TerminalError(result.message, code=result.code, metadata=result.metadata)
    return decode(result.value, Any) if result.value else None


def virtually(story: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that is a coroutine on a virtual loop."""

    @functools.wraps(story)
    def test() -> None:
        run_virtually(story)

    del test.__wrapped__  # else the loop would be looked for among the fixtures
    return test
